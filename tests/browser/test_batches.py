"""A batch before a real browser: released, paused while it sends, corrected, resumed, finished."""

import re

import pytest
from playwright.sync_api import expect

from core import account_settings, batch_reports, clock, steering, users
from core.access import Role
from core.errors import Forbidden
from tests import given
from tests.browser.conftest import PASSWORD, Desk, Operator
from tests.core.batched import batch
from tests.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

WRONG, RIGHT = "See you on Monday", "See you on Tuesday"
MANY = 60


def left(batch_id: int) -> int:
    whole = batch_reports.one(batch_id)
    assert whole is not None
    return whole.progress.left


def correct(ana: Operator) -> None:
    ana.press("Correct …")
    ana.page.get_by_label("These words are wrong").fill("Monday")
    ana.page.get_by_label("They become").fill("Tuesday")
    expect(ana.page.locator(".corrected ins", has_text="Tuesday")).to_have_count(3)
    ana.page.get_by_role("button", name=re.compile(r"^Correct \d+ messages$")).click()


def press_twice(ana: Operator, name: str, then: str) -> None:
    """A double click so slow that another button has taken its place for the second."""
    box = ana.page.get_by_role("button", name=name).bounding_box()
    assert box
    at = (box["x"] + 9, box["y"] + 9)
    ana.page.mouse.click(*at)
    expect(ana.page.get_by_role("button", name=then)).to_be_visible()
    ana.page.mouse.down(click_count=2)
    ana.page.mouse.up(click_count=2)


def test_a_batch_is_tried_paused_corrected_resumed_and_finished(desk: Desk) -> None:
    account = given.account("Orders", country="ID", rate=4)
    due = {"due_at": clock.wall(), "text": WRONG}
    batch_id, ids = batch(account, [due] * MANY, name="May reminders")
    ana = desk.newcomer()
    ana.open("/batches")
    ana.page.get_by_role("link", name=re.compile("May reminders")).click()
    ana.settled()
    ana.press("Release the first 20")
    until(lambda: left(batch_id) == 20, within=40)
    ana.sees("20 of 60 have left")
    ana.press("Release the rest")
    until(lambda: left(batch_id) >= 24, within=40)

    press_twice(ana, "Pause", "Resume")
    ana.sees("Paused: nothing more of it leaves.")
    until(lambda: not in_flight(batch_id), within=10)
    stopped_at = len(desk.programs.arrived())
    assert 24 <= stopped_at < MANY
    ana.open(f"/message?id={ids[-1]}")
    ana.sees(re.compile("Its batch «May reminders» is paused since .* by ana"))

    ana.open(f"/batches?id={batch_id}")
    correct(ana)
    ana.sees(re.compile(f"{MANY - stopped_at} messages changed"), within=40)
    ana.sees(re.compile(f"{stopped_at} left with the old text"))
    assert len(desk.programs.arrived()) == stopped_at

    account_settings.change("Orders", {"rate": 40.0}, by=given.ANA)
    ana.press("Resume")
    until(lambda: left(batch_id) == MANY, within=60)
    ana.sees("finished, none failed")
    said = [one["text"] for one in desk.programs.arrived()]
    assert (said.count(WRONG), said.count(RIGHT)) == (stopped_at, MANY - stopped_at)
    assert len({one["to"] for one in desk.programs.arrived()}) == MANY

    ana.press("Send these a correction …")
    ana.page.get_by_role("dialog").get_by_label("Text", exact=True).fill("Tuesday, sorry!")
    ana.press(f"Prepare {stopped_at}")
    until(lambda: batch_reports.latest()[0].state == "held", within=40)
    new = batch_reports.latest()[0]
    assert (new.batch.name, new.progress.total) == ("May reminders: correction", stopped_at)
    expect(ana.page.get_by_role("alert")).to_have_count(0)
    assert ana.outside == []


def in_flight(batch_id: int) -> bool:
    whole = batch_reports.one(batch_id)
    return bool(whole and whole.progress.open > whole.progress.waiting)


def test_cancelling_names_what_it_touches_and_what_has_left(desk: Desk) -> None:
    batch_id, ids = batch(given.account("Orders"), [{}] * 5, name="June")
    ana = desk.newcomer()
    ana.open(f"/batches?id={batch_id}")
    ana.press("Cancel batch")
    ana.sees("5 messages of «June» will not be sent")
    ana.sees("This cannot be undone")
    ana.press("Cancel 5")
    until(lambda: {given.row(one).status for one in ids} == {"cancelled"}, within=30)
    ana.open("/batches")
    ana.sees("Cancelled")


def test_a_viewer_sees_a_batch_and_can_do_nothing_to_it(desk: Desk) -> None:

    batch_id, _ = batch(given.account("Orders"), [{}], name="June")
    desk.newcomer()
    users.add("vera", role=Role.VIEWER, password=PASSWORD, by=given.ANA)
    vera = desk.operator()
    vera.sign_in("vera")
    vera.open(f"/batches?id={batch_id}")
    vera.sees("Waiting for release")
    for name in ("Release all 1", "Cancel batch", "Correct …", "Pause"):
        expect(vera.page.get_by_role("button", name=name)).to_have_count(0)
    with pytest.raises(Forbidden, match="needs the role Operator"):
        steering.release(batch_id, by=given.Actor("vera", Role.VIEWER))

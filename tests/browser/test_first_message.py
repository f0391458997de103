"""From the form to the phone: a new user on a new installation."""

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from core import editing, messages
from core.drafts import Draft, When
from core.models import Message
from tests import given
from tests.browser.conftest import Desk, Operator
from tests.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
JAKARTA = ZoneInfo("Asia/Jakarta")


@pytest.mark.alone
def test_a_message_for_now_leaves_within_two_seconds_and_its_page_shows_metas_id(
    desk: Desk,
) -> None:
    given.account("Orders", country="ID")
    ana = desk.newcomer()
    ana.open("/schedule")
    ana.write(to="0812-3456-789", text="Halo *Dewi* 😀 pesanan _4417_")
    ana.choose("Now")
    ana.sees("Indonesia")
    ana.press("Send now")
    [arrived] = until(desk.programs.arrived, within=10)
    row = until(lambda: _sent(1), within=5)
    assert arrived["text"] == "Halo *Dewi* 😀 pesanan _4417_"
    assert arrived["to"] == "+628123456789" and row.meta_message_id == arrived["id"]
    assert given.arrival(arrived) - row.created_at.timestamp() < 2

    ana.page.get_by_role("link", name="Open it").click()
    ana.settled()
    ana.sees(arrived["id"])
    until(lambda: given.row(1).delivery == "read", within=15)
    ana.open("/messages")
    ana.sees("Read")
    assert ana.outside == []


def _sent(message_id: int) -> Message | None:
    row = given.row(message_id)
    return row if row.status == "sent" else None


def test_a_typed_time_is_read_in_the_zone_of_the_browser_and_kept_to_the_minute(
    desk: Desk,
) -> None:
    given.account("Orders", country="ID")
    ana = desk.newcomer()
    ana.open("/schedule")
    ana.write(to="+62 812-3456-789", text="Tomorrow at nine")
    ana.choose("At a time")
    wall = datetime.now(JAKARTA).replace(hour=9, minute=0, second=0, microsecond=0)
    wall += timedelta(days=1)
    _type_time(ana, wall)
    ana.sees(re.compile(r"09:00 Jakarta \(02:00 UTC\)"))
    ana.press("Schedule")
    row = until(lambda: given.row(1) if given.statuses() else None)
    assert row.due_at == wall and row.zone == "Asia/Jakarta" and row.status == "pending"


def _type_time(operator: Operator, wall: datetime) -> None:
    field = operator.page.get_by_test_id("stDateTimeInput").first
    for kind, value in (
        ("year", f"{wall:%Y}"),
        ("month", f"{wall:%m}"),
        ("day", f"{wall:%d}"),
        ("hour", f"{wall:%H}"),
        ("minute", f"{wall:%M}"),
    ):
        part = field.get_by_role("spinbutton", name=re.compile(kind, re.I))
        part.click()
        operator.page.keyboard.type(value, delay=30)
    operator.page.keyboard.press("Escape")  # the calendar commits when it closes


def test_a_double_click_schedules_once_and_the_form_is_ready_for_the_next(desk: Desk) -> None:
    given.account("Orders", country="ID")
    ana = desk.newcomer()
    ana.open("/schedule")
    ana.write(to="08123456789", text="Once only")
    ana.sees("Indonesia")
    ana.page.get_by_role("button", name="Schedule", exact=True).dblclick()
    ana.sees("Scheduled")
    expect(ana.page.get_by_label("Message", exact=True)).to_have_value("")
    ana.settled()
    assert len(given.statuses()) == 1


def test_each_mistake_is_told_at_its_field_and_what_was_typed_stays(desk: Desk) -> None:
    given.account("Orders")
    ana = desk.newcomer()
    ana.open("/schedule")
    ana.write(to="6.28123E+11", text="Kept")
    ana.press("Schedule")
    place = ana.page.locator(".st-key-field-recipient")
    expect(place.get_by_role("alert")).to_be_visible()
    expect(place).to_contain_text("digits")
    expect(ana.page.get_by_label("To", exact=True)).to_have_value("6.28123E+11")
    expect(ana.page.get_by_label("Message", exact=True)).to_have_value("Kept")
    ana.page.get_by_label("Message", exact=True).fill("")
    ana.press("Schedule")
    expect(ana.page.locator(".st-key-field-text").get_by_role("alert")).to_be_visible()
    assert given.statuses() == []


def test_the_second_of_two_editors_is_told_and_shown_the_difference(desk: Desk) -> None:
    account = given.account("Orders", country="ID")
    made = given.message(account, when=given.in_(minutes=30), text="First text")
    ana = desk.newcomer()
    ana.open(f"/message?id={made}")
    ana.press("Edit")
    box = ana.page.get_by_role("dialog").get_by_label("Message", exact=True)
    box.fill("Text of the second editor")
    version = given.row(made).version
    draft = Draft(account, given.recipient(), "Text of the first editor", When("keep"))
    editing.edit(made, draft, version=version, by=given.ANA)
    ana.page.get_by_role("dialog").get_by_role("button", name="Save").click()
    ana.sees("Text of the first editor")
    expect(box).to_have_value("Text of the second editor")
    assert given.row(made).version == version + 1


def test_cancel_and_delete_ask_first_and_then_say_what_they_did(desk: Desk) -> None:
    account = given.account("Orders", country="ID")
    made = given.message(account, when=given.in_(minutes=30))
    ana = desk.newcomer()
    ana.open(f"/message?id={made}")
    ana.page.get_by_role("button", name=re.compile("^Cancel")).first.click()
    ana.page.get_by_role("dialog").get_by_role("button", name=re.compile("^Cancel")).click()
    until(lambda: given.row(made).status == "cancelled")
    ana.sees("Cancelled")
    messages.delete(made, by=given.ANA)
    ana.open(f"/message?id={made}")
    ana.sees(re.compile("deleted|no message", re.I))


def test_a_reference_in_use_is_told_and_nothing_is_scheduled(desk: Desk) -> None:
    account = given.account("Orders", country="ID")
    given.message(account, when=given.in_(minutes=30), reference="R1")
    ana = desk.newcomer()
    ana.open("/schedule")
    ana.write(to="+62 812-3456-789", text="Again")
    ana.unfold("More")
    ana.page.get_by_label("Reference").fill("R1")
    ana.page.keyboard.press("Tab")
    ana.press("Schedule")
    ana.sees("«R1» is in use")
    expect(ana.page.get_by_label("Message", exact=True)).to_have_value("Again")
    assert len(given.statuses()) == 1

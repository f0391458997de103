"""Do not contact, before a real browser: asked, refused, lifted, and a list of many."""

import re

import pytest
from playwright.sync_api import expect

from core import optout_list, optouts
from tests import given
from tests.browser.conftest import Desk, Operator
from tests.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
DEWI = "+628123456789"


def confirm(ana: Operator, button: str) -> None:
    ana.page.get_by_role("dialog").get_by_role("button", name=button, exact=True).click()


def test_who_asked_is_left_in_peace_until_it_is_lifted(desk: Desk) -> None:
    orders = given.account("Orders", country="ID")
    pending = given.message(orders, to=DEWI, when=given.in_(hours=1))
    ana = desk.newcomer()
    ana.open("/people")
    ana.page.get_by_label("Number", exact=True).fill("0812 3456 789")
    ana.sees("May be contacted")
    ana.sees("1 to be sent")
    ana.settled()
    ana.press("Do not contact …")
    ana.page.get_by_label("Why").fill("phoned us")
    confirm(ana, "Do not contact them")
    ana.sees(re.compile("Asked not to be contacted since .* by ana .*phoned us.*every number"))
    assert given.row(pending).status == "cancelled"

    ana.page.get_by_role("link", name="They asked not to be contacted").click()
    ana.sees("They asked not to be contacted. It will not be sent.")
    ana.sees(re.compile("Asked since .* by ana"))

    ana.open("/schedule")
    ana.write(to="0812-3456-789", text="Reminder")
    place = ana.page.locator(".st-key-field-recipient")
    expect(place.get_by_role("alert")).to_contain_text("They asked not to be contacted")
    ana.press("Schedule")
    ana.sees("Not scheduled yet")
    assert len(given.statuses()) == 1

    ana.open(f"/people?number={DEWI.replace('+', '%2B')}")
    ana.press("Lift …")
    confirm(ana, "Lift it")
    ana.sees("May be contacted")
    ana.sees("Lifted")
    ana.open("/schedule")
    ana.write(to="0812-3456-789", text="Reminder")
    ana.settled()
    ana.press("Schedule")
    until(lambda: len(given.statuses()) == 2)
    assert ana.outside == []


def test_all_that_waits_for_one_person_is_cancelled_together(desk: Desk) -> None:
    orders = given.account("Orders", country="ID")
    waits = [given.message(orders, to=DEWI, when=given.in_(hours=n + 1)) for n in range(3)]
    ana = desk.newcomer()
    ana.open(f"/message?id={waits[0]}")
    ana.page.get_by_role("link", name=re.compile("812-3456-789")).click()
    ana.sees("3 to be sent")
    ana.settled()
    ana.press("Cancel all …")
    confirm(ana, "Cancel 3 messages")
    ana.sees("3 messages cancelled.")
    assert {given.row(one).status for one in waits} == {"cancelled"}
    ana.press("Undo")
    ana.sees("3 messages brought back.")
    assert {given.row(one).status for one in waits} == {"pending"}


def test_a_list_is_pasted_its_wrong_lines_are_told_and_stay(desk: Desk) -> None:
    orders = given.account("Orders", country="ID")
    pending = given.message(orders, to=DEWI, when=given.in_(hours=1))
    ana = desk.newcomer()
    ana.open("/people")
    ana.sees("Everybody may be contacted")
    box = ana.page.get_by_label("Paste numbers, one a line")
    box.fill("number,reason\n0812-3456-789,STOP\n12,\n")
    box.press("Tab")
    ana.settled()
    ana.press("Import")
    ana.sees("1 entry added")
    ana.sees("Line 3:")
    expect(box).to_have_value("number,reason\n0812-3456-789,STOP\n12,\n")
    until(lambda: given.row(pending).status == "cancelled")
    ana.open("/people")
    ana.sees("STOP")
    with ana.page.expect_download() as download:
        ana.page.get_by_role("link", name="Export all 1 as CSV").click()
    assert DEWI in download.value.path().read_text("utf-8-sig")


def test_a_file_is_imported_and_the_list_has_pages(desk: Desk) -> None:
    given.account("Orders")
    optouts.add([given.recipient(n) for n in range(optout_list.PAGE)], by=given.ANA)
    ana = desk.newcomer()
    ana.open("/people")
    file = {"name": "stop.csv", "mimeType": "text/csv", "buffer": f"{DEWI}\n".encode()}
    with ana.page.expect_response(lambda told: "upload_file" in told.url and told.ok):
        ana.page.locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]
    ana.settled()
    ana.press("Import")
    ana.sees("1 entry added")
    ana.open("/people")
    ana.sees("812-3456-789")
    ana.page.get_by_role("link", name="Next →").click()
    ana.settled()
    expect(ana.page.get_by_text("812-3456-789")).to_have_count(0)

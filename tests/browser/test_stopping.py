"""What keeps everything back, before a real browser: a person's stop, and the restore guard."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from core import accounts, db, guarding, installation, reports
from tests import given
from tests.browser.conftest import Desk
from tests.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
MANY = 200


def test_what_a_person_stops_while_it_sends_says_so_everywhere_and_goes_on_when_released(
    desk: Desk,
) -> None:
    account = given.account("Orders", country="ID", rate=20)
    ana, ben = desk.newcomer(), desk.operator()
    ben.sign_in()
    ben.open("/messages")
    ana.press("Stop all sending")
    ana.page.get_by_label("Why").fill("wrong prices")
    made = [given.message(account, to=given.recipient(number)) for number in range(MANY)]
    until(lambda: len(desk.programs.arrived()) >= 20)
    ana.page.get_by_role("dialog").get_by_role("button", name="Stop all sending").click()
    ana.sees("All sending is stopped")
    ben.sees("wrong prices")
    stopped = installation.stopped()
    assert stopped and len(desk.programs.arrived()) < MANY
    until(lambda: reports.now() > stopped.since + timedelta(seconds=4))
    gone = desk.programs.arrived()
    assert given.arrival(gone[-1]) < stopped.since.timestamp() + 1
    ana.open(f"/message?id={made[-1]}")
    ana.sees("All sending is stopped")
    assert desk.programs.arrived() == gone
    ben.press("Send again …")
    ben.page.get_by_role("dialog").get_by_role("button", name="Send again", exact=True).click()
    until(lambda: len(desk.programs.arrived()) == MANY, within=40)
    assert {one["to"] for one in desk.programs.arrived()} == {*map(given.recipient, range(MANY))}
    expect(ana.page.get_by_text("All sending is stopped since")).to_have_count(0, timeout=15_000)


def test_the_restore_guard_is_told_on_every_page_and_answered_there(desk: Desk) -> None:
    account = given.account("Orders", country="ID")
    with db.writing() as session:
        guarding.guard(session, "here: the database is older than what it has sent.")
    overdue = given.message(account)
    ana = desk.newcomer()
    ana.sees("The restore guard is on")
    ana.open(f"/message?id={overdue}")
    ana.sees("The restore guard is on")
    ana.press("Decide …")
    ana.sees("1 message came due until now")
    ana.page.get_by_role("dialog").get_by_role("button", name="Turn the guard off").click()
    until(lambda: given.row(overdue).hold == "late")
    ana.press("Release")
    until(lambda: len(desk.programs.arrived()) == 1)


def test_who_resumes_an_account_is_told_how_many_are_overdue_and_chooses(desk: Desk) -> None:
    account = given.account("Orders", country="ID")
    accounts.pause("Orders", reason="prices", by=given.ANA)
    made = given.message(account)
    ana = desk.newcomer()
    ana.sees("prices")
    ana.page.get_by_role("link", name="Resume …").click()
    ana.sees("1 message came due meanwhile")
    dialog = ana.page.get_by_role("dialog")
    dialog.get_by_text("Hold all of them").click()
    dialog.get_by_role("button", name="Resume").click()
    until(lambda: given.row(made).hold == "late")

"""All that match are 100,000: cancelled with the progress shown, and brought back."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from core import clock, db
from tests import given
from tests.browser.conftest import Desk
from tests.core import stored

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
MANY = 100_000


def counted() -> dict[tuple[str, str], int]:
    """Account and status → how many the database has."""
    with db.reading() as session:
        asked = db.sql(
            "SELECT a.name, m.status, count(*) FROM message m JOIN account a"
            " ON a.id = m.account_id GROUP BY a.name, m.status"
        )
        return {(name, status): number for name, status, number in session.execute(asked)}


def test_all_that_match_are_cancelled_under_a_bar_and_brought_back(desk: Desk) -> None:
    stored.exportable(MANY, due_at=clock.wall() + timedelta(hours=5))
    stored.messages(given.account("Clinic"), [{}, {"status": "cancelled"}])
    before = counted()
    ana = desk.newcomer()
    ana.open("/messages?account=Orders&state=Scheduled")
    ana.page.get_by_text("Select", exact=True).click()
    ana.press("Select all 10,000+ that match")
    ana.sees(re.compile(r"All 10,000\+ that match are selected"))
    ana.press("Cancel")
    ana.sees("of the 100,000 selected")
    ana.press("Cancel 100,000")
    bar = ana.page.get_by_role("progressbar", name="Cancelling")
    expect(bar).to_have_attribute("max", str(MANY))  # as an operation that runs
    ana.sees("100,000 messages cancelled.", within=60)
    assert counted() == {
        ("Orders", "cancelled"): MANY,
        ("Clinic", "pending"): 1,
        ("Clinic", "cancelled"): 1,
    }
    ana.press("Undo")
    ana.sees("100,000 messages brought back.", within=60)
    assert counted() == before and desk.programs.arrived() == []
    assert not ana.outside

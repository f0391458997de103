"""Rows are ticked over three pages and cancelled together; then all that match, and the undo."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from core import clock
from tests import given
from tests.browser.conftest import Desk, Operator
from tests.core import stored
from tests.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


def tick(who: Operator, row: int) -> None:
    """The box of a row: the grid is drawn on a canvas."""
    who.page.get_by_role("heading", name="Messages").scroll_into_view_if_needed()
    box = who.page.get_by_test_id("stDataFrame").locator("canvas").first.bounding_box()
    assert box
    who.page.mouse.click(box["x"] + 17, box["y"] + 35 + 35 * row + 17)


def shows(who: Operator, number: str, first: str) -> None:
    """So many are selected, and the page begins with this number."""
    who.sees(re.compile(f"^{number} selected$"))
    cell = who.page.locator('canvas table tr[aria-rowindex="2"] [role=gridcell]')
    expect(cell.filter(has_text=first)).to_have_count(1)


def test_rows_of_three_pages_and_then_all_that_match_are_cancelled_and_brought_back(
    desk: Desk,
) -> None:
    due = [clock.wall() + timedelta(hours=1, minutes=number) for number in range(120)]
    rows = [{"due_at": one, "text": f"{'A long text. ' * 20}Its end."} for one in due]
    ids = stored.messages(given.account("Orders"), rows)
    ana = desk.newcomer()
    ana.open("/messages")
    ana.page.get_by_text("Select", exact=True).click()
    ana.settled()
    main = ana.page.get_by_test_id("stMain")
    assert main.evaluate("one => one.scrollWidth - one.clientWidth") == 0  # nothing to slide to
    for page, first in enumerate(("0000-0000", "0000-0050", "0000-0100")):
        shows(ana, str(page), first)
        tick(ana, page)
        shows(ana, str(page + 1), first)
        if page < 2:
            ana.press("Next →")
    ana.open_row(2)
    ana.sees("Its end.")
    ana.page.keyboard.press("Escape")
    shows(ana, "3", "0000-0100")
    ana.press("Cancel")
    ana.sees("3 of the 3 selected")
    ana.press("Cancel 3")
    ana.sees("3 messages cancelled.")
    gone = [ids[0], ids[51], ids[102]]
    assert [given.row(one).status for one in gone] == ["cancelled"] * 3
    assert given.statuses().count("pending") == 117
    ana.press("Select all 120 that match")
    ana.sees(re.compile("^120 selected$"))
    ana.press("Cancel")
    ana.sees("3 cancelled.")
    ana.press("Cancel 117")
    ana.sees("117 messages cancelled. 3 left as they are: 3 cancelled.")
    ana.press("Undo")
    until(lambda: given.statuses().count("pending") == 117)
    ana.sees("117 messages brought back.")
    assert not ana.outside

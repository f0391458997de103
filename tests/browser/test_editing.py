"""Edit mode with two people at two browsers, and a page loaded anew while somebody types."""

import re

import pytest
from playwright.sync_api import Locator, expect

from core import users
from core.access import Role
from tests import given
from tests.browser.conftest import PASSWORD, Desk, Operator
from tests.core.test_editing import stored_text

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


def edits(who: Operator) -> None:
    who.open("/messages")
    who.choose("Edit")
    who.sees("Change a cell: nothing is saved before you say so.")


def begin_cell(who: Operator, row: int, column: str) -> Locator:
    """Open a cell by keys, from the first of its row: the grid is drawn on a canvas."""
    grid = who.page.get_by_test_id("stDataFrame")
    heads = grid.locator("canvas table [role=columnheader]")
    expect(heads.filter(has_text=column)).to_be_attached()
    at = next(n for n, head in enumerate(heads.all_inner_texts()) if head.startswith(column))
    box = grid.locator("canvas").first.bounding_box()
    assert box
    who.page.mouse.click(box["x"] + 30, box["y"] + 36 + 35 * row + 17)
    for number in range(at + 1):
        cell = grid.locator(f'tr[aria-rowindex="{row + 2}"] [aria-colindex="{number + 1}"]')
        expect(cell).to_have_attribute("aria-selected", "true")
        who.page.keyboard.press("Enter" if number == at else "ArrowRight")
    field = who.page.locator(".gdg-clip-region").locator("textarea, input").first
    expect(field).to_be_visible()
    return field


def fill(who: Operator, row: int, column: str, value: str) -> Locator:
    """As fast as a person: what stands in a field at once is not yet what the grid knows."""
    field = begin_cell(who, row, column)
    field.press("ControlOrMeta+a")
    field.press_sequentially(value, delay=60)
    who.page.keyboard.press("Shift", delay=120)
    return field


def type_in(who: Operator, row: int, column: str, value: str) -> None:
    fill(who, row, column, value).press("Enter")
    expect(who.page.locator(".gdg-clip-region")).to_have_count(0)


def test_the_slower_of_two_operators_sees_both_versions_and_puts_theirs_in_place(
    desk: Desk,
) -> None:
    made = given.message(given.account("Orders"), when=given.in_(hours=1), text="As it was")
    ana, ben = desk.newcomer(), desk.operator()
    users.add("ben", role=Role.OPERATOR, password=PASSWORD, by=given.ANA)
    ben.sign_in("ben")
    for who in (ana, ben):
        edits(who)
    type_in(ana, 0, "Message", "Of Ana")
    ana.press("Save 1")
    ana.sees("1 message saved.")
    fill(ben, 0, "Message", "Of Ben").press("Control+s")  # out of the cell itself
    ben.sees(re.compile("^Nothing was saved. 1 not: changed by somebody else"))
    both = ben.page.locator("table.both tr", has_text="Message").get_by_role("cell")
    expect(both).to_have_text(["As it was", "Of Ana", "Of Ben"])
    assert stored_text(made).text == "Of Ana"
    ben.press("Put mine in its place")
    ben.sees("1 message saved.")
    assert stored_text(made).text == "Of Ben" and given.events(made).count("edit") == 2
    assert not ana.outside and not ben.outside


def test_who_leaves_in_the_middle_is_asked_and_finds_again_what_was_typed(desk: Desk) -> None:
    account = given.account("Orders")
    long = "Your order 4417 is ready at the counter. " * 20
    made = [
        given.message(account, to=given.recipient(n), when=given.in_(hours=1), text=text)
        for n, text in enumerate(("Hello", long))
    ]
    ana = desk.newcomer()
    edits(ana)
    ana.open_row(1)
    drawer = ana.page.get_by_role("dialog")
    expect(drawer.get_by_label("Message", exact=True)).to_have_value(long)
    ana.page.keyboard.press("Escape")
    expect(drawer).to_have_count(0)
    type_in(ana, 0, "Message", "Typed before")
    ana.sees("changed, not saved yet.")
    asked: list[str] = []
    ana.page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    ana.page.reload()
    assert asked == ["beforeunload"]
    ana.settled()
    ana.sees("changed, not saved yet.")
    fill(ana, 1, "Retries", "0")
    ana.page.get_by_role("button", name="Save").click()  # at once: what was typed last is with it
    ana.sees("2 messages saved.")
    assert stored_text(made[0]).text == "Typed before" and given.row(made[1]).max_retries == 0
    ana.page.reload()
    ana.settled()
    assert asked == ["beforeunload"]
    expect(ana.page.get_by_role("radio", name="Read")).to_be_checked()

"""A message is found, changed and saved, and a new one begun, without the mouse."""

import pytest
from playwright.sync_api import expect

from core import history, users
from core.access import Role
from tests import given
from tests.browser.conftest import PASSWORD, Desk
from tests.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def text(message_id: int) -> str | None:
    found = history.read(message_id)
    return found and found.row.text


def test_the_keyboard_searches_edits_saves_and_begins_anew(desk: Desk) -> None:
    one = given.message(given.account(), text="Your order is redy", when=given.in_(hours=2))
    ana = desk.newcomer()
    page, keys = ana.page, ana.page.keyboard
    keys.press("?")
    ana.sees("Schedule a new message")
    keys.press("n")  # means nothing while the list is open
    keys.press("Escape")
    expect(page.get_by_text("Schedule a new message")).to_be_hidden()
    keys.press("/")  # a page without a search leads to the one that has it
    page.wait_for_url("**/messages")
    search = page.get_by_label("Search in numbers and texts")
    expect(search).to_be_focused(timeout=15_000)
    keys.type("n/e?")  # where somebody writes, letters are letters
    expect(search).to_have_value("n/e?")
    ana.open(f"/message?id={one}")
    expect(page.get_by_role("button", name="Edit", exact=True)).to_be_visible()
    keys.press("e")
    field = page.get_by_label("Message", exact=True)
    field.fill("Your order is ready")
    keys.press("Control+s")
    until(lambda: text(one) == "Your order is ready")
    ana.sees("Saved.")
    expect(field).to_be_hidden()
    keys.press("n")
    page.wait_for_url("**/schedule")
    users.add("vera", role=Role.VIEWER, password=PASSWORD, by=given.ANA)
    vera = desk.operator()
    vera.sign_in("vera")
    vera.sees("Due now")
    vera.page.keyboard.press("n")
    vera.page.keyboard.press("/")
    expect(vera.page.get_by_label("Search in numbers and texts")).to_be_focused(timeout=15_000)
    assert not ana.outside

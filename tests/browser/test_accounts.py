"""A number is added, before a real browser and the sandbox."""

import pytest

from core import accounts
from tests.browser.conftest import Desk
from tests.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def test_a_number_is_added_from_the_keyboard_once_meta_knows_it(desk: Desk) -> None:
    ana = desk.newcomer()
    ana.open("/accounts")
    ana.page.get_by_role("link", name="Add the first one").click()
    ana.sees("Add a number")
    given = {"Name": "Orders", "Phone-number id": "99901", "Access token": "good-token"}
    for label, text in given.items():
        field = ana.page.get_by_label(label, exact=True)
        field.fill(text)
        field.press("Tab")  # from the token to the eye within its field
    refusal = ana.page.get_by_text("Meta knows no number with the id 99901")
    until(lambda: refusal.is_visible() or ana.press("Check and add"), within=20, every=0.7)
    assert accounts.everything() == []
    number = ana.page.get_by_label("Phone-number id", exact=True)
    number.fill("5001")
    number.press("Tab")
    ana.settled()
    ana.press("Check and add")
    until(lambda: [one.display_phone for one in accounts.everything()] == ["+62 21 555 005001"])
    ana.sees("It sends. Nothing waits.")
    assert ana.outside == []

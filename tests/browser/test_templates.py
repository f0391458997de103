"""A template message from the form to the phone, held, edited and released on the way."""

import re

import pytest
from playwright.sync_api import expect

from core.models import Message
from tests import given
from tests.browser.conftest import Desk, Operator
from tests.core import templated
from tests.core.templated import at_meta, read_again
from tests.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


def choose_template(ana: Operator, name: str) -> None:
    ana.choose("Template")
    box = ana.page.get_by_role("combobox", name=re.compile("Template"))
    box.fill(name)
    ana.page.get_by_role("option", name=re.compile(f"^{name}")).first.click()
    ana.settled()


def fill(ana: Operator, **values: str) -> None:
    for label, value in values.items():
        ana.page.get_by_label(label, exact=True).fill(value)


SHIPPED = {
    "To": "0812-3456-789",
    "In the header": "A-7",
    "{{1}}": "Dewi",
    "{{2}}": "Monday",
    "{{3}}": "Friday",
    "End of the address behind «Track it»": "A 7/1",
}


def sent(message_id: int) -> Message | None:
    row = given.row(message_id)
    return row if row.status == "sent" else None


def test_a_template_message_goes_from_the_form_to_the_phone_as_it_was_shown(desk: Desk) -> None:
    account = templated.account(country="ID")
    read_again(account)
    ana = desk.newcomer()
    ana.open("/schedule")
    choose_template(ana, "order_shipped · en_US")
    fill(ana, **SHIPPED)
    phone = ana.page.get_by_role("figure", name="As the phone shows it")
    body = "Hi Dewi, your order left us on Monday and should arrive on Friday."
    for shown in ("Order A-7", body, "Thank you for your order", "Track it", "Need help"):
        expect(phone).to_contain_text(shown)
    ana.choose("Now")
    ana.press("Send now")
    [arrived] = until(desk.programs.arrived, within=10)
    assert arrived["to"] == "+628123456789"
    assert arrived["template"]["name"] == "order_shipped"
    filled = {part["type"]: part["parameters"] for part in arrived["template"]["components"]}
    assert [one["text"] for one in filled["body"]] == ["Dewi", "Monday", "Friday"]
    assert [one["text"] for one in filled["header"]] == ["A-7"]
    assert [one["text"] for one in filled["button"]] == ["A%207/1"]
    ana.page.get_by_role("link", name="Open it").click()
    ana.settled()
    ana.sees(body)
    until(lambda: sent(1), within=10)
    assert ana.outside == []


def test_what_meta_changed_is_held_shown_and_released_by_a_person(desk: Desk) -> None:
    account = templated.account(country="ID")
    read_again(account)
    sale = {"parameters": {"1": "Ana", "2": "FALL25"}}
    waiting = templated.message(account, "autumn_sale", when=given.in_(minutes=30), **sale)
    body = [{"type": "BODY", "text": "Dear {{1}}, use {{2}} for 30% off."}]
    at_meta(desk.programs, autumn_sale={"components": body})
    ana = desk.newcomer()
    ana.open("/templates")
    ana.press("Read again from Meta")
    ana.sees("Read from Meta: 1 change.")
    until(lambda: given.row(waiting).hold == "template", within=15)
    ana.open("/templates")
    ana.page.get_by_role("link", name=re.compile("autumn_sale")).click()
    ana.settled()
    ana.sees("1 message scheduled before that waits")
    ana.sees("Hi {{1}}, use the code {{2}} until Sunday for 25% off.")
    ana.press("Release")
    ana.press("Release it")
    until(lambda: given.row(waiting).hold is None, within=15)
    ana.open(f"/message?id={waiting}")
    ana.sees("Dear Ana, use FALL25 for 30% off.")


def test_the_parameters_of_a_template_message_are_edited_in_the_drawer(desk: Desk) -> None:
    account = templated.account(country="ID")
    read_again(account)
    sale = {"parameters": {"1": "Ana", "2": "FALL25"}}
    waiting = templated.message(account, "autumn_sale", when=given.in_(minutes=30), **sale)
    ana = desk.newcomer()
    ana.open(f"/message?id={waiting}")
    ana.press("Edit")
    drawer = ana.page.get_by_role("dialog")
    expect(drawer.get_by_label("{{1}}", exact=True)).to_have_value("Ana")
    drawer.get_by_label("{{2}}", exact=True).fill("")
    drawer.get_by_role("button", name="Save").click()
    expect(drawer.get_by_text("Fill this in.")).to_be_visible()
    drawer.get_by_label("{{2}}", exact=True).fill("WINTER")
    drawer.get_by_role("button", name="Save").click()
    ana.sees("Hi Ana, use the code WINTER until Sunday for 25% off.")
    assert given.row(waiting).version == 2

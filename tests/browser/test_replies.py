"""Somebody answers on the phone of the sandbox, and the page that is open shows it."""

import re

import pytest
import requests
from playwright.sync_api import expect

from core import optout_list
from core.models import Message
from core.settings import settings
from tests import given
from tests.browser.conftest import Desk
from tests.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
DEWI = "+628123456789"


def arrived(message_id: int) -> Message | None:
    row = given.row(message_id)
    return row if row.delivery == "read" else None


def answer(**said: str) -> None:
    body = {"phone_number_id": "106540352242922", "from": DEWI} | said
    url = f"http://127.0.0.1:{settings().sandbox_port}/_sandbox/inbound"
    requests.post(url, json=body, timeout=5).raise_for_status()


def test_an_answer_appears_on_the_open_page_and_stop_ends_what_waits(desk: Desk) -> None:
    orders = given.account("Orders", country="ID", phone_number_id="106540352242922")
    one = given.message(orders, to=DEWI, text="Do you come tomorrow?")
    waits = given.message(orders, to=DEWI, when=given.in_(hours=1))
    row = until(lambda: arrived(one), within=20)
    ana = desk.newcomer()
    ana.open(f"/message?id={one}")
    ana.sees("Read")
    assert row.meta_message_id
    answer(text="Yes, at nine", context=row.meta_message_id)
    bubble = ana.page.locator(".bubble.mine")
    expect(bubble).to_contain_text("Yes, at nine")
    expect(bubble).to_contain_text("Answers this message")
    ana.sees("They answered it")
    answer(text="Stop.")
    expect(bubble).to_have_count(2)
    until(lambda: given.row(waits).status == "cancelled")
    assert optout_list.count() == 1
    ana.open(f"/message?id={waits}")
    ana.sees(re.compile("Asked since .* by themselves .wrote STOP"))
    assert ana.outside == []

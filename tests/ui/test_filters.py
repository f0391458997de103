"""The filters of the page Messages, and the totals above its history, without a browser."""

from datetime import timedelta
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core import clock, waits
from core.access import Actor, Role
from core.settings import ROOT
from tests.core import stored
from tests.core.batched import batch
from tests.ui.seen import html
from ui.words.states import KEPT_BY

pytestmark = pytest.mark.usefixtures("sqlite")


@pytest.fixture(autouse=True)
def ana(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.sessions.actor", lambda token: Actor("ana", Role.OPERATOR))


def run(**query: str | list[str]) -> AppTest:
    at = AppTest.from_file(str(ROOT / "pages" / "messages.py"), default_timeout=20)
    for name, value in query.items():
        at.query_params[name] = value
    return at.run()


def test_what_the_address_chooses_is_told_with_the_way_back() -> None:
    batch_id, [mine] = batch(stored.account(), [{"hold": "late"}])
    [other] = stored.messages(stored.account("Support"), [{}])
    told = html(run(batch=str(batch_id), hold="late", account="Orders"))
    assert f"/message?id={mine}" in told and f"/message?id={other}" not in told
    assert "Kept back by Its lateness" in told and "More filters · 2" not in told
    assert f'href="/messages?account=Orders&amp;batch={batch_id}" aria-label' in told


def test_what_its_account_keeps_back_is_found_by_the_reason() -> None:
    assert {*KEPT_BY} == {*waits.CHOICES}
    [kept] = stored.messages(stored.account("Support", state="paused"), [{}])
    [other] = stored.messages(stored.account(), [{"hold": "person"}])
    told = html(run(hold="paused"))
    assert f"/message?id={kept}" in told and f"/message?id={other}" not in told
    assert "Kept back by Its account: it is paused" in told and "More filters · 1" not in told


def test_a_view_keeps_what_else_is_chosen_and_is_marked() -> None:
    stored.messages(stored.account(), [{"status": "failed"}, {}])
    told = html(run(state=["Failed"], account="Orders"))
    assert 'href="/messages?state=Failed&amp;account=Orders" aria-current=page>Failed' in told
    assert "1 message" in told


def test_the_history_begins_with_totals_and_why_some_failed() -> None:
    sent = {"status": "sent", "delivery": "read"}
    failed = {"status": "failed", "error_class": "recipient"}
    stored.messages(stored.account(), [sent, sent, sent, failed])
    ended = ["Failed", "Unconfirmed", "Sent", "Delivered", "Read", "Cancelled"]
    told = html(run(state=ended))
    assert "<small>Sent</small><strong>3</strong><em>75.0 %</em>" in told
    assert "WhatsApp cannot reach this person · 1" in told and "class=recipient" in told
    assert "<small>Sent</small>" not in html(run())


def test_a_search_says_what_it_looks_for_in_numbers() -> None:
    stored.messages(stored.account(), [{}])
    assert "Looked for «0812-0» in texts, and for 8120 in numbers." in html(run(q="0812-0"))
    assert "Looked for" not in html(run(q="Hello"))


def _form() -> None:
    import streamlit as st

    from core.filtering import Filter
    from ui import filters

    beside = Filter.read({name: st.query_params.get_all(name) for name in st.query_params})
    filters._form(beside, st.session_state.get(filters._TURN, 0))


def test_what_is_typed_under_more_goes_to_the_address_as_days_here() -> None:
    at = AppTest.from_function(_form, default_timeout=20)
    at.query_params["by"], at.query_params["after"] = "olga", "open-1-1"
    at.run()
    day = clock.wall().date()
    at.text_input(key="more-label-0").set_value(" Jakarta ")
    at.selectbox(key="more-class-0").set_value("recipient")
    at.text_input(key="more-by-0").set_value("")
    at.date_input(key="more-due-0").set_value((day, day + timedelta(days=1)))
    at.button[0].click().run()
    assert not at.exception, at.exception
    asked: Any = dict(at.query_params)
    assert asked == {
        "label": "Jakarta",
        "class": "recipient",
        "due_from": f"{day}T00:00:00+00:00",
        "due_until": f"{day + timedelta(days=2)}T00:00:00+00:00",
    }
    assert at.date_input[0].value == (day, day + timedelta(days=1))

"""The page Audit trail: for administrators; who, what, before and after, from where."""

from datetime import timedelta

import pytest
from streamlit.testing.v1 import AppTest

from core import (
    account_settings,
    adjusting,
    audit,
    audit_trail,
    db,
    operations,
    rescheduling,
    users,
)
from core.access import Actor, Role
from core.choosing import Choice
from core.kinds import Kind
from core.settings import ROOT
from tests import given
from tests.ui.seen import html

pytestmark = pytest.mark.usefixtures("sqlite")


def run(monkeypatch: pytest.MonkeyPatch, role: Role, **query: str) -> AppTest:
    monkeypatch.setattr("core.sessions.actor", lambda token: Actor("ada", role))
    at = AppTest.from_file(str(ROOT / "pages" / "audit.py"), default_timeout=20)
    for name, value in query.items():
        at.query_params[name] = value
    return at.run()


def test_a_change_is_told_with_before_and_after_and_from_where(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given.account("<b>Orders")
    ada = Actor("ada", Role.ADMIN, "10.0.0.7")
    account_settings.change("<b>Orders", {"rate": 5.0}, by=ada)
    body = html(run(monkeypatch, Role.ADMIN))
    assert "Account changed<small>&lt;b&gt;Orders" in body and "from 10.0.0.7" in body
    assert "Messages a second: <del>1</del> → <ins>5</ins>" in body
    assert 'href="/export/audit.csv"' in body
    at = run(monkeypatch, Role.ADMIN)
    at.text_input[0].set_value("nobody & all").run()
    assert "Nothing found" in html(at) and "/export/audit.csv?q=nobody+%26+all" in html(at)
    assert "Not for operators" in html(run(monkeypatch, Role.OPERATOR))


@pytest.mark.parametrize("odd", ["x", "-1", "9" * 30, "0"])
def test_an_odd_place_in_the_address_breaks_nothing(
    odd: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given.account("Orders")
    for name in ("after", "before"):
        assert "Audit trail" in html(run(monkeypatch, Role.ADMIN, **{name: odd}))


def test_it_is_told_when_a_search_has_more_words_than_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given.account("Orders")
    for count, told in ((30, False), (31, True)):
        body = html(run(monkeypatch, Role.ADMIN, q=" ".join(["orders"] * count)))
        assert ("the first 30 words count" in body) is told and "Account added" in body


def test_the_pages_keep_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(audit_trail.PAGE + 1):
        given.account(f"Orders {number}")
    assert "/audit?q=added&amp;after=2" in html(run(monkeypatch, Role.ADMIN, q="added"))
    body = html(run(monkeypatch, Role.ADMIN, q="added", after="2"))
    assert "Orders 0<" in body and "Orders 1<" not in body
    assert "/audit?q=added&amp;before=1" in body


def test_an_event_is_told_in_operators_words(monkeypatch: pytest.MonkeyPatch) -> None:
    orders = given.account("Orders")
    ids = [given.message(orders, to=given.recipient(n), when=given.in_(hours=9)) for n in range(2)]
    ada = Actor("ada", Role.ADMIN)
    chosen = Choice(ids=tuple(ids))
    operations.create(Kind.ADJUST, chosen, by=ada, here=True, arguments=adjusting.to(priority=0))
    listed = Choice(query="state=scheduled&account=Orders&q=hello")
    shift = rescheduling.by(timedelta(hours=-2))
    operations.create(Kind.RESCHEDULE, listed, by=ada, here=True, arguments=shift)
    operations.create(Kind.MOVE, chosen, by=ada, here=True, arguments={"account": orders})
    operations.create(Kind.CHECK, Choice(), by=ada)
    users.add("Bo", role=Role.ADMIN, password="long enough to be one", by=ada)
    body = html(run(monkeypatch, Role.ADMIN))
    assert "Priority changed<small>operation 1" in body and "Priority: <ins>Urgent</ins>" in body
    assert "Which: <ins>2 chosen</ins>" in body and "Confirmed" not in body
    assert "Many given a new time" in body and "New time: <ins>2 h earlier</ins>" in body
    assert "Which: <ins>Scheduled · Orders · with the words hello</ins>" in body
    assert "Many moved to another number" in body and "Account: <ins>Orders</ins>" in body
    assert "File checked" in body and "Which: <ins>all" not in body
    assert "Role: <ins>Administrator</ins>" in body


def test_what_has_parts_within_parts_is_told_without_the_signs_of_a_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = {"orders": {"new": 1200, "held": None, "sure": True}, "clinic": {}, "seen": [{"a": []}]}
    with db.writing() as session:
        audit.record(session, Actor("ada", Role.ADMIN), "templates read", after={"found": read})
    told = "orders: (new: 1,200 · held: none · sure: yes) · clinic: none · seen: ((a: none))"
    assert f"Found: <ins>{told}</ins>" in html(run(monkeypatch, Role.ADMIN))

"""What is done to many messages, and was: bars for all, and the undo of this person's."""

from threading import Event

import pytest
from streamlit.testing.v1 import AppTest

from core import bulk, choosing, leasing, operating, operations
from core.access import Actor, Role
from core.choosing import Choice
from core.kinds import Kind
from tests import given
from tests.core import stored
from tests.ui.seen import OLGA, html, messages_page
from ui import lately

OTTO = Actor("otto", Role.OPERATOR)

pytestmark = pytest.mark.usefixtures("sqlite", "olga")


def test_the_outcome_is_told_and_undone_where_it_can_be() -> None:
    ids = stored.messages(stored.account(), [{}, {"status": "sent"}])
    row = bulk.begin(Kind.CANCEL, Choice(ids=tuple(ids)), counted=2, by=OLGA)
    at = messages_page()
    assert "1 message cancelled. 1 left as they are: 1 sent already." in html(at)
    at.button(key=f"undo-{row.id}").click().run()
    assert given.statuses() == ["pending", "sent"] and "1 message brought back." in html(at)
    row = bulk.begin(Kind.HOLD, Choice(ids=(ids[0],)), counted=1, by=OLGA)
    at = messages_page()
    assert "1 message held." in html(at)
    at.button(key=f"undo-{row.id}").click().run()
    assert given.row(ids[0]).hold is None and "1 message no longer held by a person." in html(at)
    bulk.begin(Kind.DELETE, Choice(ids=(ids[0],)), counted=1, by=OLGA)
    at = messages_page()
    assert "1 message deleted." in html(at)
    assert [one.label for one in at.button if one.label in ("Undo", "Close")] == ["Close"]
    next(one for one in at.button if one.label == "Close").click().run()
    assert "1 message deleted." not in html(at)


def labels(at: AppTest) -> list[str]:
    kept = ("Undo", "Close", "Cancel")
    return [one.label for one in at.main.button if one.label in kept]


def test_after_a_second_action_the_first_can_still_be_undone() -> None:
    ids = stored.messages(stored.account(), [{}] * 2)
    one = bulk.begin(Kind.CANCEL, Choice(ids=(ids[0],)), counted=1, by=OLGA)
    two = bulk.begin(Kind.HOLD, Choice(ids=(ids[1],)), counted=1, by=OLGA)
    at = messages_page()
    assert at.button(key=f"close-{two.id}") and "1 message cancelled." in html(at)
    at.button(key=f"undo-{one.id}").click().run()
    assert given.row(ids[0]).status == "pending" and "1 message brought back." in html(at)
    at.button(key=f"undo-{two.id}").click().run()
    assert given.row(ids[1]).hold is None and labels(at) == ["Close"]


def test_what_was_read_and_closed_can_be_undone_all_the_same() -> None:
    (one,) = stored.messages(stored.account(), [{}])
    row = bulk.begin(Kind.CANCEL, Choice(ids=(one,)), counted=1, by=OLGA)
    at = messages_page()
    at.button(key=f"close-{row.id}").click().run()
    assert labels(at) == ["Undo"]
    at.button(key=f"undo-{row.id}").click().run()
    assert given.row(one).status == "pending"


def halfway(monkeypatch: pytest.MonkeyPatch, kind: Kind) -> int:
    """Somebody's action over all, of which one chunk of two messages is done."""
    monkeypatch.setattr(choosing, "CHUNK", 2)
    made = operations.create(kind, Choice(), by=OTTO)
    mine = leasing.take()
    assert mine is not None
    next(operating._chunks(mine))
    return made


def test_a_colleague_sees_what_is_under_way_and_cancels_it(monkeypatch: pytest.MonkeyPatch) -> None:
    stored.messages(stored.account(), [{}] * 5)
    made = halfway(monkeypatch, Kind.CANCEL)
    at = messages_page()
    assert "Cancelling, asked for by otto" in html(at) and "2 of 5 messages" in html(at)
    at.button(key=f"cancel-{made}").click().run()
    assert operations.state(made).state == "cancelled"
    operating.run_waiting(Event())
    assert given.statuses() == ["cancelled", "cancelled", "pending", "pending", "pending"]
    assert labels(messages_page()) == []
    monkeypatch.setattr("core.sessions.actor", lambda token: OTTO)
    at = messages_page()
    assert "2 messages cancelled. It was called off before its end." in html(at)
    at.button(key=f"undo-{made}").click().run()
    assert given.statuses() == ["pending"] * 5


def test_a_second_action_hides_neither_the_bar_of_the_first_nor_its_cancel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ids = stored.messages(stored.account(), [{}] * 5)
    made = halfway(monkeypatch, Kind.HOLD)
    monkeypatch.setattr("core.sessions.actor", lambda token: OTTO)
    bulk.begin(Kind.CANCEL, Choice(ids=(ids[4],)), counted=1, by=OTTO)
    at = messages_page()
    told = html(at)
    assert "<b>Holding</b>" in told and "1 message cancelled." in told
    assert labels(at) == ["Cancel", "Undo", "Close"]
    at.button(key=f"cancel-{made}").click().run()
    assert [given.row(one).hold for one in ids] == ["person", "person", None, None, None]


def test_of_many_under_way_a_few_are_drawn_and_the_others_counted() -> None:
    stored.messages(stored.account(), [{}])
    for _ in range(lately.BARS + 2):
        operations.create(Kind.HOLD, Choice(), by=OLGA)
    at = messages_page()
    assert labels(at) == ["Cancel"] * lately.BARS and "2 other actions under way" in html(at)


def test_a_viewer_sees_what_is_under_way_and_cannot_cancel_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stored.messages(stored.account(), [{}])
    operations.create(Kind.HOLD, Choice(), by=OLGA)
    monkeypatch.setattr("core.sessions.actor", lambda token: Actor("vera", Role.VIEWER))
    at = messages_page()
    assert "Holding, asked for by olga" in html(at) and labels(at) == []

"""Bulk actions as the page asks for them: foreseen, done here or by a worker, undone."""

from collections.abc import Callable
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from sqlmodel import col, update

from core import (
    adjusting,
    bulk,
    choosing,
    clock,
    db,
    holding,
    leasing,
    listing,
    messages,
    operating,
    operations,
    optouts,
)
from core.access import Actor, Role
from core.choosing import Choice
from core.errors import Forbidden, Refused
from core.filtering import Filter
from core.kinds import AMONG, Kind
from core.models import Message
from core.standing import Standing
from tests import given
from tests.core import stored

OLGA = Actor("olga", Role.OPERATOR)
OTTO = Actor("otto", Role.OPERATOR)
NOW = clock.wall()
GOING = {"status": "processing", "unconfirmed_since": NOW}
KINDS: list[dict[str, Any]] = [
    *({}, {"hold": "person"}, {"hold": "batch"}, GOING, {"status": "sent"}),
    *({"status": "failed", "error_class": one} for one in ("transient", "unknown", "expired")),
]
ARGUMENTS: dict[Kind, dict[str, Any]] = {
    Kind.ADJUST: adjusting.to(priority=0),
    Kind.MOVE: {"account_id": 2, "account": "Other", "business_id": 2},
}

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of two messages, windows of three ids."""
    for module in (choosing, bulk):
        monkeypatch.setattr(module, "CHUNK", 2)
    monkeypatch.setattr(choosing, "WINDOW", 3)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("kind", [*bulk.ASKED, Kind.UNDO])
@pytest.mark.parametrize("by_id", [True, False])
def test_what_is_foreseen_is_what_is_done(kind: Kind, by_id: bool) -> None:
    ids = stored.messages(stored.account(), KINDS)
    stored.messages(stored.account("Other"), KINDS)
    optouts.add([given.row(ids[1]).recipient, given.row(ids[5]).recipient], by=OLGA)
    with db.writing() as session:  # whoever was cancelled for it waits again
        session.execute(
            update(Message).where(col(Message.status) == "cancelled").values(status="pending")
        )
    wanted = Filter(account="Orders")
    choice = Choice(ids=(*ids, 999)) if by_id else choosing.of_filter(wanted, now=NOW)
    assert (choice.ids is None) is not by_id
    asked = ARGUMENTS.get(kind, {})
    foreseen = bulk.foresee(kind, choice, arguments=asked)
    assert foreseen.meant == len(ids) + by_id
    row = bulk.begin(kind, choice, counted=foreseen.counted, arguments=asked, by=OLGA)
    assert row.state == "queued"
    operating.run_waiting(Event())
    row = operations.state(row.id)
    among = {one.value for one in AMONG[kind]}
    statuses = {"gone", "pending", "processing", "sent", "failed", "cancelled"}
    expected = {
        reason: number
        for reason, number in foreseen.why.items()
        if by_id or reason not in statuses - among
    }
    assert (row.done, row.cursor["why"]) == (foreseen.able, expected)


def test_all_that_match_a_filter_are_meant_as_they_were_when_it_was_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(choosing, "CHUNK", 1)
    account = stored.account()
    soon = NOW + timedelta(minutes=1)
    ids = stored.messages(account, [{"due_at": soon}, {"due_at": soon}, {"due_at": NOW}])
    choice = choosing.of_filter(Filter(frozenset({Standing.SCHEDULED})), now=NOW)
    with db.writing() as session:  # a time comes
        session.execute(update(Message).where(col(Message.id) == ids[2]).values(due_at=soon))
    late = stored.messages(account, [{"due_at": soon - timedelta(minutes=5)}, {"due_at": soon}])
    foreseen = bulk.foresee(Kind.CANCEL, choice)
    assert foreseen.able == 3
    made = operations.create(Kind.CANCEL, choice, by=OLGA)
    operating.run_waiting(Event())
    assert operations.state(made).done == 3
    assert {given.row(one).status for one in late} == {"pending"}


@pytest.mark.parametrize("chunk", [1, 1000])
@pytest.mark.parametrize("error", [None, "expired"])
def test_what_expired_is_sent_again_with_all_that_match_only_where_they_were_asked_for(
    monkeypatch: pytest.MonkeyPatch, chunk: int, error: str | None
) -> None:
    monkeypatch.setattr(choosing, "CHUNK", chunk)
    expired = {"status": "failed", "error_class": "expired"}
    stored.messages(stored.account(), [expired, expired])
    choice = choosing.of_filter(Filter(error=error), now=NOW)
    foreseen = bulk.foresee(Kind.RETRY, choice)
    assert (foreseen.able, foreseen.why) == ((2, {}) if error else (0, {"expired": 2}))
    bulk.begin(Kind.RETRY, choice, counted=foreseen.counted, by=OLGA)
    operating.run_waiting(Event())
    assert set(given.statuses()) == {"pending" if error else "failed"}


def test_a_few_are_done_at_once_and_brought_back_at_once() -> None:
    ids = stored.messages(stored.account(), [{"hold": "person"}, {}, {"status": "sent"}])
    choice = choosing.of_filter(Filter(), now=NOW)
    assert choice.ids == tuple(ids)
    row = bulk.begin(Kind.CANCEL, choice, counted=3, by=OLGA)
    assert (row.state, row.done, row.cursor["why"]) == ("finished", 2, {"sent": 1})
    assert [one.id for one in bulk.lately(OLGA).told] == [row.id]
    assert bulk.lately(OTTO).told == []
    assert bulk.undo(row.id, by=OLGA).done == 2
    assert given.statuses() == ["pending", "pending", "sent"]
    assert given.row(ids[0]).hold == "person"


def test_undoing_a_hold_lets_go_what_it_held_and_nobody_changed_since() -> None:
    kinds: list[dict[str, Any]] = [{"due_at": NOW, "late_policy": "skip"}, *[{}] * 4]
    ids = stored.messages(stored.account(), [*kinds, {"hold": "person"}])
    free, released, again, edited, covered, before = ids
    row = bulk.begin(Kind.HOLD, Choice(ids=tuple(ids)), counted=6, by=OLGA)
    for one in (released, again):
        holding.release(one, by=OLGA)
    holding.hold(again, by=OLGA)
    with db.writing() as session:
        messages.record(session, "edit", "ana", {edited: (None, None)}, at=db.now(session))
    optouts.add([given.row(covered).recipient], by=OLGA)
    undone = bulk.undo(row.id, by=OLGA)
    assert (undone.done, undone.cursor["why"]) == (1, {"free": 1, "changed": 2, "cancelled": 1})
    holds = [given.row(one).hold for one in (free, released, again, edited, before)]
    assert holds == [None, None, "person", "person", "person"]
    assert given.row(free).late_policy == "send"  # it is not expired for having been held
    assert given.events(free) == ["hold", "undo hold"]
    assert operations.state(row.id).state == "undone"


def test_a_search_finds_for_a_bulk_action_what_it_finds_for_the_list(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(choosing, "CHUNK", 1)
    texts = [{"text": one} for one in ("Order 7", "Bill", "Order 8", "Order 9")]
    ids = stored.messages(stored.account(), texts)
    row = bulk.begin(
        Kind.HOLD, choosing.of_filter(Filter(search="order"), now=NOW), counted=3, by=OLGA
    )
    operating.run_waiting(Event())
    assert operations.state(row.id).done == 3
    assert [given.row(one).hold for one in ids] == ["person", None, "person", "person"]


def test_a_viewer_does_nothing_to_many() -> None:
    with pytest.raises(Forbidden):
        bulk.begin(Kind.CANCEL, Choice(ids=(1,)), counted=1, by=Actor("vera", Role.VIEWER))


def test_what_is_new_and_what_changed_since_somebody_looked_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = stored.account()
    ids = stored.messages(account, [{}, {}, {"status": "failed"}])
    wanted = Filter(frozenset({Standing.SCHEDULED}))
    then = listing.seen(wanted, now=NOW)
    assert listing.news(wanted, then, now=NOW) == (0, 0)
    stored.messages(account, [{}, {"status": "sent"}])
    with db.writing() as session:
        session.execute(update(Message).where(col(Message.id) == ids[0]).values(version=2))
    assert listing.news(wanted, then, now=NOW) == (1, 1)
    monkeypatch.setattr(listing, "CAP", 1)
    assert listing.news(wanted, then, now=NOW) == (1, 1)


@pytest.mark.parametrize("kind", [Kind.RETRY, Kind.UNDO])
def test_what_a_retired_number_would_send_does_not_come_to_wait_for_ever(kind: Kind) -> None:
    one = {Kind.RETRY: {"status": "failed"}, Kind.UNDO: {"status": "cancelled"}}[kind]
    ids = stored.messages(stored.account(state="retired"), [one])
    choice = Choice(ids=tuple(ids))
    foreseen = bulk.foresee(kind, choice)
    assert (foreseen.able, foreseen.why) == (0, {"retired": 1})
    row = bulk.begin(kind, choice, counted=1, by=OLGA)
    assert (row.done, row.cursor["why"]) == (0, {"retired": 1})
    if kind is Kind.RETRY:
        with pytest.raises(Refused, match="«Orders» is retired"):
            messages.retry(ids[0], by=OLGA)


def test_of_two_actions_one_after_the_other_both_can_be_undone_for_a_day(
    move_clock: Callable[[timedelta], None],
) -> None:
    ids = stored.messages(stored.account(), [{}] * 4)
    one = bulk.begin(Kind.CANCEL, Choice(ids=(ids[0],)), counted=1, by=OLGA)
    two = bulk.begin(Kind.HOLD, Choice(ids=(ids[1],)), counted=1, by=OLGA)
    bulk.begin(Kind.HOLD, Choice(ids=(ids[1],)), counted=1, by=OLGA)  # is held: nothing to undo
    last = bulk.begin(Kind.DELETE, Choice(ids=(ids[2],)), counted=1, by=OLGA)
    seen = bulk.lately(OLGA)
    assert [row.id for row in seen.told] == [last.id]
    assert [row.id for row in seen.undoable] == [two.id, one.id]
    assert bulk.lately(OTTO).undoable == []
    move_clock(timedelta(hours=23))
    seen = bulk.lately(OLGA)
    assert seen.told == [] and [row.id for row in seen.undoable] == [two.id, one.id]
    bulk.undo(one.id, by=OLGA)
    seen = bulk.lately(OLGA)
    assert given.row(ids[0]).status == "pending"
    assert [row.kind for row in seen.told] == ["undo"]
    assert [row.id for row in seen.undoable] == [two.id]
    move_clock(timedelta(hours=25))
    assert bulk.lately(OLGA).undoable == []


def test_what_is_under_way_is_there_for_all_and_what_is_being_undone_is_not_undone_twice() -> None:
    stored.messages(stored.account(), [{}] * 2)
    held = operations.create(Kind.HOLD, Choice(), by=OLGA)
    operating.run_waiting(Event())
    undo = operations.undo(held, by=OLGA)
    for who in (OLGA, OTTO):
        assert [row.id for row in bulk.lately(who).under_way] == [undo]
    assert bulk.lately(OLGA).undoable == []
    operations.cancel(undo, by=OTTO)  # before it began
    assert [row.id for row in bulk.lately(OLGA).undoable] == [held]


def test_what_is_under_way_is_there_however_many_have_come_since(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bulk, "LOOKED_AT", 1)
    waits = operations.create(Kind.CANCEL, Choice(), by=OLGA)
    ids = stored.messages(stored.account(), [{}] * 2)
    two = [bulk.begin(Kind.HOLD, Choice(ids=(one,)), counted=1, by=OTTO).id for one in ids]
    seen = bulk.lately(OTTO)
    assert [row.id for row in seen.under_way] == [waits]
    assert [row.id for row in seen.undoable] == two[1:], "of his own only the newest"


def test_what_failed_is_told_though_another_action_has_ended_since() -> None:
    (one,) = stored.messages(stored.account(), [{}])
    operations.create(Kind.CANCEL, Choice(ids=(one,)), by=OLGA)
    mine = leasing.take()
    assert mine is not None
    leasing.fail(mine, "an error of ours")
    last = bulk.begin(Kind.HOLD, Choice(ids=(one,)), counted=1, by=OLGA)
    assert [row.id for row in bulk.lately(OLGA).told] == [last.id, mine.id]
    assert [row.id for row in bulk.lately(OLGA).undoable] == [last.id]

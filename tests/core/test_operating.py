"""Bulk actions: in chunks, cut off and taken up again, called off, undone."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import col, select

from core import audit_trail, choosing, clock, db, holding, leasing, messages, operating, operations
from core.access import Actor, Role
from core.choosing import Choice
from core.errors import Forbidden, Refused
from core.kinds import Kind
from core.models import Message, MessageEvent, Operation
from tests import given
from tests.core import stored

OLGA = Actor("olga", Role.OPERATOR)
FAILED = {"status": "failed", "error_class": "transient", "retry_count": 3}
UNKNOWN = {"status": "failed", "error_class": "unknown"}
GOING = {"status": "processing", "unconfirmed_since": clock.wall()}
ALL = Choice()
Move = Callable[[timedelta], None]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of two messages, windows of three ids."""
    monkeypatch.setattr(choosing, "CHUNK", 2)
    monkeypatch.setattr(choosing, "CHANGED", 2)
    monkeypatch.setattr(choosing, "WINDOW", 3)


def ended(kind: Kind, choice: Choice = ALL, **more: Any) -> Operation:
    """What became of an operation that a worker ran."""
    made = operations.create(kind, choice, by=OLGA, **more)
    operating.run_waiting(Event())
    return operations.state(made)


def tally(row: Operation) -> tuple[str, int | None, int, dict[str, int]]:
    return row.state, row.counted, row.done, row.cursor["why"]


def rows(ids: Sequence[int]) -> list[Message]:
    return [given.row(one) for one in ids]


def events(message_id: int) -> list[tuple[str, str, Any, Any, int | None]]:
    with db.reading() as session:
        found = select(MessageEvent).where(MessageEvent.message_id == message_id)
        return [
            (one.kind, one.actor, one.before, one.after, one.operation_id)
            for one in session.exec(found.order_by(col(MessageEvent.id)))
        ]


@pytest.mark.usefixtures("small")
def test_all_that_failed_is_sent_again_but_nothing_that_may_have_arrived(database: str) -> None:
    account = stored.account()
    kinds: list[dict[str, Any]] = [FAILED, {}, FAILED, UNKNOWN, GOING, FAILED, FAILED, FAILED]
    ids = stored.messages(account, kinds)
    done = ended(Kind.RETRY)
    assert tally(done) == ("finished", 6, 5, {"unconfirmed": 1}) and done.skipped == 1
    revived = rows([ids[n] for n in (0, 2, 5, 6, 7)])
    assert {(one.status, one.retry_count, one.confirmed_by) for one in revived} == {
        ("pending", 0, None)
    }
    assert [given.row(ids[3]).status, given.row(ids[4]).status] == ["failed", "processing"]
    before, after = {"status": "failed"}, {"status": "pending"}
    assert events(ids[0]) == [("retry", "olga", before, after, done.id)] and not events(ids[3])


def test_the_risk_that_a_person_takes_is_kept_with_each_message(database: str) -> None:
    ids = stored.messages(stored.account(), [UNKNOWN, FAILED])
    done = ended(Kind.RETRY, confirmed=True)
    assert tally(done) == ("finished", 2, 2, {})
    assert [one.confirmed_by for one in rows(ids)] == ["olga", None]
    assert [events(one)[0][3].get("confirmed") for one in ids] == [True, None]


@pytest.mark.usefixtures("small")
def test_what_expired_is_sent_again_only_by_who_names_it(database: str) -> None:
    over = clock.wall() - timedelta(minutes=1)
    expired = {"status": "failed", "error_class": "expired", "not_after": over}
    ids = stored.messages(stored.account(), [FAILED, expired, expired, expired])
    assert tally(ended(Kind.RETRY)) == ("finished", 4, 1, {"expired": 3})
    named = ended(Kind.RETRY, Choice(ids=(ids[1],)))
    assert tally(named)[2] == 1
    assert tally(ended(Kind.RETRY, Choice(error_class="expired")))[2] == 2
    [(kind, _, before, _, _)] = events(ids[1])
    assert (kind, before) == ("retry", {"status": "failed", "not_after": db.stamp(over)})


def test_what_was_named_and_cannot_be_changed_is_counted_with_the_reason(database: str) -> None:
    account = stored.account()
    pending, sent, going = stored.messages(account, [{}, {"status": "sent"}, GOING])
    done = ended(Kind.CANCEL, Choice(ids=(999, going, pending, sent, pending)))
    assert tally(done) == ("finished", 4, 1, {"sent": 1, "processing": 1, "gone": 1})
    assert [one.status for one in rows([pending, sent, going])] == [
        "cancelled",
        "sent",
        "processing",
    ]


@pytest.mark.usefixtures("small")
def test_deleting_cancels_what_waits_and_leaves_what_is_being_sent(database: str) -> None:
    account, other = stored.account(), stored.account("Other")
    ids = stored.messages(account, [{}, FAILED, GOING, {"status": "sent"}])
    [elsewhere] = stored.messages(other, [FAILED])
    assert ended(Kind.DELETE, Choice(account_id=account)).done == 3
    found = [(one.status, one.deleted_by) for one in rows(ids)]
    assert found == [
        ("cancelled", "olga"),
        ("failed", "olga"),
        ("processing", None),
        ("sent", "olga"),
    ]
    assert given.row(elsewhere).deleted_at is None


@pytest.mark.usefixtures("small")
def test_a_filter_takes_only_what_it_names(database: str) -> None:
    orders, support = stored.account(), stored.account("Support, evenings")
    code = FAILED | {"error_code": 131016}
    ids = stored.messages(orders, [FAILED, UNKNOWN, code]) + stored.messages(support, [code])
    with db.reading() as session:
        choice = choosing.parse(
            session, ["class=transient, account=support, evenings", "code=131016"]
        )
    assert ended(Kind.RETRY, choice).done == 1
    assert [one.status for one in rows(ids)] == ["failed"] * 3 + ["pending"]


@pytest.mark.usefixtures("small")
def test_another_goes_on_where_a_killed_one_was_and_the_killed_one_does_nothing_more(
    database: str, move_clock: Move
) -> None:
    ids = stored.messages(stored.account(), [{}] * 7)
    made = operations.create(Kind.CANCEL, ALL, by=OLGA)
    killed = leasing.take()
    assert killed and leasing.take() is None
    with pytest.raises(KeyboardInterrupt):
        operating.run(killed, tell=_die)
    assert [one.status for one in rows(ids)].count("cancelled") == 2
    assert operating.run_waiting(Event()) == 0
    move_clock(operations.LEASE + timedelta(seconds=1))
    assert operating.run_waiting(Event()) == 1
    assert tally(operations.state(made)) == ("finished", 7, 7, {})
    assert {len(events(one)) for one in ids} == {1}
    operating.run(killed)
    assert operations.state(made).done == 7


def _die(_: leasing.Taken) -> None:
    raise KeyboardInterrupt


@pytest.mark.usefixtures("small")
def test_one_that_is_called_off_ends_after_its_chunk(database: str) -> None:
    ids = stored.messages(stored.account(), [{}] * 7)
    made = operations.create(Kind.CANCEL, ALL, by=OLGA, here=True)
    assert leasing.take() is None
    operating.run(leasing.held(made), tell=lambda one: _call_off(one.id, one.done))
    row = operations.state(made)
    assert (row.state, row.done) == ("cancelled", 4)
    assert [one.status for one in rows(ids)].count("cancelled") == 4
    with pytest.raises(Refused, match="has ended"):
        operations.cancel(made, by=OLGA)


@pytest.mark.usefixtures("small")
def test_a_worker_that_stops_puts_it_back_for_the_next(database: str) -> None:
    ids = stored.messages(stored.account(), [{}] * 5)
    made, stop = operations.create(Kind.CANCEL, ALL, by=OLGA), Event()
    mine = leasing.take()
    assert mine
    operating.run(mine, tell=lambda _: stop.set(), stop=stop)
    assert (operations.state(made).state, operations.state(made).done) == ("queued", 2)
    assert operating.run_waiting(stop) == 0 and operating.run_waiting(Event()) == 1
    assert operations.state(made).done == 5 and {len(events(one)) for one in ids} == {1}


def _call_off(operation_id: int, done: int) -> None:
    if done == 4 and operations.state(operation_id).state == "running":
        operations.cancel(operation_id, by=OLGA)


@pytest.mark.usefixtures("small")
def test_the_last_word_of_one_person_counts_though_two_workers_are_free(database: str) -> None:
    ids = stored.messages(stored.account(), [{}] * 4)
    for _ in range(2):  # who stops something never waits
        operations.create(Kind.HOLD, ALL, by=OLGA)
    first, second = leasing.take(), leasing.take()
    assert first is not None and second is not None
    operating._chunk(first)
    released = operations.create(Kind.RELEASE, ALL, by=OLGA)
    assert leasing.take() is None
    operations.create(Kind.RELEASE, ALL, by=given.ANA)  # nobody waits for another person
    theirs = leasing.take()
    assert theirs is not None and theirs.kind is Kind.RELEASE
    operating.run(second)
    operating.run(first)
    mine = leasing.take()
    assert mine is not None and mine.id == released
    operating.run(mine)
    assert {one.hold for one in rows(ids)} == {None}


def _under_way(kind: Kind, choice: Choice = ALL) -> leasing.Taken:
    """An operation after its first chunk."""
    operations.create(kind, choice, by=OLGA)
    mine = leasing.take()
    assert mine is not None
    return operating._chunk(mine)[0]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("stop", [Kind.CANCEL, Kind.HOLD, Kind.DELETE])
def test_who_stops_what_waits_calls_off_what_would_make_more_of_it_wait(
    database: str, stop: Kind
) -> None:
    stored.messages(stored.account(), [FAILED] * 6)
    going = _under_way(Kind.RETRY)
    by_list = Choice(query="account=Orders", at=db.stamp(clock.wall()))
    made = operations.create(stop, by_list, by=given.ANA)
    operating.run(going)
    row = operations.state(going.id)
    assert (row.state, row.done) == ("cancelled", 2)
    assert operations.state(made).arguments["called_off"] == [going.id]
    last, told = audit_trail.page().rows[:2]
    assert (told.action, told.actor) == ("bulk action cancelled", "ana")
    assert told.target == f"operation {going.id}" and last.after["called_off"] == [going.id]


@pytest.mark.usefixtures("small")
def test_a_hold_wins_over_a_release_that_has_not_come_to_all(database: str) -> None:
    ids = stored.messages(stored.account(), [{"hold": "person"}] * 6)
    going = _under_way(Kind.RELEASE)
    ended(Kind.HOLD)
    operating.run(going)
    assert {one.hold for one in rows(ids)} == {"person"}


@pytest.mark.usefixtures("small")
def test_one_that_is_held_by_hand_is_not_let_go_by_what_is_under_way(database: str) -> None:
    ids = stored.messages(stored.account(), [*[{"hold": "person"}] * 3, {}])
    going = _under_way(Kind.RELEASE)
    holding.hold(ids[3], by=given.ANA)
    operating.run(going)
    assert [one.hold for one in rows(ids)] == [None, None, None, "person"]


@pytest.mark.usefixtures("small")
def test_a_stop_of_others_calls_nothing_off_and_of_a_few_leaves_these_out(database: str) -> None:
    ids = stored.messages(stored.account(), [FAILED] * 6)
    stored.account("Other")
    going = _under_way(Kind.RETRY, Choice(account_id=1))
    ended(Kind.CANCEL, Choice(query="account=Other", at=db.stamp(clock.wall())))
    ended(Kind.HOLD, Choice(ids=(ids[0], ids[3])))
    ended(Kind.CANCEL, Choice(recipient=given.row(ids[5]).recipient))
    operating.run(going)
    row = operations.state(going.id)
    assert tally(row) == ("finished", 6, 4, {"overruled": 2})
    assert [one.hold for one in rows(ids)] == ["person", *[None] * 5]
    assert [given.row(one).status for one in (ids[3], ids[5])] == ["failed"] * 2


def test_what_comes_after_the_order_is_not_meant(database: str) -> None:
    account = stored.account()
    [before] = stored.messages(account, [{}])
    made = operations.create(Kind.CANCEL, ALL, by=OLGA)
    [after] = stored.messages(account, [{"recipient": "+628111"}])
    operating.run_waiting(Event())
    assert operations.state(made).done == 1
    assert [one.status for one in rows([before, after])] == ["cancelled", "pending"]


@pytest.mark.usefixtures("small")
def test_an_undo_brings_back_what_nobody_touched_since_with_its_hold(database: str) -> None:
    account = stored.account()
    ids = stored.messages(
        account, [{"hold": "batch"}, {"reference": "R-1"}, {}, {}, {}, {"reference": "R-2"}]
    )
    held, taken, again, deleted, left, free = ids
    cancelled = ended(Kind.CANCEL)
    stored.messages(account, [{"reference": "R-1"}])
    messages.delete(deleted, by=OLGA)
    with db.writing() as session:
        session.get_one(Message, left).meta_message_id = "wamid.1"
        messages.record(session, "undo", "ana", {again: (None, None)}, at=db.now(session))
    undone = operations.state(operations.undo(cancelled.id, by=OLGA, here=True))
    operating.run(leasing.held(undone.id))
    row = operations.state(undone.id)
    assert tally(row) == ("finished", 6, 2, {"changed": 2, "gone": 1, "left": 1})
    assert [(one.status, one.hold) for one in rows([held, free])] == [
        ("pending", "batch"),
        ("pending", None),
    ]
    assert {one.status for one in rows([taken, again, deleted, left])} == {"cancelled"}
    assert operations.state(cancelled.id).state == "undone"
    with pytest.raises(Refused, match="nothing to undo"):
        operations.undo(cancelled.id, by=OLGA)


def test_what_an_undo_brings_back_is_not_held_for_a_template_that_may_be_approved_by_now(
    database: str,
) -> None:
    held = {"hold": "template"}
    ids = stored.messages(stored.account(), [held | {"kind": "template"}, held])
    cancelled = ended(Kind.CANCEL)
    operations.undo(cancelled.id, by=OLGA)
    operating.run_waiting(Event())
    assert [(one.status, one.hold) for one in rows(ids)] == [
        ("pending", None),  # the claim holds it again where it still has to be
        ("pending", "template"),  # a text: Meta refused it, and only a person lets it go
    ]


def test_a_fault_of_ours_fails_the_operation_and_leaves_its_chunk_as_it_was(
    sqlite: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    [one] = stored.messages(stored.account(), [{}])
    monkeypatch.setattr(messages, "record", lambda *_, **__: 1 / 0)
    made = operations.create(Kind.CANCEL, ALL, by=OLGA)
    with pytest.raises(ZeroDivisionError):
        operating.run_waiting(Event())
    row = operations.state(made)
    assert (row.state, row.done) == ("failed", 0) and "ZeroDivisionError" in str(row.error)
    assert given.row(one).status == "pending"


@pytest.mark.usefixtures("small")
def test_what_a_resume_held_is_let_go_in_chunks_and_what_a_rule_holds_is_not(database: str) -> None:
    kinds: list[dict[str, Any]] = [{"hold": "late", "late_policy": "hold"}] * 3
    kinds += [{"hold": "batch"}, {"hold": "person"}, {}, {"status": "sent"}]
    ids = stored.messages(stored.account(), kinds)
    done = ended(Kind.RELEASE, Choice(hold="late"))
    assert tally(done) == ("finished", 3, 3, {})
    assert {(one.hold, one.late_policy) for one in rows(ids[:3])} == {(None, "send")}
    assert events(ids[0]) == [("release", "olga", {"hold": "late"}, {"hold": None}, done.id)]
    rest = ended(Kind.RELEASE, Choice(ids=tuple(ids[2:])))
    assert tally(rest) == ("finished", 5, 1, {"free": 2, "by_rule": 1, "sent": 1})
    held = ended(Kind.HOLD)
    assert tally(held)[2:] == (6, {}), "also past the release of their batch"
    assert [one.hold for one in rows(ids[2:6])] == ["person"] * 4
    assert tally(ended(Kind.HOLD))[2:] == (0, {"held": 6})
    assert events(ids[5]) == [("hold", "olga", {"hold": None}, {"hold": "person"}, held.id)]


def test_a_table_that_was_filled_a_moment_ago_is_not_walked_for_each_message(
    postgresql: str,
) -> None:
    account, asked = stored.account(), []
    with db.writing() as session:
        session.execute(
            db.sql(
                "INSERT INTO message (account_id, recipient, scheduled_at, due_at, created_at)"
                f" SELECT {account}, '+62' || n, now(), now(), now()"
                " FROM generate_series(1, 5000) n"
            )
        )

    def listen(_c: Any, _d: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("UPDATE message AS m SET status"):
            asked.append((statement, parameters))

    event.listen(db.engine(), "before_cursor_execute", listen)
    assert ended(Kind.CANCEL).done == 5000
    event.remove(db.engine(), "before_cursor_execute", listen)
    statement, parameters = asked[0]
    with db.engine().connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars().all()
    assert not [line for line in plan if "Join Filter" in line], "\n".join(plan)


def test_what_an_operation_changed_is_not_sorted_anew_for_each_chunk(sqlite: str) -> None:
    asked: list[Any] = []

    def listen(_c: Any, _d: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    with db.reading() as session:
        event.listen(db.engine(), "before_cursor_execute", listen)
        choosing.chunk(session, Choice(operation_id=1), (), after=0, until=0)
        event.remove(db.engine(), "before_cursor_execute", listen)
    statement, parameters = asked[-1]
    with db.engine().connect() as connection:
        told = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        plan = [row.detail for row in told]
    assert plan == [
        "SEARCH message_event USING INDEX ix_message_event_operation_id"
        " (operation_id=? AND rowid>?)"
    ]


def test_who_asked_for_an_operation_may_call_it_off_and_of_others_only_operators(
    sqlite: str,
) -> None:
    vera = Actor("vera", Role.VIEWER)
    stored.messages(stored.account(), [{}])
    one = operations.create(Kind.HOLD, ALL, by=OLGA)
    with pytest.raises(Forbidden):
        operations.cancel(one, by=vera)
    assert operations.state(one).state == "queued"
    operations.cancel(one, by=Actor("olga", Role.VIEWER))
    assert operations.state(one).state == "cancelled"


def test_a_person_finds_their_own_operations_again_and_nobody_elses(database: str) -> None:
    before = clock.wall() - timedelta(minutes=1)
    mine = [operations.create(Kind.HOLD, ALL, by=OLGA) for _ in range(2)]
    operations.create(Kind.CANCEL, ALL, by=OLGA)
    operations.create(Kind.HOLD, ALL, by=Actor("otto", Role.OPERATOR))
    found = [one.id for one in operations.of(OLGA, {Kind.HOLD}, since=before)]
    assert found == mine[::-1]
    later = clock.wall() + timedelta(minutes=1)
    assert operations.of(OLGA, {Kind.HOLD}, since=later) == []


def test_what_remains_is_told_from_the_rate_so_far() -> None:
    now = clock.wall()
    begun = now - timedelta(seconds=10)
    row = Operation(state="running", started_at=begun, counted=1000, done=150, skipped=50)
    assert operations.remaining(row, now) == timedelta(seconds=40)
    for unknown in ({"counted": None}, {"done": 0, "skipped": 0}, {"state": "finished"}):
        other = Operation(**(row.model_dump() | unknown))
        assert operations.remaining(other, now) is None

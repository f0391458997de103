"""Steering a batch: one row decides at once, the holds of its messages follow."""

from collections.abc import Callable
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from sqlmodel import col, select

from core import choosing, clock, db, leasing, messages, operating, operations, steering, verify
from core.access import Actor, Role
from core.errors import Refused
from core.kinds import Kind
from core.models import Account, AuditEvent, Operation
from core.scan import scan
from tests import given
from tests.core import batched, stored
from tests.core.batched import batch, holds, row, work
from tests.core.driven import left_within

OLGA = Actor("olga", Role.OPERATOR)
Move = Callable[[timedelta], None]
DUE = {"due_at": clock.wall() - timedelta(minutes=1)}
FAILED = {"status": "failed", "error_class": "recipient", "error_code": 131026}
GOING = {"status": "processing", "unconfirmed_since": clock.wall()}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of two messages, windows of three ids."""
    monkeypatch.setattr(choosing, "CHUNK", 2)
    monkeypatch.setattr(choosing, "WINDOW", 3)


def audit() -> list[tuple[str, str, str | None]]:
    with db.reading() as session:
        found = session.exec(select(AuditEvent).order_by(col(AuditEvent.id)))
        return [
            (one.action, one.actor, one.target) for one in found if one.action.startswith("batch ")
        ]


def operation(operation_id: int | None) -> Operation:
    assert operation_id is not None
    return operations.state(operation_id)


@pytest.mark.usefixtures("small")
def test_a_release_is_one_row_and_the_holds_go_in_chunks(database: str) -> None:
    account = stored.account()
    batch_id, ids = batch(account, [{}, {}, {"hold": "late"}, {}, {}, {}])
    [elsewhere] = stored.messages(account, [{"hold": "batch"}])
    made = steering.release(batch_id, by=OLGA)
    assert (row(batch_id).state, holds(ids)[0]) == ("released", "batch")
    work()
    assert holds(ids) == [None, None, "late", None, None, None]
    assert holds([elsewhere]) == ["batch"]
    done = operation(made)
    assert (done.state, done.counted, done.done) == ("finished", 6, 5)
    assert done.cursor["why"] == {"held": 1} and done.batch_id == batch_id
    assert audit() == [("batch released", "olga", f"batch {batch_id}")]


def test_nothing_leaves_once_a_pause_is_committed_and_all_does_after_it(
    database: str, move_clock: Move
) -> None:
    account = given.account(rate=10)
    batch_id, ids = batch(account, [DUE] * 40)
    steering.release(batch_id, by=OLGA)
    work()
    before = left_within(account, move_clock, 1)
    assert 5 <= len(before) < 40
    made = steering.pause(batch_id, by=OLGA)
    assert left_within(account, move_clock, 3) == set()
    work()
    waiting = [one for one in ids if given.row(one).status == "pending"]
    assert set(holds(waiting)) == {"batch"} and operation(made).state == "finished"
    steering.resume(batch_id, by=OLGA)
    work()
    assert before | left_within(account, move_clock, 10) == set(ids)
    assert not list(verify.violations())


@pytest.mark.usefixtures("small")
def test_a_pause_overrules_a_release_that_is_under_way(database: str) -> None:
    batch_id, ids = batch(stored.account(), [{}] * 6)
    released = steering.release(batch_id, by=OLGA)
    mine = leasing.take()
    assert mine
    stop = Event()
    stop.set()
    operating.run(mine, stop=stop)  # one chunk, and put back
    assert holds(ids).count(None) == 2
    paused = steering.pause(batch_id, by=OLGA)
    work()
    assert set(holds(ids)) == {"batch"}
    assert (operation(released).state, operation(paused).state) == ("cancelled", "finished")


@pytest.mark.usefixtures("small")
def test_cancelling_ends_all_that_has_not_left_and_what_comes_back_later(
    database: str, move_clock: Move
) -> None:
    account = given.account(rate=None)
    batch_id, ids = batch(account, [{"status": "sent"}, DUE, GOING, {"hold": "late"}, FAILED])
    made = steering.cancel(batch_id, by=OLGA)
    assert row(batch_id).state == "cancelled"
    assert left_within(account, move_clock, 2) == set()
    work()
    assert [given.row(one).status for one in ids] == [
        *("sent", "cancelled", "processing", "cancelled", "failed")
    ]
    assert operation(made).done == 2 and given.events(ids[1])[-1] == "batch cancel"
    with db.writing() as session:
        session.execute(
            db.sql(
                "UPDATE message SET status = 'pending', unconfirmed_since = NULL WHERE id = :id"
            ),
            {"id": ids[2]},
        )
    scan()
    assert given.row(ids[2]).status == "cancelled" and given.events(ids[2]) == ["batch cancelled"]
    assert row(batch_id).finished_at
    with pytest.raises(Refused, match="nothing to undo"):
        operations.undo(made, by=OLGA)


def test_a_batch_is_finished_when_nothing_of_it_waits_and_no_longer_when_some_is_tried_again(
    database: str,
) -> None:
    batch_id, ids = batch(stored.account(), [{"status": "sent"}, FAILED, FAILED], state="released")
    scan()
    assert row(batch_id).state == "finished" and row(batch_id).finished_at
    steering.retry_failed(batch_id, by=OLGA)
    work()
    assert row(batch_id).state == "released" and row(batch_id).finished_at is None
    assert [given.row(one).status for one in ids] == ["sent", "pending", "pending"]
    messages.cancel(ids[1], by=OLGA)
    messages.cancel(ids[2], by=OLGA)
    scan()
    assert row(batch_id).state == "finished"


def test_the_scan_follows_a_release_whose_operation_never_was(database: str) -> None:
    batch_id, ids = batch(stored.account(), [{}] * 3)
    steering.release(batch_id, by=OLGA)
    scan()
    assert holds(ids) == [None] * 3


@pytest.mark.usefixtures("small")
def test_what_was_stored_of_a_batch_that_never_became_full_is_taken_away(database: str) -> None:
    batch_id, ids = batch(stored.account(), [{}] * 5, state="loading")
    steering.discard(batch_id, by=OLGA)
    work()
    assert {given.row(one).status for one in ids} == {"cancelled"}
    assert all(given.row(one).deleted_by == "olga" for one in ids)
    assert row(batch_id).state == "cancelled" and not list(verify.violations())


def test_a_loading_that_failed_is_taken_up_again(database: str) -> None:
    batch_id, _ = batch(stored.account(), [{}], state="loading")
    with pytest.raises(Refused, match="The loading of «May» has not failed"):
        steering.load_again(batch_id, by=OLGA)
    made = operations.create(
        Kind.LOAD, choosing.Choice(), by=OLGA, batch_id=batch_id, counted=1, here=True
    )
    leasing.fail(leasing.held(made), "its process ended before its time")
    assert steering.load_again(batch_id, by=OLGA) == made
    assert operation(made).state == "queued"


@pytest.mark.parametrize(
    ("state", "refused"),
    [
        ("loading", {"release", "pause", "resume", "cancel", "retry_failed"}),
        ("held", {"pause", "resume", "discard"}),
        ("released", {"release", "resume", "discard"}),
        ("paused", {"release", "pause", "discard", "retry_failed"}),
        ("cancelled", {"release", "pause", "resume", "cancel", "discard", "retry_failed"}),
        ("finished", {"release", "pause", "resume", "cancel", "discard"}),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(
    sqlite: str, state: str, refused: set[str]
) -> None:
    account, told = stored.account(), {}
    for verb in ("release", "pause", "resume", "cancel", "discard", "retry_failed"):
        batch_id, _ = batch(account, [{}], state=state)
        with db.writing() as session:  # a state that this file did not bring about
            session.get_one(batched.Batch, batch_id).state = state
        try:
            getattr(steering, verb)(batch_id, by=OLGA)
        except Refused as why:
            told[verb] = str(why)
    assert set(told) == refused
    assert all("«May»" in one for one in told.values())
    with pytest.raises(Refused, match="There is no batch 999"):
        steering.pause(999, by=OLGA)


@pytest.mark.parametrize("kind", ["release", "cancel"])
@pytest.mark.usefixtures("small")
def test_a_worker_that_dies_in_the_middle_leaves_the_rest_to_another(
    database: str, kind: str, monkeypatch: pytest.MonkeyPatch, move_clock: Move
) -> None:
    batch_id, ids = batch(stored.account(), [{}] * 7)
    made = {"release": steering.release, "cancel": steering.cancel}[kind](batch_id, by=OLGA)
    whole, calls = operating._change, 0

    def dies(*args: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return whole(*args)

    with monkeypatch.context() as broken:
        broken.setattr(operating, "_change", dies)
        with pytest.raises(KeyboardInterrupt):
            work()
    assert operation(made).done == 4
    move_clock(operations.LEASE + timedelta(seconds=1))
    work()
    assert (operation(made).state, operation(made).done) == ("finished", 7)
    changed = [given.row(one).hold is None for one in ids]
    assert all(changed) and not list(verify.violations())


def test_an_account_is_still_asked_for_by_a_batch_that_is_released(
    database: str, move_clock: Move
) -> None:
    account = given.account(rate=None)
    batch_id, _ = batch(account, [DUE])
    steering.release(batch_id, by=OLGA)
    with db.writing() as session:
        session.get_one(Account, account).state = "paused"
    work()
    assert left_within(account, move_clock, 1) == set()

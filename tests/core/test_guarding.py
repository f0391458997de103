"""The restore guard and its answer: what came due until now, and nothing else."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlmodel import col

from core import accounts, db, guarding, workers
from core.access import Actor, Role
from core.errors import Forbidden, Refused
from core.guarding import Overdue
from core.models import AuditEvent, Pace, Worker
from tests import given

MoveClock = Callable[[timedelta], None]


def _guard(why: str = "restored", beyond: int = 0) -> None:
    with db.writing() as session:
        guarding.guard(session, why, beyond=beyond)


def _waiting(move_clock: MoveClock) -> list[int]:
    """Two that are overdue, one of them held already; one that comes due later."""
    account = given.account()
    made = [
        given.message(account, to=given.recipient(1)),
        given.message(account, to=given.recipient(2)),
        given.message(account, to=given.recipient(3), when=given.in_(hours=2)),
    ]
    with db.writing() as session:
        session.execute(
            db.sql("UPDATE message SET hold = 'person' WHERE id = :id"), {"id": made[1]}
        )
    move_clock(timedelta(hours=1))
    return made


@pytest.mark.parametrize(
    ("what", "status", "hold", "touched"),
    [
        (Overdue.SEND, "pending", None, 0),
        (Overdue.HOLD, "pending", "late", 1),
        (Overdue.CANCEL, "cancelled", None, 1),
    ],
)
def test_the_answer_touches_what_is_overdue_and_nothing_else(
    database: str,
    move_clock: MoveClock,
    what: Overdue,
    status: str,
    hold: str | None,
    touched: int,
) -> None:
    overdue, held, later = _waiting(move_clock)
    _guard()
    assert guarding.overdue() == 1
    assert guarding.answer(what, by=given.ANA) == touched
    assert guarding.guarded() is None
    assert (given.row(overdue).status, given.row(overdue).hold) == (status, hold)
    assert (given.row(held).status, given.row(held).hold) == ("pending", "person")
    assert (given.row(later).status, given.row(later).hold) == ("pending", None)


def test_more_overdue_ones_than_a_chunk_are_all_held(
    database: str, move_clock: MoveClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarding, "CHUNK", 2)
    account = given.account()
    made = [given.message(account, to=given.recipient(n)) for n in range(5)]
    _guard()
    assert guarding.answer(Overdue.HOLD, by=given.ANA) == 5
    assert {given.row(one).hold for one in made} == {"late"}


def test_what_a_person_sends_after_the_guard_is_not_skipped_as_late(
    database: str, move_clock: MoveClock
) -> None:
    given.account()
    with db.writing() as session:
        session.execute(
            db.sql("UPDATE pace SET ready_since = :now", "now"), {"now": db.now(session)}
        )
    _guard()
    guarding.answer(Overdue.SEND, by=given.ANA)
    with db.reading() as session:
        assert session.execute(select(col(Pace.ready_since))).scalar() is None


def test_each_machine_adds_its_reason_once_and_the_answer_is_recorded(database: str) -> None:
    _guard("a: restored")
    _guard("b: copied")
    _guard("a: restored")
    guard = guarding.guarded()
    assert guard and guard.reason == "a: restored\nb: copied"
    guarding.answer(Overdue.SEND, by=given.ANA)
    with db.reading() as session:
        last = session.execute(select(AuditEvent).order_by(col(AuditEvent.id).desc())).scalars()
        event = last.first()
    assert event and (event.actor, event.after) == ("ana", {"overdue": "send", "messages": 0})


def test_no_attempt_has_the_id_of_one_that_was_lost(database: str) -> None:
    _guard(beyond=41_000)
    with db.writing() as session:
        assert min(db.reserve(session, "attempt", 1)) > 41_000


def test_start_marks_of_the_lost_database_prove_nothing_in_this_one(database: str) -> None:
    worker = workers.start("loop")
    _guard()
    with db.reading() as session:
        assert session.get_one(Worker, worker).boot_id is None


def test_only_an_administrator_answers_and_only_a_guard_that_is_on(database: str) -> None:
    with pytest.raises(Refused):
        guarding.answer(Overdue.SEND, by=given.ANA)
    _guard()
    with pytest.raises(Forbidden):
        guarding.answer(Overdue.SEND, by=Actor("olga", Role.OPERATOR))
    assert guarding.guarded()
    assert accounts.everything() == []

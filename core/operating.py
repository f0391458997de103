"""Running operations: a chunk of at most 1,000 messages at a time, each with its progress.

What a chunk could not change it counts, with the reason: core/reasons.py has their words.
"""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from threading import Event
from typing import Any

from sqlalchemy import ColumnElement, Row, select
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlmodel import Session

from core import (
    changing,
    choosing,
    correcting,
    db,
    enlisting,
    exporting,
    following_up,
    holding,
    leasing,
    loading,
    messages,
    preflight,
    retiring,
    sparing,
    storing,
    template_holds,
    untouched,
)
from core.choosing import Choice
from core.kinds import AMONG, APART, Kind
from core.leasing import Taken
from core.overruling import SPARES
from core.standing import m
from core.states import Cause, Status
from core.wake import wake

log = logging.getLogger(__name__)


def run_waiting(stop: Event) -> int:
    """Run what waits, and what a dead process left, until there is none; returns how many.

    Not those that are run apart: see core/apart.py.
    """
    count = 0
    while not stop.is_set() and (mine := leasing.take(set(Kind) - APART)):
        run(mine, stop=stop)
        count += 1
    return count


def run(
    mine: Taken, *, tell: Callable[[Taken], None] | None = None, stop: Event | None = None
) -> None:
    """Run an operation to its end, or until it is called off; `tell` is called after each chunk.

    When `stop` is set, it is put back for others. A fault of ours fails it and is raised; after the
    database's, somebody goes on when the lease has ended.
    """
    try:
        for now in _WORK.get(mine.kind, _chunks)(mine):
            mine = now
            if tell:
                tell(mine)
            if stop and stop.is_set():
                leasing.put_back(mine)
                return
    except DBAPIError as error:  # what it refused may have been a race: tried again, not for ever
        if isinstance(error, OperationalError | InterfaceError):
            _leave(mine)
        raise
    except Exception as error:
        leasing.fail(mine, f"an error of ours ({type(error).__name__})")
        raise


def _leave(mine: Taken) -> None:
    """Said where the database can still be told, no process is taken for dead."""
    try:
        leasing.leave(mine)
    except DBAPIError as error:
        log.warning("operation %s waits for its lease to end: %s", mine.id, type(error).__name__)


def _chunks(mine: Taken) -> Iterator[Taken]:
    return leasing.in_chunks(mine, _chunk)


def _chunk(mine: Taken) -> tuple[Taken, bool]:
    """One transaction; whether there is more to do for us."""
    with db.writing() as session:
        held = leasing.renew(session, mine)
        if held is None:
            return mine, False
        among = AMONG[held.kind]
        counted = held.counted
        if not counted and not held.after:  # the send loop asks for a template's without counting
            counted = choosing.count(session, held.choice, among)
        ids, reached = choosing.chunk(
            session,
            held.choice,
            among,
            after=held.after,
            until=held.until,
            most=choosing.CHANGED if held.kind in changing.RULES else choosing.CHUNK,
        )
        done, why = _surely(session, held, ids)
        after = held.after if reached is None else reached
        mine = replace(
            held,
            after=after,
            counted=counted,
            done=held.done + done,
            why=dict(Counter(held.why) + why),
        )
        leasing.progress(session, mine, ended=reached is None)
        now = db.now(session)
    if done and held.kind in _MAY_LEAVE:
        wake(now)
    return mine, reached is not None


def _surely(session: Session, mine: Taken, ids: list[int]) -> tuple[int, Counter[str]]:
    """Change a chunk; anew where somebody took a reference in that moment: then it is seen."""
    db.beside(session, retiring.ENDS)
    db.lock(session, "message", ids)  # before the savepoint, with which it would go
    change = _OWN.get(mine.kind, _change)
    try:
        with session.begin_nested():
            return change(session, mine, ids)
    except IntegrityError:
        return change(session, mine, ids)


def _change(session: Session, mine: Taken, ids: list[int]) -> tuple[int, Counter[str]]:
    db.lock(session, "message", ids)
    rows = {row.id: row for row in _rows(session, mine.kind, ids)}
    why = {one: why_not(mine.kind, mine.choice, rows.get(one), sure=mine.confirmed) for one in ids}
    why |= dict.fromkeys(set(ids) & {*mine.arguments.get(SPARES, ())}, "overruled")
    able = [one for one in ids if why[one] is None]
    changed = _DO[mine.kind](session, mine, able)
    told = () if mine.kind in _TOLD_ONCE else sorted(changed)
    events = _events(session, mine.kind, [rows[one] for one in told])
    at = db.now(session)
    messages.record(session, mine.kind, mine.by, events, at=at, operation_id=mine.id)
    skipped = Counter(why[one] or "changed" for one in ids if one not in changed)
    return len(changed), skipped


SENDS = (Kind.RETRY, Kind.UNDO, Kind.RELEASE, Kind.UNHOLD)  # after these a message may leave
_MAY_LEAVE = {
    *(*SENDS, Kind.BATCH_RELEASE, Kind.TEMPLATE),
    *(Kind.RESCHEDULE, Kind.UNRESCHEDULE, Kind.MOVE, Kind.UNMOVE),
}


def _rows(session: Session, kind: Kind, ids: Collection[int]) -> list[Row[Any]]:
    columns = (
        *(m.id, m.status, m.hold, m.error_class, m.meta_message_id, m.deleted_at),
        *(m.not_after, m.late_policy, m.kind, *keeps(kind)),
    )
    return list(session.execute(select(*columns).where(m.id.in_(ids))).all())


def keeps(kind: Kind) -> list[ColumnElement[bool]]:
    """What `why_not` reads beside, of a kind after which a message may leave."""
    return [one.label(name) for name, one in holding.KEEPS.items()] if kind in SENDS else []


def why_not(kind: Kind, choice: Choice, row: Row[Any] | None, *, sure: bool) -> str | None:
    """Why such an operation leaves a message alone, by `REASONS`; None: it does not.

    `sure`: somebody accepts that what may have arrived arrives twice.
    """
    if row is None or row.deleted_at is not None:
        return "gone"
    if row.status not in AMONG[kind]:
        return str(row.status)
    if kind is Kind.RETRY and row.error_class == "unknown" and not sure:
        return "unconfirmed"
    if kind is Kind.RETRY and row.error_class == "expired" and not _names_expired(choice):
        return "expired"
    if kind is Kind.UNDO and row.meta_message_id is not None:
        return "left"
    if kind is Kind.HOLD and not holding.may_hold(row):
        return "held"
    if kind is Kind.BATCH_PAUSE and row.hold:
        return "held"
    if kind is Kind.BATCH_RELEASE and row.hold != "batch":
        return "held" if row.hold else "free"
    if kind in (Kind.RELEASE, Kind.UNHOLD) and not holding.may_go(row):
        return "by_rule" if row.hold else "free"
    kept = holding.KEEPS if kind in SENDS else ()
    return next((reason for reason in kept if getattr(row, reason)), None)


def _names_expired(choice: Choice) -> bool:
    """They were to be worthless by now: only who means these sends them all the same."""
    named = choice.ids is not None and choice.query is None
    return named or choice.error_class == "expired"


def _events(session: Session, kind: Kind, rows: list[Row[Any]]) -> dict[int, tuple[Any, Any]]:
    """Before and after, by message; the hold is what an undo brings back."""
    if kind not in (Kind.HOLD, Kind.RELEASE, Kind.UNHOLD):
        return {row.id: _event(row, kind) for row in rows}
    found = select(m.id, m.hold).where(m.id.in_([row.id for row in rows]))
    now = {row.id: row.hold for row in session.execute(found)}
    return {row.id: ({"hold": row.hold}, {"hold": now[row.id]}) for row in rows}


def _event(row: Row[Any], kind: Kind) -> tuple[Any, Any]:
    after = _AFTER[kind]
    before = {"status": row.status} | ({"hold": row.hold} if row.hold else {})
    ends = after or (Status.CANCELLED if row.status == Status.PENDING else row.status)
    risk = after is Status.PENDING and row.error_class == "unknown"
    if kind is Kind.RETRY:
        before |= messages.limits(row.not_after, row.late_policy)
    return before, {"status": ends} | ({"confirmed": True} if risk else {})


def _retry(session: Session, mine: Taken, ids: list[int]) -> set[int]:
    at = db.now(session)
    return messages.revive(session, ids, Cause.RETRY_BY_PERSON, mine.by, at=at)


def _cancel(session: Session, mine: Taken, ids: list[int]) -> set[int]:
    change = [{"message_id": one} for one in ids]
    return messages.move(session, change, Status.CANCELLED, Cause.CANCEL, also="hold = NULL")


def _delete(session: Session, mine: Taken, ids: list[int]) -> set[int]:
    return messages.remove(session, ids, mine.by, at=db.now(session))


def _hold(session: Session, mine: Taken, ids: list[int]) -> set[int]:
    return holding.set_hold(session, ids, "person")


def _release(session: Session, mine: Taken, ids: list[int]) -> set[int]:
    return holding.let_go(session, ids)


def _unhold(session: Session, mine: Taken, ids: list[int]) -> set[int]:
    return _release(session, mine, [*untouched.since(session, mine.choice.operation_id, ids)])


def _release_batch(session: Session, mine: Taken, ids: list[int]) -> set[int]:
    return holding.lift(session, ids, "batch")


def _pause_batch(session: Session, mine: Taken, ids: list[int]) -> set[int]:
    return holding.set_hold(session, ids, "batch")


def _undo(session: Session, mine: Taken, ids: list[int]) -> set[int]:
    """Bring back, with its hold, what nobody changed since and whose reference is still free.

    A template's hold may be over by now: the claim brings back what is not.
    """
    found = untouched.since(session, mine.choice.operation_id, ids)
    rows = [{"message_id": one, "hold": row.before.get("hold")} for one, row in found.items()]
    return messages.move(
        session,
        rows,
        Status.PENDING,
        Cause.UNDO,
        also="hold = CASE WHEN v.hold <> 'template' OR m.kind = 'text' THEN v.hold END",
        where=(
            "m.meta_message_id IS NULL AND NOT EXISTS (SELECT 1"
            " FROM message other WHERE other.account_id = m.account_id"
            " AND other.reference = m.reference AND other.reference IS NOT NULL"
            " AND other.status <> 'cancelled' AND other.deleted_at IS NULL)"
        ),
        hold="text",
    )


# What is no walk over messages: a generator that yields after each of its transactions.
_WORK: dict[Kind, Callable[[Taken], Iterator[Taken]]] = {
    Kind.LEAVE: sparing.chunks,
    Kind.OPT_OUTS: enlisting.work,
    Kind.EXPORT: exporting.work,
    Kind.CHECK: preflight.check,
    Kind.LOAD: loading.load,
    Kind.CORRECT: correcting.work,
    Kind.FOLLOW_UP: following_up.work,
}
_DO: dict[Kind, Callable[[Session, Taken, list[int]], set[int]]] = {
    Kind.RETRY: _retry,
    Kind.CANCEL: _cancel,
    Kind.DELETE: _delete,
    Kind.UNDO: _undo,
    Kind.HOLD: _hold,
    Kind.RELEASE: _release,
    Kind.UNHOLD: _unhold,
    Kind.BATCH_RELEASE: _release_batch,
    Kind.BATCH_PAUSE: _pause_batch,
    Kind.BATCH_CANCEL: _cancel,
    Kind.BATCH_REMOVE: _delete,
}
# What does not do the same to each message, and records it itself.
_OWN: dict[Kind, Callable[[Session, Taken, list[int]], tuple[int, Counter[str]]]] = {
    Kind.TEMPLATE: template_holds.settle,
    Kind.UNCORRECT: correcting.bring_back,
    Kind.UNLOAD: storing.bring_back,
    **dict.fromkeys(changing.RULES, changing.work),
    **dict.fromkeys(changing.BACK, changing.put_back),
}
_AFTER: dict[Kind, Status | None] = {
    Kind.RETRY: Status.PENDING,
    Kind.CANCEL: Status.CANCELLED,
    Kind.DELETE: None,
    Kind.UNDO: Status.PENDING,
    Kind.BATCH_CANCEL: Status.CANCELLED,
    Kind.BATCH_REMOVE: Status.CANCELLED,
}
_TOLD_ONCE = (Kind.BATCH_RELEASE, Kind.BATCH_PAUSE)  # the batch's own record tells it for all

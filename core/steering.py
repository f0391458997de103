"""What people do with a whole batch: release it, all or its first; pause, resume, cancel it.

Each verb writes one row, which the next tick obeys, and an operation that brings the holds of its
messages after it. A verb calls off what an earlier one had under way.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import and_, or_, select
from sqlmodel import Session, col

from core import audit, db, holding, operations, second_try
from core.access import Actor, Role, needs
from core.batches import held_rows
from core.choosing import Choice
from core.errors import Invalid, Problem, Refused
from core.filtering import of_batch
from core.kinds import FILLS, OF_BATCHES, Kind
from core.models import Batch, Message
from core.states import Status
from core.wake import wake, wake_operations

MOST_FIRST = 1000  # that one transaction lets go
_LET_GO = "let_go"  # in `arguments`: the ids on trial that had not left when it was paused

_SAYS = {
    "loading": "is still being loaded",
    "held": "has not been released",
    "released": "is released",
    "paused": "is paused",
    "cancelled": "is cancelled",
    "finished": "is finished",
}


@needs(Role.OPERATOR)
def release(batch_id: int, *, by: Actor) -> int:
    """Let a batch go that is held or whose first are on trial; returns the operation that follows.

    Raises Refused in any other state.
    """
    with db.writing() as session:
        batch = _found(session, batch_id, {"held"}, "released")
        second_try.leave_reached(session, batch_id, by=by)
        now = db.now(session)
        made = _change(
            session, batch, by, "released", Kind.BATCH_RELEASE, state="released", released_at=now
        )
    _wake(now)
    assert made is not None
    return made


@needs(Role.OPERATOR)
def release_first(batch_id: int, count: int, *, by: Actor) -> int:
    """Let the first go, by time and id, while the rest is held; again: so many more.

    Returns how many there were. Raises Refused when the batch is not held, Invalid for a count
    that is not 1 to 1,000.
    """
    if count not in range(1, MOST_FIRST + 1):
        sentence = f"The first 1 to {MOST_FIRST:,} can be released before the rest."
        raise Invalid(Problem("first", "range", sentence))
    with db.writing() as session:
        batch = _found(session, batch_id, {"held"}, "released")
        second_try.leave_reached(session, batch_id, by=by)
        now, ids = db.now(session), _first(session, batch, count)
        if not ids:
            raise Refused(f"The batch «{batch.name}» has no message left that is held.")
        batch.trial_since = batch.trial_since or now
        _audit(session, by, "first released", batch, first=len(ids))
    _wake(now)
    return len(ids)


def _first(session: Session, batch: Batch, count: int) -> list[int]:
    held = held_rows(batch.id).order_by(None).limit(None).subquery()
    soonest = (
        select(col(Message.id))
        .where(col(Message.id).in_(select(held)))
        .order_by(col(Message.due_at), col(Message.id))
        .limit(max(0, count))
    )
    ids = sorted(session.execute(soonest).scalars())
    return sorted(holding.lift(session, ids, "batch"))


def _let_go(session: Session, batch: Batch) -> list[int]:
    """Those on trial that may still wait; a claim holds what it meets while the batch is paused."""
    waits = and_(col(Message.status) == Status.PENDING, col(Message.hold).is_(None))
    open_ = or_(waits, col(Message.status) == Status.PROCESSING)  # which may come back
    theirs = select(col(Message.id)).where(of_batch(batch.id), open_)
    return list(session.execute(theirs.order_by(col(Message.id))).scalars())


def _let_go_again(session: Session, batch: Batch) -> None:
    """Only those: whoever was cancelled or left meanwhile is not replaced by somebody new."""
    ids: list[int] = (batch.arguments or {}).get(_LET_GO, [])
    for start in range(0, len(ids), MOST_FIRST):
        holding.lift(session, ids[start : start + MOST_FIRST], "batch")


@needs(Role.OPERATOR)
def pause(batch_id: int, *, by: Actor) -> int | None:
    """Let nothing more of a batch leave, from the next tick on; what is being sent still leaves.

    Returns the operation that writes the holds; None for a batch on trial, whose first a claim
    holds when it meets them. Raises Refused when nothing of it is leaving.
    """
    with db.writing() as session:
        batch = _found(session, batch_id, {"released", "held"}, "paused")
        if batch.state == "held" and batch.trial_since is None:
            raise Refused(f"The batch «{batch.name}» has not been released: nothing of it leaves.")
        kind = Kind.BATCH_PAUSE if batch.state == "released" else None
        if kind is None:
            batch.arguments = {**(batch.arguments or {}), _LET_GO: _let_go(session, batch)}
        made = _change(
            session, batch, by, "paused", kind, state="paused", paused_at=db.now(session)
        )
    wake_operations()
    return made


@needs(Role.OPERATOR)
def resume(batch_id: int, *, by: Actor) -> int | None:
    """Put a paused batch back to what it was, released or on trial; None: there is no operation.

    Raises Refused when it is not paused.
    """
    with db.writing() as session:
        batch = _found(session, batch_id, {"paused"}, "resumed")
        second_try.leave_reached(session, batch_id, by=by)
        was = "held" if batch.released_at is None else "released"
        kind = Kind.BATCH_RELEASE if was == "released" else None
        made = _change(session, batch, by, "resumed", kind, state=was, paused_at=None)
        if kind is None:
            _let_go_again(session, batch)
        now = db.now(session)
    _wake(now)
    return made


@needs(Role.OPERATOR)
def cancel(batch_id: int, *, by: Actor) -> int:
    """Cancel all of a batch that has not left; cannot be undone. Returns the operation that does.

    Raises Refused when it is still being loaded, or has ended.
    """
    with db.writing() as session:
        batch = _found(session, batch_id, {"held", "released", "paused"}, "cancelled")
        made = _change(session, batch, by, "cancelled", Kind.BATCH_CANCEL, state="cancelled")
    wake_operations()
    assert made is not None
    return made


@needs(Role.OPERATOR)
def discard(batch_id: int, *, by: Actor) -> None:
    """Take away what was stored of a batch that is not full.

    What its file changed of messages that wait is put back. Raises Refused when it is full.
    """
    with db.writing() as session:
        operations.call_off(session, batch_id, FILLS)  # locked as by who fills it: first
        batch = _found(session, batch_id, {"loading"}, "removed")
        operations.take_away(session, batch.id, by=by)
        _audit(session, by, "removed", batch, before="loading")
    wake_operations()


@needs(Role.OPERATOR)
def load_again(batch_id: int, *, by: Actor) -> int:
    """Go on filling a batch where a fault ended it, or a person a correction's; returns the
    operation. Raises Refused where nothing can go on.
    """
    with db.writing() as session:
        batch = _found(session, batch_id, {"loading"}, "loaded further")
        made = operations.again(session, batch.id)
        if made is None:
            raise Refused(f"The loading of «{batch.name}» has not failed.")
        _audit(session, by, "loading taken up again", batch)
    wake_operations()
    return made


@needs(Role.OPERATOR)
def retry_failed(batch_id: int, *, by: Actor, confirmed: bool = False) -> int:
    """Send again what of a batch failed; returns the operation. `confirmed` as for any retry.

    Raises Refused while it is paused, and when it was cancelled.
    """
    with db.writing() as session:
        batch = _found(session, batch_id, {"held", "released", "finished"}, "sent again")
        choice = Choice(batch_id=batch.id, status=Status.FAILED)
        made = operations.put(
            session, Kind.RETRY, choice, by=by, confirmed=confirmed, batch_id=batch.id
        )
        _audit(session, by, "failed sent again", batch)
    wake_operations()
    return made


def _found(session: Session, batch_id: int, allowed: Collection[str], verb: str) -> Batch:
    """The batch, locked until the commit. Raises Refused where its state does not allow that."""
    db.lock(session, "batch", [batch_id])
    batch = session.get(Batch, batch_id)
    if batch is None:
        raise Refused(f"There is no batch {batch_id}.")
    if batch.state not in allowed:
        told = _SAYS[batch.state]
        raise Refused(f"The batch «{batch.name}» {told}, so it cannot be {verb}.")
    return batch


def _change(
    session: Session, batch: Batch, by: Actor, done: str, kind: Kind | None, **values: Any
) -> int | None:
    operations.call_off(session, batch.id, OF_BATCHES)
    before = batch.state
    for name, value in values.items():
        setattr(batch, name, value)
    session.flush()
    _audit(session, by, done, batch, before=before)
    if kind is None:
        return None
    return operations.put(session, kind, Choice(batch_id=batch.id), by=by, batch_id=batch.id)


def _audit(
    session: Session, by: Actor, done: str, batch: Batch, before: str = "", **facts: Any
) -> None:
    after = {"name": batch.name, "state": batch.state} | facts
    audit.record(
        session,
        by,
        f"batch {done}",
        target=f"batch {batch.id}",
        before={"state": before} if before else None,
        after=after,
    )


def _wake(now: datetime) -> None:
    wake(now)
    wake_operations()

"""Keeping single messages back and letting them go; each change with its event."""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from sqlalchemy import select
from sqlmodel import Session, col

from core import covering, db, messages, operations
from core.access import Actor, Role, needs
from core.choosing import Choice, flag
from core.errors import Refused
from core.kinds import Kind
from core.models import Batch, Message
from core.standing import a, m
from core.states import RELEASABLE, Status
from core.wake import wake


class Held(Protocol):
    """What a hold is judged by; read-only, so that any row with these names will do."""

    @property
    def hold(self) -> str | None: ...
    @property
    def kind(self) -> str: ...


# What keeps a message from leaving, the reason that is told first before the others.
KEEPS = {
    "retired": flag(m.account_id.in_(select(a.id).where(a.state == "retired"))),
    "by_batch": flag(m.batch_id.in_(select(col(Batch.id)).where(col(Batch.state) == "cancelled"))),
    "opted_out": flag(covering.covers_messages()),
}


@needs(Role.OPERATOR)
def hold(message_id: int, *, by: Actor) -> None:
    """Keep a message back until a person releases it. Raises Refused when it no longer waits."""
    with db.writing() as session:
        operations.overrule(session, Kind.HOLD, Choice(ids=(message_id,)), by)
        row = messages.find(session, message_id)
        if row.status != Status.PENDING:
            raise Refused(messages.too_late(row, "held"))
        if not may_hold(row):
            raise Refused(f"Message {row.id} is held already.")
        set_hold(session, [row.id], "person")
        change = {row.id: ({"hold": row.hold}, {"hold": "person"})}
        messages.record(session, "hold", by.name, change, at=db.now(session))


@needs(Role.OPERATOR)
def release(message_id: int, *, by: Actor) -> str | None:
    """Let a message go that a person or its lateness keeps back, however late it is by now; where
    its batch still waits, it leaves with that. Returns what holds it then.

    Raises Refused when it is not held, or by something else (its batch, its template).
    """
    with db.writing() as session:
        row, now = messages.find(session, message_id), db.now(session)
        _check_releasable(row)
        if asked := covering.why_refused(session, message_id):
            raise Refused(asked)
        held = row.hold
        let_go(session, [row.id])
        session.refresh(row, ["hold"])
        change = {row.id: ({"hold": held}, {"hold": row.hold})}
        messages.record(session, "release", by.name, change, at=now)
    wake(max(now, row.due_at))
    return row.hold


def _check_releasable(row: Message) -> None:
    if row.status != Status.PENDING:
        raise Refused(messages.too_late(row, "released"))
    if row.hold is None:
        raise Refused(f"Message {row.id} is not held by itself.")
    if not may_go(row):
        raise Refused(f"Message {row.id} is held by its {row.hold}: look there.")


def hold_in(
    session: Session, ids: Iterable[int], reason: str, actor: str, *, at: datetime
) -> set[int]:
    """Hold those of the messages that wait and are not held yet, at most 1,000; returns which."""
    held = set_hold(session, ids, reason)
    change = {one: ({"hold": None}, {"hold": reason}) for one in sorted(held)}
    messages.record(session, "hold", actor, change, at=at)
    return held


def set_hold(session: Session, ids: Iterable[int], reason: str) -> set[int]:
    """Hold those that wait freely, or for a person also those of a batch; returns which.

    The claim's index leaves out what is held, so that it is in nobody's way. The caller records
    it; at most 1,000 at a time.
    """
    may = MAY_HOLD if reason == "person" else "m.hold IS NULL"
    return _change(session, ids, f"hold = '{reason}'", may)


def let_go(session: Session, ids: Iterable[int]) -> set[int]:
    """Let go those that a person may, which leave however late it is by now; returns which. What a
    person held waits for its batch again, where that is not released, as if nobody had held it.

    The caller records it; at most 1,000 at a time.
    """
    ids = sorted(ids)
    db.lock(session, "message", ids)  # a release of the batch comes to them after this, or has come
    back = _change(session, ids, "hold = 'batch'", _BACK)
    freely = f"hold = NULL, late_policy = {_LET_GO}"
    return back | _change(session, {*ids} - back, freely, MAY_GO, now=db.now(session))


_BACK = (
    "m.hold = 'person' AND m.batch_id IN"
    " (SELECT id FROM batch WHERE state IN ('loading', 'held', 'paused'))"
)
# The person's hold outlasts the release of the batch.
MAY_HOLD = "(m.hold IS NULL OR m.hold = 'batch')"
# One whose time has not come keeps what it was told to do when it is late.
_LET_GO = "CASE WHEN m.hold = 'late' OR m.due_at <= :now THEN 'send' ELSE m.late_policy END"
# A text has no template whose return would free it: who refused it was Meta, and a person decides.
MAY_GO = (
    f"(m.hold IN ({', '.join(repr(one) for one in RELEASABLE)})"
    " OR (m.hold = 'template' AND m.kind = 'text'))"
)


def may_hold(row: Held) -> bool:
    """Whether a person may hold one that waits; the same rule as `MAY_HOLD`, for one row."""
    return row.hold in (None, "batch")


def may_go(row: Held) -> bool:
    """Whether a person may let a held message go; the same rule as `MAY_GO`, for one row."""
    return row.hold in RELEASABLE or (row.hold == "template" and row.kind == "text")


def lift(session: Session, ids: Iterable[int], reason: str) -> set[int]:
    """Let go those that wait because of `reason` alone, when it no longer holds; returns which.

    The caller records it; at most 1,000 at a time.
    """
    return _change(session, ids, "hold = NULL", f"m.hold = '{reason}'")


def _change(
    session: Session, ids: Iterable[int], change: str, where: str, **given: datetime
) -> set[int]:
    """Change those that wait and are as `where` says; returns which. `given`: what both name."""
    rows = [{"message_id": one} for one in sorted(ids)]
    if not rows:
        return set()
    db.lock(session, "message", [row["message_id"] for row in rows])
    may = f"m.status = 'pending' AND {where}"
    changed = session.execute(
        db.sql(
            f"UPDATE message AS m SET {change} FROM {db.rows_sql(session, message_id='bigint')}"
            f" WHERE m.id = v.message_id AND {db.judged(may)} RETURNING id",
            *given,
        ),
        {"rows": db.rows(rows)} | given,
    )
    return set(changed.scalars())

"""Keeping single messages back and letting them go; each change with its event."""

from collections.abc import Iterable
from datetime import datetime

from sqlmodel import Session

from core import db, messages
from core.access import Actor, Role, needs
from core.errors import Refused
from core.models import Message
from core.states import Status
from core.wake import wake

RELEASABLE = ("late", "person")  # what a person may let go; others end with what caused them


@needs(Role.OPERATOR)
def hold(message_id: int, *, by: Actor) -> None:
    """Keep a message back until a person releases it. Raises Refused when it no longer waits."""
    with db.writing() as session:
        row = messages.find(session, message_id)
        if row.status != Status.PENDING:
            raise Refused(messages.too_late(row, "held"))
        if row.hold is not None:
            raise Refused(f"Message {row.id} is held already.")
        hold_in(session, [row.id], "person", by.name, at=db.now(session))


@needs(Role.OPERATOR)
def release(message_id: int, *, by: Actor) -> None:
    """Let a message go that a person or its lateness keeps back, however late it is by now.

    Raises Refused when it is not held, or by something else (its batch, its template).
    """
    with db.writing() as session:
        row, now = messages.find(session, message_id), db.now(session)
        _check_releasable(row)
        session.execute(
            db.sql("UPDATE message SET hold = NULL, late_policy = 'send' WHERE id = :id"),
            {"id": row.id},
        )
        change = {row.id: ({"hold": row.hold}, {"hold": None})}
        messages.record(session, "release", by.name, change, at=now)
    wake(max(now, row.due_at))


def _check_releasable(row: Message) -> None:
    if row.status != Status.PENDING:
        raise Refused(messages.too_late(row, "released"))
    if row.hold is None:
        raise Refused(f"Message {row.id} is not held by itself.")
    if row.hold not in RELEASABLE:
        raise Refused(f"Message {row.id} is held by its {row.hold}: look there.")


def hold_in(
    session: Session, ids: Iterable[int], reason: str, actor: str, *, at: datetime
) -> set[int]:
    """Hold those of the messages that wait and are not held yet, at most 1,000; returns which.

    The claim's index leaves them out from then on, so that they are in nobody's way.
    """
    wanted = sorted(ids)
    if not wanted:
        return set()
    db.lock(session, "message", wanted)
    held = session.execute(
        db.sql(
            "UPDATE message AS m SET hold = :reason"
            f" FROM {db.rows_sql(session, message_id='bigint')}"
            " WHERE m.id = v.message_id AND m.status || '' = 'pending' AND m.hold IS NULL"
            " RETURNING id"
        ),
        {"rows": db.rows([{"message_id": one} for one in wanted]), "reason": reason},
    )
    ids_held = set(held.scalars())
    change = {one: ({"hold": None}, {"hold": reason}) for one in sorted(ids_held)}
    messages.record(session, "hold", actor, change, at=at)
    return ids_held

"""Leaving in peace who asked for it: what is pending for them is cancelled, in chunks.

For one person at once; for many as an operation. Until it has come as far, the claim refuses.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlmodel import Session

from core import db, leasing, messages, operations
from core.access import Actor, Role, needs
from core.choosing import Choice
from core.covering import COVERED
from core.kinds import Kind
from core.leasing import Taken
from core.meta.codes import ErrorClass
from core.states import Cause, Status

ASKED = "They asked not to be contacted."
CHUNK = 1_000
WINDOW = 500  # opt-outs looked at in one transaction

_WAITS = db.judged(f"m.status = 'pending' AND {COVERED}")
_PENDING = (
    "SELECT DISTINCT m.id FROM opt_out o JOIN content c ON c.recipient = o.number"
    " JOIN message m ON m.id = c.message_id LEFT JOIN template t ON t.id = m.template_id"
    f" WHERE o.lifted_at IS NULL AND {_WAITS}"
    " AND {which} ORDER BY m.id LIMIT :most"
)


@needs(Role.OPERATOR)
def cancel_pending(number: str, *, by: Actor) -> int:
    """Cancel what is pending for one number and covered, in chunks; returns how many."""
    count, going = 0, True
    while going:
        with db.writing() as session:
            ids = pending(session, "o.number = :number", number=number)
            moved = leave_in_peace(session, ids, by.name, at=db.now(session))
        count, going = count + len(moved), len(ids) == CHUNK
    return count


def pending(session: Session, which: str, **values: Any) -> list[int]:
    """The next messages that wait and are covered, ascending, at most 1,000."""
    asked = db.sql(_PENDING.format(which=which))
    return list(session.execute(asked, values | {"most": CHUNK}).scalars())


def leave_in_peace(
    session: Session,
    ids: Iterable[int],
    actor: str,
    *,
    at: datetime,
    operation_id: int | None = None,
) -> set[int]:
    """Cancel pending messages of people who asked for it, at most 1,000; returns which."""
    moved = messages.move(
        session,
        [{"message_id": one} for one in sorted(ids)],
        Status.CANCELLED,
        Cause.CANCEL,
        also=f"hold = NULL, error_class = '{ErrorClass.OPTED_OUT}', error_code = NULL,"
        f" error_text = '{ASKED}'",
    )
    change = {one: ({"status": "pending"}, {"status": "cancelled"}) for one in sorted(moved)}
    messages.record(session, "opted out", actor, change, at=at, operation_id=operation_id)
    return moved


@needs(Role.OPERATOR)
def leave_all(*, by: Actor, here: bool = False) -> int:
    """Have cancelled what is pending for anybody on the list; returns the operation."""
    return operations.create(Kind.LEAVE, Choice(), by=by, here=here)


def chunks(mine: Taken) -> Iterator[Taken]:
    """One transaction after another, until all that is pending and covered is cancelled."""
    return leasing.in_chunks(mine, _chunk)


def _chunk(mine: Taken) -> tuple[Taken, bool]:
    """Cancel at most 1,000 messages of the next opt-outs; whether there is more to do for us.

    What was cancelled is found no more, so that a full chunk looks at the same opt-outs again.
    """
    with db.writing() as session:
        held = leasing.renew(session, mine)
        if held is None:
            return mine, False
        end = held.after + WINDOW
        ids = pending(session, "o.id > :after AND o.id <= :end", after=held.after, end=end)
        moved = leave_in_peace(session, ids, held.by, at=db.now(session), operation_id=held.id)
        lost = Counter(changed=len(ids) - len(moved)) if len(moved) < len(ids) else Counter()
        full = len(ids) == CHUNK
        last = session.execute(db.sql("SELECT coalesce(max(id), 0) FROM opt_out")).scalar_one()
        mine = replace(
            held,
            after=held.after if full else end,
            done=held.done + len(moved),
            why=dict(Counter(held.why) + lost),
        )
        leasing.progress(session, mine, ended=not full and end >= last)
    return mine, full or end < last

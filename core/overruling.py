"""A stop that is asked for while something that sends is under way over the same messages.

It wins, whoever asked for either: what was not sent can still be, and nothing is called back.
"""

from collections.abc import Collection
from typing import Any
from urllib.parse import parse_qs

from sqlalchemy import select
from sqlmodel import Session, col

from core import audit, choosing, db
from core.access import Actor
from core.choosing import Choice
from core.filtering import Filter
from core.models import Account, Operation
from core.states import Status

SPARES = "spares"  # in its `arguments`: the messages that it has to leave as they are


def overrule(
    session: Session, under_way: Collection[int], choice: Choice, *, by: Actor
) -> list[int]:
    """Keep these operations from the messages of a stop, for what they have not come to yet.

    Of messages named one by one, or of one person's, they leave these; of all that match they are
    called off, unless both can have none in common. Returns those that were called off.
    """
    db.lock(session, "operation", under_way)
    asked = select(Operation).where(
        col(Operation.id).in_(under_way), col(Operation.finished_at).is_(None)
    )
    found = session.execute(asked.execution_options(populate_existing=True)).scalars().all()
    if (named := _named(session, choice)) is not None:
        for one in found:
            spared = sorted({*one.arguments.get(SPARES, ()), *named})
            one.arguments = one.arguments | {SPARES: spared}
        return []
    scope = _scope(session, choice)
    beaten = [one for one in found if not _apart(scope, _scope(session, Choice.read(one.filter)))]
    for one in beaten:
        one.state, one.finished_at = "cancelled", db.now(session)
        audit.record(session, by, "bulk action cancelled", target=f"operation {one.id}")
    return [one.id for one in beaten]


def _named(session: Session, choice: Choice) -> Collection[int] | None:
    if choice.ids is not None:
        return choice.ids if choice.query is None else None
    if choice.recipient is None:
        return None
    until = choosing.last_id(session)
    ids, more = choosing.chunk(session, choice, tuple(Status), after=0, until=until)
    return ids if more is None else None


def _scope(session: Session, choice: Choice) -> tuple[Any, ...]:
    """What no message leaves while operations are at it; None: any."""
    if choice.operation_id is not None:
        choice = Choice.read(session.get_one(Operation, choice.operation_id).filter)
    asked = Filter.read(parse_qs(choice.query or ""))
    by_name = select(col(Account.id)).where(col(Account.name) == asked.account)
    named = session.execute(by_name).scalar() if asked.account else None
    return (
        choice.account_id or named,
        choice.batch_id or asked.batch,
        choice.template_id or asked.template,
    )


def _apart(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    return any(a and b and a != b for a, b in zip(one, other, strict=True))

"""Resuming an account by a person who decides what becomes of the overdue."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select
from sqlmodel import col

from core import accounts, db, holding
from core.access import Actor, Role, needs
from core.errors import Invalid, Problem, Refused
from core.listing import capped
from core.models import Message
from core.schedule import span
from core.states import Status

CHUNK = 1000


def overdue(name: str, *, longer_than: timedelta = timedelta()) -> int:
    """How many messages of an account are due for longer than that; stops at `listing.CAP` + 1.

    Raises Refused for an unknown name.
    """
    with db.reading() as session:
        account, before = accounts.named(session, name), db.now(session) - longer_than
        return capped(session, *_due_before(account.id, before))


@needs(Role.OPERATOR)
def resume(name: str, *, only_last: timedelta | None, by: Actor) -> int:
    """Send again all that is overdue (None), or only what came due within that time; returns how
    many older ones are held for a person instead. `timedelta()` holds all that is overdue.

    Beats every late policy. The account stays paused until the holds are written. Raises Refused
    when it is not paused, Invalid for a negative time.
    """
    if only_last is None:
        accounts.resume(name, by=by, decision={"overdue": "sent"})
        return 0
    if only_last < timedelta():
        raise Invalid(Problem("only_last", "negative", "That time lies ahead."))
    with db.reading() as session:
        account, before = accounts.named(session, name), db.now(session) - only_last
    if account.state != "paused":
        raise Refused(f"The account «{account.name}» is {account.state}, not paused.")
    held = 0
    while some := _hold_some(account.id, before, by):
        held += some
    decision = {"overdue": f"held beyond the last {span(only_last)}", "held": held}
    accounts.resume(name, by=by, decision=decision)
    return held


def _hold_some(account_id: int, before: datetime, by: Actor) -> int:
    with db.writing() as session:
        some = select(col(Message.id)).where(*_due_before(account_id, before)).limit(CHUNK)
        ids = session.execute(some).scalars().all()
        return len(holding.hold_in(session, ids, "late", by.name, at=db.now(session)))


def _due_before(account_id: int, before: datetime) -> tuple[ColumnElement[bool], ...]:
    """In the words of the claim's index, so that it serves."""
    return (
        col(Message.account_id) == account_id,
        col(Message.priority).in_((0, 1, 2)),
        col(Message.due_at) < before,
        col(Message.status) == Status.PENDING,
        col(Message.hold).is_(None),
    )

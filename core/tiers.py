"""How much of Meta's daily limit is used: people written to in 24 hours, of those allowed.

Counted by the database, as core/outlook.py foresees it: over all numbers of a portfolio, without
those whom we answered within 24 hours of their writing.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import exists, func, select
from sqlmodel import Session, col

from core import db, outlook
from core.models import Account, Message, Recipient
from core.states import Status


class Used(NamedTuple):
    """How many people were written to in 24 hours, and how many may be."""

    people: int
    limit: int


def used() -> dict[int, Used]:
    """By account, of those with a limit that Meta has told; the others are not there."""
    with db.reading() as session:
        now = db.now(session)
        here = session.execute(select(col(Account.id)).where(col(Account.state) != "retired"))
        return {
            one.id: found
            for limit, accounts in outlook.portfolios(session, here.scalars().all())
            for found in [Used(_people(session, [one.id for one in accounts], now), limit)]
            for one in accounts
        }


def _people(session: Session, ids: Sequence[int], now: datetime) -> int:
    """By `due_at`, which has an index: what is older than two days and left only now is not
    looked for."""
    answered = exists().where(
        col(Recipient.account_id) == col(Message.account_id),
        col(Recipient.number) == col(Message.recipient),
        col(Recipient.last_inbound_at) > now - outlook.DAY,
        col(Recipient.last_inbound_at) <= col(Message.sent_at),
    )
    counted = select(func.count(func.distinct(col(Message.recipient)))).where(
        col(Message.status) == Status.SENT,
        col(Message.due_at) > now - 2 * outlook.DAY,
        col(Message.due_at) <= now,
        col(Message.sent_at) > now - outlook.DAY,
        col(Message.account_id).in_(ids),
        ~answered,
    )
    return int(session.execute(counted).scalar_one())

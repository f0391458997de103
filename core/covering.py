"""Whom an opt-out covers: asked when a message is scheduled, changed, retried or released.

The claim asks the same by SQL of its own (`core/sending/barring.py`); what stands here may come too
late by a moment, the claim may not.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, or_, select
from sqlmodel import Session, col

from core import db, models
from core.models import Account, OptOut, Template
from core.optout_file import BY_PERSON, EVERYTHING, MARKETING
from core.quoting import quoted
from core.schedule import clock
from core.standing import m

MARKETING_CATEGORY = "MARKETING"  # as Meta names it

o = models.OptOut.metadata.tables["opt_out"].c

# What of a message's account and kind is covered by an opt-out `o`; of messages `m` with their
# template `t`.
COVERED = (
    "(o.account_id IS NULL OR o.account_id = m.account_id) AND (o.scope = 'everything'"
    f" OR (m.kind = 'template' AND t.category = '{MARKETING_CATEGORY}'))"
)


def covering(session: Session, account_id: int, number: str, *, marketing: bool) -> OptOut | None:
    """The opt-out in force that covers what this account would send; the widest, then the first."""
    return covering_of(session, account_id, [number], marketing=marketing).get(number)


def covering_of(
    session: Session, account_id: int, numbers: Collection[str], *, marketing: bool
) -> dict[str, OptOut]:
    """As `covering`, for many numbers at once: those that are covered."""
    asked = db.sql(
        f"SELECT o.id FROM {db.rows_sql(session, number='text')} JOIN opt_out o"
        " ON o.number = v.number WHERE o.lifted_at IS NULL"
        " AND (o.account_id IS NULL OR o.account_id = :account)"
    )
    rows = db.rows([{"number": one} for one in sorted(set(numbers))])
    ids = list(session.execute(asked, {"rows": rows, "account": account_id}).scalars())
    found: dict[str, OptOut] = {}
    for one in _rows(session, ids):
        if one.scope == EVERYTHING or marketing:
            found.setdefault(one.number, one)
    return found


def _rows(session: Session, ids: list[int]) -> Iterable[OptOut]:
    for start in range(0, len(ids), 1000):
        few = select(OptOut).where(col(OptOut.id).in_(ids[start : start + 1000]))
        yield from session.execute(few.order_by(col(OptOut.scope), col(OptOut.id))).scalars()


def covers_messages(*, account_id: Any = m.account_id) -> ColumnElement[bool]:
    """A condition on messages, with a template or without, as `covers_message`."""
    marketing = select(col(Template.id)).where(col(Template.category) == MARKETING_CATEGORY)
    of_marketing = m.template_id.in_(marketing)
    return or_(
        covers_message(marketing=False, account_id=account_id),
        and_(of_marketing, covers_message(marketing=True, account_id=account_id)),
    )


def covers_message(*, marketing: bool, account_id: Any = m.account_id) -> ColumnElement[bool]:
    """A condition on messages: whether an opt-out covers what their account, or another, would send
    them now."""
    own = or_(o.account_id.is_(None), o.account_id == account_id)
    scope = o.scope.in_((EVERYTHING, MARKETING) if marketing else (EVERYTHING,))
    theirs = and_(o.number == m.recipient, o.lifted_at.is_(None), own, scope)
    return select(o.id).where(theirs).exists()


def of_messages(session: Session, ids: Iterable[int]) -> dict[int, int]:
    """Which of these messages are covered now: id → the opt-out that covers it. Also ended ones."""
    rows = [{"message_id": one} for one in sorted(ids)]
    if not rows:
        return {}
    found = session.execute(
        db.sql(
            f"SELECT m.id, min(o.id) AS opt_out FROM {db.rows_sql(session, message_id='bigint')}"
            " JOIN message m ON m.id = v.message_id JOIN opt_out o ON o.number = m.recipient"
            " LEFT JOIN template t ON t.id = m.template_id"
            f" WHERE o.lifted_at IS NULL AND {COVERED} GROUP BY m.id"
        ),
        {"rows": db.rows(rows)},
    )
    return {row.id: row.opt_out for row in found}


def at_the_time(session: Session, message_id: int, at: datetime) -> OptOut | None:
    """The opt-out that covered a message at that instant, lifted since or not."""
    message = session.get(models.Message, message_id)
    if message is None:
        return None
    then = (
        select(OptOut)
        .where(
            col(OptOut.number) == message.recipient,
            col(OptOut.created_at) <= at,
            or_(col(OptOut.lifted_at).is_(None), col(OptOut.lifted_at) > at),
            or_(col(OptOut.account_id).is_(None), col(OptOut.account_id) == message.account_id),
        )
        .order_by(col(OptOut.scope), col(OptOut.id))
    )
    found: OptOut | None = session.execute(then).scalars().first()
    return found


def why_refused(session: Session, message_id: int) -> str | None:
    """The sentence for a message that may not wait again because of an opt-out; None: it may."""
    covered = of_messages(session, [message_id])
    if message_id not in covered:
        return None
    return refusal(session, session.get_one(OptOut, covered[message_id]), zone="UTC")


def refusal(session: Session, one: OptOut, *, zone: str) -> str:
    """Why somebody is not written to, and what would change that."""
    told = told_of(one, names(session), zone=zone, now=db.now(session))
    return f"They asked not to be contacted: {told}. Lift it on the page People to write to them."


def names(session: Session) -> dict[int, str]:
    """The name of each account."""
    return {row.id: row.name for row in session.execute(select(col(Account.id), col(Account.name)))}


def told_of(one: OptOut, accounts: Mapping[int, str], *, zone: str, now: datetime) -> str:
    """«since 3 Nov 09:12, by ana (letter, «phoned us»), covers everything from every number»."""
    since = clock(one.created_at, _known(zone), now)
    why = [one.source] if one.source != BY_PERSON else []
    why += [quoted(one.reason)] if one.reason else []
    because = f" ({', '.join(why)})" if why else ""
    return f"since {since}, by {one.created_by}{because}, covers {covers(one, accounts)}"


def _known(zone: str) -> str:
    """The zone; UTC where there is none of that name, which is told where it was typed."""
    try:
        ZoneInfo(zone)
    except (ValueError, KeyError, OSError):
        return "UTC"
    return zone


def covers(one: OptOut, accounts: Mapping[int, str]) -> str:
    """«everything from every number», «marketing from «Orders»»."""
    where = f"from «{accounts.get(one.account_id, '?')}»" if one.account_id else "from every number"
    return f"{one.scope} {where}"

"""When a person was last here, and what happened since.

Being here is opening or using a page; one that only stays open on a second screen does not count.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case, func, or_, select, update
from sqlmodel import Session, col

from core import db, listing, page_clock, trends
from core.access import Actor, Role, needs
from core.models import AuditEvent, QueueSample, User
from core.standing import Standing, m, where

AWAY = timedelta(minutes=30)  # without a page, until somebody counts as gone
NOTED = timedelta(minutes=1)
MOST_EVENTS = 50


@dataclass(frozen=True)
class Since:
    """What happened after `left_at`; of failures those whose time came since, up to the cap."""

    left_at: datetime
    sent: int
    failed: int
    unconfirmed: int
    events: list[AuditEvent]


@needs(Role.VIEWER)
def come(*, by: Actor) -> None:
    """Note that they use a page; at most once a minute."""
    here, mine = col(User.here_at), col(User.name) == by.name
    now = page_clock.now()
    with db.reading() as session:
        known = session.execute(select(here).where(mine)).first()
    if known is None or (known.here_at and now - known.here_at < NOTED):
        return
    with db.writing() as session:
        left = case((here < now - AWAY, here), else_=col(User.left_at))
        seen = or_(here.is_(None), here <= now - NOTED)
        session.execute(update(User).where(mine, seen).values(left_at=left, here_at=now))


def left(person: Actor) -> datetime | None:
    """When their last visit ended; None while they have had only one."""
    with db.reading() as session:
        asked = select(col(User.left_at)).where(col(User.name) == person.name)
        found: datetime | None = session.execute(asked).scalar()
        return found


def since(left_at: datetime, *, actions: Collection[str], but: str) -> Since:
    """What happened; of the `actions` the latest by others than `but`, oldest first."""
    with db.reading() as session:
        now = db.now(session)
        done = (col(AuditEvent.at) > left_at, col(AuditEvent.action).in_(actions))
        others = select(AuditEvent).where(*done, col(AuditEvent.actor) != but)
        latest = others.order_by(col(AuditEvent.at).desc()).limit(MOST_EVENTS)
        events = list(session.execute(latest).scalars())
        lately = (m.due_at > left_at, m.deleted_at.is_(None))
        return Since(
            left_at,
            _sent(session, left_at, now),
            listing.capped(session, where(Standing.FAILED, now), *lately),
            listing.capped(session, where(Standing.UNCONFIRMED, now), *lately),
            events[::-1],
        )


def _sent(session: Session, since: datetime, now: datetime) -> int:
    """By the samples: long steps first, shorter ones for what these do not reach yet."""
    enough = [one.step for one in trends.RANGES.values() if one.length >= now - since]
    longest, total = min(enough, default=trends.STEPS[-1]), 0
    for step in sorted((one for one in trends.STEPS if one <= longest), reverse=True):
        mine = (col(QueueSample.step) == step, col(QueueSample.at) > since)
        asked = select(func.sum(col(QueueSample.sent)), func.max(col(QueueSample.at))).where(*mine)
        sent, last = session.execute(asked).one()
        total, since = total + (sent or 0), last or since
    return total

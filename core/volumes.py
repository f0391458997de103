"""How many messages are usual on this weekday, by account and label, and how many there are.

Kept by core/day_counts.py. A day is one of the account's own zone.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from statistics import median
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlmodel import Session, col

from core import db
from core.models import Account, DayVolume

WEEKS = 4
LEAST_DAYS = 2  # of the last weekdays, to call anything usual
LEAST = 20  # messages; of fewer none are missed
EARLY = timedelta(hours=1)  # before the first usually leaves, today's should be there


@dataclass(frozen=True)
class Volume:
    """Today's messages of an account with one label ('': none) against the usual number."""

    account: str
    label: str
    today: int
    normal: int
    missing: bool  # less than half of it, and soon the first would usually leave

    @property
    def name(self) -> str:
        return self.label or self.account


def begins(day: date, zone: str) -> datetime:
    """When a day of a zone begins."""
    return datetime.combine(day, time(), ZoneInfo(zone))


def today(now: datetime, zone: str) -> date:
    return now.astimezone(ZoneInfo(zone)).date()


def weekdays(day: date) -> list[date]:
    """The last of the same weekday, the newest first."""
    return [day - timedelta(weeks=n) for n in range(1, WEEKS + 1)]


def expected() -> list[Volume]:
    """What is usual today and what there is, the largest first; nothing before two such weekdays
    were counted."""
    with db.reading() as session:
        now = db.now(session)
        active = select(Account).where(col(Account.state) != "retired")
        found = [
            one
            for account in session.execute(active.order_by(col(Account.name))).scalars()
            for one in _of(session, account, now)
        ]
    return sorted(found, key=lambda one: (not one.missing, -one.normal, one.name))


def _of(session: Session, account: Account, now: datetime) -> Iterable[Volume]:
    day = today(now, account.zone)
    days = [day, *weekdays(day)]
    mine = select(DayVolume).where(
        col(DayVolume.account_id) == account.id,
        col(DayVolume.day).in_([one.isoformat() for one in days]),
    )
    rows = {(one.day, one.label): one for one in session.execute(mine).scalars()}
    counted = [one for one in days[1:] if (one.isoformat(), "") in rows]
    if len(counted) < LEAST_DAYS or (day.isoformat(), "") not in rows:
        return
    for label in sorted({label for _, label in rows}):
        usual = [rows.get((one.isoformat(), label)) for one in counted]
        there = rows.get((day.isoformat(), label))
        is_, normal = there.messages if there else 0, _median(usual)
        if is_ or normal:
            soon = now >= begins(day, account.zone) + _first(usual, account.zone) - EARLY
            missing = normal >= LEAST and 2 * is_ < normal and soon
            yield Volume(account.name, label, is_, normal, missing)


def _median(rows: Iterable[DayVolume | None]) -> int:
    return round(median(one.messages if one else 0 for one in rows))


def _first(rows: Iterable[DayVolume | None], zone: str) -> timedelta:
    """How long after its day began the first usually leaves."""
    first = [
        (one.first_at - begins(date.fromisoformat(one.day), zone)).total_seconds()
        for one in rows
        if one and one.first_at
    ]
    return timedelta(seconds=median(first)) if first else timedelta()

"""What became of all that a filter finds: how many were sent, read, failed, and why."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, select

from core import db
from core.filtering import Filter
from core.listing import ENDED
from core.standing import Standing, m, standing
from core.states import Status

TOTALLED = 100_000  # messages of each status, the latest; what it costs is bounded


@dataclass(frozen=True)
class _Ended:
    """What tells where a message stands that has ended."""

    status: str
    delivery: str | None
    error_class: str | None
    due_at: datetime
    hold: str | None = None
    retry_count: int = 0
    worker_id: int | None = None
    account_state: str = "active"


@dataclass(frozen=True)
class Totals:
    """What has ended, by its standing, and the failures by class; `capped`: of the latest alone."""

    standings: Mapping[Standing, int]
    failures: Mapping[str, int]
    capped: bool


def totals(wanted: Filter, *, now: datetime) -> Totals:
    """Count what has ended of all that match, at most the latest `TOTALLED` of each status."""
    standings, failures = Counter[Standing](), Counter[str]()
    capped = False
    with db.reading() as session:
        wanted = wanted.narrowed(session, now)
        for status in (one for one in ENDED if one in wanted.statuses()):
            matching = and_(wanted.standing_of(status, now), wanted.conditions(session, now))
            latest = (m.due_at.desc(), m.id.desc())
            every = select(m.delivery, m.error_class).where(matching).order_by(*latest)
            few = every.limit(TOTALLED).subquery()
            kinds = (few.c.delivery, few.c.error_class)
            counted = session.execute(select(*kinds, func.count()).group_by(*kinds)).all()
            for delivery, error_class, number in counted:
                standings[standing(_Ended(status, delivery, error_class, now), now)] += number
                if status is Status.FAILED:
                    failures[error_class or "permanent"] += number
            capped = capped or sum(number for *_, number in counted) == TOTALLED
    return Totals(standings, dict(failures.most_common()), capped)

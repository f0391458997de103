"""How the queue was: the samples that core/sampling.py kept, over the ranges that pages draw."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session, col

from core import db
from core.batch_reports import Failed
from core.listing import CAP
from core.models import Account, QueueSample
from core.standing import m
from core.states import Status


@dataclass(frozen=True)
class Range:
    """How far back, by samples of how many seconds, and how far ahead a forecast of it goes."""

    length: timedelta
    step: int
    ahead: timedelta


RANGES = {
    "1 h": Range(timedelta(hours=1), 60, timedelta(minutes=20)),
    "24 h": Range(timedelta(hours=24), 300, timedelta(hours=8)),
    "7 d": Range(timedelta(days=7), 1_800, timedelta(days=2)),
    "30 d": Range(timedelta(days=30), 7_200, timedelta(days=10)),
}
STEPS = tuple(one.step for one in RANGES.values())


@dataclass(frozen=True)
class Sample:
    """One account in the seconds before `at`: what waited, what left, how late (seconds)."""

    at: datetime
    account_id: int
    account: str
    reasons: Mapping[str, int]
    standings: Mapping[str, int]
    oldest: float | None
    sent: int
    p50: float | None
    p95: float | None
    rate: float | None


def trend(over: Range) -> list[Sample]:
    """What a range draws, oldest first; up to the last step that has ended."""
    with db.reading() as session:
        return read(session, over.step, since=db.now(session) - over.length)


def failures(over: Range) -> list[Failed]:
    """Why messages failed whose time lay in the range, the most frequent reason first.

    Of more than `CAP` the newest are read.
    """
    with db.reading() as session:
        mine = (m.status == Status.FAILED.value, m.due_at > db.now(session) - over.length)
        newest = (
            select(m.error_class, m.error_code, m.error_text)
            .where(*mine, m.deleted_at.is_(None))
            .order_by(m.due_at.desc())
            .limit(CAP)
            .subquery()
            .c
        )
        reason = (newest.error_class, newest.error_code)
        number = func.count().label("count")
        text = func.max(newest.error_text).label("error_text")
        asked = select(*reason, text, number).group_by(*reason).order_by(number.desc())
        return [Failed(**row._mapping) for row in session.execute(asked)]


def read(session: Session, step: int, *, since: datetime) -> list[Sample]:
    """The samples of one step that end after `since`, oldest first."""
    own = (f.name for f in fields(Sample) if f.name != "account")
    columns = {name: getattr(QueueSample, name) for name in own} | {"account": Account.name}
    found = (
        select(*(columns[f.name] for f in fields(Sample)))
        .join(Account, col(Account.id) == col(QueueSample.account_id))
        .where(col(QueueSample.step) == step, col(QueueSample.at) > since)
        .order_by(col(QueueSample.at), col(QueueSample.account_id))
    )
    return [Sample(*row) for row in session.execute(found)]


def merged(samples: Iterable[Sample], at: datetime) -> list[Sample]:
    """One sample for each account out of those of a longer step, which ends `at`.

    What waited is that of the fullest moment, the same for all accounts; of the lag the worst, and
    the middle as those that left weigh it.
    """
    by_time: dict[datetime, list[Sample]] = {}
    by_account: dict[int, list[Sample]] = {}
    for one in samples:
        by_time.setdefault(one.at, []).append(one)
        by_account.setdefault(one.account_id, []).append(one)
    fullest = max(by_time.values(), key=_waiting) if by_time else []
    there = {one.account_id: one for one in fullest}
    return [_merged(theirs, there.get(each), at) for each, theirs in by_account.items()]


def _waiting(samples: Iterable[Sample]) -> int:
    return sum(sum(one.standings.values()) for one in samples)


def _merged(samples: list[Sample], fullest: Sample | None, at: datetime) -> Sample:
    last = samples[-1]
    weighed = [(one.p50, one.sent) for one in samples if one.p50 is not None and one.sent]
    sent = sum(n for _, n in weighed)
    changed: dict[str, Any] = {
        "at": at,
        "reasons": fullest.reasons if fullest else {},
        "standings": fullest.standings if fullest else {},
        "oldest": max((one.oldest for one in samples if one.oldest is not None), default=None),
        "sent": sum(one.sent for one in samples),
        "p50": sum(p50 * n for p50, n in weighed) / sent if sent else None,
        "p95": max((one.p95 for one in samples if one.p95 is not None), default=None),
    }
    return Sample(**({f.name: getattr(last, f.name) for f in fields(Sample)} | changed))

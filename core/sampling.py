"""Samples of the queue: one a minute over all workers, and longer steps made of the shorter.

They are what the overview draws. Each step is kept a little longer than the range that draws it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from typing import Any

from sqlalchemy import delete, func, select
from sqlmodel import Session, col

from core import db, reports, trends
from core.depth import Depth, depth_in
from core.models import QueueSample
from core.standing import Standing, m
from core.states import Status
from core.trends import RANGES, STEPS, Sample

MINUTE = STEPS[0]
MOST = 1_000_000  # that are counted of what waits on an account; beyond, it is «that many»
SPARE = timedelta(hours=3)  # that a sample outlives its range: longer steps are made of it
SETTLED = timedelta(seconds=10)  # after a post its answer is written, or nearly always
TIMED = 5_000  # messages of a minute whose lag is looked up; of more every second, third …

_COLUMNS = {
    "step": "integer",
    "at": "timestamptz",
    "account_id": "bigint",
    "reasons": "jsonb",
    "standings": "jsonb",
    "oldest": "float8",
    "sent": "integer",
    "p50": "float8",
    "p95": "float8",
    "rate": "float8",
}


def take() -> bool:
    """Sample the minute that has begun; False where another worker has done it already."""
    with db.reading() as session:
        at = _ended(db.now(session), MINUTE)
        if _there(session, at):
            return False
        samples = _sample(session, at)
    with db.writing() as session:
        _forget_what_is_to_come(session)
        taken = _keep(session, MINUTE, samples)
        for short, long in pairwise(STEPS):
            _lengthen(session, short, long, at)
        _thin(session, at)
    return taken


def _ended(now: datetime, step: int) -> datetime:
    """When the last whole step before `now` ended."""
    seconds = int(now.timestamp())
    return datetime.fromtimestamp(seconds - seconds % step, UTC)


def _there(session: Session, at: datetime) -> bool:
    mine = (col(QueueSample.step) == MINUTE, col(QueueSample.at) == at)
    return session.execute(select(col(QueueSample.at)).where(*mine).limit(1)).first() is not None


def _sample(session: Session, at: datetime) -> list[Sample]:
    queue = depth_in(session, cap=MOST)
    flights, left = _flights(session), _left(session, at)
    return [_one(one, flights, left.get(one.number.id, []), at) for one in queue.accounts]


def _one(
    depth: Depth, flights: dict[int, dict[str, int]], left: Sequence[float | None], at: datetime
) -> Sample:
    going = flights.get(depth.number.id, {})
    lags = sorted(lag for lag in left if lag is not None)
    first = depth.oldest_due_at if depth.due and depth.number.state == "active" else None
    reasons = {str(each): n for each, n in depth.counts.items()}
    standings = {str(each): n for each, n in depth.standings.items()}
    return Sample(
        at=at,
        account_id=depth.number.id,
        account=depth.number.name,
        reasons=reasons | going,
        standings=standings | going,
        oldest=max(0.0, (at - first).total_seconds()) if first else None,
        sent=len(left),
        p50=lags[len(lags) // 2] if lags else None,
        p95=lags[int(0.95 * (len(lags) - 1))] if lags else None,
        rate=depth.number.rate,
    )


def _flights(session: Session) -> dict[int, dict[str, int]]:
    """What each account has under way: being sent, and awaiting WhatsApp's word."""
    found: dict[int, dict[str, int]] = {}
    going = m.worker_id.is_not(None).label("going")
    counted = select(m.account_id, going, func.count().label("n"))
    under_way = counted.where(m.status == Status.PROCESSING.value).group_by(m.account_id, going)
    for row in session.execute(under_way):
        what = Standing.SENDING if row.going else Standing.CHECKING
        found.setdefault(row.account_id, {})[what] = row.n
    return found


def _left(session: Session, at: datetime) -> dict[int, list[float | None]]:
    """Of each account the lag in seconds of what left in the minute that was settled by `at`.

    None where it is not looked up, or where it left before its time: somebody moved that.
    """
    until = at - SETTLED
    since = until - timedelta(seconds=MINUTE)
    first = reports.first_attempt_since(session, since - timedelta(minutes=1))
    window = {"first": first, "since": since, "until": until}
    within = (
        "a.id >= :first AND a.outcome = 'accepted'"
        " AND a.posted_at >= :since AND a.posted_at < :until"
    )
    counted = db.sql(f"SELECT count(*) FROM attempt a WHERE {within}", "since", "until")
    every = int(session.execute(counted, window).scalar_one()) // TIMED + 1
    instants: dict[str, Any] = {name: db.UtcDateTime() for name in ("posted_at", "due_at")}
    asked = db.sql(
        "SELECT a.account_id, a.posted_at, m.due_at FROM attempt a LEFT JOIN message m"
        f" ON a.id % :every = 0 AND m.id = a.message_id WHERE {within}",
        "since",
        "until",
    ).columns(**instants)
    found: dict[int, list[float | None]] = {}
    for row in session.execute(asked, window | {"every": every}):
        known = row.due_at is not None and row.posted_at >= row.due_at
        lag = (row.posted_at - row.due_at).total_seconds() if known else None
        found.setdefault(row.account_id, []).append(lag)
    return found


def _keep(session: Session, step: int, samples: Sequence[Sample]) -> bool:
    """Store them, but for those that somebody else has stored; whether any was."""
    if not samples:
        return False
    names = ", ".join(_COLUMNS)
    rows = [
        {"step": step} | {name: getattr(one, name) for name in _COLUMNS if name != "step"}
        for one in samples
    ]
    stored = session.execute(
        db.sql(
            f"INSERT INTO queue_sample ({names}) SELECT {names}"
            f" FROM {db.rows_sql(session, **_COLUMNS)} WHERE true ON CONFLICT DO NOTHING"
            " RETURNING account_id"
        ),
        {"rows": db.rows(rows)},
    )
    return stored.first() is not None


def _lengthen(session: Session, short: int, long: int, at: datetime) -> None:
    """Make the longer samples of all steps that have ended since the last one."""
    last = select(func.max(col(QueueSample.at))).where(col(QueueSample.step) == long)
    since = session.execute(last).scalar() or datetime.fromtimestamp(0, UTC)
    end = _ended(at, long)
    if since >= end:
        return
    new = [one for one in trends.read(session, short, since=since) if one.at <= end]
    # A step ends with the sample that bears its end.
    for until, theirs in groupby(new, key=lambda one: _end_of(one.at, long)):
        _keep(session, long, trends.merged(theirs, until))


def _end_of(at: datetime, step: int) -> datetime:
    ended = _ended(at, step)
    return ended if ended == at else ended + timedelta(seconds=step)


def _forget_what_is_to_come(session: Session) -> None:
    """What a clock that was ahead has left: it would be drawn, and longer steps would end with it
    until that time has come."""
    ahead = col(QueueSample.at) > db.now(session)
    session.execute(delete(QueueSample).where(ahead))


def _thin(session: Session, at: datetime) -> None:
    for one in RANGES.values():
        old = (col(QueueSample.step) == one.step, col(QueueSample.at) < at - one.length - SPARE)
        session.execute(delete(QueueSample).where(*old))

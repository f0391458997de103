"""What comes due and when it will have left: the queue ahead, for the overview to draw.

A forecast in the large, as core/batch_forecast.py makes it of one batch: what is due in the same
stretch leaves evenly at the account's rate, nothing fails, and nobody intervenes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any

from sqlmodel import Session

from core import db, depth
from core.batch_forecast import Point
from core.blocking import Engine, Number, Reason

DAY = timedelta(hours=24)
# How a stretch of due times is cut: its length, and so many signs of the time as SQLite stores it.
CUTS = {timedelta(hours=1): (timedelta(minutes=1), 16), DAY: (timedelta(minutes=10), 15)}
LONGEST = (timedelta(hours=1), 13)
MOST = 1_000_000  # of an account, of what waits


@dataclass(frozen=True)
class Coming:
    """`dues`: of each active account how many fall due from each time on; what is due, at once.

    `ahead`: how many still wait then, of all that waits now; None: more wait than are counted.
    """

    at: datetime
    every: timedelta
    dues: Mapping[int, Mapping[datetime, int]]
    ahead: list[Point] | None


def coming(length: timedelta) -> Coming:
    """What falls due within `length` from now, and how the queue empties meanwhile."""
    every, signs = next((cut for most, cut in CUTS.items() if length <= most), LONGEST)
    with db.reading() as session:
        queue = depth.depth_in(session, cap=MOST)
        now = queue.engine.now
        dues = _dues(session, queue.engine, now + length, every, signs)
    waiting = sum(one.waiting for one in queue.accounts)
    capped = any(one.waiting > MOST for one in queue.accounts)
    left = _left(queue.engine, dues, length, every)
    ahead = [Point(now, waiting), *(Point(at, waiting - gone) for at, gone in left)]
    return Coming(now, every, dues, None if capped else ahead)


def _dues(
    session: Session, engine: Engine, until: datetime, every: timedelta, signs: int
) -> dict[int, dict[datetime, int]]:
    ids = [one.id for one in engine.numbers.values() if one.state == "active"]
    if db.on_postgres(session):
        minutes = int(every.total_seconds() // 60)
        origin = "TIMESTAMPTZ '2000-01-01 00:00:00+00'"
        cut, hint = f"date_bin('{minutes} minutes', greatest(due_at, :now), {origin})", ""
    else:
        cut, hint = f"substr(max(due_at, :now), 1, {signs})", "INDEXED BY ix_message_claim"
    asked = (
        f"SELECT account_id, {cut} AS cut, count(*) AS n FROM message {hint}"
        f" WHERE account_id IN ({', '.join(map(str, ids)) or 'NULL'}) AND priority IN (0, 1, 2)"
        " AND status = 'pending' AND hold IS NULL AND due_at <= :until GROUP BY 1, 2"
    )
    found: dict[int, dict[datetime, int]] = {one: {} for one in ids}
    given = {"now": engine.now, "until": until}
    for row in session.execute(db.sql(asked, "now", "until"), given):
        found[row.account_id][_instant(row.cut)] = row.n
    return found


def _instant(cut: Any) -> datetime:
    if isinstance(cut, str):
        whole = cut + "2000-01-01 00:00"[len(cut) :]
        return datetime.fromisoformat(whole).replace(tzinfo=UTC)
    told: datetime = cut
    return told.astimezone(UTC)


def _left(
    engine: Engine,
    dues: Mapping[int, Mapping[datetime, int]],
    length: timedelta,
    every: timedelta,
) -> list[tuple[datetime, int]]:
    """How many will have left by the end of each stretch, over all accounts."""
    first = engine.now - (engine.now - datetime.fromtimestamp(0, UTC)) % every
    begins = [first + n * every for n in range(int(length / every) + 1)]
    gone = [0.0] * len(begins)
    for account_id, theirs in dues.items():
        if not _keeps(engine, account_id):
            number = engine.numbers[account_id]
            for n, left in enumerate(_of_one(number, engine.now, theirs, begins, every)):
                gone[n] += left
    return [(at + every, round(left)) for at, left in zip(begins, gone, strict=True)]


def _of_one(
    number: Number,
    now: datetime,
    dues: Mapping[datetime, int],
    begins: list[datetime],
    every: timedelta,
) -> Iterator[float]:
    backlog = gone = 0.0
    for at in begins:
        backlog += dues.get(at, 0)
        begin = max(at, now, number.resume_at or at)
        seconds = (at + every - begin).total_seconds()
        shut = seconds <= 0 or number.quiet_until(begin) is not None
        rate = number.rate_at(begin)
        left = min(backlog, 0.0 if shut else inf if rate is None else rate * seconds)
        backlog, gone = backlog - left, gone + left
        yield gone


def _keeps(engine: Engine, account_id: int) -> bool:
    """Whether something keeps back all that it sends, nobody knows until when."""
    stalled = engine.stalls(account_id).reason in (Reason.NO_WORKER, Reason.UNREACHED)
    return stalled or engine.bars(account_id) is not None

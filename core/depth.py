"""How deep the queue is: what waits on each account, by the reason that it waits for.

Counts come from the indexes alone and stop at `CAP` + 1, so a million rows cost what 10,000 do.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row
from sqlmodel import Session

from core import blocking, db, pacing
from core.blocking import Engine, Number, Reason
from core.listing import CAP
from core.standing import Standing
from core.states import HOLDS

LAG_OF = timedelta(minutes=5)
MOST_RECENT = 1_000  # attempts that the lag is taken from


@dataclass(frozen=True)
class Depth:
    """What waits on one account. `cap` + 1 stands for more than `cap`.

    `due` is what could leave now but for its turn, or for what keeps the account back; `empty_at`
    is about when that has left (not before, where `due` is capped), None where nobody can tell.
    """

    number: Number
    counts: dict[Reason, int]
    standings: dict[Standing, int]
    held: int
    retrying: int  # due or not
    holds: dict[str, int]
    due: int
    next_due_at: datetime | None  # of the earliest that is not held, be it long ago
    oldest_due_at: datetime | None
    rate_now: float | None
    empty_at: datetime | None
    cap: int

    @property
    def waiting(self) -> int:
        return min(self.cap + 1, sum(self.counts.values()))


@dataclass(frozen=True)
class Lag:
    """Seconds from due to posted, of the messages that left in the last `LAG_OF`."""

    p50: float
    p95: float


@dataclass(frozen=True)
class Queue:
    """The depth of every account at `now`; `lag` is None when nothing has left lately."""

    engine: Engine
    accounts: list[Depth]
    lag: Lag | None

    @property
    def counts(self) -> dict[Reason, int]:
        """Over all accounts, in the order of the reasons."""
        found = {r: sum(one.counts.get(r, 0) for one in self.accounts) for r in Reason}
        return {reason: min(CAP + 1, count) for reason, count in found.items() if count}

    @property
    def oldest_due_at(self) -> datetime | None:
        return min((one.oldest_due_at for one in self.accounts if one.oldest_due_at), default=None)


def depth(account_id: int | None = None) -> Queue:
    """What waits, of one account or of all that are in use or still hold something."""
    with db.reading() as session:
        return depth_in(session, account_id)


def depth_in(session: Session, account_id: int | None = None, *, cap: int = CAP) -> Queue:
    """The same; `cap` is where its accounts' counts stop."""
    engine = blocking.read(session, None if account_id is None else {account_id})
    found = [_depth(engine, row, cap) for row in _counted(session, engine, cap)]
    lag = _lag(session, engine.now)
    kept = [one for one in found if one.waiting or one.number.state != "retired"]
    return Queue(engine, sorted(kept, key=lambda one: one.number.name), lag)


_MINE = f"{db.only('m.account_id', 'v.account_id')} AND m.status = 'pending'"
_UNHELD = f"{_MINE} AND m.hold IS NULL"
_HELD = f"{_MINE} AND m.hold IS NOT NULL"
_REFUSED = f"{_UNHELD} AND m.error_class IS NOT NULL AND m.due_at > :now"


def _few(condition: str, cap: int) -> str:
    return f"(SELECT count(*) FROM (SELECT 1 FROM message m WHERE {condition} LIMIT {cap + 1}) few)"


def _by_priority(condition: str, cap: int) -> str:
    """One range of the claim's index for each priority."""
    each = (f"{_UNHELD} AND m.priority = {p} AND {condition}" for p in range(3))
    return " + ".join(_few(one, cap) for one in each)


def _first_due(priority: int) -> str:
    return (
        f"(SELECT m.due_at FROM message m WHERE {_UNHELD} AND m.priority = {priority}"
        f" ORDER BY m.due_at LIMIT 1) AS first_{priority}"
    )


def _columns(cap: int) -> str:
    tried = f"{_UNHELD} AND m.error_class IS NOT NULL AND m.retry_count > 0"
    return ", ".join(
        (
            "v.account_id",
            f"{_by_priority('m.due_at <= v.until', cap)} AS due",
            f"{_by_priority('m.due_at > v.until', cap)} AS later",
            f"{_few(f'{_REFUSED} AND m.due_at <= v.until', cap)} AS refused_due",
            f"{_few(f'{_REFUSED} AND m.due_at > v.until', cap)} AS refused_later",
            f"{_few(tried, cap)} AS retrying",
            f"{_few(_HELD, cap)} AS held",
            *(_few(f"{_HELD} AND m.hold = '{hold}'", cap) + f" AS held_{hold}" for hold in HOLDS),
            *(_first_due(priority) for priority in range(3)),
        )
    )


def _counted(session: Session, engine: Engine, cap: int) -> Iterable[Row[Any]]:
    """Each account's counts; `until`, up to which all is due, is the end of its quiet hours."""
    rows = [
        {"account_id": one.id, "until": one.quiet_until(engine.now) or engine.now}
        for one in engine.numbers.values()
    ]
    shape = db.rows_sql(session, account_id="bigint", until="timestamptz")
    instants = {f"first_{priority}": db.UtcDateTime() for priority in range(3)}
    return session.execute(
        db.sql(f"SELECT {_columns(cap)} FROM {shape}", "now").columns(**instants),
        {"rows": db.rows(rows), "now": engine.now},
    ).all()


def _depth(engine: Engine, row: Row[Any], cap: int) -> Depth:
    number = engine.numbers[row.account_id]
    due = row.due - row.refused_due if row.due <= cap else cap + 1
    later = row.later - row.refused_later if row.later <= cap else cap + 1
    quiet = number.quiet_until(engine.now)
    bar, stall = engine.bars(number.id), engine.stalls(number.id)
    counts = {
        Reason.HELD: row.held - row.held_batch if row.held <= cap else row.held,
        Reason.BATCH: row.held_batch if row.held <= cap else 0,
        Reason.RETRY: row.refused_due + row.refused_later,
        Reason.QUIET if quiet else stall.reason: due,
        Reason.SCHEDULED: later,
    }
    standings = {
        Standing.SCHEDULED: later,
        Standing.WAITING: due + row.refused_due + row.refused_later - row.retrying,
        Standing.HELD: row.held,
        Standing.RETRYING: row.retrying,
    }
    if number.state != "active":
        standings = {Standing.HELD: sum(counts.values())}
    if bar:
        counts = {bar.reason: sum(counts.values())}
    first = min(filter(None, (row.first_0, row.first_1, row.first_2)), default=None)
    return Depth(
        number=number,
        counts={reason: min(cap + 1, counts[reason]) for reason in Reason if counts.get(reason)},
        standings={one: min(cap + 1, n) for one, n in standings.items() if n > 0},
        held=row.held,
        retrying=row.retrying,
        holds={hold: count for hold in HOLDS if (count := getattr(row, f"held_{hold}"))},
        due=0 if quiet else min(cap + 1, due),
        next_due_at=first,
        oldest_due_at=first if first and first <= engine.now else None,
        rate_now=number.rate_at(engine.now),
        empty_at=None if bar or quiet or not due else _empty_at(engine, number, due),
        cap=cap,
    )


def _empty_at(engine: Engine, number: Number, due: int) -> datetime | None:
    stall = engine.stalls(number.id)
    if stall.reason in (Reason.NO_WORKER, Reason.UNREACHED):
        return None
    begins = max(engine.now, number.resume_at or engine.now, number.next_slot_at or engine.now)
    return _after(number, begins, due - 1)


def _after(number: Number, at: datetime, left: float) -> datetime:
    """When so many more slots are used up; second by second while a lowered rate recovers."""
    rate = number.rate_at(at)
    while left > 0 and rate and number.rate and rate < number.rate:
        at, left = at + timedelta(seconds=1), left - 1 / pacing.period(rate)
        rate = number.rate_at(at)
    return at + timedelta(seconds=max(0, left) * pacing.period(rate)) if rate else at


def _lag(session: Session, now: datetime) -> Lag | None:
    instant = db.UtcDateTime()
    recent = session.execute(
        db.sql(
            "SELECT a.posted_at, m.due_at FROM (SELECT * FROM attempt ORDER BY id DESC LIMIT"
            f" {MOST_RECENT}) a JOIN message m ON m.id = a.message_id WHERE a.outcome = 'accepted'"
            " AND a.posted_at >= :since AND a.posted_at >= m.due_at",
            "since",
        ).columns(posted_at=instant, due_at=instant),
        {"since": now - LAG_OF},
    )
    lags = sorted((row.posted_at - row.due_at).total_seconds() for row in recent)
    return Lag(_at(lags, 0.5), _at(lags, 0.95)) if lags else None


def _at(ordered: list[float], share: float) -> float:
    return ordered[int(share * (len(ordered) - 1))]

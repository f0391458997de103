"""When a batch ends: its account's waiting messages, minute by minute, through the account's rate.

A forecast in the large: what is due in the same minute leaves evenly mixed, every answer is an
acceptance, and nobody intervenes. core/forecast.py tells single messages to the second.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlmodel import Session

from core import blocking, db, pacing
from core.blocking import Engine, Number, Reason
from core.filtering import judged, of_batch
from core.models import Batch
from core.standing import m
from core.states import Status

MINUTE = timedelta(minutes=1)
POINTS = 120  # of each part of the drawn line


@dataclass(frozen=True)
class Point:
    """How many of the batch have left, or will have, by then."""

    at: datetime
    left: int


@dataclass(frozen=True)
class Outlook:
    """`ends_at` is None where nobody can tell: no worker, or something keeps it all back."""

    so_far: list[Point]
    ahead: list[Point]
    ends_at: datetime | None


@dataclass(frozen=True)
class LetGo:
    """When the last of a batch leaves that is let go now; `at_least`: something keeps it longer."""

    messages: int
    ends_at: datetime
    at_least: bool


def outlook(session: Session, batch: Batch, now: datetime) -> Outlook:
    """What has left and what will have, of one batch at the rate of its account."""
    so_far = _so_far(session, batch, now)
    if batch.account_id is None:
        return Outlook(so_far, [], None)
    engine = blocking.read(session, {batch.account_id})
    number = engine.numbers[batch.account_id]
    if _keeps(engine, number.id):
        return Outlook(so_far, [], None)
    minutes = _minutes(session, batch, number.id, now)
    left = so_far[-1].left if so_far else 0
    ahead = list(_pass(minutes, number, now, left))
    return Outlook(so_far, thinned(ahead), ahead[-1].at if ahead else None)


def let_go(session: Session, batch: Batch, now: datetime) -> LetGo | None:
    """What would become of a held batch that is let go now; None where nothing of it waits."""
    waits = judged(m.status == Status.PENDING.value)
    theirs = select(m.account_id).where(_ours(batch), waits).distinct()
    account_ids = set(session.execute(theirs).scalars())
    engine = blocking.read(session, account_ids)
    ends = []
    for one in account_ids:
        minutes = _minutes(session, batch, one, now)
        ends.append(list(_pass(minutes, engine.numbers[one], now, 0))[-1])
    if not ends:
        return None
    kept = any(_keeps(engine, one) for one in account_ids)
    return LetGo(sum(end.left for end in ends), max(end.at for end in ends), kept)


def _keeps(engine: Engine, account_id: int) -> bool:
    """Whether something keeps back all that an account sends, nobody knows until when."""
    stalled = engine.stalls(account_id).reason in (Reason.NO_WORKER, Reason.UNREACHED)
    return stalled or engine.bars(account_id) is not None


def _pass(
    minutes: Mapping[datetime, tuple[int, int]], number: Number, now: datetime, left: int
) -> Iterator[Point]:
    """Each minute's messages, of all and of the batch, when the last of them has left; where a
    while passes before the first of them does, also that: a line between would tell of some."""
    free = max(now, number.resume_at or now, number.next_slot_at or now)
    rate = number.rate_at(now)
    step = pacing.period(rate) if rate else 0.0
    drawn = now
    yield Point(now, left)
    for due in sorted(minutes):
        every, ours = minutes[due]
        at = _awake(max(free, due), number)
        if ours and at - drawn > MINUTE:
            yield Point(at, left)
        for part in _parts(every):  # quiet hours may begin in between
            at = _awake(at, number) + timedelta(seconds=part * step)
        free, left = at, left + ours
        if ours:
            drawn = at
            yield Point(at, left)


def _parts(count: int, size: int = 600) -> Iterator[int]:
    while count > 0:
        yield min(count, size)
        count -= size


def _awake(at: datetime, number: Number) -> datetime:
    return number.quiet_until(at) or at


def _ours(batch: Batch) -> ColumnElement[bool]:
    """What the batch holds counts: the hold goes with its release."""
    return and_(of_batch(batch.id), or_(m.hold.is_(None), m.hold == "batch"))


def _minutes(
    session: Session, batch: Batch, account_id: int, now: datetime
) -> dict[datetime, tuple[int, int]]:
    """How many become due in each minute: of the account, and of the batch among them."""
    ours = _ours(batch)
    waits = and_(m.status == Status.PENDING.value, m.account_id == account_id)
    mine = (ours, judged(waits))
    last = session.execute(select(func.max(m.due_at)).where(*mine)).scalar()
    if last is None:
        return {}
    found = {due: (n, n) for due, n in _by_minute(session, m.due_at, now, *mine)}
    others = and_(
        m.priority.in_((0, 1, 2)),  # in the words of the claim's index
        m.hold.is_(None),
        m.due_at <= last,
        or_(m.batch_id.is_(None), m.batch_id != batch.id),
    )
    for due, n in _by_minute(session, m.due_at, now, others, waits):
        every, theirs = found.get(due, (0, 0))
        found[due] = every + n, theirs
    return found


def _by_minute(
    session: Session, column: Any, earliest: datetime | None, *conditions: ColumnElement[bool]
) -> list[tuple[datetime, int]]:
    """Counts by the minute of a time; what lies before `earliest` is counted there."""
    minute = (
        func.date_trunc("minute", column) if db.on_postgres(session) else func.substr(column, 1, 16)
    )
    asked = select(minute.label("minute"), func.count().label("n")).where(*conditions)
    counts: dict[datetime, int] = {}
    for row in session.execute(asked.group_by(minute)):
        at = _instant(row.minute)
        at = max(at, earliest) if earliest else at
        counts[at] = counts.get(at, 0) + row.n
    return sorted(counts.items())


def _instant(minute: Any) -> datetime:
    if isinstance(minute, str):
        return datetime.fromisoformat(minute).replace(tzinfo=UTC)
    told: datetime = minute
    return told.astimezone(UTC)


def _so_far(session: Session, batch: Batch, now: datetime) -> list[Point]:
    out = judged(and_(m.status == Status.SENT.value, m.sent_at.is_not(None)))
    sent = and_(of_batch(batch.id), out)
    left, points = 0, []
    for at, n in _by_minute(session, m.sent_at, None, sent):
        points.append(Point(at, left))
        left += n
        points.append(Point(min(at + MINUTE, now), left))
    return thinned([*points, Point(now, left)] if points else [])


def thinned(points: list[Point]) -> list[Point]:
    """At most about `POINTS` of them, the first and the last among them."""
    step = max(1, len(points) // POINTS)
    return points[:1] + points[1:-1:step] + points[-1:] if len(points) > 2 else points

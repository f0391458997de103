"""New times for messages that wait: now, all later or earlier by as much, or spread over a window.

Spread, they keep the order that they have by time and then by id; among more than `PARTS` of them
those whose places lie within a thousandth of all may change places.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Row, and_, func, not_, select
from sqlmodel import Session, col

from core import choosing, db, outlook, pacing, schedule
from core.choosing import Choice, flag
from core.errors import Invalid, Problem
from core.leasing import Taken
from core.models import Account
from core.quiet import quiet_in
from core.standing import m
from core.states import Status
from core.untouched import Former

FARTHEST = timedelta(days=366)
PARTS = 1000
NOW: Mapping[str, Any] = {}  # the arguments of an operation that has them leave now


def by(shift: timedelta) -> dict[str, Any]:
    """The arguments for all later, or (negative) earlier, by as much. Raises Invalid at `shift`."""
    if not shift or abs(shift) > FARTHEST:
        told = "Move them by a second at least, and by a year at most."
        raise Invalid(Problem("shift", "range", told))
    return {"shift": shift.total_seconds()}


def over(first: datetime, last: datetime, *, now: datetime, zone: str = "UTC") -> dict[str, Any]:
    """The arguments for times from `first` to `last`, evenly. Raises Invalid at `first`, `last`."""
    problem = None
    if first < now:
        problem = Problem("first", "past", f"{schedule.told(first, zone, now=now)} is over.")
    elif last <= first:
        problem = Problem("last", "inverted", "The window ends before it begins.")
    elif last > now + FARTHEST:
        problem = Problem("last", "range", "The window may end in a year at the latest.")
    if problem:
        raise Invalid(problem)
    return {"first": db.stamp(first), "last": db.stamp(last)}


def window(arguments: Mapping[str, Any]) -> tuple[datetime, datetime]:
    """Both ends of the window that `over` told."""
    return _at(arguments["first"]), _at(arguments["last"])


def looks_at(arguments: Mapping[str, Any], now: datetime) -> dict[str, ColumnElement[Any]]:
    if "first" in arguments:
        return {
            "account_id": m.account_id,
            "beyond": flag(m.not_after < _at(arguments["first"])),
        }
    shift = timedelta(seconds=arguments.get("shift", 0))
    return {"hold": m.hold, "soon": flag(m.due_at <= now - shift)}


def reads(arguments: Mapping[str, Any]) -> dict[str, ColumnElement[Any]]:
    return {}


def why_not(row: Any, arguments: Mapping[str, Any]) -> str | None:
    if "first" in arguments:
        return "beyond" if row.beyond else None
    now = "shift" not in arguments
    if now and row.hold:
        return "kept_back"
    return ("due" if now else "over") if row.soon else None


def changes(
    rows: Sequence[Row[Any]], mine: Taken, now: datetime
) -> Iterator[Mapping[str, Any] | str]:
    time, ended = _time(mine, now), _is_over(mine.arguments, now)
    for row in rows:
        at = time(row)
        if ended or at < now:
            yield "over"
        elif row.not_after is not None and at > row.not_after:
            yield "beyond"
        else:  # at a new time nothing is late
            freed = {"hold": None} if row.hold == "late" else {}
            yield {"due_at": at, "scheduled_at": at, **freed}


def _is_over(arguments: Mapping[str, Any], now: datetime) -> bool:
    return "last" in arguments and _at(arguments["last"]) <= now


def _time(mine: Taken, now: datetime) -> Callable[[Row[Any]], datetime]:
    if "first" in mine.arguments:
        return _spread(mine, now)
    if "shift" not in mine.arguments:
        return lambda row: now
    shift = timedelta(seconds=mine.arguments["shift"])
    return lambda row: shifted(row.due_at, shift, row.zone)


def shifted(at: datetime, shift: timedelta, zone: str) -> datetime:
    """Whole days later or earlier the clocks of its zone show the same; else as much later."""
    if shift % timedelta(days=1):
        return at + shift
    return (at.astimezone(ZoneInfo(zone)) + shift).astimezone(UTC)


def in_order(arguments: Mapping[str, Any], choice: Choice) -> Mapping[str, Any]:
    """The arguments as an operation needs them: over a window it has to know the order of all."""
    if "first" not in arguments:
        return arguments
    with db.reading() as session:
        return {**arguments, "parts": _parts(session, choice, arguments)}


def _parts(session: Session, choice: Choice, arguments: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Those that get a time in the window, by their own in parts of about as many: until when each,
    and how many.

    All of one time are in one part.
    """
    waits = choosing.those(session, choice, (Status.PENDING,))
    fits = not_(flag(m.not_after < _at(arguments["first"])))
    rank = func.rank().over(order_by=m.due_at) - 1
    part = (rank * PARTS // func.count().over()).label("part")
    placed = select(m.due_at, part).where(waits, fits).subquery()
    counted = select(func.max(placed.c.due_at), func.count()).group_by(placed.c.part)
    found = session.execute(counted.order_by(placed.c.part)).all()
    return [(db.stamp(until), count) for until, count in found] or [(arguments["last"], 1)]


def _spread(mine: Taken, now: datetime) -> Callable[[Row[Any]], datetime]:
    """Each takes the next place in its part; how many are taken is kept with the operation."""
    known: Sequence[tuple[str, int]] = mine.arguments["parts"]
    ends, sizes = [_at(until) for until, _ in known], [size for _, size in known]
    before = [0, *accumulate(sizes)]
    taken: list[int] = mine.result.setdefault("taken", [0] * len(known))
    first, last = _at(mine.arguments["first"]), _at(mine.arguments["last"])

    def time(row: Row[Any]) -> datetime:
        part = min(bisect_left(ends, row.due_at), len(ends) - 1)
        place = before[part] + min(taken[part], sizes[part] - 1)
        taken[part] += 1
        return max(place_in(first, last, place, before[-1]), now)

    return time


def place_in(first: datetime, last: datetime, place: int, count: int) -> datetime:
    """The time of one of `count`, spread evenly; the places 0 and `count` - 1 are both ends."""
    return first + (last - first) * (place / max(count - 1, 1))


def _at(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp)


class Pace(NamedTuple):
    """One number's share of a window: how many, at most how many a second (None: any number), how
    many others wait there for a time in it, how long it takes for all of them at least; and how
    much of the window lies in its quiet hours, as people tell these."""

    account: str
    messages: int
    rate: float | None
    others: int
    needs: timedelta
    quiet: timedelta
    hours: str


def paces(choice: Choice, arguments: Mapping[str, Any], accounts: Mapping[int, int]) -> list[Pace]:
    """What each number can do in a window; `accounts`: how many of each are spread over it."""
    with db.reading() as session:
        asked = select(Account).where(col(Account.id).in_(accounts)).order_by(col(Account.name))
        found = list(session.execute(asked).scalars())
        beside = {one.id: _others(session, choice, arguments, one.id) for one in found}
    return [_pace(one, accounts[one.id], beside[one.id], *window(arguments)) for one in found]


def _pace(one: Account, count: int, others: int, first: datetime, last: datetime) -> Pace:
    step = pacing.period(one.rate) if one.rate else 0.0
    needs = timedelta(seconds=step * (count + others - 1))
    begins, ends = one.quiet_from, one.quiet_to
    quiet = quiet_in(first, last, zone=one.zone, quiet_from=begins, quiet_to=ends)
    told = f"{begins} to {ends}, {one.zone}"
    return Pace(one.name, count, one.rate, others, needs, quiet, told)


def _others(session: Session, choice: Choice, arguments: Mapping[str, Any], account_id: int) -> int:
    """How many wait at a number for a time in the window and are none of these; at most 100,000."""
    ours = flag(choosing.those(session, choice, (Status.PENDING,)))
    waits = and_(m.account_id == account_id, m.status == Status.PENDING.value, m.hold.is_(None))
    there = select(m.id).where(
        waits, m.priority.in_((0, 1, 2)), m.due_at.between(*window(arguments)), not_(ours)
    )
    few = there.limit(outlook.MOST_AHEAD).subquery()
    return int(session.execute(select(func.count()).select_from(few)).scalar_one())


def stays(session: Session, found: Mapping[int, Former]) -> dict[int, str]:
    """A time that was to come and is over by now does not come back."""
    now = db.now(session)
    return {i: "over" for i, one in found.items() if one.until < one.columns["due_at"] <= now}

"""When a message leaves: from what people type to one instant in UTC, and back into words."""

import math
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.errors import Invalid, Problem
from core.quoting import quoted

_EXAMPLE = "Write it like 2026-11-25T09:00+07:00."
_MINUTE = timedelta(minutes=1)
_YEARS = range(1970, 9000)  # with any zone far from where datetime itself ends
_FARTHEST = timedelta(days=5 * 365 + 2)  # five calendar years hold at most two leap days
_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
_BRIEF = {"hour": "h", "minute": "min", "second": "s"}


def from_local(wall: datetime, zone: str, *, fold: int | None = None) -> datetime:
    """The UTC instant at which the clocks of an IANA zone show the naive `wall`.

    `fold` (0 first, 1 second) is the person's answer where a time happens twice; `wall.fold` is
    not looked at. Raises `Invalid` at `when`: `gap` (details `before`, `after`: the nearest
    existing minutes, UTC), `fold` (details `first`, `second`, UTC) or `out_of_range`; at `zone`:
    `unknown_zone`. ValueError for an aware `wall`.
    """
    if wall.tzinfo is not None:
        raise ValueError("a wall time has no zone of its own")
    place = _zone(zone)
    _check_year(wall)
    readings = [wall.replace(tzinfo=place, fold=n).astimezone(UTC) for n in (0, 1)]
    instants = sorted({at for at in readings if _wall(at, place) == wall})
    if not instants:
        _refuse_gap(wall, zone, _transition(min(readings), max(readings), place))
    if len(instants) == 2 and fold is None:
        _refuse_fold(wall, zone, *instants)
    return instants[-1] if fold else instants[0]


def from_iso(text: str) -> datetime:
    """The UTC instant of an ISO 8601 time with offset; `Z`, a space for T, no seconds are fine.

    Raises `Invalid` at `when`: `unreadable`, `no_offset` or `out_of_range`.
    """
    compact = text.strip().upper().replace("−", "-")
    for sign in "+-Z":
        compact = compact.replace(f" {sign}", sign)
    try:
        at = datetime.fromisoformat(compact)
    except ValueError:
        _refuse("unreadable", f"{quoted(text)} cannot be read as a date and time. {_EXAMPLE}")
    if at.tzinfo is None:
        _refuse(
            "no_offset",
            f"{quoted(text)} does not say how far its clock is from UTC. {_EXAMPLE}",
        )
    _check_year(at)
    return at.astimezone(UTC)


def from_span(text: str) -> timedelta:
    """A duration as people type it: «45s», «30m», «2h», «1d». Raises `Invalid` at `span`."""
    found = re.fullmatch(r"(\d{1,6})\s*(s|m|min|h|d)", text.strip().lower())
    if found is None:
        told = f"{quoted(text)} is no length of time. Write it like 30m, 2h or 1d."
        raise Invalid(Problem("span", "unreadable", told))
    count, unit = int(found[1]), found[2]
    return timedelta(seconds=count * {"s": 1, "m": 60, "h": 3_600, "d": 86_400}[unit[0]])


def quick(now: datetime, delay: timedelta) -> datetime:
    """`delay` after `now`, rounded up to the full minute: a quick time counts from the saving."""
    due = _aware(now) + delay
    full = due.replace(second=0, microsecond=0)
    return full if full == due else full + _MINUTE


def check_lead(due: datetime, now: datetime, *, lead: timedelta, zone: str = "UTC") -> None:
    """Refuse a typed time that is over, nearer than `lead`, or more than five years ahead.

    Raises `Invalid` at `when`: `past`, `too_soon` (details `earliest`, UTC) or `too_far`; their
    sentences show times in `zone`.
    """
    ahead = _aware(due) - _aware(now)
    if ahead > _FARTHEST:
        _refuse("too_far", f"{told(due, zone, now=now)} is more than 5 years ahead.")
    if ahead >= lead:
        return
    earliest = quick(now, lead)
    first = f"The earliest possible time is {told(earliest, zone, now=now)}."
    if ahead < timedelta(0):
        _refuse(
            "past",
            f"{told(due, zone, now=now)} is over: that was {ago(-ahead)}. {first}",
        )
    _refuse(
        "too_soon",
        f"Choose a time at least {_in_words(lead)} ahead. {first}",
        earliest=earliest,
    )


def told(at: datetime, zone: str, *, now: datetime | None = None) -> str:
    """An instant in words: «Wednesday 25 November 09:00 Jakarta (02:00 UTC)».

    The UTC date joins where it is another day, the year where it is not that of `now`.
    """
    place = _zone(zone)
    local, universal = _aware(at).astimezone(place), _aware(at)
    same_year = now is None or _aware(now).astimezone(place).year == local.year
    here = (
        f"{_day(local)}{'' if same_year else f' {local.year}'} {local:%H:%M} {_city(zone, local)}"
    )
    if local.tzname() == "UTC":
        return here
    other_day = "" if local.date() == universal.date() else f"{_day(universal)} "
    return f"{here} ({other_day}{universal:%H:%M} UTC)"


def clock(at: datetime, zone: str, now: datetime, *, seconds: bool = False) -> str:
    """«14:30», «tomorrow 09:00», «Sat 28 Nov 09:00», «28 Nov 2027 09:00» in `zone`."""
    place = ZoneInfo(zone)
    here, today = at.astimezone(place), now.astimezone(place).date()
    time = f"{here:%H:%M:%S}" if seconds else f"{here:%H:%M}"
    day = _day_of(here, today)
    return f"{day} {time}" if day else time


def _day_of(here: datetime, today: date) -> str:
    named = {0: "", 1: "tomorrow", -1: "yesterday"}
    away = (here.date() - today).days
    if away in named:
        return named[away]
    if here.year != today.year:
        return f"{here.day} {here:%b %Y}"
    return f"{here:%a} {here.day} {here:%b}"


def ago(delta: timedelta) -> str:
    """How long something lies back: «2 h 10 min ago», «0.2 s ago», «3 days ago»."""
    return f"{span(delta)} ago"


def within(delta: timedelta) -> str:
    """How long until something: «in 2 h 10 min», «in 3 days»."""
    return f"in {span(delta)}"


def span(delta: timedelta) -> str:
    """A duration as people write it, in its two largest units: «2 h 10 min», «0.2 s», «3 days».

    Clocks of two machines differ: a negative duration is shown as «0 s».
    """
    seconds = max(delta.total_seconds(), 0.0)
    if round(seconds, 1) < 10:
        return f"{round(seconds, 1):g} s"
    parts = _parts(seconds)
    while not parts[0][0]:
        del parts[0]
    return " ".join(_brief(count, unit) for count, unit in parts[:2] if count)


def _brief(count: int, unit: str) -> str:
    return f"{count} {_BRIEF[unit]}" if unit in _BRIEF else _spelled(count, unit)


def _spelled(count: int, unit: str) -> str:
    return f"{count} {unit}{'' if count == 1 else 's'}"


def _parts(seconds: float) -> list[tuple[int, str]]:
    rest, parts = round(seconds), []
    for unit, size in _UNITS:
        count, rest = divmod(rest, size)
        parts.append((count, unit))
    return parts


def _in_words(delta: timedelta) -> str:
    return " ".join(_spelled(*part) for part in _parts(delta.total_seconds()) if part[0])


def _aware(at: datetime) -> datetime:
    if at.utcoffset() is None:
        raise ValueError("a naive time names no instant")
    return at.astimezone(UTC)


def check_zone(name: str) -> None:
    """Refuse what is no IANA zone. Raises Invalid at `zone`."""
    _zone(name)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a folder such as «America»
        message = f"{quoted(name)} is no known time zone. Write it like Asia/Jakarta."
        raise Invalid(Problem("zone", "unknown_zone", message)) from None


def _wall(at: datetime, place: ZoneInfo) -> datetime:
    return at.astimezone(place).replace(tzinfo=None, fold=0)


def _transition(low: datetime, high: datetime, place: ZoneInfo) -> datetime:
    """The first second after `low` at which the zone has another offset; it is not after `high`."""
    before, start = low.astimezone(place).utcoffset(), low.replace(microsecond=0)
    first, last = 0, math.ceil((high - start).total_seconds())
    while last - first > 1:
        middle = (first + last) // 2
        same = (start + timedelta(seconds=middle)).astimezone(place).utcoffset() == before
        first, last = (middle, last) if same else (first, middle)
    return start + timedelta(seconds=last)


def _refuse_gap(wall: datetime, zone: str, change: datetime) -> NoReturn:
    place, second, before = _zone(zone), timedelta(seconds=1), change - _MINUTE
    stop, resume = _wall(change - second, place) + second, _wall(change, place)
    _refuse(
        "gap",
        f"{wall:%H:%M} on {_day(wall)} {wall.year} does not exist in {zone}: the clocks go forward "
        f"from {_clock(stop, wall)} to {_clock(resume, wall)}. The nearest existing times are "
        f"{_clock(_wall(before, place), wall)} and {_clock(resume, wall)}.",
        before=before,
        after=change,
    )


def _refuse_fold(wall: datetime, zone: str, first: datetime, second: datetime) -> NoReturn:
    _refuse(
        "fold",
        f"{wall:%H:%M} on {_day(wall)} {wall.year} happens twice in {zone}, because the clocks go "
        f"back: at {first:%H:%M} UTC and at {second:%H:%M} UTC. Which of the two?",
        first=first,
        second=second,
    )


def _check_year(at: datetime) -> None:
    if at.year not in _YEARS:
        _refuse("out_of_range", f"The year {at.year} cannot be scheduled. {_EXAMPLE}")


def _day(at: datetime) -> str:
    return f"{at:%A} {at.day} {at:%B}"


def _clock(at: datetime, wall: datetime) -> str:
    return f"{at:%H:%M}" if at.date() == wall.date() else f"{_day(at)} {at:%H:%M}"


def _city(zone: str, local: datetime) -> str:
    short = local.tzname() or ""
    if short == "UTC" or not zone.startswith("Etc/"):
        return "UTC" if short == "UTC" else zone.rpartition("/")[2].replace("_", " ")
    # Etc/GMT-7 is seven hours AHEAD of UTC: its own name would mislead.
    return f"UTC{short}" if short[0] in "+-" else short


def _refuse(code: str, message: str, **details: Any) -> NoReturn:
    raise Invalid(Problem("when", code, message, details))

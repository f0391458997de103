"""A column of times, read as one format that is decided from the whole column.

A format is a word for how its days are written, with a time of day behind an @ for those that have
none: «dmy», «mdy@09:00». The empty format takes each cell as it stands: a spreadsheet's time, or
ISO 8601.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from typing import NoReturn
from zoneinfo import ZoneInfo

from core import phone
from core.errors import Invalid, Problem
from core.quoting import quoted
from core.schedule import from_local
from core.sheets import dates
from core.sheets.dates import Read
from core.sheets.table import Cell

FORMATS = {
    "cell": "a time of the spreadsheet",
    "offset": "with its distance from UTC: 2026-11-26T09:00+07:00",
    "ymd": "year, month, day: 2026-11-26",
    "dmy": "day, month, year: 26/11/2026",
    "mdy": "month, day, year: 11/26/2026",
    "named": "the month by its name: 26 November 2026",
}
_AS_IT_STANDS = ("cell", "offset", "ymd")
# Whoever corrects a cell may leave a time where the others are text: each says one thing only.
_ALIKE = {"cell": ("cell", "ymd"), "ymd": ("ymd", "cell")}
_EXAMPLE = "Write it like 2026-11-26 09:00."
# From when on and how long the zones of a country are compared: month by month.
_COMPARED = [datetime(2026, 1, 15, tzinfo=UTC) + timedelta(days=30) * n for n in range(120)]


@dataclass(frozen=True)
class Column:
    """How a column of times can be read.

    `formats`: the one that it has; several where they cannot be told apart, of which a person
    chooses; none where nothing is a time. `flaws`: number of the cell, code and reason, of those
    that none of the formats reads. `without_clock`: how many are a day without a time of day.
    """

    formats: tuple[str, ...]
    flaws: tuple[tuple[int, str, str], ...]
    without_clock: int


def decide(cells: Sequence[Cell]) -> Column:
    """Decide from the whole column; blank cells tell nothing."""
    found = {n: dates.readings(cell) for n, cell in enumerate(cells) if not _is_blank(cell)}
    formats = _formats(list(found.values()))
    read_in = {alike for name in formats for alike in _ALIKE.get(name, (name,))}
    flaws = [
        (n, *_why_not(cells[n], readings, formats))
        for n, readings in found.items()
        if not readings.keys() & read_in
    ]
    without = sum(
        any(one.clock is None for name, one in readings.items() if name in read_in)
        for readings in found.values()
    )
    return Column(formats, tuple(flaws), without)


def _is_blank(cell: Cell) -> bool:
    return isinstance(cell, str) and not cell.strip()


def _formats(found: Sequence[dict[str, Read]]) -> tuple[str, ...]:
    """Those that most cells can be read in. Where some cells can only be day first and some only
    month first, the others may be either: a person has to say."""
    able = Counter(name for readings in found for name in readings)
    only = Counter(next(iter(readings)) for readings in found if len(readings) == 1)
    best = {name for name, count in able.items() if count == max(able.values())}
    if best & {"dmy", "mdy"} and only["dmy"] and only["mdy"]:
        best |= {"dmy", "mdy"}
    if best >= set(_ALIKE):
        best.remove("ymd")
    return tuple(name for name in FORMATS if name in best)


def _why_not(cell: Cell, readings: dict[str, Read], formats: Sequence[str]) -> tuple[str, str]:
    shown = _shown(cell)
    if readings and formats:
        return "mixed", f"{shown} is written otherwise than the others ({FORMATS[formats[0]]})."
    if isinstance(cell, str) and dates.is_written_as_day(cell):
        return "impossible", f"{shown} is no day and time that exists."
    return "unreadable", f"{shown} cannot be read as a date and time. {_EXAMPLE}"


def _shown(cell: Cell) -> str:
    return quoted(cell if isinstance(cell, str) else f"{cell:%Y-%m-%d %H:%M}")


def says_itself(cell: Cell) -> bool:
    """Whether it can be read in the empty format."""
    return not dates.readings(cell).keys().isdisjoint(_AS_IT_STANDS)


def read(cell: Cell, form: str = "") -> datetime:
    """What the cell says in a format: a wall time, aware where the text has its own offset.

    Raises Invalid at `when`: `empty`, `unreadable`, `impossible`, `mixed`, or `no_clock` where it
    is a day and the format has no time of day for it.
    """
    if _is_blank(cell):
        _refuse("empty", "It has no time.")
    name, _, clock = form.partition("@")
    wanted = _ALIKE.get(name, (name,)) if name else _AS_IT_STANDS
    readings = dates.readings(cell)
    found = next((readings[one] for one in wanted if one in readings), None)
    if found is None and readings and not name:
        told = f"{_shown(cell)} is neither ISO 8601 nor a time of a spreadsheet. {_EXAMPLE}"
        _refuse("unreadable", told)
    if found is None:
        _refuse(*_why_not(cell, readings, wanted))
    if found.at:
        return found.at
    if found.clock is None and not clock:
        _refuse("no_clock", f"{_shown(cell)} is a day without a time of day. {_EXAMPLE}")
    return datetime.combine(found.day, found.clock or dates.clock(clock))


def instant(cell: Cell, form: str, zone: str, *, fold: int | None = None) -> datetime:
    """The instant in UTC; a wall time is one of `zone`. Raises Invalid as `read` and, at `when` or
    `zone`, as `schedule.from_local`: an hour that the clocks skip or show twice is told."""
    said = read(cell, form)
    return said.astimezone(UTC) if said.tzinfo else from_local(said, zone, fold=fold)


def joined(day: Cell, clock: Cell) -> Cell:
    """One cell of two columns, the day and the time of day."""
    if _is_blank(clock):
        return day
    hour = clock if isinstance(clock, str) else f"{clock:%H:%M:%S}"
    if isinstance(day, str):
        return f"{day} {hour}" if day.strip() else ""
    try:
        return datetime.combine(day.date(), dates.clock(hour))
    except ValueError:
        return f"{day:%Y-%m-%d} {hour}"  # refused as it is read


def spread(index: int, count: int, begins: datetime, ends: datetime) -> datetime:
    """When the `index`th of `count` (from 0) leaves, evenly from `begins` on, before `ends`."""
    return begins + (ends - begins) * index / max(count, 1)


def zone_of(recipient: str, *, home: str | None) -> str | None:
    """The zone that a number's country has; None where it has several, or is not known."""
    try:
        region = phone.read(recipient, home=home).region
    except Invalid:
        return None
    return _only_zones().get(region or "")


@lru_cache(maxsize=1)
def _only_zones() -> dict[str, str]:
    """Country → its zone, where all its clocks show the same. Source: zone.tab of tzdata."""
    listed = (files("tzdata") / "zoneinfo" / "zone.tab").read_text(encoding="utf-8")
    zones: dict[str, list[str]] = {}
    for line in listed.splitlines():
        if not line.startswith("#"):
            country, _, zone = line.split("\t")[:3]
            zones.setdefault(country, []).append(zone)
    return {country: ours[0] for country, ours in zones.items() if _is_one(ours)}


def _is_one(zones: Sequence[str]) -> bool:
    return (
        len({tuple(at.astimezone(ZoneInfo(z)).utcoffset() for at in _COMPARED) for z in zones}) == 1
    )


def _refuse(code: str, sentence: str) -> NoReturn:
    raise Invalid(Problem("when", code, sentence))

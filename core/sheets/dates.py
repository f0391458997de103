"""One written time: every way in which it can be read, day and month apart or by name."""

import re
from datetime import date, datetime, time
from functools import lru_cache
from typing import NamedTuple

from babel.dates import get_day_names, get_month_names

from core.errors import Invalid
from core.schedule import from_iso
from core.sheets.table import Cell


class Read(NamedTuple):
    """`clock` is None for a day alone; `at` is set where the text names the instant itself."""

    day: date
    clock: time | None
    at: datetime | None = None


_LANGUAGES = ("en", "id", "de", "es", "pt", "fr", "it", "nl", "pl", "tr", "sv", "da", "ru", "uk")
_FILLING = {"at", "um", "uhr", "de", "del", "of", "pukul", "jam", "às", "à", "kl", "den", "the"}
_FILLING |= {"st", "nd", "rd", "th", "er", "г"}
_OF_CLOCKS = {"a", "p", "m", "am", "pm", "h", "uhr"}
_CLOCK = re.compile(
    r"(?P<hour>\d{1,2})(?:\s*[:.h]\s*(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d+)?)?)?"
    r"\s*(?P<half>[ap]\.?m\.?)?(?:\s*(?:uhr|h))?",
    re.IGNORECASE,
)
_NUMBERS = re.compile(
    r"(\d{1,4})\s*([-/.])\s*(\d{1,2})\s*\2\s*(\d{1,4})\.?(?:(?:\s*,?\s+|T)(.*))?",
    re.IGNORECASE | re.DOTALL,
)
_OFFSET = re.compile(r".*\d{1,2}:?\d{2}.*(?:Z|[+−-]\s*\d{2}:?\d{2}|\+\d{2})", re.IGNORECASE)
_WORDS = re.compile(r"[^\W\d_]+")
_DAY_AND_YEAR = re.compile(r"\D*(\d{1,2})\D+(\d{4})\b\W*(.*)", re.DOTALL)


def readings(cell: Cell) -> dict[str, Read]:
    """Format (one of `times.FORMATS`) → what the cell says in it; empty where it is no time."""
    if isinstance(cell, datetime):
        clock = cell.time() if cell.time() != time() else None  # how a day alone is stored
        return {"cell": Read(cell.date(), clock)}
    try:
        return _of_text(" ".join(cell.split()))
    except ValueError:
        return {}


def is_written_as_day(text: str) -> bool:
    """Whether three numbers stand there as days are written, also for a day that does not exist."""
    found = _NUMBERS.fullmatch(" ".join(text.split()))
    return bool(found and (not found[5] or any(map(str.isdigit, found[5]))))


def clock(text: str) -> time:
    """A time of day as people write it: 9:00, 09.30, 9 am, 14h30. Raises ValueError."""
    found = _CLOCK.fullmatch(text.strip())
    if found is None or not (found["minute"] or found["half"]):
        raise ValueError("no time of day")
    hour, half = int(found["hour"]), (found["half"] or "").lower()[:1]
    if half:
        if not 1 <= hour <= 12:
            raise ValueError("no hour of half a day")
        hour = hour % 12 + (12 if half == "p" else 0)
    return time(hour, int(found["minute"] or 0), int(found["second"] or 0))


@lru_cache(maxsize=8192)
def _of_text(text: str) -> dict[str, Read]:
    if len(text) > 60 or not any(character.isdigit() for character in text):
        return {}
    if _OFFSET.fullmatch(text):
        return _with_offset(text)
    numbers = _NUMBERS.fullmatch(text)
    if numbers is None:
        return _named(text)
    said = clock(numbers[5]) if (numbers[5] or "").strip() else None
    first, second, third = numbers[1], numbers[3], numbers[4]
    orders = {"ymd": (first, second, third)} if len(first) == 4 else {}
    if len(third) in (2, 4) and len(first) <= 2:
        orders |= {"dmy": (third, second, first), "mdy": (third, first, second)}
    found = {name: _day(*order) for name, order in orders.items()}
    return {name: Read(day, said) for name, day in found.items() if day}


def _with_offset(text: str) -> dict[str, Read]:
    try:
        at = from_iso(text)
    except Invalid:
        return {}
    return {"offset": Read(at.date(), at.time(), at)}


def _named(text: str) -> dict[str, Read]:
    """A month by its name: «Thu 26 Nov 2026 9:00», «Nov 26, 2026 at 2 pm»."""
    words = {word.casefold() for word in _WORDS.findall(text)}
    months = words & _months().keys()
    parts = _DAY_AND_YEAR.fullmatch(text)
    if len(months) != 1 or parts is None or words - months - _filling() - _OF_CLOCKS:
        return {}
    rest = " ".join(word for word in parts[3].split() if word.casefold() not in _filling())
    day = _day(parts[2], str(_months()[months.pop()]), parts[1])
    return {"named": Read(day, clock(rest) if rest else None)} if day else {}


def _day(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year) + (2000 if len(year) == 2 else 0), int(month), int(day))
    except ValueError:
        return None


@lru_cache(maxsize=1)
def _months() -> dict[str, int]:
    """The names of months in the languages that we know; one that means two is left out."""
    found: dict[str, set[int]] = {}
    for language in _LANGUAGES:
        for width in ("wide", "abbreviated"):
            for context in ("format", "stand-alone"):
                for n, name in get_month_names(width, context, language).items():
                    found.setdefault(name.strip(".").casefold(), set()).add(n)
    return {name: numbers.pop() for name, numbers in found.items() if len(numbers) == 1}


@lru_cache(maxsize=1)
def _filling() -> set[str]:
    """Words that change nothing: names of weekdays, «at»."""
    days = {
        name.strip(".").casefold()
        for language in _LANGUAGES
        for width in ("wide", "abbreviated")
        for name in get_day_names(width, "format", language).values()
    }
    return (days | _FILLING) - set(_months())

"""What an administrator settles for the whole house, as people type it, and back.

A value is kept as JSON: seconds, hours, words, or a number in E.164.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from math import isfinite
from typing import Any, NoReturn

from core import phone
from core.errors import Invalid, Problem
from core.quoting import quoted
from core.schedule import from_span

MOST_DELAYS = 5  # as many as a message may be retried
LONGEST_DELAY = timedelta(days=1)
LONGEST_LEAD = timedelta(days=1)
MOST_HOURS = 720
LEAST_SESSION = 0.25  # hours: with less nobody stays for long enough to set it right again
MOST_WORDS, LONGEST_WORD = 100, 40
_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


@dataclass(frozen=True)
class Rule:
    """How a value is read from what was typed (raises Invalid) and written as it would be typed."""

    read: Callable[[str], Any]
    written: Callable[[Any], str]


def read(name: str, typed: str) -> Any:
    """The value of a rule; its problems are at its name. Raises Invalid."""
    try:
        return RULES[name].read(typed.strip())
    except Invalid as refused:
        raise Invalid(*(replace(one, field=name) for one in refused.problems)) from None


def _delays(typed: str) -> list[int]:
    found = [_seconds(part) for part in _parts(typed)]
    if not found:
        _refuse("empty", "At least one delay is needed: 1 min, or 1 min, 5 min, 1 h.")
    if len(found) > MOST_DELAYS:
        told = f"These are {len(found)} delays, and a message is retried {MOST_DELAYS} times"
        _refuse("long", f"{told} at most.")
    for each in found:
        if not 0 < each <= LONGEST_DELAY.total_seconds():
            _refuse("invalid", "A retry waits at least 1 s and at most a day.")
    return found


def _lead(typed: str) -> int:
    found = _seconds(typed)
    if found > LONGEST_LEAD.total_seconds():
        _refuse("invalid", "A typed time may have to be at most a day ahead.")
    return found


def _seconds(typed: str) -> int:
    """A length of time; a number alone is of seconds, as in the environment."""
    told = f"{typed}s" if re.fullmatch(r"\d{1,6}", typed) else typed
    return int(from_span(told).total_seconds())


def _hours(typed: str) -> float:
    number = re.sub(r"\s*h(ours?)?$", "", typed, flags=re.IGNORECASE)
    try:
        found = float(number.replace(",", "."))
    except ValueError:
        _refuse("unreadable", f"{quoted(typed)} is no number of hours, such as 12 or 0.5.")
    if not isfinite(found) or not 0 < found <= MOST_HOURS:
        _refuse("invalid", f"It is more than 0 and at most {MOST_HOURS} hours (30 days).")
    return found


def _session(typed: str) -> float:
    found = _hours(typed)
    if found < LEAST_SESSION:
        _refuse("invalid", f"With less than {LEAST_SESSION} hours nobody could set it right again.")
    return found


def _words(typed: str) -> list[str]:
    found = list(dict.fromkeys(" ".join(one.split()).casefold() for one in _parts(typed)))
    if len(found) > MOST_WORDS:
        _refuse("long", f"These are {len(found)} words; at most {MOST_WORDS} are possible.")
    for word in found:
        # Marks are not compared: a word of nothing else would never be met.
        if len(word) > LONGEST_WORD or not word.isprintable() or not re.search(r"\w", word):
            told = f"{quoted(word)} is no stop word: at most {LONGEST_WORD} characters that are"
            _refuse("invalid", f"{told} seen, a letter or a digit among them.")
    return [word.upper() for word in found]


def _number(typed: str) -> str:
    return phone.read(typed, home=None).e164 if typed else ""


def _parts(typed: str) -> list[str]:
    return [part.strip() for part in re.split(r"[,;\n]", typed) if part.strip()]


def _span(seconds: int) -> str:
    """In one unit, so that it is exact: «90 s», «5 min»."""
    unit, size = next(one for one in _UNITS if seconds % one[1] == 0 and (seconds or one[1] == 1))
    return f"{seconds // size} {unit}"


def _refuse(code: str, told: str) -> NoReturn:
    raise Invalid(Problem("", code, told))


RULES: dict[str, Rule] = {
    "retry_delays": Rule(_delays, lambda value: ", ".join(map(_span, value))),
    "undelivered_hours": Rule(_hours, lambda value: f"{value:g}"),
    "min_lead_seconds": Rule(_lead, _span),
    "session_hours": Rule(_session, lambda value: f"{value:g}"),
    "stop_words": Rule(_words, ", ".join),
    "test_number": Rule(_number, str),
}

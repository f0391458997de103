"""What holds in the whole house: what an administrator settled, else what the environment says.

The send loop asks in each tick, so a process reads what was settled once in `FRESH` seconds; who
changes something sees it at once, other processes within that time.
"""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from core import db
from core.house_typed import RULES
from core.models import Setting
from core.settings import settings

FRESH = 5.0  # seconds
_KEY = "rule "  # begins the key of each setting that keeps one


@dataclass(frozen=True)
class InForce:
    """A rule as it holds; `at` and `by` are None where it is the environment's."""

    name: str
    value: Any
    default: Any
    at: datetime | None = None
    by: str | None = None

    @property
    def settled(self) -> bool:
        return self.by is not None

    @property
    def written(self) -> str:
        return RULES[self.name].written(self.value)

    @property
    def default_written(self) -> str:
        return RULES[self.name].written(self.default)


def key(name: str) -> str:
    """Where the table of settings keeps a rule."""
    return _KEY + name


def all_rules(session: Session | None = None) -> list[InForce]:
    """Every rule as it stands in the database now."""
    found = {one.key: one for one in _read(session)}
    return [_in_force(name, found.get(key(name))) for name in RULES]


def _read(session: Session | None) -> list[Setting]:
    wanted = select(Setting).where(col(Setting.key).in_(map(key, RULES)))
    with nullcontext(session) if session else db.reading() as asked:
        return list(asked.execute(wanted).scalars())


def _in_force(name: str, kept: Setting | None) -> InForce:
    default = getattr(settings(), name)
    if kept is None:
        return InForce(name, default, default)
    return InForce(name, kept.value, default, kept.updated_at, kept.updated_by)


_settled: tuple[float, Mapping[str, Any]] | None = None  # when it was read, and what


def forget() -> None:
    """Let the next who asks read anew."""
    global _settled
    _settled = None


def _value(name: str, session: Session | None = None) -> Any:
    global _settled
    there = _settled
    if there is None or monotonic() - there[0] > FRESH:
        there = _settled = monotonic(), {one.key: one.value for one in _read(session)}
    return there[1].get(key(name), getattr(settings(), name))


def retry_delays(session: Session | None = None) -> tuple[int, ...]:
    """Seconds before the first, second, … automatic retry; the last serves for all further ones."""
    return tuple(_value("retry_delays", session))


def retries() -> str:
    """The delays in words: «1 min, 5 min, 15 min»."""
    return RULES["retry_delays"].written(retry_delays())


def undelivered() -> timedelta:
    """How long after WhatsApp took a message a person who has not got it counts as not reached."""
    return timedelta(hours=_value("undelivered_hours"))


def least_lead() -> timedelta:
    """How far ahead a typed time must be."""
    return timedelta(seconds=_value("min_lead_seconds"))


def session_lasts() -> timedelta:
    """How long somebody stays signed in without a visit."""
    return timedelta(hours=_value("session_hours"))


def stop_words(session: Session | None = None) -> frozenset[str]:
    """What a person writes who wants no more messages: whole texts, stripped and casefolded."""
    return frozenset(" ".join(word.split()).casefold() for word in _value("stop_words", session))


def test_number() -> str:
    """The number of our own that tests go to, E.164; empty where there is none."""
    return str(_value("test_number"))

"""Times as people write them: short where it is clear, with the exact instant on hover."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from html import escape
from zoneinfo import ZoneInfo

from core import schedule

clock = schedule.clock


def exact(at: datetime, zone: str) -> str:
    """Everything about an instant: for a tooltip."""
    here = at.astimezone(ZoneInfo(zone))
    return f"{here:%A} {here.day} {here:%B %Y, %H:%M:%S}.{here:%f}"[:-3] + f" {zone}"


def shown(at: datetime, zone: str, now: datetime, *, seconds: bool = False) -> str:
    """HTML of a short time whose tooltip is the exact one."""
    return _time(clock(at, zone, now, seconds=seconds), at, zone)


def _time(short: str, at: datetime, zone: str) -> str:
    return f'<time datetime="{at.isoformat()}" title="{escape(exact(at, zone))}">{short}</time>'


def marked(sentence: str, times: Iterable[tuple[str, datetime]], zone: str) -> str:
    """HTML of a sentence, each of its times with the exact one on hover.

    `times`: how it tells each and which instant that is, in the order of the sentence.
    """
    html, rest = "", sentence
    for short, at in times:
        before, found, after = rest.partition(short)
        if found:
            html, rest = f"{html}{escape(before)}{_time(short, at, zone)}", after
    return html + escape(rest)


def wall(at: datetime, zone: str) -> datetime:
    """The naive time that a clock of `zone` shows."""
    return at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def place(zone: str) -> str:
    """«Jakarta»: a zone as a heading has room for it."""
    return zone.rpartition("/")[2].replace("_", " ")


def midnight(now: datetime, zone: str) -> datetime:
    """Where the day of `zone` began."""
    here = now.astimezone(ZoneInfo(zone))
    return here.replace(hour=0, minute=0, second=0, microsecond=0)


def next_hour(now: datetime, zone: str) -> datetime:
    """The naive wall time of the next full hour that is at least 10 minutes ahead."""
    here = now.astimezone(ZoneInfo(zone)) + timedelta(minutes=70)
    return here.replace(minute=0, second=0, microsecond=0, tzinfo=None)


def tomorrow(now: datetime, zone: str, *, hour: int) -> datetime:
    """The naive wall time of that full hour on the next day of `zone`."""
    here = wall(now, zone) + timedelta(days=1)
    return here.replace(hour=hour, minute=0, second=0, microsecond=0)

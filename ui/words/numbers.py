"""Numbers and spans as people write them."""

from datetime import timedelta

from core.listing import CAP
from core.schedule import span


def count(number: int, *, cap: int = CAP) -> str:
    """«1,204», or «10,000+» for a count that stopped at the cap."""
    return f"{number:,}" if number <= cap else f"{cap:,}+"


def brief(delta: timedelta) -> str:
    """A duration in its largest unit: «20 min»."""
    return " ".join(span(delta).split()[:2])


def per_second(rate: float) -> str:
    """«3.2», or «0.05» of less than one."""
    return f"{round(rate, 1 if rate >= 1 else 2):g}"


def plural(number: int, one: str, many: str | None = None, *, cap: int = CAP) -> str:
    """«1 message», «1,204 messages»."""
    return f"{count(number, cap=cap)} {one if number == 1 else many or one + 's'}"

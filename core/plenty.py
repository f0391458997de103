"""Counts stop at a cap, and what was beyond it a moment ago is taken to be so still.

Nobody sees the difference, and each such count reads ten thousand rows: with twenty people at work
they were half of what PostgreSQL did for the pages.
"""

from collections.abc import Callable, Hashable
from time import monotonic

FOR = 15.0  # seconds
MOST = 1_000  # questions that are remembered

_beyond: dict[Hashable, float] = {}


def counted(asked: Hashable, count: Callable[[], int], *, cap: int, anew: bool = False) -> int:
    """`cap` + 1 where so many were found for this a moment ago, else what `count` finds now.

    `anew`: count in any case, since it is known that there are few.
    """
    if not anew and still(asked):
        return cap + 1
    found = count()
    note(asked, beyond=found > cap)
    return found


def still(asked: Hashable) -> bool:
    """Whether so many were found for this a moment ago that nobody need count again."""
    at = _beyond.get(asked)
    return at is not None and monotonic() - at < FOR


def note(asked: Hashable, *, beyond: bool) -> None:
    """What a count found."""
    if not beyond:
        _beyond.pop(asked, None)
        return
    if len(_beyond) >= MOST:
        _beyond.clear()
    _beyond[asked] = monotonic()


def forget() -> None:
    """Count anew whatever is asked next."""
    _beyond.clear()

"""How core wakes the workers without knowing Huey: whoever starts the process plugs in a way."""

from collections.abc import Callable
from datetime import datetime

_plugged: Callable[[datetime], None] | None = None


def plug(way: Callable[[datetime], None]) -> None:
    """Use this function to tell the workers that something is due at an instant."""
    global _plugged
    _plugged = way


def wake(at: datetime) -> None:
    """Tell the workers. Only a hint: they look at the database every second all the same."""
    if _plugged:
        _plugged(at)

"""How core wakes the workers without knowing Huey: whoever starts the process plugs in a way."""

import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial

log = logging.getLogger(__name__)

_plugged: Callable[[datetime], None] | None = None
_operations: Callable[[], None] | None = None


def plug(way: Callable[[datetime], None], operations: Callable[[], None] | None = None) -> None:
    """Use these to tell the workers that something is due at an instant, or to be run at all."""
    global _plugged, _operations
    _plugged, _operations = way, operations


def wake(at: datetime) -> None:
    """Tell the workers. Only a hint: they look at the database every second all the same.

    Whatever keeps it from arriving (no queue, say) is logged and does not fail what was stored.
    """
    if _plugged:
        _tell(partial(_plugged, at))


def wake_operations() -> None:
    """Tell the workers that a bulk action waits; the minute's scan sees it all the same."""
    if _operations:
        _tell(_operations)


def _tell(way: Callable[[], None]) -> None:
    try:
        way()
    except Exception as error:
        log.warning(
            "the workers could not be woken (%s): it is seen a little later", type(error).__name__
        )

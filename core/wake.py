"""How core wakes the workers without knowing Huey: whoever starts the process plugs in a way."""

import logging
from collections.abc import Callable
from datetime import datetime

log = logging.getLogger(__name__)

_plugged: Callable[[datetime], None] | None = None


def plug(way: Callable[[datetime], None]) -> None:
    """Use this function to tell the workers that something is due at an instant."""
    global _plugged
    _plugged = way


def wake(at: datetime) -> None:
    """Tell the workers. Only a hint: they look at the database every second all the same.

    Whatever keeps it from arriving (no queue, say) is logged and does not fail what was stored.
    """
    try:
        if _plugged:
            _plugged(at)
    except Exception as error:
        log.warning(
            "the workers could not be woken (%s): it is seen a little later", type(error).__name__
        )

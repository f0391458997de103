"""Applies stored webhooks in sets, about every 100 ms, off the event loop."""

import asyncio
import logging
import threading

from anyio import to_thread
from sqlalchemy.exc import SQLAlchemyError

from core import webhooks

log = logging.getLogger(__name__)

SET = 500
GATHER = 0.1  # seconds
LOOK_ANYWAY = 1.0  # for what another gateway stored and left, and for what is to be tried again

_arrived = threading.Event()


def wake() -> None:
    """Something has been stored."""
    _arrived.set()


async def apply_forever() -> None:
    """Until cancelled; whatever fails is tried again a second later."""
    waited = LOOK_ANYWAY
    while True:
        await asyncio.sleep(GATHER)
        waited += GATHER
        if not _arrived.is_set() and waited < LOOK_ANYWAY:
            continue
        _arrived.clear()
        waited = 0.0
        try:
            while await to_thread.run_sync(webhooks.apply_stored, SET) == SET:
                continue
        except SQLAlchemyError as error:
            log.error("webhooks wait to be applied: %s", type(error).__name__)

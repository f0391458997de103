"""What runs beside the routes in each gateway process, whether or not anything comes in."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio import to_thread
from sqlalchemy.exc import SQLAlchemyError

from core import workers
from gateway.applying import apply_forever

log = logging.getLogger(__name__)

RENEW_EVERY = 1.0  # seconds


@asynccontextmanager
async def living() -> AsyncIterator[None]:
    """Tell the others that a gateway is alive, and apply what is stored, until the block ends.

    An unknown outcome's window counts only while a gateway was alive to hear of it.
    """
    worker_id = await to_thread.run_sync(workers.start, "gateway")
    tasks = [asyncio.create_task(_renew(worker_id)), asyncio.create_task(apply_forever())]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        for error in ended:
            if isinstance(error, Exception):
                log.error("a gateway task had ended: %s", type(error).__name__)


async def _renew(worker_id: int) -> None:
    """Renew the row; make a new one when it was reaped while this process could not write."""
    try:
        while True:
            await asyncio.sleep(RENEW_EVERY)
            try:
                if not await to_thread.run_sync(workers.renew, worker_id):
                    worker_id = await to_thread.run_sync(workers.start, "gateway")
            except SQLAlchemyError as error:
                log.error("the gateway's row is not renewed: %s", type(error).__name__)
    finally:
        await asyncio.shield(asyncio.ensure_future(to_thread.run_sync(workers.end, worker_id)))

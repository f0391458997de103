"""The gateway alone: `uvicorn gateway.app:app`. Webhooks and health, for a machine at the edge.

There is nothing here to sign in to, so there is no gate either: what is not a public route is 404.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette

from gateway import public
from gateway.living import living


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    async with living():
        yield


app = Starlette(routes=public.routes, lifespan=lifespan)

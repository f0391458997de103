"""What anybody may ask: is it alive, is it ready, and Meta's webhooks, which are signed."""

import logging

from anyio import CapacityLimiter, to_thread
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from core import webhooks
from core.meta.signatures import HEADER
from core.readiness import readiness
from gateway import applying, bodies

log = logging.getLogger(__name__)

LARGEST_BODY = 3_200_000  # Meta's are 3 MB at most (webhooks/overview)

# A thread of its own: SQLite's writers only keep each other waiting (one stored 350 webhooks/s,
# four 210), and a flood of webhooks leaves the other threads to those who sign in and look.
_storing = CapacityLimiter(1)
_asking = CapacityLimiter(1)


async def healthz(request: Request) -> Response:
    """Alive: this process answers. It asks no database, so that a restart is never the cure."""
    return JSONResponse({"status": "alive"})


async def readyz(request: Request) -> Response:
    """Ready, or 503 with the parts that are not: database, schema, worker, scan."""
    found = await to_thread.run_sync(readiness, limiter=_asking)
    told = {
        "status": "not ready" if found.failed else "ready",
        "failed": list(found.failed),
        "loops": found.loops,
        "last_scan_seconds": None if found.last_scan is None else round(found.last_scan, 1),
    }
    return JSONResponse(told, 503 if found.failed else 200)


async def verify(request: Request) -> Response:
    """Answer Meta's challenge when it knows our verify token."""
    asked = request.query_params
    challenge = webhooks.verify(
        asked.get("hub.mode"), asked.get("hub.verify_token"), asked.get("hub.challenge")
    )
    if challenge is None:
        return PlainTextResponse("The verify token is not the one of this Outbox.", 403)
    return PlainTextResponse(challenge)


async def receive(request: Request) -> Response:
    """Store a signed webhook, and answer 200 only after that; it is applied soon after."""
    body = await bodies.read(request, limit=LARGEST_BODY)
    signature = request.headers.get(HEADER, "")
    try:
        ours = await to_thread.run_sync(webhooks.receive, body, signature, limiter=_storing)
    except SQLAlchemyError as error:  # its text may quote the body, so it must not be logged
        log.error("a webhook is not stored, Meta will repeat it: %s", type(error).__name__)
        return PlainTextResponse("It could not be stored. Send it again.", 503)
    if not ours:
        return PlainTextResponse("The signature is missing or not Meta's.", 401)
    applying.wake()
    return PlainTextResponse("stored")


routes = [
    Route("/healthz", healthz),
    Route("/readyz", readyz),
    Route("/webhooks/whatsapp", verify, methods=["GET"]),
    Route("/webhooks/whatsapp", receive, methods=["POST"]),
]

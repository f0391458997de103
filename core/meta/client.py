"""The data plane: one POST of one message over a shared aiohttp session.

What counts is whether the request was written: before that nothing can have been sent, after it
only Meta's own words tell.
"""

from types import SimpleNamespace
from typing import Any

import aiohttp

from core.meta import answers
from core.meta.answers import Answer
from core.settings import settings

CONNECT_SECONDS = 3
TOTAL_SECONDS = 30
# Below the usual server's 60–75 s: a server closing an idle connection under our POST would look
# like an unknown outcome.
KEEPALIVE_SECONDS = 15
LARGEST_ANSWER = 65_536


def open_session() -> aiohttp.ClientSession:
    """The session of one send loop: no limit of its own, the loop bounds what is in flight."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=0, keepalive_timeout=KEEPALIVE_SECONDS, ttl_dns_cache=60
        ),
        timeout=aiohttp.ClientTimeout(
            total=TOTAL_SECONDS, connect=CONNECT_SECONDS, sock_connect=CONNECT_SECONDS
        ),
        trace_configs=[_trace()],
        auto_decompress=True,
    )


def messages_url(phone_number_id: str) -> str:
    chosen = settings()
    return f"{chosen.api_url}/{chosen.api_version}/{phone_number_id}/messages"


async def post(session: aiohttp.ClientSession, url: str, token: str, body: str) -> Answer:
    """POST one message and read the answer; network failures become answers, never exceptions.

    Cancelling it raises CancelledError as usual: the caller then knows no more than «unknown».
    """
    traced = SimpleNamespace(written=False)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    try:
        async with session.post(
            url,
            data=body.encode(),
            headers=headers,
            allow_redirects=False,
            trace_request_ctx=traced,
        ) as response:
            return answers.read(response.status, await response.content.read(LARGEST_ANSWER))
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
        # The name of the error only: its text may hold the address with what stands in it.
        name = type(error).__name__
        if traced.written:
            return answers.unknown(f"no answer after the request was written ({name})")
        return answers.unreached(f"WhatsApp could not be reached ({name})")


def _trace() -> aiohttp.TraceConfig:
    async def written(_: aiohttp.ClientSession, context: Any, __: Any) -> None:
        context.trace_request_ctx.written = True

    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(written)
    return trace

"""The data plane: one POST of one message over a shared aiohttp session.

What counts is whether the request was written: before that nothing can have been sent, after it
only Meta's own words tell.
"""

from collections.abc import Awaitable, Callable

import aiohttp
from aiohttp.abc import AbstractStreamWriter

from core.meta import answers
from core.meta.answers import Answer
from core.settings import settings

CONNECT_SECONDS = 3
TOTAL_SECONDS = 30
# Below the usual server's 60–75 s: a server closing an idle connection under our POST would look
# like an unknown outcome.
KEEPALIVE_SECONDS = 15
LARGEST_ANSWER = 65_536
SHORTEST_TOKEN = 20  # Meta's have some 200 characters; a word such as «token» is a test's

Session = aiohttp.ClientSession  # of one send loop


def open_session() -> aiohttp.ClientSession:
    """The session of one send loop: no limit of its own, the loop bounds what is in flight."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=0, keepalive_timeout=KEEPALIVE_SECONDS, ttl_dns_cache=60
        ),
        timeout=aiohttp.ClientTimeout(
            total=TOTAL_SECONDS, connect=CONNECT_SECONDS, sock_connect=CONNECT_SECONDS
        ),
        auto_decompress=True,
        cookie_jar=aiohttp.DummyCookieJar(),  # Graph sets none that matter
    )


def messages_url(phone_number_id: str) -> str:
    chosen = settings()
    return f"{chosen.api_url}/{chosen.api_version}/{phone_number_id}/messages"


async def greet(session: aiohttp.ClientSession) -> str | None:
    """Connect once before anything is due; returns what went wrong, if anything.

    The first exchange of a process takes some 100 ms longer than the next (resolver, TLS, first
    use): paid by a post, it would arrive close before its punctual successor.
    """
    try:
        async with session.head(settings().api_url, allow_redirects=False):
            return None
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return type(error).__name__


async def post(
    session: aiohttp.ClientSession,
    url: str,
    token: str,
    body: str,
    *,
    before: Callable[[], Awaitable[None]] | None = None,
) -> Answer:
    """POST one message and read the answer; network failures become answers, never exceptions.

    `before` is awaited once there is a connection, just before anything is written to it. What it
    raises is raised here, and nothing leaves. Cancelling raises CancelledError as usual: where
    `before` had been called the caller then knows no more than «unknown».
    """
    payload = _Payload(body.encode(), before)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    try:
        async with session.post(
            url, data=payload, headers=headers, allow_redirects=False
        ) as response:
            return answers.read(response.status, without_token(token, await _body(response)))
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
        if payload.refusal:
            raise payload.refusal from None
        # The name of the error only: its text may hold the address with what stands in it.
        name = type(error).__name__
        if payload.written:
            return answers.unknown(f"no answer after the request was written ({name})")
        return answers.unreached(f"WhatsApp could not be reached ({name})")


async def _body(response: aiohttp.ClientResponse) -> bytes:
    """The answer up to LARGEST_ANSWER; one `read` would give only what has arrived so far."""
    body = b""
    while more := await response.content.read(LARGEST_ANSWER - len(body)):
        body += more
    return body


def without_token(token: str, body: bytes) -> bytes:
    """The answer as it may be kept and shown: Graph repeats a malformed token in its words."""
    return body.replace(token.encode(), b"[token]") if len(token) >= SHORTEST_TOKEN else body


class _Payload(aiohttp.BytesPayload):
    """A body that remembers whether its writing began: the headers go out with it, not before."""

    def __init__(self, body: bytes, before: Callable[[], Awaitable[None]] | None) -> None:
        super().__init__(body)
        self.before = before
        self.written = False
        self.refusal: Exception | None = None

    async def write_with_length(self, writer: AbstractStreamWriter, length: int | None) -> None:
        try:
            if self.before:
                await self.before()
        except Exception as error:
            self.refusal = error
            raise
        self.written = True
        await super().write_with_length(writer, length)

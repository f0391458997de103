"""The gate in front of every route and websocket: nobody comes in without a session.

It decides on the very path that the router will match, by whole paths and never by how they begin
(files under /static/ apart), and it is the only source of the headers that become `st.user`.
"""

import logging
import re
from collections.abc import Iterable
from urllib.parse import quote, urlsplit

from anyio import to_thread
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core import sessions
from core.access import Actor
from core.settings import settings

log = logging.getLogger(__name__)

USER_HEADER, ROLE_HEADER = "x-outbox-user", "x-outbox-role"

PUBLIC = frozenset(
    {
        "/sign-in",
        "/sign-out",  # whose session just ended still gets from here to the sign-in page
        "/healthz",
        "/readyz",
        "/webhooks/whatsapp",  # signed by Meta
        "/_stcore/health",  # what container platforms ask a Streamlit server
        "/favicon.png",
    }
)
# Streamlit's own scripts, styles and fonts, the same for everybody. A script that answered with
# the sign-in page would break a page that is still open (streamlit issue: «Failed to fetch
# dynamically imported module»).
_ASSET = re.compile(
    r"/static/(?:[\w-]+/)*[\w-][\w.-]*\.(?:js|css|woff2?|ttf|png|gif|svg|wasm|json)", re.ASCII
)
_NO_PAGE = re.compile(r"/(?:_stcore|media|component|export|files|app|api)(?:/|$)")
_HERE = re.compile(r"/(?![/\\])[!-\[\]-~]{0,2000}")  # printable ASCII without a backslash

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "frame-ancestors 'none'",
    # Not `no-referrer`: with it a browser sends the Origin `null` with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Gate:
    """ASGI middleware; put it first."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        if scope["type"] == "http":
            send = _with_headers(send)
        answer = await self._admit(HTTPConnection(scope), scope)
        if answer is None:
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await answer(scope, receive, send)
        else:
            # Closing before accepting makes the server refuse the handshake with 403.
            await receive()
            await send({"type": "websocket.close", "code": 1008})

    async def _admit(self, connection: HTTPConnection, scope: Scope) -> Response | None:
        """Nothing when it may go on, with who it is in the scope; else the answer."""
        _trust_nothing(scope)
        if _is_change(scope) and _is_foreign(connection):
            return PlainTextResponse("This request comes from another site.", 403)
        if is_public(scope):
            return None
        try:
            token = connection.cookies.get(sessions.cookie_name())
            actor = await to_thread.run_sync(sessions.actor, token)
        except SQLAlchemyError as error:
            log.error("nobody can be let in: %s", type(error).__name__)
            return PlainTextResponse("Outbox cannot reach its database. Try again soon.", 503)
        if actor is None:
            return _to_sign_in(scope)
        _trust(scope, actor)
        return None


def actor_of(connection: HTTPConnection) -> Actor:
    """Who asks; for routes behind the gate."""
    actor: Actor = connection.scope["outbox.actor"]
    return actor


def is_public(scope: Scope) -> bool:
    """Whether it needs no session. A websocket always does."""
    if scope["type"] != "http":
        return False
    path: str = scope["path"]
    return path in PUBLIC or (
        scope["method"] in ("GET", "HEAD") and _ASSET.fullmatch(path) is not None
    )


def safe_next(target: str) -> str:
    """Where to go after signing in: a page of ours, else the first page."""
    if not _HERE.fullmatch(target) or _NO_PAGE.match(target):
        return "/"
    return "/" if urlsplit(target).path in PUBLIC else target


def _is_change(scope: Scope) -> bool:
    return scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS


def _is_foreign(connection: HTTPConnection) -> bool:
    """Whether a browser says that a page of another site is asking; other clients say nothing."""
    host = connection.headers.get("host", "").lower()
    public = urlsplit(settings().public_url)
    own = {f"http://{host}", f"https://{host}", f"{public.scheme}://{public.netloc}".lower()}
    return any(origin.lower() not in own for origin in connection.headers.getlist("origin"))


def _to_sign_in(scope: Scope) -> Response:
    path: str = scope["path"]
    if scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD"):
        return PlainTextResponse("Sign in first.", 401)
    if _NO_PAGE.match(path):
        return PlainTextResponse("Sign in first.", 401)
    query = scope["query_string"].decode("latin-1")
    target = safe_next(quote(path, safe="/-._~") + (f"?{query}" if query else ""))
    where = "/sign-in" if target == "/" else f"/sign-in?next={quote(target, safe='/')}"
    return RedirectResponse(where, 303, headers={"Cache-Control": "no-store"})


def _trust_nothing(scope: Scope) -> None:
    """Drop what a client says about who it is, in every spelling that some server would fold."""
    ours = {USER_HEADER.encode(), ROLE_HEADER.encode()}
    scope["headers"] = [
        pair for pair in scope["headers"] if pair[0].lower().replace(b"_", b"-") not in ours
    ]


def _trust(scope: Scope, actor: Actor) -> None:
    scope["outbox.actor"] = actor
    # Headers are ASCII: a name in another script comes percent-encoded (`urllib.parse.unquote`).
    told = ((USER_HEADER, quote(actor.name, safe=" ")), (ROLE_HEADER, actor.role.word))
    scope["headers"] = [*scope["headers"], *_encoded(told)]


def _encoded(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers]


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sent

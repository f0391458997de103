"""A gateway on a free port, and a client that sends exactly what it is told to."""

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlencode

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from core import guesses, sessions, users
from core.access import Actor, Role
from gateway import public, session
from gateway.gate import Gate
from tests.postgres import free_port

ADMIN = Actor("cli", Role.ADMIN)
PASSWORD = "long enough to be one"
WAIT = 20.0


class Answer:
    def __init__(self, found: http.client.HTTPResponse) -> None:
        self.status, self.headers = found.status, found.headers
        self.text = found.read().decode(errors="replace")

    @property
    def where(self) -> str | None:
        return self.headers["Location"]

    @property
    def cookie(self) -> str:
        """The cookie that it sets, as it is sent back."""
        return (self.headers["Set-Cookie"] or "").split(";")[0]


class Browser:
    """Keeps no cookie and changes no path; `headers` go with every request."""

    def __init__(self, port: int, **headers: str) -> None:
        self.port, self.headers = port, headers

    def get(self, path: str, *, method: str = "GET", **headers: str) -> Answer:
        return self.send(method, path, None, headers)

    def post(self, path: str, form: dict[str, str] | bytes, **headers: str) -> Answer:
        if isinstance(form, bytes):
            return self.send("POST", path, form, headers)
        headers = {"Content-Type": "application/x-www-form-urlencoded"} | headers
        return self.send("POST", path, urlencode(form).encode(), headers)

    def send(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            line.request(method, path, body, self.headers | named)
            return Answer(line.getresponse())
        finally:
            line.close()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def running(app: Starlette) -> Iterator[Browser]:
    port = free_port()
    config = uvicorn.Config(app, port=port, log_level="error", ws="websockets-sansio")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + WAIT
    while not server.started and thread.is_alive() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server.started, "the gateway did not start"
    try:
        yield Browser(port)
    finally:
        server.should_exit = True
        thread.join(WAIT)
        assert not thread.is_alive()


@pytest.fixture
def serve() -> Iterator[Callable[[Starlette], Browser]]:
    with ExitStack() as stack:
        yield lambda app: stack.enter_context(running(app))


async def inside(request: Request) -> JSONResponse:
    """Stands for the dashboard: tells what it was told."""
    told = [(name, value) for name, value in request.headers.items() if "outbox" in name]
    return JSONResponse({"inside": request.url.path, "told": told})


async def inside_socket(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text(websocket.headers.get("x-outbox-user", "nobody"))
    await websocket.close()


@pytest.fixture
def gated(serve: Callable[[Starlette], Browser], monkeypatch: pytest.MonkeyPatch) -> Browser:
    """The gate, the gateway's routes, and a dashboard behind them that takes every path."""
    fresh = guesses.Guesses(name=5, address=20, code=5)
    for module in (guesses, users, sessions):
        monkeypatch.setattr(module, "guesses", fresh)
    methods = ["GET", "POST", "PUT", "DELETE", "OPTIONS"]
    behind = [
        Route("/{path:path}", inside, methods=methods),
        WebSocketRoute("/{path:path}", inside_socket),
    ]
    routes = [*session.routes, *public.routes, *behind]
    return serve(Starlette(routes=routes, middleware=[Middleware(Gate)]))


@pytest.fixture
def ana(gated: Browser) -> str:
    """A signed-in operator's cookie."""
    users.add("Ana", role=Role.OPERATOR, password=PASSWORD, by=ADMIN)
    answer = gated.post("/sign-in", {"name": "ana", "password": PASSWORD})
    assert answer.status == 303
    return answer.cookie

"""The gate in front of the real dashboard, right after a start."""

import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import streamlit
from sqlalchemy import text
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from core import db, sessions, users
from core.access import Role
from core.settings import ROOT
from tests.gateway.conftest import ADMIN, PASSWORD, Browser
from tests.gateway.dashboards import Dashboard, running

pytestmark = pytest.mark.browser

PAGES = [f"/{path.stem}" for path in sorted((ROOT / "pages").glob("*.py"))]
ROUTES = [
    "/",
    "/no-such-page",
    "/_stcore/host-config",
    "/_stcore/metrics",
    "/_stcore/allowed-message-origins",
    "/_stcore/upload_file/x/y",
    "/_stcore/bidi-components/x",
    "/_stcore/agent/openapi.json",
    "/_stcore/agent/mcp",
    "/_stcore/script-health-check",
    "/media/x.png",
    "/component/x/index.html",
    "/app/static/x.png",
    "/auth/login",
    "/oauth2callback",
    "/export/messages.csv",
    "/export/evidence/1.html",
    "/index.html",
    "/manifest.json",
    "//sign-in",
    "/static/../index.html",
    "/static/%2e%2e/index.html",
    "/sign-in/",
    "/Sign-In",
]
TRUSTED = {"X-Outbox-User": "Ana", "X-Outbox-Role": "admin"}


@pytest.fixture
def dashboard(sqlite: str, environment: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Dashboard]:
    environment.setenv("OUTBOX_QUEUE_URL", str(tmp_path / "queue.db"))
    environment.setenv("OUTBOX_API_URL", "http://127.0.0.1:1")
    with running(tmp_path) as started:
        yield started


def line(dashboard: Browser, **headers: str) -> ClientConnection:
    return connect(
        f"ws://127.0.0.1:{dashboard.port}/_stcore/stream",
        subprotocols=[Subprotocol("streamlit")],
        additional_headers={name.replace("_", "-"): value for name, value in headers.items()},
        max_size=None,
    )


def refused(dashboard: Browser, **headers: str) -> bool:
    with pytest.raises(InvalidStatus) as answer:
        line(dashboard, **headers)
    return answer.value.response.status_code == 403


def only_sign_in(dashboard: Browser, path: str, **headers: str) -> bool:
    answer = Browser(dashboard.port, **headers).get(path)
    if answer.status == 303:
        return (answer.where or "").split("?")[0] == "/sign-in"
    return answer.status == 401 and answer.text == "Sign in first."


def test_signed_out_nothing_but_sign_in_comes_back_not_even_to_the_first_request(
    dashboard: Dashboard,
) -> None:
    assert PAGES, "the dashboard has pages"
    for path in [*PAGES, *ROUTES]:
        assert only_sign_in(dashboard, path), path
        assert only_sign_in(dashboard, path, **TRUSTED), path
        assert only_sign_in(dashboard, path, Cookie="outbox_session=forged"), path
    for method in ("POST", "PUT", "DELETE"):
        assert dashboard.get("/_stcore/upload_file/x/y", method=method).status == 401


def test_signed_out_no_websocket_opens_not_even_as_the_first_request(dashboard: Dashboard) -> None:
    assert refused(dashboard)
    assert refused(dashboard, **TRUSTED)
    assert refused(dashboard, Cookie="outbox_session=forged")
    assert refused(dashboard, Origin=dashboard.origin)


def test_from_the_printed_code_to_signing_out(dashboard: Dashboard) -> None:
    form = {"code": dashboard.code(), "name": "Ana", "password": PASSWORD, "again": PASSWORD}
    assert dashboard.post("/sign-in", form | {"code": "guess"}).status == 401
    answer = dashboard.post("/sign-in", form, Origin=dashboard.origin)
    cookie = answer.headers["Set-Cookie"]
    assert answer.status == 303
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Path=/" in cookie
    page = dashboard.get("/", Cookie=answer.cookie)
    assert page.status == 200 and "<title>Streamlit</title>" in page.text
    assert page.headers["X-Frame-Options"] == "DENY"
    deep = dashboard.get("/message?id=1", Cookie=answer.cookie)  # asks for the server at «/» alone
    assert deep.text.index("BACKEND_BASE_URL:location.origin") < deep.text.index('type="module"')
    export = dashboard.get("/export/messages.csv", Cookie=answer.cookie)
    assert export.status == 200 and export.headers["Content-Type"].startswith("text/csv")
    with line(dashboard, Cookie=answer.cookie, Origin=dashboard.origin) as opened:
        assert opened.subprotocol == "streamlit"
    assert refused(dashboard, Cookie=answer.cookie, Origin="https://evil.example")
    assert dashboard.post("/sign-out", b"", Cookie=answer.cookie).status == 303
    assert only_sign_in(dashboard, "/", Cookie=answer.cookie)
    assert refused(dashboard, Cookie=answer.cookie)
    assert PASSWORD not in dashboard.said and answer.cookie.split("=")[1] not in dashboard.said


def run(opened: ClientConnection, page: str) -> list[ForwardMsg]:
    """Ask for a page as a deep link does; everything that comes until the run has finished."""
    asked = BackMsg()
    asked.rerun_script.page_name = page
    opened.send(asked.SerializeToString())
    told = []
    while not told or told[-1].WhichOneof("type") != "script_finished":
        message = ForwardMsg()
        message.ParseFromString(opened.recv(timeout=60, decode=False))
        told.append(message)
    return told


DENIED = dict.fromkeys(("settings", "audit"), Role.ADMIN)
DENIED |= dict.fromkeys(("schedule", "many"), Role.OPERATOR)


@pytest.mark.parametrize(
    ("role", "first"),
    [
        (Role.VIEWER, "settings"),
        (Role.VIEWER, "overview"),
        (Role.OPERATOR, "audit"),
        (Role.ADMIN, "settings"),
    ],
)
def test_a_deep_link_as_the_first_request_runs_the_frame_and_what_the_role_may_see(
    dashboard: Dashboard, role: Role, first: str
) -> None:
    users.add("Vera", role=role, password=PASSWORD, by=ADMIN)
    cookie = f"{sessions.cookie_name()}={sessions.sign_in('vera', PASSWORD)}"
    for page in (first, *(path.removeprefix("/") for path in PAGES)):
        with line(dashboard, Cookie=cookie, Origin=dashboard.origin) as opened:
            told = run(opened, page)
        # Only the frame calls st.navigation; a page that ran alone would have sent none.
        assert any(message.WhichOneof("type") == "navigation" for message in told), page
        said = b"".join(message.SerializeToString() for message in told)
        denied = f"Not for {role.word}s".encode() in said
        assert denied == (role < DENIED.get(page, Role.VIEWER)), page
        assert b"This page could not be finished." not in said, page


def test_a_revoked_session_shows_nothing_more_and_opens_nothing(dashboard: Dashboard) -> None:
    users.add("Ana", role=Role.ADMIN, password=PASSWORD, by=ADMIN)
    cookie = f"{sessions.cookie_name()}={sessions.sign_in('ana', PASSWORD)}"
    with line(dashboard, Cookie=cookie) as opened:
        run(opened, "")
        assert sessions.revoke_all("ana", by=ADMIN) == 1
        told = run(opened, "")
    assert not any(message.WhichOneof("type") == "navigation" for message in told)
    assert refused(dashboard, Cookie=cookie)
    assert only_sign_in(dashboard, "/", Cookie=cookie)


def test_a_page_that_breaks_says_so_and_the_log_quotes_nothing(dashboard: Dashboard) -> None:
    users.add("Ana", role=Role.ADMIN, password=PASSWORD, by=ADMIN)
    cookie = f"{sessions.cookie_name()}={sessions.sign_in('ana', PASSWORD)}"
    with db.writing() as session:
        session.execute(text("ALTER TABLE message RENAME TO elsewhere"))
    with line(dashboard, Cookie=cookie) as opened:
        told = run(opened, "messages")
    said = b"".join(message.SerializeToString() for message in told)
    assert b"This page could not be finished." in said
    assert b"Traceback" not in said and b"no such table" not in said
    assert "OperationalError in a page:" in dashboard.said and "line " in dashboard.said
    assert "no such table" not in dashboard.said and "[SQL" not in dashboard.said


def stalled_download(dashboard: Browser) -> socket.socket:
    """Somebody asks for megabytes and reads none of them."""
    folder = Path(streamlit.__file__).parent / "static"
    largest = max((folder / "static" / "js").glob("*.js"), key=lambda path: path.stat().st_size)
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.settimeout(20)
    reader.connect(("127.0.0.1", dashboard.port))
    path = f"/{largest.relative_to(folder).as_posix()}"
    reader.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert reader.recv(12) == b"HTTP/1.1 200"
    return reader


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_within_two_seconds_with_somebody_looking(
    dashboard: Dashboard, by: signal.Signals
) -> None:
    users.add("Ana", role=Role.ADMIN, password=PASSWORD, by=ADMIN)
    cookie = f"{sessions.cookie_name()}={sessions.sign_in('ana', PASSWORD)}"
    with line(dashboard, Cookie=cookie) as opened, stalled_download(dashboard):
        run(opened, "")
        assert dashboard.stop(by) < 2
        with pytest.raises(ConnectionClosed):
            while True:
                opened.recv(timeout=5)


def test_an_old_schema_is_told_in_one_sentence(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment.setenv("OUTBOX_DATABASE_URL", f"sqlite:///{tmp_path / 'empty.db'}")
    with ExitStack() as stack, pytest.raises(AssertionError) as ended:
        stack.enter_context(running(tmp_path))
    last = str(ended.value).split("\n")[0]
    assert "The database does not have the newest schema. Run: python manage.py migrate" in last

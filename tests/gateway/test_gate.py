import json
from pathlib import Path

import pytest
import streamlit
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from core import db, sessions, users
from core.access import Actor, Role
from gateway import gate
from tests.gateway.conftest import ADMIN, PASSWORD, Browser

pytestmark = pytest.mark.usefixtures("sqlite")

PAGES = ["/", "/messages", "/messages?status=failed", "/admin", "/x/y", "/Sign-In", "/sign-in/"]
CLOSED = [
    "/_stcore/host-config",
    "/_stcore/health/",
    "/_stcore/metrics",
    "/_stcore/stream",
    "/media/abc.png",
    "/media",
    "/export/messages.csv",
    "/files/1",
    "/component/x/index.html",
    "/app/static/x.png",
]
TRICKS = [
    "//sign-in",
    "//healthz",
    "/./sign-in",
    "/x/../sign-in",
    "/sign-in/../messages",
    "/sign-in/..%2fmessages",
    "/static/../messages",
    "/static/..%2f..%2f_stcore/stream",
    "/static/%2e%2e/messages.js",
    "/static/",
    "/static/index.html",
    "/static/x/..js/../y",
    "/static//x.js",
    "/static\\..\\x.js",
    "/STATIC/x.js",
    "/sign-in;x",
    "/sign-in%00",
    "/sign-in%0a",
    "/sign-in.css",
    "/sign-inside",
    "/healthz/x",
    "/healthzz",
    "/webhooks/whatsapp/",
    "/webhooks/whatsappx",
    "/favicon.png/x",
    "/_stcore/healthx",
    "/x?y=/sign-in",
    "/x#/sign-in",
]


@pytest.mark.parametrize("path", PAGES + TRICKS)
def test_signed_out_every_page_leads_to_the_sign_in_page(gated: Browser, path: str) -> None:
    answer = gated.get(path)
    assert answer.status in (303, 401), answer.text
    assert "inside" not in answer.text
    if answer.status == 303:
        assert (answer.where or "").split("?")[0] == "/sign-in"


@pytest.mark.parametrize("path", CLOSED)
def test_signed_out_what_is_no_page_is_refused_with_401(gated: Browser, path: str) -> None:
    assert gated.get(path).status == 401


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize("path", ["/", "/messages", "/static/x.js", "/export/x"])
def test_signed_out_nothing_can_be_changed(gated: Browser, method: str, path: str) -> None:
    assert gated.get(path, method=method).status == 401


@pytest.mark.parametrize("path", sorted(gate.PUBLIC - {"/readyz", "/webhooks/whatsapp"}))
def test_what_is_public_needs_no_session(gated: Browser, path: str) -> None:
    assert gated.get(path).status == 200


def test_every_file_of_streamlits_page_is_public() -> None:
    folder = Path(streamlit.__file__).parent / "static"
    files = [path for path in (folder / "static").rglob("*") if path.is_file()]
    assert len(files) > 100
    for path in files:
        scope = {
            "type": "http",
            "method": "GET",
            "path": f"/{path.relative_to(folder).as_posix()}",
        }
        assert gate.is_public(scope), path


@pytest.mark.parametrize(
    "path", ["/", "/static/js/x.js", "/sign-in", "/_stcore/stream", "/healthz"]
)
def test_signed_out_no_websocket_opens_whatever_its_path(gated: Browser, path: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        connect(f"ws://127.0.0.1:{gated.port}{path}")
    assert refused.value.response.status_code == 403


def test_signed_in_one_comes_in_and_is_named(gated: Browser, ana: str) -> None:
    answer = gated.get("/messages", Cookie=ana)
    assert json.loads(answer.text) == {
        "inside": "/messages",
        "told": [["x-outbox-user", "Ana"], ["x-outbox-role", "operator"]],
    }
    with connect(
        f"ws://127.0.0.1:{gated.port}/_stcore/stream", additional_headers={"Cookie": ana}
    ) as line:
        assert line.recv() == "Ana"


def test_a_name_in_another_script_is_told_in_ascii(gated: Browser) -> None:
    users.add("Анна Ö", role=Role.VIEWER, password=PASSWORD, by=ADMIN)
    cookie = f"outbox_session={sessions.sign_in('анна ö', PASSWORD)}"
    told = dict(json.loads(gated.get("/", Cookie=cookie).text)["told"])
    assert told["x-outbox-user"] == "%D0%90%D0%BD%D0%BD%D0%B0 %C3%96"


@pytest.mark.parametrize(
    "name", ["X-Outbox-User", "x-outbox-role", "X_Outbox_User", "x-OUTBOX_role"]
)
def test_what_a_client_says_about_itself_is_dropped(gated: Browser, ana: str, name: str) -> None:
    line = gated.send("GET", "/", None, {})
    assert line.status == 303
    with_it = Browser(gated.port, **{name: "admin"})
    assert with_it.get("/").status == 303
    told = json.loads(with_it.get("/", Cookie=ana).text)["told"]
    assert told == [["x-outbox-user", "Ana"], ["x-outbox-role", "operator"]]


@pytest.mark.parametrize(
    "cookie",
    [
        "outbox_session=",
        "outbox_session=x",
        "outbox_session=' OR 1=1 --",
        "__Host-outbox_session={}",
        "OUTBOX_SESSION={}",
        "outbox_session={}x",
        "x=outbox_session={}",
    ],
)
def test_a_forged_cookie_opens_nothing(gated: Browser, ana: str, cookie: str) -> None:
    forged = cookie.format(ana.split("=", 1)[1])
    assert gated.get("/", Cookie=forged).status == 303
    with pytest.raises(InvalidStatus):
        connect(f"ws://127.0.0.1:{gated.port}/", additional_headers={"Cookie": forged})


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://127.0.0.1", "http://[", "http://127.0.0.1:1", ""],
)
def test_another_site_can_neither_post_nor_open_a_websocket(
    gated: Browser, ana: str, origin: str
) -> None:
    assert gated.post("/x", b"", Cookie=ana, Origin=origin).status == 403
    assert (
        gated.post("/sign-in", {"name": "ana", "password": PASSWORD}, Origin=origin).status == 403
    )
    assert gated.post("/sign-out", b"", Cookie=ana, Origin=origin).status == 403
    with pytest.raises(InvalidStatus) as refused:
        headers = {"Cookie": ana, "Origin": origin}
        connect(f"ws://127.0.0.1:{gated.port}/", additional_headers=headers)
    assert refused.value.response.status_code == 403
    assert gated.get("/", Cookie=ana).status == 200


def test_our_own_pages_can(gated: Browser, ana: str) -> None:
    assert gated.post("/x", b"", Cookie=ana, Origin=gated.origin).status == 200
    headers = {"Cookie": ana, "Origin": gated.origin}
    with connect(f"ws://127.0.0.1:{gated.port}/", additional_headers=headers) as line:
        assert line.recv() == "Ana"


def test_behind_a_proxy_that_renames_us_the_public_address_is_our_own(
    gated: Browser, ana: str, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("OUTBOX_PUBLIC_URL", "http://outbox.example/")
    sessions.settings.cache_clear()
    assert gated.post("/x", b"", Cookie=ana, Origin="http://outbox.example").status == 200


def test_the_page_that_was_asked_for_comes_after_signing_in(gated: Browser, ana: str) -> None:
    where = gated.get("/messages?status=failed&q=a%20b").where
    assert where == "/sign-in?next=/messages%3Fstatus%3Dfailed%26q%3Da%2520b"
    assert gated.get(where, Cookie=ana).where == "/messages?status=failed&q=a%20b"


@pytest.mark.parametrize(
    "target",
    [
        "",
        "messages",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/ä",
        "/" + "x" * 3000,
        "/sign-in",
        "/sign-out?x",
        "/_stcore/stream",
        "/media/x",
        "/export/x.csv",
    ],
)
def test_nobody_is_sent_elsewhere_after_signing_in(target: str) -> None:
    assert gate.safe_next(target) == "/"


def test_without_its_database_the_gate_stays_shut_and_says_why(
    gated: Browser, ana: str, environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment.setenv("OUTBOX_DATABASE_URL", f"sqlite:///{tmp_path / 'none' / 'x.db'}")
    sessions.settings.cache_clear()
    db.engine.cache_clear()
    answer = gated.get("/", Cookie=ana)
    assert (answer.status, answer.text) == (
        503,
        "Outbox cannot reach its database. Try again soon.",
    )
    with pytest.raises(InvalidStatus):
        connect(f"ws://127.0.0.1:{gated.port}/", additional_headers={"Cookie": ana})
    assert gated.get("/healthz").status == 200


@pytest.mark.parametrize("path", ["/", "/sign-in", "/healthz", "/media/x"])
def test_no_page_can_be_framed_or_guessed_at(gated: Browser, ana: str, path: str) -> None:
    for headers in (gated.get(path).headers, gated.get(path, Cookie=ana).headers):
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


def test_a_revoked_session_opens_nothing_any_more(gated: Browser, ana: str) -> None:
    sessions.revoke_all("ana", by=Actor("cli", Role.ADMIN))
    assert gated.get("/", Cookie=ana).status == 303
    with pytest.raises(InvalidStatus):
        connect(f"ws://127.0.0.1:{gated.port}/", additional_headers={"Cookie": ana})

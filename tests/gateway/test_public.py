import http.client
import json
import logging
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import text
from sqlmodel import select

from core import db, settings, workers
from core.meta.signatures import HEADER, sign
from core.models import WebhookEvent, Worker
from gateway import app as alone
from gateway import living, public
from tests.gateway.conftest import WAIT, Browser

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def gateway(serve: Callable[[Any], Browser]) -> Browser:
    """The gateway alone, as `uvicorn gateway.app:app` runs it."""
    return serve(alone.app)


def until(true: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + WAIT
    while not (found := true()):
        assert time.monotonic() < deadline, f"not in time: {what}"
        time.sleep(0.02)
    return found


def events() -> list[WebhookEvent]:
    with db.reading() as session:
        return list(session.exec(select(WebhookEvent)).all())


def signed(body: bytes) -> dict[str, str]:
    return {HEADER: sign(body, settings.settings().app_secret)}


def readiness(gateway: Browser) -> tuple[int, dict[str, Any]]:
    answer = gateway.get("/readyz")
    return answer.status, json.loads(answer.text)


def test_alive_needs_no_database(gateway: Browser, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("OUTBOX_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    settings.settings.cache_clear()
    db.engine.cache_clear()
    assert gateway.get("/healthz").status == 200
    assert readiness(gateway)[1]["failed"] == ["database"]


def test_ready_means_a_living_loop_and_a_recent_scan(gateway: Browser) -> None:
    assert readiness(gateway) == (
        503,
        {
            "status": "not ready",
            "failed": ["worker", "scan"],
            "loops": 0,
            "last_scan_seconds": None,
        },
    )
    workers.start("loop")
    assert readiness(gateway)[1]["failed"] == ["scan"]
    with db.writing() as session:
        for worker in session.exec(select(Worker).where(Worker.kind == "loop")):
            worker.last_scan_at = db.now(session) - timedelta(seconds=30)
    status, told = readiness(gateway)
    assert (status, told["status"], told["failed"], told["loops"]) == (200, "ready", [], 1)
    assert 30 <= told["last_scan_seconds"] < 35


def test_a_worker_whose_lease_is_over_is_none(gateway: Browser) -> None:
    workers.start("loop")
    with db.writing() as session:
        for worker in session.exec(select(Worker)):
            worker.lease_until = db.now(session) - timedelta(seconds=1)
            worker.last_scan_at = db.now(session)
    assert "worker" in readiness(gateway)[1]["failed"]


def test_an_old_schema_is_not_ready(gateway: Browser) -> None:
    with db.writing() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    assert readiness(gateway)[1]["failed"] == ["schema"]


CHALLENGE = "/webhooks/whatsapp?hub.mode=subscribe&hub.challenge=1158201444"


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("&hub.verify_token=ours", 200),
        ("&hub.verify_token=theirs", 403),
        ("&hub.verify_token=", 403),
        ("", 403),
        ("&hub.verify_token[$ne]=x", 403),
    ],
)
def test_meta_verifies_us_by_our_token(
    gateway: Browser, environment: pytest.MonkeyPatch, query: str, status: int
) -> None:
    environment.setenv("OUTBOX_WEBHOOK_VERIFY_TOKEN", "ours")
    settings.settings.cache_clear()
    answer = gateway.get(CHALLENGE + quote(query, safe="&=."))
    assert answer.status == status
    assert (answer.text == "1158201444") is (status == 200)
    if status == 200:
        assert answer.headers["Content-Type"].startswith("text/plain")


def test_without_a_token_nobody_verifies_us(gateway: Browser) -> None:
    assert gateway.get(CHALLENGE + "&hub.verify_token=").status == 403


def test_a_signed_webhook_is_stored_before_the_answer_and_applied_soon_after(
    gateway: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = b'{"entry": []}'
    answer = gateway.post("/webhooks/whatsapp", body, **signed(body))
    assert answer.status == 200
    assert [event.body for event in events()] == [body.decode()]
    until(lambda: events()[0].applied_at, "the webhook applied")


@pytest.mark.parametrize(
    "headers", [{}, {HEADER: ""}, {HEADER: "sha256=" + "0" * 64}, {HEADER: sign(b"{}", "theirs")}]
)
def test_an_unsigned_webhook_is_refused_and_not_stored(
    gateway: Browser, headers: dict[str, str]
) -> None:
    assert gateway.post("/webhooks/whatsapp", b"{}", **headers).status == 401
    assert events() == []


def test_a_webhook_as_large_as_meta_sends_is_taken_and_a_larger_one_is_not(
    gateway: Browser,
) -> None:
    large = b'{"x": "' + b"a" * 3_000_000 + b'"}'
    assert gateway.post("/webhooks/whatsapp", large, **signed(large)).status == 200
    larger = large + b" " * 300_000
    line = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=WAIT)
    line.request(  # in chunks, so that no Content-Length tells
        "POST",
        "/webhooks/whatsapp",
        iter([larger[:1_500_000], larger[1_500_000:]]),
        signed(larger),
        encode_chunked=True,
    )
    assert line.getresponse().status == 413
    line.close()
    assert len(events()) == 1


def test_when_it_cannot_be_stored_meta_is_not_told_that_it_was(
    gateway: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    with db.writing() as session:
        session.execute(text("ALTER TABLE webhook_event RENAME TO elsewhere"))
    body = b'{"entry": "the text of a message"}'
    assert gateway.post("/webhooks/whatsapp", body, **signed(body)).status == 503
    assert "a webhook is not stored" in caplog.text
    assert "the text of a message" not in caplog.text


def test_neither_a_body_nor_a_token_reaches_a_log(
    gateway: Browser, caplog: pytest.LogCaptureFixture, environment: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    body = b'{"entry": "the text of a message"'
    assert gateway.post("/webhooks/whatsapp", body, **signed(body)).status == 200
    assert gateway.post("/webhooks/whatsapp", body).status == 401
    gateway.get(CHALLENGE + "&hub.verify_token=a-token")
    until(lambda: events()[0].applied_at, "the webhook applied")
    assert "the text of a message" not in caplog.text and "a-token" not in caplog.text


def test_a_gateway_shows_that_it_lives_and_leaves_nothing_behind(
    serve: Callable[[Any], Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(living, "RENEW_EVERY", 0.05)

    def row() -> Worker | None:
        with db.reading() as session:
            return session.exec(select(Worker).where(Worker.kind == "gateway")).first()

    from tests.gateway.conftest import running

    with running(alone.app):
        first = row()
        assert first
        until(lambda: (now := row()) and now.lease_until > first.lease_until, "a renewal")
        workers.end(first.id)  # as a reaper does
        until(lambda: (now := row()) and now.id != first.id, "a new row")
    assert row() is None


def test_alone_there_is_nothing_to_sign_in_to(gateway: Browser) -> None:
    assert [gateway.get(path).status for path in ("/", "/sign-in", "/messages")] == [404] * 3


def test_the_limit_leaves_room_above_metas_three_megabytes() -> None:
    assert public.LARGEST_BODY >= 3 * 2**20

"""Downloads through the gate: what is asked for comes, what is not known is told in words."""

import csv
import io
import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape

import pytest
from sqlmodel import col, select
from starlette.applications import Starlette
from starlette.middleware import Middleware

from core import clock, db, users
from core.access import Actor, Role
from core.models import AuditEvent
from gateway import evidence, export, session
from gateway.gate import Gate
from tests.core import stored
from tests.core.batched import batch
from tests.gateway.conftest import ADMIN, PASSWORD, Browser
from tests.ui.seen import html
from tests.ui.test_pages import run, signed_in

__all__ = ["signed_in"]

pytestmark = pytest.mark.usefixtures("sqlite")


@pytest.fixture
def vera(serve: Callable[[Starlette], Browser]) -> Browser:
    """A viewer who is signed in."""
    routes = [*session.routes, *export.routes, *evidence.routes]
    site = serve(Starlette(routes=routes, middleware=[Middleware(Gate)]))
    users.add("Vera", role=Role.VIEWER, password=PASSWORD, by=ADMIN)
    site.headers["Cookie"] = site.post("/sign-in", {"name": "vera", "password": PASSWORD}).cookie
    return site


def test_everybody_who_is_signed_in_may_export_what_the_page_shows(vera: Browser) -> None:
    stored.messages(stored.account("Orders"), [{"status": "failed"}, {"text": "shown"}])
    stored.messages(stored.account("Other"), [{}])
    query = "account=Orders&state=scheduled&columns=text,recipient&columns=due_at_local"
    answer = vera.get(f"/export/messages.csv?{query}&zone=Asia/Jakarta")
    assert answer.status == 200 and answer.headers["Cache-Control"] == "no-store"
    name = r'attachment; filename="messages-\d{4}-\d\d-\d\d-\d{4}.csv"'
    assert re.fullmatch(name, answer.headers["Content-Disposition"])
    [heading, row] = csv.reader(io.StringIO(answer.text.removeprefix("\ufeff")))
    assert heading == ["text", "recipient", "due_at_local"]
    assert row[0] == "shown" and row[2].endswith("+07:00")
    with db.reading() as session:
        asked = select(AuditEvent).where(col(AuditEvent.action).startswith("export "))
        begun, ended = session.execute(asked.order_by(col(AuditEvent.id))).scalars()
    assert (begun.action, begun.actor, ended.action) == ("export begun", "Vera", "export ended")
    assert begun.after["query"] == "state=scheduled&account=Orders"
    assert ended.after == begun.after | {"rows": 1}


def test_attempts_have_an_address_of_their_own(vera: Browser) -> None:
    answer = vera.get("/export/attempts.csv?columns=attempt_id,outcome")
    assert answer.text == "\ufeffattempt_id,outcome\r\n"


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("columns=id,password", "There is no column «password» for messages; there are id,"),
        ("zone=Mars/Base", "There is no time zone Mars/Base."),
    ],
)
def test_what_is_not_known_is_refused_with_words(vera: Browser, query: str, told: str) -> None:
    answer = vera.get(f"/export/messages.csv?{query}")
    assert answer.status == 400 and answer.text.startswith(told)


def test_the_link_on_a_batchs_page_brings_what_failed_of_it_and_nothing_else(
    vera: Browser, signed_in: Callable[[Actor | None], None]
) -> None:
    account = stored.account()
    failed = {"status": "failed", "error_class": "recipient"}
    unclear = {"status": "failed", "error_class": "unknown"}
    batch_id, ids = batch(account, [failed, unclear, {"status": "sent"}, {}], state="released")
    stored.messages(account, [failed])
    link = re.search(r'href="(/export/[^"]*)"', html(run("batches", id=str(batch_id))))
    assert link
    answer = vera.get(unescape(link[1]))
    read = csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff")))
    assert sorted(int(row["id"]) for row in read) == sorted(ids[:2])


def test_the_link_on_a_messages_page_brings_its_evidence(
    vera: Browser, signed_in: Callable[[Actor | None], None]
) -> None:
    (one,) = stored.messages(stored.account(), [{"text": "Hello"}])
    link = re.search(r'href="(/export/evidence/[^"]*)"', html(run("message", id=str(one))))
    assert link
    answer = vera.get(unescape(link[1]))
    assert answer.status == 200 and f"<h1>Message {one}</h1>" in answer.text
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Cache-Control"] == "no-store"
    assert vera.get("/export/evidence/999.html").status == 404
    assert vera.get(f"/export/evidence/{one}.html?zone=Mars/Base").status == 400
    signed_in(None)
    assert vera.get(f"/export/evidence/{one}.html").status == 401


def test_the_link_on_not_reached_brings_whom_to_telephone(
    vera: Browser, signed_in: Callable[[Actor | None], None]
) -> None:
    past = clock.wall() - timedelta(hours=1)
    failed = {"status": "failed", "error_class": "recipient", "error_code": 131026, "due_at": past}
    stored.messages(stored.account(), [failed | {"reference": "A-1"}, {"due_at": past}])
    body = html(run("not_reached"))
    assert "tel:+6281200000000" in body and "A-1" in body and "tel:+6281200000001" not in body
    link = re.search(r'href="(/export/not-reached[^"]*)"', body)
    assert link
    [row] = csv.DictReader(io.StringIO(vera.get(unescape(link[1])).text.removeprefix("\ufeff")))
    assert row["reference"] == "A-1" and "131026" in row["reason"]
    assert vera.get("/export/not-reached.csv?zone=Mars/Base").status == 400

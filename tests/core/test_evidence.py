"""One file with all of one message, which shows nothing that it must not and can be checked."""

import re
from hashlib import sha256
from html import unescape

import pytest
from sqlmodel import col, select

from core import db, evidence, webhooks
from core.access import Actor, Role
from core.errors import Invalid, Refused
from core.models import AuditEvent, MessageEvent, WebhookEvent
from tests import given
from tests.core import heard, stored
from tests.core.test_history import hear, sent, told
from tests.core.test_reports import now

pytestmark = pytest.mark.usefixtures("database")

VERA = Actor("vera", Role.VIEWER)
TOKEN = "EAAGm0PX4ZCpsBAsecret"


def test_it_has_everything_with_sums_that_hold_and_is_on_record() -> None:
    account = given.account("Orders", token=TOKEN)
    (one,) = stored.messages(
        account, [{"status": "sent", "sent_at": now(), "meta_message_id": "wamid.A"}]
    )
    attempt = sent(one, "wamid.A")
    body = hear(told("wamid.A", "delivered"))
    made = evidence.of(one, zone="Asia/Jakarta", by=VERA)
    assert made.name == f"message-{one}-evidence.html"
    for said in ("As posted", attempt.payload_sha256, "wamid.A", "On the phone", "Asia/Jakarta"):
        assert said in made.html
    assert sha256(body.encode()).hexdigest() in made.html
    assert TOKEN not in made.html and "src=" not in made.html and "href=" not in made.html
    record = re.search(r"<h2>The record</h2><pre>(.*)</pre>", made.html, re.DOTALL)
    assert record and sha256(unescape(record[1]).encode()).hexdigest() in made.html
    with db.reading() as session:
        taken = select(AuditEvent).where(col(AuditEvent.action) == "evidence taken")
        (event,) = session.exec(taken).all()
    assert (event.actor, event.target) == ("vera", f"message {one}")
    assert event.after == {"sha256": sha256(made.html.encode()).hexdigest()}


def test_a_request_that_was_changed_afterwards_is_told() -> None:
    (one,) = stored.messages(stored.account(), [{"status": "sent", "meta_message_id": "wamid.A"}])
    sent(one, "wamid.A", payload_sha256="0" * 64)
    assert "but what is kept now has" in evidence.of(one, by=VERA).html


def test_what_people_typed_is_never_markup_in_it() -> None:
    evil = "<img src=x onerror=alert(1)></pre><script>"
    (one,) = stored.messages(stored.account(evil), [{"text": evil, "reference": evil}])
    with db.writing() as session:
        change = {"before": {evil: "a"}, "after": {evil: evil}}
        event = {"at": now(), "actor": evil, "kind": evil}
        session.add(MessageEvent(message_id=one, **event, **change))
    html = evidence.of(one, by=VERA).html
    assert "<img" not in html and "<script" not in html and html.count("</pre>") == 1


def test_half_of_an_emoji_in_what_meta_said_is_shown_as_it_was_written() -> None:
    (one,) = stored.messages(stored.account(), [{"status": "sent", "meta_message_id": "wamid.A"}])
    sent(one, "wamid.A", answer='{"error": "Hi \\ud83d"}')
    hear(told("wamid.A", "failed", errors=[{"code": 131026, "title": "Hi \ud83d"}]))
    html = evidence.of(one, by=VERA).html
    assert html.encode() and unescape(html).count('"Hi \\ud83d"') >= 2


def test_a_message_that_never_was_and_a_zone_that_is_none_are_refused() -> None:
    with pytest.raises(Refused):
        evidence.of(7, by=VERA)
    with pytest.raises(Invalid):
        evidence.of(7, zone="Mars/Base", by=VERA)


def test_what_they_answered_is_in_it_and_nothing_that_others_wrote() -> None:
    account = stored.account()
    (one,) = stored.messages(
        account, [{"status": "sent", "sent_at": now(), "meta_message_id": "wamid.A"}]
    )
    sent(one, "wamid.A")
    mine, other = given.row(one).recipient, given.recipient(2)
    answer = heard.message("I paid <b>", sender=mine, context={"id": "wamid.A"})
    heard.receive(answer, heard.message("Somebody else", sender=other))
    webhooks.apply_stored()
    html = evidence.of(one, by=VERA).html
    assert "They answered it" in html and "I paid &lt;b&gt;" in html and "<b>I" not in html
    assert answer["id"] in html and "Somebody else" not in html
    assert sha256(_webhook()).hexdigest() in html


def _webhook() -> bytes:
    with db.reading() as session:
        return session.exec(select(WebhookEvent.body)).one().encode()

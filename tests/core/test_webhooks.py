import json
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import select

from core import db, outcomes, vault, webhooks
from core.meta.signatures import sign
from core.meta.statuses import StatusUpdate
from core.models import Business, WebhookEvent
from core.settings import settings

Move = Callable[[timedelta], None]


def body(*statuses: dict[str, Any]) -> bytes:
    entry = {"changes": [{"field": "messages", "value": {"statuses": list(statuses)}}]}
    return json.dumps({"entry": [entry]}).encode()


def told(wamid: str, status: str = "delivered", **also: Any) -> dict[str, Any]:
    return {"id": wamid, "status": status, "timestamp": "1750030073"} | also


def receive(*statuses: dict[str, Any]) -> None:
    raw = body(*statuses)
    assert webhooks.receive(raw, sign(raw, settings().app_secret))


def stored() -> list[WebhookEvent]:
    with db.reading() as session:
        return list(session.exec(select(WebhookEvent).order_by(WebhookEvent.id)).all())


@pytest.fixture
def applied(monkeypatch: pytest.MonkeyPatch) -> list[StatusUpdate]:
    """What is handed on; every message is known but `stranger`, and `poison` cannot be applied."""
    seen: list[StatusUpdate] = []

    def apply(session: Any, updates: list[StatusUpdate]) -> list[StatusUpdate]:
        if any(update.wamid == "poison" for update in updates):
            raise LookupError("with a secret in it")
        seen.extend(updates)
        return [update for update in updates if update.wamid == "stranger"]

    monkeypatch.setattr(outcomes, "apply", apply)
    return seen


@pytest.mark.parametrize(
    ("mode", "token", "challenge", "answer"),
    [
        ("subscribe", "ours", "1158201444", "1158201444"),
        ("subscribe", "theirs", "1158201444", None),
        ("subscribe", "", "1158201444", None),
        ("subscribe", None, "1158201444", None),
        ("subscribe", {"$ne": ""}, "1158201444", None),
        ("subscribe", "oürs", "1158201444", None),
        ("subscribe", "ours", None, None),
        ("unsubscribe", "ours", "1158201444", None),
        (None, "ours", "1158201444", None),
    ],
)
def test_the_challenge_comes_back_for_our_token_only(
    environment: pytest.MonkeyPatch, mode: Any, token: Any, challenge: Any, answer: str | None
) -> None:
    environment.setenv("OUTBOX_WEBHOOK_VERIFY_TOKEN", "ours")
    assert webhooks.verify(mode, token, challenge) == answer


def test_without_a_token_of_ours_none_is_right(environment: pytest.MonkeyPatch) -> None:
    assert webhooks.verify("subscribe", "", "1158201444") is None


def test_a_body_is_kept_as_it_came(database: str) -> None:
    raw = b'{"entry": [], "name": "J\\u00fcrgen"}'
    assert webhooks.receive(raw, sign(raw, settings().app_secret))
    (event,) = stored()
    assert event.body == raw.decode() and event.applied_at is None


@pytest.mark.parametrize("signature", ["", "sha256=00", "wrong secret"])
def test_an_unsigned_body_is_not_kept(database: str, signature: str) -> None:
    if signature == "wrong secret":
        signature = sign(b"{}", "theirs")
    assert not webhooks.receive(b"{}", signature)
    assert stored() == []


def test_each_business_may_have_a_secret_of_its_own(database: str) -> None:
    with db.writing() as session:
        now = db.now(session)
        for name, secret in (("A", None), ("B", "of B")):
            kept = vault.encrypt(secret) if secret else None
            session.add(
                Business(name=name, token="t", token_since=now, created_at=now, app_secret=kept)
            )
    assert webhooks.receive(b"{}", sign(b"{}", "of B"))
    assert not webhooks.receive(b"{}", sign(b"{}", "of C"))


@pytest.mark.parametrize("raw", [b"\xff\xfe", b'{"a": "\0"}'])
def test_bytes_that_no_text_column_takes_are_kept_all_the_same(database: str, raw: bytes) -> None:
    assert webhooks.receive(raw, sign(raw, settings().app_secret))
    assert len(stored()) == 1


def test_stored_statuses_are_applied_once_and_folded(
    database: str, applied: list[StatusUpdate]
) -> None:
    receive(told("a", "sent"), told("b", "sent"))
    receive(told("a", "read"), told("a", "delivered"))
    assert webhooks.apply_stored() == 2
    assert [(update.wamid, update.status) for update in applied] == [("a", "read"), ("b", "sent")]
    assert all(event.applied_at and not event.error for event in stored())
    assert webhooks.apply_stored() == 0 and len(applied) == 2


def test_the_oldest_are_applied_first(database: str, applied: list[StatusUpdate]) -> None:
    for wamid in "abc":
        receive(told(wamid))
    assert webhooks.apply_stored(limit=2) == 2
    assert [update.wamid for update in applied] == ["a", "b"]


def test_a_set_stops_at_about_a_thousand_statuses_and_the_rest_comes_in_the_next(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else 500 bodies of 1,000 statuses each would keep every tick from writing for minutes."""
    sets: list[int] = []

    def apply(_: Any, updates: list[StatusUpdate]) -> list[StatusUpdate]:
        sets.append(len(updates))
        return []

    monkeypatch.setattr(outcomes, "apply", apply)
    usual = {"conversation": {"id": "c" * 32}, "pricing": {"category": "p" * 200}}
    for part in range(6):
        receive(*(told(f"wamid.{part}.{one:04}" + "w" * 40, **usual) for one in range(400)))
    assert webhooks.apply_stored() == 6
    assert sum(sets) == 2400 and max(sets) < 1200 and len(sets) < 6
    assert webhooks.apply_stored() == 0


def test_a_body_that_cannot_be_read_holds_up_no_other(
    database: str, applied: list[StatusUpdate]
) -> None:
    raw = b"<html>"
    assert webhooks.receive(raw, sign(raw, settings().app_secret))
    deep = b"[" * 100_000
    assert webhooks.receive(deep, sign(deep, settings().app_secret))
    receive(told("a"), {"id": "b"})
    assert webhooks.apply_stored() == 3
    assert [update.wamid for update in applied] == ["a"]
    assert [event.error for event in stored()] == [
        "not read: JSONDecodeError",
        "not read: RecursionError",
        "a status was not read: KeyError",
    ]


def test_a_body_that_cannot_be_applied_holds_up_no_other(
    database: str, applied: list[StatusUpdate], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for wamid in ("a", "poison", "b"):
        receive(told(wamid))
    assert webhooks.apply_stored() == 3
    assert [update.wamid for update in applied] == ["a", "b"]
    assert [event.error for event in stored()] == [None, "not applied: LookupError", None]
    assert "secret" not in caplog.text and "LookupError" in caplog.text


def test_nothing_is_marked_when_what_it_tells_was_not_kept(
    database: str, applied: list[StatusUpdate], monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy.exc import OperationalError

    def broken(*_: Any) -> list[StatusUpdate]:
        raise OperationalError("UPDATE", {}, Exception("the connection is lost"))

    receive(told("a"))
    working = outcomes.apply
    monkeypatch.setattr(outcomes, "apply", broken)
    with pytest.raises(OperationalError):
        webhooks.apply_stored()
    assert stored()[0].applied_at is None and stored()[0].error is None
    monkeypatch.setattr(outcomes, "apply", working)
    assert webhooks.apply_stored() == 1


def test_a_status_of_an_unknown_message_is_tried_again_for_a_minute_behind_fresh_ones(
    database: str, applied: list[StatusUpdate], move_clock: Move
) -> None:
    receive(told("stranger", "failed"))
    assert webhooks.apply_stored() == 0
    receive(told("a"))
    assert webhooks.apply_stored(limit=1) == 1
    move_clock(timedelta(seconds=61))
    assert webhooks.apply_stored() == 1
    assert [update.wamid for update in applied] == ["stranger", "a", "stranger"]
    assert [event.error for event in stored()] == [webhooks.STRANGER, None]


NOW = "2026-11-24 08:00:00.000000+00:00"


def test_a_webhook_proves_an_attempt_and_moves_its_delivery(database: str) -> None:
    with db.writing() as session:
        ours = session.execute(text("SELECT id FROM installation")).scalar_one()
        for statement in (
            f"INSERT INTO business (name, token, token_since, created_at)"
            f" VALUES ('B', 't', '{NOW}', '{NOW}')",
            f"INSERT INTO account (business_id, name, phone_number_id, zone, state, late_policy,"
            f" auto_resumes, created_at) VALUES (1, 'A', '1', 'UTC', 'active', 'send', 0, '{NOW}')",
            f"INSERT INTO message (account_id, recipient, kind, status, scheduled_at, zone, due_at,"
            f" created_at, worker_id) VALUES (1, '+628123456789', 'text', 'processing', '{NOW}',"
            f" 'UTC', '{NOW}', '{NOW}', 1)",
            f"INSERT INTO attempt (message_id, account_id, worker_id, slot_at, claimed_at, payload,"
            f" payload_sha256) VALUES (1, 1, 1, '{NOW}', '{NOW}', '', '')",
        ):
            session.execute(text(statement))
    receive(told("wamid.A", "delivered", biz_opaque_callback_data=f"{ours}:1"))
    assert webhooks.apply_stored() == 1
    with db.reading() as session:
        row = session.execute(text("SELECT status, delivery, meta_message_id FROM message")).one()
    assert tuple(row) == ("sent", "delivered", "wamid.A")

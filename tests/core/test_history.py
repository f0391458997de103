import json
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from core import db, happened, history, steering, webhooks
from core.history import History
from core.meta import payloads
from core.meta.signatures import sign
from core.models import Attempt, Message, MessageEvent
from core.settings import settings
from tests import given
from tests.core import loaded, stored
from tests.core.batched import batch
from tests.core.test_reports import attempted, now

pytestmark = pytest.mark.usefixtures("database")


def sent(message_id: int, wamid: str, **more: Any) -> Attempt:
    """An attempt that Meta took, with what it posted."""
    row = given.row(message_id)
    body = payloads.encode(payloads.text(to=row.recipient, body="As posted", reference="x:1"))
    columns: dict[str, Any] = {
        "payload": body,
        "payload_sha256": sha256(body.encode()).hexdigest(),
        "posted_at": now(),
        "answered_at": now() + timedelta(milliseconds=84),
        "http_status": 200,
        "outcome": "accepted",
        "answer": json.dumps({"messages": [{"id": wamid}]}),
        "meta_message_id": wamid,
    }
    instants = {"slot_at": now(), "claimed_at": now()}
    with db.writing() as session:
        made = Attempt(
            message_id=message_id,
            account_id=row.account_id,
            worker_id=3,
            **instants,
            **(columns | more),
        )
        session.add(made)
        session.flush()
        return made


def hear(*statuses: dict[str, Any]) -> str:
    """A webhook, applied; returns its body."""
    value = {"changes": [{"field": "messages", "value": {"statuses": list(statuses)}}]}
    raw = json.dumps({"entry": [value]}).encode()
    assert webhooks.receive(raw, sign(raw, settings().app_secret))
    assert webhooks.apply_stored()
    return raw.decode()


def told(wamid: str, status: str, **more: Any) -> dict[str, Any]:
    return {"id": wamid, "status": status, "timestamp": f"{now().timestamp():.0f}"} | more


def read(message_id: int) -> History:
    found = history.read(message_id)
    assert found is not None
    return found


def titles(message_id: int) -> list[str]:
    lines = happened.lines(read(message_id), now=now(), zone="UTC")
    return [line.title for line in lines]


def test_a_message_comes_with_its_attempts_and_events_oldest_first() -> None:
    account = stored.account()
    one, other = stored.messages(account, [{"text": "Mine"}, {"text": "Another"}])
    for message_id in (one, other):
        for minute in (1, 2):
            attempted(message_id, now() + timedelta(minutes=minute))
    with db.writing() as session:
        for kind in ("scheduled", "edit"):
            session.add(MessageEvent(message_id=one, at=now(), actor="ana", kind=kind))
    found = history.read(one)
    assert found is not None
    assert (found.row.text, found.row.account, found.row.account_state) == (
        "Mine",
        "Orders",
        "active",
    )
    assert {attempt.message_id for attempt in found.attempts} == {one}
    assert found.attempts[0].claimed_at < found.attempts[1].claimed_at
    assert [event.kind for event in found.events] == ["scheduled", "edit"]


def test_a_message_that_never_was_is_none() -> None:
    assert history.read(1) is None


def test_each_webhook_is_found_by_its_message_and_tells_of_nobody_else() -> None:
    one, other = stored.messages(
        stored.account(),
        [{"status": "sent", "sent_at": now(), "meta_message_id": f"wamid.{n}"} for n in "AB"],
    )
    sent(one, "wamid.A"), sent(other, "wamid.B")
    body = hear(told("wamid.A", "delivered"), told("wamid.B", "delivered"))
    hear(told("wamid.A", "read"))
    found = read(one).told
    assert [each.update.status for each in found] == ["delivered", "read"]
    assert found[0].body_sha256 == sha256(body.encode()).hexdigest()
    assert "wamid.B" not in json.dumps([each.said for each in found])
    assert titles(one)[-2:] == ["On the phone", "Read"]


def test_what_was_told_before_webhooks_were_kept_for_each_message_is_told_all_the_same() -> None:
    (one,) = stored.messages(stored.account(), [{"status": "sent", "meta_message_id": "wamid.A"}])
    sent(one, "wamid.A", delivery="read", proved_at=now() - timedelta(seconds=1))
    assert titles(one)[-1] == "Read"


def test_a_failure_is_told_in_plain_words_with_what_to_do_and_in_metas_own() -> None:
    (one,) = stored.messages(
        stored.account(), [{"status": "sent", "sent_at": now(), "meta_message_id": "wamid.A"}]
    )
    sent(one, "wamid.A")
    error = {"code": 131026, "title": "Message undeliverable"}
    hear(told("wamid.A", "failed", errors=[error]))
    lines = happened.lines(read(one), now=now(), zone="UTC")
    failed = next(line for line in lines if line.title == "WhatsApp could not deliver it")
    assert failed.sentences == (
        "This number cannot be reached on WhatsApp (131026)."
        " Check the number; if it is right, reach the person another way.",
        "In Meta’s words: Message undeliverable",
    )
    assert sum("131026" in " ".join(line.sentences) for line in lines) == 1


def test_an_imported_message_tells_its_file_and_line() -> None:
    given.account()
    loaded.load(loaded.rows(3))
    source = read(2).source
    assert source and (source.line, source.file) == (3, "people.csv") and source.sha256
    lines = happened.lines(read(2), now=now(), zone="UTC")
    assert lines[0].sentences == ("From line 3 of people.csv.",)


def test_what_was_handed_over_is_the_attempts_and_not_what_it_was_edited_to_since() -> None:
    account = stored.account()
    delivered, again = stored.messages(
        account, [{"status": "sent", "meta_message_id": "wamid.A"}, {"text": "Edited"}]
    )
    assert sent(delivered, "wamid.A").id == getattr(read(delivered).handed_over, "id", None)
    sent(again, "wamid.B", outcome="recipient", meta_message_id=None)
    assert read(again).handed_over is None


def test_when_its_time_came_is_told_unless_it_was_cancelled_before() -> None:
    past = {"scheduled_at": now() - timedelta(hours=1), "created_at": now() - timedelta(days=1)}
    due, cancelled = stored.messages(stored.account(), [past, past | {"status": "cancelled"}])
    with db.writing() as session:
        event = {"actor": "ana", "kind": "cancel", "at": now() - timedelta(hours=2)}
        session.add(MessageEvent(message_id=cancelled, **event))
    assert titles(due) == ["Due"] and titles(cancelled) == ["Cancelled"]


def test_a_priority_is_told_by_its_word() -> None:
    one = given.message(given.account(), when=given.in_(hours=1))
    with db.writing() as session:
        change = {"kind": "adjust", "before": {"priority": 1}, "after": {"priority": 0}}
        session.add(MessageEvent(message_id=one, at=now(), actor="ana", **change))
    found = read(one)
    assert found is not None
    changes = [
        each for line in happened.lines(found, now=now(), zone="UTC") for each in line.changes
    ]
    assert changes == [happened.Change("Priority", "Normal", "Urgent")]


def test_what_was_done_to_its_batch_is_told_until_it_has_left() -> None:
    account = stored.account()
    batch_id, (gone, waits) = batch(account, [{}, {}])
    steering.release(batch_id, by=given.ANA)
    with db.writing() as session:
        left = session.get_one(Message, gone)
        left.status, left.meta_message_id = "sent", "wamid.A"
    sent(gone, "wamid.A")
    steering.pause(batch_id, by=given.ANA)
    steering.resume(batch_id, by=given.ANA)
    told = ["Released with its batch", "Its batch paused", "Its batch resumed"]
    assert titles(waits) == told and titles(gone) == [*told[:1], "Attempt 1: WhatsApp took it"]
    assert [one.actor for one in read(waits).steered] == ["ana"] * 3

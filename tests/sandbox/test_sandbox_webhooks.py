"""Status and inbound webhooks: signed, in order, echoed, tried again."""

import asyncio
import hashlib
import hmac
import json
import time
from datetime import UTC, datetime

import pytest

from sandbox import webhooks
from sandbox.ledger import Accepted, Ledger
from sandbox.numbers import Number

ORDER = ["sent", "delivered", "read"]


def wamid_of(answer) -> str:
    return answer.json()["messages"][0]["id"]


def test_sent_delivered_and_read_follow_in_order_with_the_callback_data(api, hook, until):
    wamid = wamid_of(api.text(biz_opaque_callback_data="attempt-7 é"))
    until(lambda: len(hook.statuses(wamid)) == 3)
    assert hook.names(wamid) == ORDER
    for status in hook.statuses(wamid):
        assert status["biz_opaque_callback_data"] == "attempt-7 é"
        assert status["recipient_id"] == "6281234567890"
        assert isinstance(status["timestamp"], str)
        assert abs(int(status["timestamp"]) - time.time()) < 30
        assert "conversation" not in status
    assert ["pricing" in status for status in hook.statuses(wamid)] == [True, True, False]
    metadata = hook.values()[0]["metadata"]
    assert metadata == {"display_phone_number": "6221555005001", "phone_number_id": "5001"}
    assert json.loads(hook.posts[0][0])["entry"][0]["id"] == "100200300400500"


def test_without_callback_data_none_is_echoed(api, hook, until):
    wamid = wamid_of(api.text())
    assert "biz_opaque_callback_data" not in until(lambda: hook.statuses(wamid))[0]


def test_the_signature_is_over_the_raw_escaped_bytes(api, hook, until):
    api.text(biz_opaque_callback_data="ä 🙂")
    until(lambda: hook.posts)
    body, headers = hook.posts[0]
    expected = hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    assert headers["X-Hub-Signature-256"] == f"sha256={expected}"
    assert len(headers["X-Hub-Signature-256"]) == 71
    assert rb"\u00e4 \ud83d\ude42" in body
    assert body.isascii()


def test_what_is_not_answered_with_200_is_posted_again_unchanged(api, hook, until):
    api.admin("settings", {"webhooks": {"delays": {"delivered": 1, "read": 1.1}}})
    hook.answers[:] = [500, 404, 202]
    wamid = wamid_of(api.text())
    until(lambda: hook.names(wamid).count("sent") == 4)
    tries = [body for body, _ in hook.posts if b'"sent"' in body]
    assert len(set(tries)) == 1
    until(lambda: set(hook.names(wamid)) == set(ORDER))
    until(lambda: api.get("/_sandbox/settings").json()["webhooks"]["pending"] == 0)


def test_an_endpoint_that_is_down_delays_no_answer_and_gets_all_when_it_is_back(api, hook, until):
    api.admin("settings", {"webhooks": {"url": "http://127.0.0.1:9/nobody", "retry_after": 0.1}})
    started = time.monotonic()
    wamids = [wamid_of(api.text(f"+6281200000{i:02}")) for i in range(20)]
    assert time.monotonic() - started < 5
    assert api.get("/_sandbox/settings").json()["webhooks"]["pending"] == 60
    api.admin("settings", {"webhooks": {"url": hook.url}})
    until(lambda: all(set(hook.names(wamid)) == set(ORDER) for wamid in wamids))


def test_statuses_that_are_due_together_travel_together(api, hook, until):
    api.admin("settings", {"webhooks": {"delays": {"sent": 1, "delivered": 1, "read": 1}}})
    for i in range(30):
        api.text(f"+6281200000{i:02}", node=f"600{i % 3}")
    until(lambda: len(hook.statuses()) == 90)
    assert len(hook.posts) <= 45
    assert max(body.count(b'"wamid.') for body, _ in hook.posts) > 3


def test_each_status_can_come_twice(api, hook, until):
    api.admin("settings", {"webhooks": {"duplicate": True}})
    wamid = wamid_of(api.text())
    until(lambda: len(hook.statuses(wamid)) == 6)
    assert all(hook.names(wamid).count(name) == 2 for name in ORDER)
    assert [s["status"] for s in api.ledger()[0]["statuses"]] == ORDER


def test_statuses_can_come_in_any_order_with_their_true_times(api, hook, until):
    delays = {"sent": 0.1, "delivered": 1.2, "read": 2.3}
    api.admin("settings", {"webhooks": {"shuffle": True, "delays": delays}})
    wamids = [wamid_of(api.text(f"+6281200000{i:02}")) for i in range(40)]
    until(lambda: all(len(hook.statuses(wamid)) == 3 for wamid in wamids))
    assert any(hook.names(wamid) != ORDER for wamid in wamids)
    for wamid in wamids:
        at = {status["status"]: int(status["timestamp"]) for status in hook.statuses(wamid)}
        assert at["sent"] < at["delivered"] < at["read"]


def test_read_can_come_without_delivered(api, hook, until):
    api.admin("settings", {"webhooks": {"skip_delivered": True}})
    wamid = wamid_of(api.text())
    until(lambda: "read" in hook.names(wamid))
    assert hook.names(wamid) == ["sent", "read"]
    assert all("pricing" in status for status in hook.statuses(wamid))


def test_sent_can_come_before_the_answer(api, hook):
    api.admin("settings", {"webhooks": {"early": True}})
    wamid = wamid_of(api.text())
    assert hook.names(wamid) == ["sent"]


def test_an_early_status_comes_once(api, hook, until):
    api.admin("settings", {"webhooks": {"early": True}})
    wamid = wamid_of(api.text())
    until(lambda: "read" in hook.names(wamid))
    assert hook.names(wamid) == ORDER


def test_webhooks_can_be_switched_off_and_the_phone_still_moves_on(api, hook, until):
    api.admin("settings", {"webhooks": {"on": False}})
    api.text()
    until(lambda: len(api.ledger()[0]["statuses"]) == 3)
    assert hook.posts == []


def test_a_marketing_template_is_billed_and_a_text_is_free(api, hook, until):
    parameters = [{"type": "text", "text": "Ana"}, {"type": "text", "text": "FALL25"}]
    template = {
        "name": "autumn_sale",
        "language": {"code": "en_US"},
        "components": [{"type": "body", "parameters": parameters}],
    }
    head = {"messaging_product": "whatsapp", "to": "+6281", "type": "template"}
    wamid = wamid_of(api.post(head | {"template": template}))
    assert until(lambda: hook.statuses(wamid))[0]["pricing"] == {
        "billable": True,
        "pricing_model": "PMP",
        "type": "regular",
        "category": "marketing",
    }
    free = wamid_of(api.text())
    assert until(lambda: hook.statuses(free))[0]["pricing"]["billable"] is False


def test_a_person_can_write_in(api, hook, until):
    body = {"phone_number_id": "5001", "from": "+6281234567890", "text": "Is it <b>open</b>?"}
    wamid = api.admin("inbound", body)["id"]
    value = until(hook.values)[0]
    assert value["contacts"][0]["wa_id"] == "6281234567890"
    message = value["messages"][0]
    assert (message["id"], message["from"]) == (wamid, "6281234567890")
    assert message["text"] == {"body": "Is it <b>open</b>?"}
    assert isinstance(message["timestamp"], str) and "context" not in message


def test_a_person_can_answer_a_message_and_press_its_button(api, hook, until):
    head = {"phone_number_id": "5001", "from": "+6281234567890", "context": "wamid.A"}
    for said in ({"text": "Yes"}, {"button": "Stop promotions"}):
        api.admin("inbound", head | said)
    found = until(lambda: len(hook.values()) == 2 and hook.values())
    messages = sorted((value["messages"][0] for value in found), key=lambda one: one["type"])
    assert all(one["context"]["id"] == "wamid.A" for one in messages)
    assert messages[0]["button"] == {"payload": "Stop promotions", "text": "Stop promotions"}
    assert (messages[1]["type"], messages[1]["text"]) == ("text", {"body": "Yes"})


@pytest.mark.parametrize(
    "wrong, word",
    [
        ({}, "text"),
        ({"button": ""}, "button"),
        ({"text": "Yes", "context": 7}, "context"),
        ({"button": "Yes"}, "context"),
    ],
)
def test_an_answer_that_makes_no_sense_is_told(api, wrong, word):
    body = {"phone_number_id": "5001", "from": "+6281234567890"} | wrong
    answer = api.session.post(f"{api.url}/_sandbox/inbound", json=body, timeout=5)
    assert answer.status_code == 400 and word in answer.json()["error"]


@pytest.mark.parametrize(
    "wrong, words",
    [
        ({"webhooks": {"url": "ftp://x"}}, "http://"),
        ({"webhooks": {"loud": True}}, "'loud' is none of"),
        ({"webhooks": {"on": "yes"}}, "on must be bool"),
        ({"webhooks": {"delays": {"sent": -1}}}, "from 0 up"),
        ({"numbers": {"5001": {"throughput": 0}}}, "above 0"),
        ({"numbers": {"5001": {"country": "Indonesia"}}}, "digits"),
        ({"numbers": {"5001": {"quality": "GOOD"}}}, "quality is one of GREEN"),
        ({"numbers": {"5001": {"messaging_limit": ["x"]}}}, "messaging_limit is one of"),
        ({"numbers": {"999": {}}}, "does not exist"),
        ({"templates": {"hello_world": "SLEEPING"}}, "APPROVED"),
        ({"speed": 1}, "'speed' is none of"),
        ({"latency_ms": "fast"}, "latency_ms"),
        ([], "JSON object"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_in_words(api, wrong, words):
    before = api.get("/_sandbox/settings").json()
    answer = api.session.post(f"{api.url}/_sandbox/settings", json=wrong, timeout=5)
    assert answer.status_code == 400
    assert words in answer.json()["error"]
    assert api.get("/_sandbox/settings").json() == before


def test_an_endpoint_that_stays_down_cannot_fill_the_memory(monkeypatch, tmp_path):
    monkeypatch.setattr(webhooks, "MAX_PENDING", 2)

    async def plan() -> webhooks.Emitter:
        ledger = Ledger(tmp_path / "sandbox.jsonl")
        options = webhooks.Options("http://127.0.0.1:9/nobody")
        emitter = webhooks.Emitter(options, "secret", ledger, Number)
        steps = [("sent", 0.2), ("delivered", 0.8), ("read", 2.5)]
        message = Accepted("wamid.1", "1", "+6281", "+6281", {}, None, datetime.now(UTC), steps)
        emitter.plan(message, steps)
        ledger.close()
        return emitter

    emitter = asyncio.run(plan())
    assert (emitter.pending, emitter.dropped) == (2, 1)

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.meta.statuses import StatusUpdate, fold, parse

RECEIVED = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def body(*statuses: Any) -> str:
    value = {"messaging_product": "whatsapp", "metadata": {}, "statuses": list(statuses)}
    entry = {"id": "1", "changes": [{"field": "messages", "value": value}]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]})


def told(status: str = "sent", **also: Any) -> dict[str, Any]:
    return {"id": "wamid.A", "status": status, "timestamp": "1750030073"} | also


def one(**also: Any) -> StatusUpdate:
    (update,) = parse(body(told(**also)), received_at=RECEIVED)
    return update


def test_a_status_as_meta_documents_it() -> None:
    update = one(
        status="failed",
        recipient_id="16505551234",
        biz_opaque_callback_data="0f3a:17",
        conversation={"id": "x", "expiration_timestamp": 1750030073},
        errors=[
            {"code": 131049, "title": "T", "message": "M", "error_data": {"details": "D"}},
        ],
    )
    assert update == StatusUpdate(
        attempt_id=17,
        installation="0f3a",
        wamid="wamid.A",
        status="failed",
        at=datetime(2025, 6, 15, 23, 27, 53, tzinfo=UTC),
        code=131049,
        title="T",
        details="D",
    )


def test_all_entries_changes_and_statuses_are_read() -> None:
    change = {"field": "messages", "value": {"statuses": [told(id="a"), told(id="b")]}}
    inbound = {"field": "messages", "value": {"messages": [{"id": "x", "type": "text"}]}}
    entries = [{"changes": [inbound, change]}, {"changes": [change]}, {"changes": []}]
    found = parse(json.dumps({"entry": entries}))
    assert [update.wamid for update in found] == ["a", "b", "a", "b"]


@pytest.mark.parametrize(
    "bad",
    [
        None,
        7,
        "x",
        [],
        {},
        {"id": "wamid.B"},
        {"status": "sent"},
        told(status="warning"),
        told(status=["sent"]),
        told(id=None),
        told(id=""),
        told(id="\0"),
    ],
)
def test_one_bad_status_does_not_drop_the_rest(bad: Any) -> None:
    found = parse(body(told(id="a"), bad, told(id="b")))
    assert [update.wamid for update in found] == ["a", "b"]


@pytest.mark.parametrize("document", ["[]", "null", '"x"', '{"entry": 3}', '{"entry": [{}]}'])
def test_what_is_no_envelope_tells_nothing(document: str) -> None:
    assert parse(document) == []


def test_what_is_no_json_is_said_to_be_none() -> None:
    with pytest.raises(ValueError):
        parse("<html>")


@pytest.mark.parametrize("timestamp", [1750030073, "1750030073"])
def test_a_time_may_be_text_or_a_number(timestamp: Any) -> None:
    assert one(timestamp=timestamp).at == datetime(2025, 6, 15, 23, 27, 53, tzinfo=UTC)


@pytest.mark.parametrize("timestamp", [None, "", "soon", {}, 10**30, "9" * 5000, "nan"])
def test_without_a_usable_time_it_counts_from_when_it_was_received(timestamp: Any) -> None:
    assert one(timestamp=timestamp).at == RECEIVED


@pytest.mark.parametrize(
    "callback", [None, 5, "", "17", ":17", "0f3a:", "0f3a:x", "0f3a:1.5", "0f3a:" + "9" * 30]
)
def test_a_callback_that_is_not_ours_names_no_attempt(callback: Any) -> None:
    update = one(biz_opaque_callback_data=callback)
    assert (update.installation, update.attempt_id) == (None, None)


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ([{"code": "131026", "title": "T"}], (131026, "T", None)),
        ([{"code": 1, "title": "T", "error_data": "plain"}], (1, "T", "plain")),
        ([{"code": None, "title": 5}], (None, None, None)),
        ([{"code": 10**12}], (None, None, None)),
        (["x"], (None, None, None)),
        ([], (None, None, None)),
        ({}, (None, None, None)),
        ([{"code": 1, "title": "a\0b\ud800"}], (1, "ab?", None)),
    ],
)
def test_a_failure_counts_whatever_its_reason_looks_like(errors: Any, expected: Any) -> None:
    update = one(status="failed", errors=errors)
    assert (update.status, (update.code, update.title, update.details)) == ("failed", expected)


def test_played_counts_as_read() -> None:
    assert one(status="played").status == "read"


def update(wamid: str, status: Any, *, attempt: int | None = None, second: int = 0) -> StatusUpdate:
    at = RECEIVED + timedelta(seconds=second)
    installation = None if attempt is None else "0f3a"
    return StatusUpdate(attempt, installation, wamid, status, at, None, None, None)


def test_folding_keeps_the_furthest_of_each_message_as_first_told() -> None:
    read, sent = update("a", "read", second=2), update("b", "sent")
    later = [update("a", "sent"), update("a", "read", second=9)]
    folded = fold([update("a", "delivered", attempt=7), sent, read, *later])
    assert folded == [update("a", "read", attempt=7, second=2), sent]


def test_folding_keeps_a_failure_beside_the_delivery() -> None:
    both = [update("a", "failed"), update("a", "delivered")]
    assert fold(both) == both

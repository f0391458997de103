"""Who stopped marketing messages in WhatsApp itself, however Meta tells it."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from core.meta import preferences
from core.meta.preferences import Stop
from tests.core import heard

RECEIVED = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
TOLD: dict[str, Any] = {
    "wa_id": "16505551234",
    "detail": "User requested to stop marketing messages",
    "category": "marketing_messages",
    "value": "stop",
    "timestamp": 1750030073,
}


def read(*told: Any) -> list[Stop | str]:
    return list(preferences.read(json.loads(heard.body(user_preferences=list(told))), RECEIVED))


def test_a_stop_as_meta_documents_it() -> None:
    at = datetime(2025, 6, 15, 23, 27, 53, tzinfo=UTC)
    assert read(TOLD) == [Stop("id of Orders", "+16505551234", at, TOLD["detail"])]


@pytest.mark.parametrize("other", [{"value": "resume"}, {"value": 7}, {"category": "everything"}])
def test_what_is_no_stop_of_marketing_tells_nothing(other: Any) -> None:
    assert read(TOLD | other) == []


@pytest.mark.parametrize(
    "bad", [None, 7, "x", {}, TOLD | {"wa_id": "budi"}, TOLD | {"wa_id": 62811}]
)
def test_one_that_cannot_be_read_is_told_and_drops_no_other(bad: Any) -> None:
    before, wrong, after = read(TOLD, bad, TOLD)
    assert before == after and str(wrong).startswith("a preference was not read: ")

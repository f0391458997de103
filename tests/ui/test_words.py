from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.listing import MessageRow
from core.meta.codes import TABLE, ErrorClass
from core.standing import Standing
from ui import words
from ui.words import CLASSES, CODES, EVENTS, WORDS, state_of

NOW = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

PLAIN = MessageRow(
    **(
        {field.name: None for field in fields(MessageRow)}
        | {"id": 7, "account_id": 1, "account": "Orders", "account_state": "active"}
        | {"recipient": "+628123456789", "kind": "text", "status": "pending", "priority": 1}
        | {"scheduled_at": NOW, "due_at": NOW, "zone": "UTC", "created_at": NOW}
        | {"retry_count": 0, "max_retries": 3, "attempt_count": 0, "version": 1}
        | {"created_by": "ana", "text": "Hello"}
    )
)


def told(**row: Any) -> tuple[str, str]:
    state = state_of(replace(PLAIN, **row), NOW, "Asia/Jakarta")
    return state.word, state.sentence


@pytest.mark.parametrize(
    ("row", "word", "sentence"),
    [
        ({"due_at": NOW + 130 * MINUTE}, "Scheduled", "Leaves 14:10 (in 2 h 10 min)."),
        (
            {"due_at": NOW + 24 * 60 * MINUTE},
            "Scheduled",
            "Leaves tomorrow 12:00 (in 1 day).",
        ),
        ({"due_at": NOW - MINUTE}, "Waiting", "Due 1 min ago; leaves when its turn comes."),
        (
            {"due_at": NOW + MINUTE / 2, "error_class": "throttled", "error_code": 130429},
            "Waiting",
            "WhatsApp asked us to send more slowly. Goes on 12:00:30.",
        ),
        (
            {"account_state": "paused", "account_reason": "token expired."},
            "Held",
            "Orders is paused: token expired.",
        ),
        ({"hold": "batch"}, "Held", "Its batch has not been released."),
        ({"hold": "something new"}, "Held", "Held: something new."),
        (
            {"due_at": NOW + 5 * MINUTE, "retry_count": 1, "error_class": "transient"}
            | {"error_code": 131016},
            "Retrying",
            "Try 2 of 4: 12:05:00 (in 5 min). WhatsApp's service was busy (131016).",
        ),
        ({"status": "processing", "worker_id": 3}, "Sending", "Being handed to WhatsApp."),
        (
            {"status": "processing", "unconfirmed_since": NOW - 2 * MINUTE},
            "Checking",
            "The connection broke after we handed it over. "
            "Waiting for WhatsApp's word since 11:58.",
        ),
        (
            {"status": "sent", "sent_at": NOW + MINUTE / 50, "delivery": "accepted"},
            "Sent",
            "WhatsApp took it 12:00:01, 1.2 s after its time.",
        ),
        (
            {"status": "sent", "delivery": "delivered", "delivery_at": NOW},
            "Delivered",
            "On the phone 12:00:00.",
        ),
        ({"status": "sent", "delivery": "read", "delivery_at": NOW}, "Read", "Read 12:00:00."),
        (
            {"status": "failed", "error_class": "recipient", "error_code": 131026},
            "Failed",
            "This number cannot be reached on WhatsApp (131026).",
        ),
        (
            {"status": "failed", "error_class": "expired"},
            "Failed",
            "Its time was over before it could leave.",
        ),
        (
            {"status": "failed", "error_class": "unknown"},
            "Unconfirmed",
            "The connection broke after we handed it over. It may have arrived.",
        ),
        ({"status": "cancelled"}, "Cancelled", "Will not be sent."),
        (
            {"status": "cancelled", "delivery": "delivered"},
            "Cancelled",
            "Left after all: WhatsApp had it already.",
        ),
    ],
)
def test_each_state_has_its_word_and_says_why(
    row: dict[str, Any], word: str, sentence: str
) -> None:
    assert told(**row) == (word, sentence)


def test_a_code_that_is_not_listed_is_shown_as_new_with_metas_words() -> None:
    row = {"status": "failed", "error_class": "permanent", "error_code": 139999}
    _, sentence = told(**row, error_text="Something new.")
    assert sentence == (
        "New code 139999, which Outbox does not know yet. Meta says: Something new."
    )


def test_every_standing_class_and_explained_code_has_words() -> None:
    assert set(WORDS) == set(Standing)
    assert set(CLASSES) == {str(one) for one in ErrorClass} - {"unknown"}
    assert set(CODES) <= set(TABLE)


def test_every_failure_says_what_to_do() -> None:
    for reason in (*CLASSES.values(), *CODES.values()):
        assert reason.sentence.endswith("."), reason
        assert reason.advice.endswith("."), reason


def test_every_event_that_core_records_has_a_word() -> None:
    recorded = ("scheduled", "imported", "edit", "cancel", "retry", "delete", "expired")
    assert set(recorded) | {"unconfirmed", "failed by webhook"} <= set(EVENTS)


@pytest.mark.parametrize(
    ("number", "told"),
    [(0, "0 messages"), (1, "1 message"), (1204, "1,204 messages"), (10_001, "10,000+ messages")],
)
def test_numbers_are_written_as_people_write_them(number: int, told: str) -> None:
    assert words.plural(number, "message") == told


def test_the_line_before_a_message_is_told_with_its_end() -> None:
    assert words.turn(0, 1.0, NOW, "UTC") == "It is next."
    assert words.turn(120, 1.0, NOW, "UTC") == "120 messages ahead of it, leaves about 05:02."
    assert words.turn(3, None, NOW, "UTC") == "3 messages ahead of it."

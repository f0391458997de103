import ast
import re
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core import telling
from core.blocking import Reason
from core.causes import CLASSES, CODES
from core.event_words import EVENTS, TOLD
from core.explain import Explanation
from core.listing import MessageRow
from core.meta.codes import TABLE, ErrorClass
from core.reasons import REASONS
from core.standing import Standing
from ui.words.numbers import plural
from ui.words.states import WORDS, Word, state_of

ROOT = Path(__file__).resolve().parents[2]
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
        ({"status": "processing", "worker_id": 3}, "Sending", "Being handed to WhatsApp."),
        (
            {"status": "processing", "unconfirmed_since": NOW - 2 * MINUTE},
            "Checking",
            "The connection broke after we handed it over. "
            "Waiting for WhatsApp's word until 12:08 at least.",
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
    assert plural(number, "message") == told


def test_what_waits_says_what_it_waits_for_and_what_can_be_done() -> None:
    why = Explanation(7, Reason.PAUSED, "Orders", NOW, detail="token expired.", by="ana", since=NOW)
    state = state_of(PLAIN, NOW, "Asia/Jakarta", why=why)
    assert state.word == "Waiting"
    assert state.sentence == "Orders is paused since 12:00, by ana: token expired."
    assert state.advice == "Mend what the reason says, then resume it on its page under Accounts."


def test_what_frees_a_stop_is_called_as_on_its_button() -> None:
    stopped = Explanation(7, Reason.STOPPED, "Orders", NOW)
    said = re.search("«(.*)»", telling.advice(stopped))
    assert said and said[1] in dict(texts(ROOT / "ui/stopping.py"))


@pytest.mark.parametrize("reason", Reason)
def test_each_time_that_a_sentence_tells_is_known_in_its_order(reason: Reason) -> None:
    last, next_ = NOW - 60 * MINUTE, NOW + 120 * MINUTE
    times = {"since": last, "until": next_, "leaves_at": next_ + MINUTE}
    why = Explanation(7, reason, "Orders", NOW, **times, rate=1.0)
    for one in (why, replace(why, leaves_at=NOW + MINUTE, exact=True, retry_count=1, detail="x")):
        at = telling.Clock(NOW, "Asia/Jakarta")
        sentence = telling.told(one, at)
        assert re.findall(r"\d\d:\d\d(?::\d\d)?", sentence) == [said for said, _ in at.told]


def test_a_reason_is_told_in_words_of_the_page_and_not_of_the_command_line() -> None:
    assert [one for one in REASONS.values() if "=" in one or "--" in one] == []


def texts(source: Path) -> Iterator[tuple[str, int]]:
    """What stands in strings, without the tags of HTML, and its line."""
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from ((text, node.lineno) for text in re.split(r"<[^>]*>", node.value))


def test_no_page_names_a_status_by_itself() -> None:
    drawn = [one for place in ("ui", "pages") for one in (ROOT / place).rglob("*.py")]
    words = {one.word for one in WORDS.values()}
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for path in drawn
        if ROOT / "ui/words" not in path.parents
        for text, line in texts(path)
        if text in words
    ]
    assert len(drawn) > 50 and not found


def test_an_event_that_is_called_like_a_status_has_its_colour() -> None:
    colours = {one.word: one.colour for one in WORDS.values()}
    told = [Word(*one) for one in (*EVENTS.values(), *TOLD.values()) if one[0] in colours]
    assert {one.word for one in told} == {"Scheduled", "Held", "Failed", "Cancelled", "Read"}
    assert [one for one in told if one.colour != colours[one.word]] == []

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.blocking import Reason
from core.explain import Explanation
from core.telling import NAMES, advice, depth_in_words, sentence

NOW = datetime(2026, 11, 25, 5, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = 60 * SECOND
PLAIN = Explanation(7, Reason.TURN, "Orders", NOW, max_retries=3, rate=1.0)


def told(reason: Reason, **more: Any) -> str:
    return sentence(replace(PLAIN, reason=reason, **more), NOW, "Asia/Jakarta")


@pytest.mark.parametrize(
    ("why", "said"),
    [
        (
            {"reason": Reason.GUARD, "since": NOW - MINUTE, "detail": "It is a copy."},
            "The restore guard is on since 11:59, so nothing is sent. It is a copy.",
        ),
        (
            {"reason": Reason.STOPPED, "since": NOW - MINUTE, "by": "ana", "detail": "wrong file"},
            "All sending is stopped since 11:59, by ana: wrong file.",
        ),
        (
            {"reason": Reason.PAUSED, "by": "Meta", "until": NOW + 240 * MINUTE},
            "Orders is paused, by Meta. It resumes by itself 16:00.",
        ),
        ({"reason": Reason.RETIRED, "since": NOW}, "Orders is retired since 12:00."),
        ({"reason": Reason.HELD, "hold": "batch"}, "Its batch has not been released."),
        ({"reason": Reason.HELD, "hold": "something new"}, "Held: something new."),
        (
            {"reason": Reason.RETRY, "retry_count": 1, "error_class": "transient"}
            | {"error_code": 131016, "leaves_at": NOW + 5 * MINUTE, "exact": True},
            "Try 2 of 4: leaves 12:05:00 (in 5 min). Before: WhatsApp's service was busy (131016).",
        ),
        (
            {"reason": Reason.RETRY, "error_class": "throttled", "error_code": 130429}
            | {"leaves_at": NOW + MINUTE / 2, "exact": True},
            "WhatsApp asked us to send more slowly. Leaves 12:00:30 (in 30 s).",
        ),
        (
            {"reason": Reason.QUIET, "until": NOW + 120 * MINUTE}
            | {"leaves_at": NOW + 120 * MINUTE, "exact": True},
            "Quiet hours of Orders until 14:00. Leaves 14:00 (in 2 h).",
        ),
        (
            {"reason": Reason.RECIPIENT, "leaves_at": NOW + 6 * SECOND, "exact": True},
            "This person gets one message at a time. Leaves 12:00:06 (in 6 s).",
        ),
        (
            {"reason": Reason.SCHEDULED, "due_at": NOW + 130 * MINUTE}
            | {"leaves_at": NOW + 130 * MINUTE, "exact": True},
            "Leaves 14:10 (in 2 h 10 min).",
        ),
        (
            {"reason": Reason.SCHEDULED, "due_at": NOW + 5 * MINUTE}
            | {"leaves_at": NOW + 7 * MINUTE, "exact": True, "ahead": 120},
            "Due 12:05. Leaves 12:07:00 (in 7 min), behind 120 messages.",
        ),
        (
            {"reason": Reason.NO_WORKER, "since": NOW - MINUTE},
            "No worker has been alive since 11:59, so nothing is sent.",
        ),
        (
            {"reason": Reason.UNREACHED, "since": NOW - MINUTE},
            "WhatsApp cannot be reached since 11:59; one message asks every 15 s.",
        ),
        (
            {"reason": Reason.THROTTLED, "until": NOW + MINUTE}
            | {"leaves_at": NOW + MINUTE, "exact": True},
            "WhatsApp told Orders to wait until 12:01:00. Leaves 12:01:00 (in 1 min).",
        ),
        (
            {"reason": Reason.SLOWED, "rate": 0.5, "leaves_at": NOW + MINUTE, "exact": True}
            | {"ahead": 30},
            "Leaves 12:01:00 (in 1 min), behind 30 messages. Orders sends 0.5 a second since"
            " WhatsApp asked.",
        ),
        (
            {"reason": Reason.TURN, "due_at": NOW - MINUTE, "leaves_at": NOW, "exact": True}
            | {"ahead": 0},
            "Due 1 min ago; it is next.",
        ),
        (
            {"reason": Reason.TURN, "leaves_at": NOW + 20 * MINUTE, "ahead": 10_001},
            "Leaves 12:20:00 (in 20 min) at the earliest, behind at least 10,000 messages.",
        ),
        (
            {"reason": Reason.TURN, "exact": True},
            "It will not leave: its turn comes too late for it.",
        ),
        ({"reason": Reason.SENDING}, "Being handed to WhatsApp."),
        (
            {"reason": Reason.CHECKING, "since": NOW - MINUTE, "until": NOW + 9 * MINUTE},
            "Handed over, but its answer is missing since 11:59, and waited for until 12:09"
            " at least.",
        ),
        ({"reason": Reason.ENDED, "detail": "sent"}, "It waits for nothing: it is sent."),
    ],
)
def test_each_reason_is_one_sentence_with_its_end(why: dict[str, Any], said: str) -> None:
    assert told(**why) == said


def test_no_reason_is_without_words() -> None:
    assert all(told(reason, leaves_at=NOW) for reason in Reason)
    assert set(NAMES) == set(Reason) - {Reason.SENDING, Reason.CHECKING, Reason.ENDED}


def test_advice_is_given_only_where_somebody_can_do_something() -> None:
    asked = {reason for reason in Reason if advice(replace(PLAIN, reason=reason))}
    assert asked >= {Reason.GUARD, Reason.STOPPED, Reason.PAUSED, Reason.NO_WORKER}
    assert Reason.TURN not in asked
    late = replace(PLAIN, reason=Reason.HELD, hold="late")
    assert advice(late) and not advice(replace(late, hold="batch"))
    assert advice(replace(PLAIN, reason=Reason.GUARD)).endswith("manage.py guard answer")


def test_the_depth_is_told_with_its_capped_counts() -> None:
    counts = {Reason.HELD: 3, Reason.TURN: 10_001}
    assert depth_in_words(counts) == "3 held · 10,000+ due"

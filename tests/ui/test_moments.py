import re
from datetime import UTC, datetime, timedelta

import pytest

from ui import moments

NOW = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)  # already the 25th in Jakarta


@pytest.mark.parametrize(
    ("at", "told"),
    [
        (datetime(2026, 11, 25, 2, 30, tzinfo=UTC), "09:30"),
        (datetime(2026, 11, 25, 17, 0, tzinfo=UTC), "tomorrow 00:00"),
        (datetime(2026, 11, 24, 16, 59, tzinfo=UTC), "yesterday 23:59"),
        (datetime(2026, 11, 28, 2, 0, tzinfo=UTC), "Sat 28 Nov 09:00"),
        (datetime(2027, 1, 3, 2, 0, tzinfo=UTC), "3 Jan 2027 09:00"),
    ],
)
def test_a_time_is_told_with_as_much_of_its_day_as_is_needed(at: datetime, told: str) -> None:
    assert moments.clock(at, "Asia/Jakarta", NOW) == told


def test_the_exact_instant_is_on_hover() -> None:
    at = datetime(2026, 11, 25, 2, 30, 5, 123456, tzinfo=UTC)
    html = moments.shown(at, "Asia/Jakarta", NOW)
    assert 'title="Wednesday 25 November 2026, 09:30:05.123 Asia/Jakarta"' in html
    assert 'datetime="2026-11-25T02:30:05.123456+00:00"' in html


def test_a_sentence_has_the_exact_instant_of_each_of_its_times_on_hover() -> None:
    since, until = (datetime(2026, 11, 25, 2, 30, second, tzinfo=UTC) for second in (5, 40))
    sentence = "Since 09:30 by <ana>: closed until 09:30."
    html = moments.marked(sentence, [("09:30", since), ("09:30", until)], "Asia/Jakarta")
    assert re.findall(r'title="[^"]*, (\S+) Asia/Jakarta">09:30</time>', html) == [
        "09:30:05.000",
        "09:30:40.000",
    ]
    assert html.startswith("Since <time ") and " by &lt;ana&gt;: closed until <time " in html
    assert moments.marked("For <now>", [], "UTC") == "For &lt;now&gt;"


def test_the_day_begins_at_midnight_of_the_persons_zone() -> None:
    assert moments.midnight(NOW, "Asia/Jakarta") == datetime(2026, 11, 24, 17, tzinfo=UTC)


def test_the_suggested_time_is_a_full_hour_that_is_not_refused_as_too_near() -> None:
    for minute in (0, 49, 50, 59):
        now = NOW.replace(minute=minute)
        suggested = moments.next_hour(now, "UTC").replace(tzinfo=UTC)
        assert suggested.minute == 0
        assert timedelta(minutes=10) <= suggested - now <= timedelta(minutes=70)

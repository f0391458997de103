"""Quiet hours: when they end, over midnight and over a change of the clocks."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.quiet import quiet_in, quiet_until

BERLIN = "Europe/Berlin"


def at(day: int, hour: int, minute: int = 0, month: int = 6, fold: int = 0) -> datetime:
    wall = datetime(2026, month, day, hour, minute, tzinfo=ZoneInfo(BERLIN), fold=fold)
    return wall.astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "ends"),
    [
        (at(1, 21, 59), None),
        (at(1, 22), at(2, 8)),
        (at(2, 3), at(2, 8)),
        (at(2, 7, 59), at(2, 8)),
        (at(2, 8), None),
    ],
)
def test_a_night_ends_in_the_morning_on_whichever_side_of_midnight_one_asks(
    now: datetime, ends: datetime | None
) -> None:
    assert quiet_until(now, zone=BERLIN, quiet_from="22:00", quiet_to="08:00") == ends


def test_a_siesta_ends_on_the_same_day() -> None:
    told = quiet_until(at(1, 13), zone=BERLIN, quiet_from="12:00", quiet_to="14:30")
    assert told == at(1, 14, 30)


@pytest.mark.parametrize("hours", [(None, None), ("22:00", None), ("08:00", "08:00")])
def test_no_hours_or_an_empty_span_are_never_quiet(hours: tuple[str | None, str | None]) -> None:
    assert quiet_until(at(1, 23), zone=BERLIN, quiet_from=hours[0], quiet_to=hours[1]) is None


def test_an_end_in_the_hour_that_comes_twice_is_still_ahead_in_its_second_passing() -> None:
    second = at(25, 2, 15, month=10, fold=1)
    told = quiet_until(second, zone=BERLIN, quiet_from="22:00", quiet_to="02:30")
    assert told == at(25, 2, 30, month=10, fold=1)


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),
    st.times().map(lambda t: f"{t:%H:%M}"),
    st.times().map(lambda t: f"{t:%H:%M}"),
    st.sampled_from([BERLIN, "Asia/Jakarta", "Australia/Lord_Howe", "UTC"]),
)
def test_an_end_lies_ahead_within_a_day_and_an_hour(
    now: datetime, begins: str, ends: str, zone: str
) -> None:
    told = quiet_until(now, zone=zone, quiet_from=begins, quiet_to=ends)
    assert told is None or now < told <= now + timedelta(hours=25)


@pytest.mark.parametrize(
    ("first", "last", "hours"),
    [
        (at(1, 9), at(1, 21), 0),
        (at(1, 9), at(1, 23), 1),
        (at(2, 1), at(2, 3), 2),
        (at(1, 21), at(4, 9), 30),
        (at(1, 22), at(2, 8), 10),
        (at(24, 12, month=10), at(25, 12, month=10), 11),
    ],
)
def test_how_much_of_a_window_is_quiet_is_counted_over_nights_and_changes_of_the_clocks(
    first: datetime, last: datetime, hours: float
) -> None:
    told = quiet_in(first, last, zone=BERLIN, quiet_from="22:00", quiet_to="08:00")
    assert told == timedelta(hours=hours)


def test_without_quiet_hours_nothing_of_a_window_is_quiet() -> None:
    assert not quiet_in(at(1, 1), at(9, 1), zone=BERLIN, quiet_from=None, quiet_to=None)

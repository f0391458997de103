from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Invalid, Problem
from core.schedule import (
    ago,
    check_lead,
    from_iso,
    from_local,
    from_span,
    quick,
    span,
    told,
    within,
)

NOW = datetime(2026, 11, 25, 2, 0, 30, tzinfo=UTC)
LEAD = timedelta(minutes=5)


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


def problem_of(refused: pytest.ExceptionInfo[Invalid]) -> Problem:
    (problem,) = refused.value.problems
    return problem


def refusal(wall: datetime, zone: str) -> Problem:
    with pytest.raises(Invalid) as refused:
        from_local(wall, zone)
    return problem_of(refused)


def test_a_wall_time_becomes_its_instant() -> None:
    wall = datetime(2026, 11, 25, 9)
    assert from_local(wall, "Asia/Jakarta") == at(2026, 11, 25, 2)
    assert from_local(wall, "Asia/Kathmandu") == at(2026, 11, 25, 3, 15)
    assert from_local(wall, "America/New_York").tzinfo is UTC


@pytest.mark.parametrize(
    ("zone", "wall", "before", "after", "said"),
    [
        (
            "Europe/Berlin",
            datetime(2026, 3, 29, 2, 30),
            at(2026, 3, 29, 0, 59),
            at(2026, 3, 29, 1),
            "02:30 on Sunday 29 March 2026 does not exist in Europe/Berlin: the clocks go forward "
            "from 02:00 to 03:00. The nearest existing times are 01:59 and 03:00.",
        ),
        (
            "Australia/Lord_Howe",
            datetime(2026, 10, 4, 2, 15),
            at(2026, 10, 3, 15, 29),
            at(2026, 10, 3, 15, 30),
            "from 02:00 to 02:30. The nearest existing times are 01:59 and 02:30.",
        ),
        (
            "Asia/Beirut",
            datetime(2026, 3, 29, 0, 0),
            at(2026, 3, 28, 21, 59),
            at(2026, 3, 28, 22),
            "from 00:00 to 01:00. The nearest existing times are Saturday 28 March 23:59 and 01:00",
        ),
        (
            "Africa/Cairo",
            datetime(2026, 4, 24, 0, 59, 59),
            at(2026, 4, 23, 21, 59),
            at(2026, 4, 23, 22),
            "are Thursday 23 April 23:59 and 01:00",
        ),
        (
            "America/Santiago",
            datetime(2026, 9, 6, 0, 30),
            at(2026, 9, 6, 3, 59),
            at(2026, 9, 6, 4),
            "are Saturday 5 September 23:59 and 01:00",
        ),
        (
            "Pacific/Apia",
            datetime(2011, 12, 30, 12),
            at(2011, 12, 30, 9, 59),
            at(2011, 12, 30, 10),
            "from 00:00 to Saturday 31 December 00:00",
        ),
    ],
)
def test_a_time_that_the_clocks_skip_is_refused_with_its_neighbours(
    zone: str, wall: datetime, before: datetime, after: datetime, said: str
) -> None:
    problem = refusal(wall, zone)
    assert (problem.field, problem.code) == ("when", "gap")
    assert problem.details == {"before": before, "after": after}
    assert said in problem.message


@pytest.mark.parametrize(
    ("zone", "wall", "first", "second"),
    [
        (
            "Europe/Berlin",
            datetime(2026, 10, 25, 2, 30),
            at(2026, 10, 25, 0, 30),
            at(2026, 10, 25, 1, 30),
        ),
        (
            "Australia/Lord_Howe",
            datetime(2026, 4, 5, 1, 45),
            at(2026, 4, 4, 14, 45),
            at(2026, 4, 4, 15, 15),
        ),
        (
            "Asia/Beirut",
            datetime(2026, 10, 24, 23, 30),
            at(2026, 10, 24, 20, 30),
            at(2026, 10, 24, 21, 30),
        ),
    ],
)
def test_a_time_that_happens_twice_asks_which(
    zone: str, wall: datetime, first: datetime, second: datetime
) -> None:
    problem = refusal(wall, zone)
    assert (problem.field, problem.code) == ("when", "fold")
    assert problem.details == {"first": first, "second": second}
    assert "happens twice" in problem.message and problem.message.endswith("Which of the two?")
    assert from_local(wall, zone, fold=0) == first
    assert from_local(wall, zone, fold=1) == second


def test_an_answer_to_a_question_that_was_not_asked_changes_nothing() -> None:
    wall = datetime(2026, 11, 25, 9)
    assert from_local(wall, "Europe/Berlin", fold=1) == from_local(wall, "Europe/Berlin", fold=0)


@pytest.mark.parametrize(
    "zone", ["", "Asia/Jakrta", "America", "../x", "/etc/passwd", "a\0b", "x" * 5000, "\ud800"]
)
def test_an_unknown_zone_is_refused_at_its_field(zone: str) -> None:
    problem = refusal(datetime(2026, 11, 25, 9), zone)
    assert (problem.field, problem.code) == ("zone", "unknown_zone")
    assert "Asia/Jakarta" in problem.message


@pytest.mark.parametrize("year", [1, 26, 9999])
def test_a_year_that_no_clock_reaches_is_refused(year: int) -> None:
    assert refusal(datetime(year, 1, 1), "Asia/Jakarta").code == "out_of_range"


def test_a_wall_time_with_a_zone_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="wall"):
        from_local(NOW, "Asia/Jakarta")


@given(
    wall=st.datetimes(datetime(2000, 1, 1), datetime(2035, 1, 1)),
    zone=st.sampled_from(sorted(available_timezones() - {"localtime"})),
)
def test_every_wall_time_in_every_zone_is_read_or_refused_truly(wall: datetime, zone: str) -> None:
    place = ZoneInfo(zone)

    def shown(instant: datetime) -> datetime:
        return instant.astimezone(place).replace(tzinfo=None)

    try:
        assert shown(from_local(wall, zone)) == wall
    except Invalid as refused:
        (problem,) = refused.problems
        if problem.code == "gap":
            assert shown(problem.details["before"]) < wall < shown(problem.details["after"])
        else:
            assert [shown(instant) for instant in problem.details.values()] == [wall, wall]
            assert problem.details["first"] < problem.details["second"]


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-25T09:00+07:00",
        "2026-11-25T09:00:00+07:00",
        "2026-11-25 09:00+07:00",
        "2026-11-25 09:00 +07:00",
        "2026-11-25T09:00+0700",
        "2026-11-25T09:00+07",
        "2026-11-25T02:00Z",
        "2026-11-25t02:00:00.000z",
        "2026-11-24T19:00-07:00",
        "2026-11-24T19:00−07:00",
        "  20261125T020000Z\n",
    ],
)
def test_iso_times_with_an_offset_are_read(text: str) -> None:
    assert from_iso(text) == at(2026, 11, 25, 2)
    assert from_iso(text).tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("2026-11-25T09:00", "no_offset", "from UTC"),
        ("2026-11-25", "no_offset", "from UTC"),
        ("", "unreadable", "2026-11-25T09:00+07:00"),
        ("tomorrow", "unreadable", "«tomorrow»"),
        ("25.11.2026 09:00", "unreadable", "2026-11-25T09:00+07:00"),
        ("2026-02-30T09:00Z", "unreadable", "2026-11-25T09:00+07:00"),
        ("2026-11-25T09:00+99:00", "unreadable", "2026-11-25T09:00+07:00"),
        ("0001-01-01T00:00+07:00", "out_of_range", "year 1 "),
        ("9999-12-31T23:59-07:00", "out_of_range", "year 9999"),
    ],
)
def test_other_times_are_refused_with_the_reason(text: str, code: str, said: str) -> None:
    with pytest.raises(Invalid) as refused:
        from_iso(text)
    problem = problem_of(refused)
    assert (problem.field, problem.code) == ("when", code)
    assert said in problem.message


@given(st.text() | st.text(alphabet="0123456789-:TZ+ .W"))
def test_random_text_is_read_or_refused(text: str) -> None:
    try:
        assert from_iso(text).tzinfo is UTC
    except Invalid as refused:
        assert problem_of_many(refused).isprintable()


def problem_of_many(refused: Invalid) -> str:
    return " ".join(problem.message for problem in refused.problems)


def test_a_quick_time_is_rounded_up_to_the_full_minute() -> None:
    assert quick(NOW, LEAD) == at(2026, 11, 25, 2, 6)
    assert quick(at(2026, 11, 25, 2), LEAD) == at(2026, 11, 25, 2, 5)
    assert quick(at(2026, 11, 25, 2, 0, 0, 1), LEAD) == at(2026, 11, 25, 2, 6)


def test_a_quick_time_counts_real_hours_through_a_change_of_clocks() -> None:
    evening = datetime(2026, 3, 28, 12, tzinfo=ZoneInfo("Europe/Berlin"))
    assert quick(evening, timedelta(days=1)) == at(2026, 3, 29, 11)


def test_a_quick_time_of_the_lead_is_always_accepted() -> None:
    check_lead(quick(NOW, LEAD), NOW, lead=LEAD)
    check_lead(NOW + LEAD, NOW, lead=LEAD)
    check_lead(NOW, NOW, lead=timedelta(0))


@pytest.mark.parametrize(
    ("due", "code", "sentence"),
    [
        (
            NOW - timedelta(hours=2, minutes=10),
            "past",
            "Wednesday 25 November 06:50 Jakarta (Tuesday 24 November 23:50 UTC) is over: that was "
            "2 h 10 min ago. The earliest possible time is Wednesday 25 November 09:06 Jakarta "
            "(02:06 UTC).",
        ),
        (
            NOW + timedelta(minutes=4),
            "too_soon",
            "Choose a time at least 5 minutes ahead. The earliest possible time is Wednesday "
            "25 November 09:06 Jakarta (02:06 UTC).",
        ),
        (
            at(2031, 12, 1),
            "too_far",
            "Monday 1 December 2031 07:00 Jakarta (00:00 UTC) is more than 5 years ahead.",
        ),
    ],
)
def test_a_time_that_cannot_be_kept_is_refused_in_words(
    due: datetime, code: str, sentence: str
) -> None:
    with pytest.raises(Invalid) as refused:
        check_lead(due, NOW, lead=LEAD, zone="Asia/Jakarta")
    problem = problem_of(refused)
    assert (problem.field, problem.code, problem.message) == ("when", code, sentence)


def test_too_soon_offers_the_earliest_time_as_a_value() -> None:
    with pytest.raises(Invalid, match="at least 1 hour 30 minutes ahead") as refused:
        check_lead(NOW, NOW, lead=timedelta(minutes=90))
    assert problem_of(refused).details == {"earliest": at(2026, 11, 25, 3, 31)}


def test_five_years_to_the_day_are_not_too_far() -> None:
    check_lead(at(2029, 2, 28), at(2024, 2, 28), lead=LEAD)


@pytest.mark.parametrize(
    ("zone", "instant", "words"),
    [
        ("Asia/Jakarta", at(2026, 11, 25, 2), "Wednesday 25 November 09:00 Jakarta (02:00 UTC)"),
        (
            "Asia/Jakarta",
            at(2026, 11, 24, 22),
            "Wednesday 25 November 05:00 Jakarta (Tuesday 24 November 22:00 UTC)",
        ),
        (
            "America/Argentina/Buenos_Aires",
            at(2026, 11, 25, 2),
            "Tuesday 24 November 23:00 Buenos Aires (Wednesday 25 November 02:00 UTC)",
        ),
        ("UTC", at(2026, 11, 25, 2), "Wednesday 25 November 02:00 UTC"),
        ("Etc/UTC", at(2026, 11, 25, 2), "Wednesday 25 November 02:00 UTC"),
        ("Etc/GMT-7", at(2026, 11, 25, 2), "Wednesday 25 November 09:00 UTC+07 (02:00 UTC)"),
    ],
)
def test_an_instant_is_told_in_the_zone_and_in_utc(
    zone: str, instant: datetime, words: str
) -> None:
    assert told(instant, zone) == words


def test_the_year_is_told_when_it_is_another_one_in_that_zone() -> None:
    eve = at(2026, 12, 31, 18)
    assert told(eve, "Asia/Jakarta", now=NOW).startswith("Friday 1 January 2027 01:00 Jakarta")
    assert told(eve, "Europe/London", now=NOW) == "Thursday 31 December 18:00 London (18:00 UTC)"
    assert "2027" not in told(eve, "Asia/Jakarta", now=eve)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3, "0 s"),
        (0, "0 s"),
        (0.2, "0.2 s"),
        (2, "2 s"),
        (9.96, "10 s"),
        (42.4, "42 s"),
        (59.7, "1 min"),
        (130, "2 min 10 s"),
        (7800, "2 h 10 min"),
        (7205, "2 h"),
        (86400, "1 day"),
        (3 * 86400 + 20, "3 days"),
        (3 * 86400 + 4 * 3600, "3 days 4 h"),
    ],
)
def test_a_duration_is_written_as_people_write_it(seconds: float, words: str) -> None:
    delta = timedelta(seconds=seconds)
    assert span(delta) == words
    assert ago(delta) == f"{words} ago"
    assert within(delta) == f"in {words}"


@pytest.mark.parametrize(
    ("typed", "seconds"),
    [("45s", 45), (" 30m ", 1800), ("30 min", 1800), ("2H", 7200), ("1d", 86400)],
)
def test_a_duration_is_read_as_people_type_it(typed: str, seconds: int) -> None:
    assert from_span(typed) == timedelta(seconds=seconds)


@pytest.mark.parametrize("typed", ["", "30", "soon", "-5m", "1.5h", "1h30m", "9999999d", "3w"])
def test_what_is_no_duration_is_refused_with_an_example(typed: str) -> None:
    with pytest.raises(Invalid, match="30m, 2h or 1d"):
        from_span(typed)


def test_a_naive_time_is_a_mistake_of_the_caller() -> None:
    naive = datetime(2026, 11, 25)
    for call in (
        lambda: quick(naive, LEAD),
        lambda: check_lead(naive, NOW, lead=LEAD),
        lambda: check_lead(NOW, naive, lead=LEAD),
        lambda: told(naive, "UTC"),
        lambda: told(NOW, "UTC", now=naive),
    ):
        with pytest.raises(ValueError, match="naive"):
            call()


def test_an_aware_time_of_any_zone_is_understood() -> None:
    jakarta = datetime(2026, 11, 25, 9, tzinfo=timezone(timedelta(hours=7)))
    assert told(jakarta, "UTC") == "Wednesday 25 November 02:00 UTC"

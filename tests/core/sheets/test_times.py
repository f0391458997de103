"""Columns of times: one format for all of it, and a word for each cell that has another."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Invalid
from core.sheets import times
from core.sheets.table import Cell
from core.sheets.times import Column, decide, instant, joined, read, spread, zone_of

NINE = datetime(2026, 11, 26, 9, 0)


def refused(cell: Cell, form: str = "", zone: str = "Asia/Jakarta") -> str:
    with pytest.raises(Invalid) as wrong:
        instant(cell, form, zone)
    (problem,) = wrong.value.problems
    assert problem.field == "when"
    assert problem.message.endswith((".", "?"))
    return problem.code


@pytest.mark.parametrize(
    ("cell", "form"),
    [
        (NINE, "cell"),
        ("2026-11-26 09:00", "ymd"),
        ("2026-11-26T09:00:00", "ymd"),
        ("2026/11/26 9:00", "ymd"),
        ("26/11/2026 09:00", "dmy"),
        ("26.11.2026 09.00", "dmy"),
        ("26-11-26, 9:00", "dmy"),
        ("26. 11. 2026 9:00 Uhr", "dmy"),
        ("11/26/2026 9:00 AM", "mdy"),
        ("11/26/2026 9 am", "mdy"),
        ("26 November 2026 09:00", "named"),
        ("Thursday, 26 Nov 2026 at 9:00", "named"),
        ("Nov 26th, 2026 9:00 a.m.", "named"),
        ("26 de noviembre de 2026 9:00", "named"),
        ("26. März 2026 9:00", "named"),
        ("26 Agu 2026 pukul 09.00", "named"),
        ("26 novembre 2026 9h00", "named"),
    ],
)
def test_one_time_is_read_in_its_format(cell: Cell, form: str) -> None:
    assert decide([cell, ""]) == Column((form,), (), 0)
    said = read(cell, form)
    assert (said.day, said.time()) == (26, time(9, 0))


def test_a_time_with_an_offset_needs_no_zone() -> None:
    assert decide(["2026-11-26T09:00+07:00", "2026-11-26 02:00Z"]).formats == ("offset",)
    for cell in ("2026-11-26T09:00+07:00", "2026-11-26 02:00Z"):
        assert instant(cell, "", "Europe/Berlin") == datetime(2026, 11, 26, 2, 0, tzinfo=UTC)


@pytest.mark.parametrize("form", ["cell", "ymd"])
def test_times_of_a_spreadsheet_may_stand_among_texts_that_say_one_thing_only(form: str) -> None:
    cells: list[Cell] = [NINE, "2026-11-26 09:00", "2026-11-26T09:00:00", "26/11/2026 09:00"]
    assert decide(cells).formats == ("ymd",) and decide(cells[:2]).formats == ("cell",)
    assert [number for number, *_ in decide(cells).flaws] == [3]
    assert [read(cell, form) for cell in cells[:3]] == [NINE] * 3
    assert decide([NINE, "03/04/2026 09:00"]).formats == ("cell", "dmy", "mdy")


def test_one_day_over_twelve_decides_for_the_whole_column() -> None:
    assert decide(["03/04/2026 9:00", "05/06/2026 9:00", "25/06/2026 9:00"]).formats == ("dmy",)
    assert decide(["03/04/2026 9:00", "05/06/2026 9:00", "06/25/2026 9:00"]).formats == ("mdy",)


def test_days_that_could_be_months_are_asked_for() -> None:
    assert decide(["03/04/2026 9:00", "05/06/2026 10:00"]) == Column(("dmy", "mdy"), (), 0)


def test_a_column_with_both_orders_is_asked_for_and_the_wrong_rows_are_told() -> None:
    cells = ["25/06/2026 9:00", "06/25/2026 9:00", "01/02/2026 9:00"]
    assert decide(cells).formats == ("dmy", "mdy")
    assert refused(cells[1], "dmy") == "mixed"


def test_three_formats_in_one_column_are_told_by_row() -> None:
    cells: list[Cell] = ["26/11/2026 9:00", "2026-11-26 9:00", NINE, "27/11/2026 9:00", "soon"]
    found = decide(cells)
    assert found.formats == ("dmy",)
    assert [(n, code) for n, code, _ in found.flaws] == [
        (1, "mixed"),
        (2, "mixed"),
        (4, "unreadable"),
    ]


@pytest.mark.parametrize(
    "cell", ["31/02/2026 9:00", "32/01/2026", "2026-13-01 09:00", "2026-02-30", "1/1/20266"]
)
def test_a_day_that_does_not_exist_is_told(cell: str) -> None:
    (flaw,) = decide(["1/2/2026", cell]).flaws
    assert flaw[:2] in ((1, "impossible"), (1, "unreadable"))


@pytest.mark.parametrize("cell", ["13/04/2027 09:00", "26 Nov 2026 9:00"])
def test_without_a_format_only_what_can_be_read_in_one_way_is_a_time(cell: str) -> None:
    with pytest.raises(Invalid, match="neither ISO 8601 nor a time of a spreadsheet"):
        read(cell)


@pytest.mark.parametrize(
    "cell", ["2026-11-26 25:00", "2026-11-26 13:00 pm", "2026-11-26 9", "9:00"]
)
def test_an_hour_that_does_not_exist_is_told(cell: str) -> None:
    assert refused(cell) in ("impossible", "unreadable")


def test_days_alone_need_a_time_of_day() -> None:
    cells: list[Cell] = [datetime(2026, 11, 26), NINE]
    assert decide(cells) == Column(("cell",), (), 1)
    assert refused(cells[0]) == "no_clock"
    assert read(cells[0], "cell@08:30") == datetime(2026, 11, 26, 8, 30)
    assert read("26/11/2026", "dmy@08:30") == datetime(2026, 11, 26, 8, 30)
    assert read("26/11/2026 9:00", "dmy@08:30") == NINE


def test_hours_that_the_clocks_skip_or_show_twice_are_told() -> None:
    assert refused("2026-03-29 02:30", zone="Europe/Berlin") == "gap"
    assert refused("2026-10-25 02:30", zone="Europe/Berlin") == "fold"
    twice = instant("2026-10-25 02:30", "", "Europe/Berlin", fold=1)
    assert twice == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


def test_a_day_and_a_time_of_day_in_two_columns_are_one() -> None:
    assert joined(datetime(2026, 11, 26), "9:00") == NINE
    assert read(joined("26/11/2026", "9 am"), "dmy") == NINE
    assert joined("26/11/2026", "") == "26/11/2026"
    assert refused(joined(datetime(2026, 11, 26), "noon")) == "unreadable"


def test_a_country_with_one_zone_is_guessed_and_one_with_several_is_not() -> None:
    assert zone_of("+4915112345678", home=None) == "Europe/Berlin"
    assert zone_of("0151 12345678", home="DE") == "Europe/Berlin"
    assert zone_of("+6281234567890", home=None) is None  # Indonesia has three
    assert zone_of("+12125550123", home=None) is None
    assert zone_of("no number", home=None) is None


def test_a_window_is_filled_evenly_and_in_order() -> None:
    ends = NINE + timedelta(hours=1)
    assert [spread(n, 3, NINE, ends).minute for n in range(3)] == [0, 20, 40]


@given(
    st.lists(st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)), min_size=1, max_size=20),
    st.sampled_from(
        [
            ("ymd", "%Y-%m-%d %H:%M:%S"),
            ("dmy", "%d/%m/%Y %H:%M:%S"),
            ("mdy", "%m/%d/%Y %I:%M:%S %p"),
            ("named", "%A %d %B %Y %H:%M:%S"),
        ]
    ),
)
def test_whatever_is_written_in_one_format_is_read_in_it(
    moments: list[datetime], written: tuple[str, str]
) -> None:
    form, pattern = written
    cells = [at.strftime(pattern) for at in moments]
    found = decide(cells)
    assert form in found.formats
    assert found.flaws == ()
    assert [read(cell, form) for cell in cells] == [at.replace(microsecond=0) for at in moments]


@given(st.lists(st.text(max_size=30) | st.from_regex(r"[0-9/:. -]{4,20}", fullmatch=True)))
def test_any_column_is_read_or_told(cells: list[str]) -> None:
    found = decide(cells)
    assert set(found.formats) <= set(times.FORMATS)
    for cell in cells:
        for form in ("", *found.formats):
            try:
                assert isinstance(read(cell, form), datetime)
            except Invalid as wrong:
                assert wrong.problems[0].field == "when"


def test_the_formats_are_written_as_they_are_read() -> None:
    for form, example in times.FORMATS.items():
        if ": " in example:
            assert form in decide([example.rpartition(": ")[2]]).formats


def test_a_zone_is_told_for_every_country_or_none() -> None:
    assert {zone_of(number, home=None) for number in ("+351912345678", "+34612345678")} == {None}

"""What a file of messages may look like, and what is told of each wrong row."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import sheet
from core.drafts import Composed
from core.errors import Invalid
from core.models import Account
from core.sheet import WrongFile

NOW = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
ORDERS = Account(id=1, name="Orders", state="active", country="ID")
HEAD = "recipient,content,scheduled_at"


@pytest.fixture(autouse=True)
def _settings(environment: pytest.MonkeyPatch) -> None:
    """Each test has the settings of an installation that set none."""


def read(text: str) -> list[tuple[int, Composed]]:
    return sheet.read(text, account=ORDERS, now=NOW)


def wrong(text: str) -> list[tuple[int, str]]:
    """The line and the column of each problem."""
    with pytest.raises(WrongFile) as refused:
        read(text)
    assert all(row.reason.endswith((".", "?")) for row in refused.value.rows)
    return [(row.line, row.column) for row in refused.value.rows]


def test_a_row_becomes_a_message() -> None:
    ((line, one),) = read(f"{HEAD}\n+62 812-3456-789,Hello,2026-11-25T10:00+07:00\n")
    assert (line, one.phone.e164, one.text) == (2, "+628123456789", "Hello")
    assert one.due_at == datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
    assert (one.max_retries, one.priority, one.reference, one.not_after) == (3, 1, None, None)


def test_all_columns_are_read_in_any_order() -> None:
    ((_, one),) = read(
        "reference,not_after,late_policy,priority,max_retries,scheduled_at,content,recipient\n"
        "A-1,2026-11-25T12:00Z,Skip,0,5,,Hello,08123456789\n"
    )
    assert (one.reference, one.priority, one.max_retries) == ("A-1", 0, 5)
    assert one.not_after == datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
    assert (one.due_at, one.phone.e164, one.late_policy) == (NOW, "+628123456789", "skip")


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_time_is_now_and_empty_options_are_their_defaults(empty: str) -> None:
    head = f"{HEAD},max_retries,priority,reference,not_after,late_policy"
    ((_, one),) = read(f"{head}\n+628123456789,Hello,{','.join([empty] * 6)}\n")
    assert (one.due_at, one.max_retries, one.priority) == (NOW, 3, 1)
    assert (one.reference, one.not_after, one.late_policy) == (None, None, None)


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("0812x,Hello,", "recipient"),
        ("6.28123E+11,Hello,", "recipient"),
        ("+628123456789,,", "content"),
        ("+628123456789,Hello,tomorrow", "scheduled_at"),
        ("+628123456789,Hello,2026-11-26T09:00", "scheduled_at"),
        ("+628123456789,Hello,2026-11-25T01:59Z", "scheduled_at"),
        ("+628123456789,Hello,2026-11-25T02:04:59Z", "scheduled_at"),
        ("+628123456789,Hello,2036-11-25T02:04:59Z", "scheduled_at"),
    ],
)
def test_a_wrong_row_is_told_with_its_line_and_column(row: str, column: str) -> None:
    good = "+628123456780,Hello,\n"
    assert wrong(f"{HEAD}\n{good}{row}\n{good}") == [(3, column)]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("max_retries", "6"),
        ("max_retries", "-1"),
        ("max_retries", "many"),
        ("max_retries", "9" * 5000),
        ("priority", "3"),
        ("priority", "1.0"),
        ("reference", "r" * 201),
        ("not_after", "tomorrow"),
        ("not_after", "2026-11-25T01:00Z"),
        ("late_policy", "drop"),
    ],
)
def test_a_wrong_option_is_told_at_its_own_column(column: str, value: str) -> None:
    assert wrong(f"{HEAD},{column}\n+628123456789,Hello,,{value}\n") == [(2, column)]


def test_everything_that_is_wrong_is_told_at_once() -> None:
    found = wrong(
        f"{HEAD},max_retries,not_after\n"
        "0812x,,tomorrow,many,never\n"
        "+628123456789,Hello,,3,\n"
        "+628123456789,Hello\n"
        "+628123456789,,,,\n"
    )
    assert found == [
        *((2, name) for name in ("scheduled_at", "max_retries", "not_after")),
        *((2, name) for name in ("recipient", "content")),
        *((4, "row"), (5, "content")),
    ]


def test_the_number_of_wrong_rows_is_told_and_that_nothing_was_stored() -> None:
    with pytest.raises(WrongFile, match=r"^1 row is wrong; nothing was stored\.$"):
        read(f"{HEAD}\nx,,\n")
    with pytest.raises(WrongFile, match=r"^2 rows are wrong; nothing was stored\.$"):
        read(f"{HEAD}\nx,,\ny,,\n")


def test_lines_are_those_of_the_file_whatever_stands_between() -> None:
    text = f'{HEAD}\n\n"+628123456789","two\r\nlines, or\nthree",\n\n\nbad,Hello,\n'
    assert wrong(text) == [(8, "recipient")]
    assert wrong(f'{HEAD}\nbad,"two\nlines",\n') == [(2, "recipient")]
    assert wrong(f'{HEAD}\n+628123456789,"two\nlines"\n') == [(2, "row")]


def test_quoted_newlines_commas_and_quotes_reach_the_text() -> None:
    ((_, one),) = read(f'{HEAD}\n+628123456789,"Dear ""Ana"",\r\nhello 😀",\n')
    assert one.text == 'Dear "Ana",\r\nhello 😀'


def test_a_quote_that_never_closes_is_told_where_its_row_begins() -> None:
    good = "+628123456780,Hello,\n"
    assert wrong(f'{HEAD}\n{good}+628123456789,"Hello,\n{good}{good}') == [(3, "row")]
    assert wrong(f'{HEAD}\n{good}+628123456789,"Hel"lo,\n{good}') == [(3, "row")]


@pytest.mark.parametrize(
    ("heading", "told"),
    [
        ("", "The heading is without content, recipient, scheduled_at."),
        ("recipient,content", "The heading is without scheduled_at."),
        (f"{HEAD},colour,", "The heading has unknown columns , colour."),
        (f"{HEAD},content", "The heading names a column twice."),
        (
            "recipient;content;scheduled_at",
            "The columns are separated by «;»; save the file with commas.",
        ),
        (
            "recipient\tcontent\tscheduled_at",
            "The columns are separated by tabs; save the file with commas.",
        ),
        ('"recipient', "The heading cannot be read as CSV: unexpected end of data."),
    ],
)
def test_a_heading_that_cannot_be_used_is_told_first(heading: str, told: str) -> None:
    with pytest.raises(Invalid) as refused:
        read(f"{heading}\n" if heading else "")
    assert str(refused.value) == told
    assert refused.value.problems[0].field == "file"


def test_a_heading_alone_is_no_message() -> None:
    assert read(f"{HEAD}\n") == read(HEAD) == []


def test_a_reference_that_stands_twice_is_told_with_its_first_line() -> None:
    row = "+628123456789,Hello,,A-1\n"
    with pytest.raises(WrongFile) as refused:
        read(f"{HEAD},reference\n{row}{row}")
    (one,) = refused.value.rows
    assert (one.line, one.column, one.reason) == (3, "reference", "«A-1» stands in line 2 already.")


_FIELD = st.text(st.characters(codec="utf-8"), max_size=20) | st.sampled_from(
    ["+628123456789", "Hello", "", "2026-11-26T09:00Z", "1", 'a"b', "a\nb", "a\rb"]
)


@given(rows=st.lists(st.lists(_FIELD, min_size=1, max_size=8), max_size=6), end=st.text(max_size=9))
def test_no_file_raises_anything_but_what_it_is_told_to(rows: list[list[str]], end: str) -> None:
    out = io.StringIO(newline="")
    csv.writer(out).writerows([["recipient", "content", "scheduled_at", "priority"], *rows])
    try:
        found = read(out.getvalue() + end)
    except WrongFile as refused:
        assert refused.rows and all(row.line >= 2 for row in refused.rows)
    else:
        waits = [one.due_at - NOW for _, one in found]
        assert all(not wait or wait >= timedelta(minutes=5) for wait in waits)

"""A file of numbers not to be contacted: what people make is read, and what is wrong is told."""

import csv
import io
from collections.abc import Iterator, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Invalid
from core.formulas import plain
from core.optout_file import Sender, Wish, WrongLine, check, parts

SENDERS = {"orders": Sender(1, "ID"), "support": Sender(2, None)}
DEWI, BUDI = "+628123456789", "+628123456780"


@pytest.fixture(autouse=True, scope="module")
def small() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.optout_file.PART", 2)
        yield


def read(
    text: str, *, senders: Mapping[str, Sender], home: str | None = None
) -> tuple[list[Wish], list[WrongLine]]:
    """All of it, read two rows at a time as if somebody else went on each time."""
    check(text)
    found: list[Wish] = []
    broken: list[WrongLine] = []
    after = 0
    while part := next(parts(text, senders=senders, home=home, after=after), None):
        after = part.rows
        found += part.wishes
        broken += part.wrong
    return found, broken


def wishes(text: str, home: str | None = None) -> list[Wish]:
    found, wrong = read(text, senders=SENDERS, home=home)
    assert wrong == []
    return found


def wrong(text: str, home: str | None = None) -> list[tuple[int, str, str]]:
    return [(one.line, one.column, one.value) for one in read(text, senders=SENDERS, home=home)[1]]


def test_numbers_are_read_one_a_line_in_any_shape() -> None:
    text = "\ufeff+62 812-3456-789\r\n\r\n  0812 3456 780\r\n"
    assert wishes(text, home="ID") == [Wish(DEWI, source="file"), Wish(BUDI, source="file")]


@pytest.mark.parametrize("comma", [",", ";", "\t"])
def test_columns_have_their_names_in_any_order(comma: str) -> None:
    text = (
        "Reason,Scope,PHONE,account,source\n"
        "STOP,Marketing,0812-3456-789,ORDERS,SMS\n"
        ",,+62 812 3456 780,,\n"
    ).replace(",", comma)
    assert wishes(text) == [
        Wish(DEWI, "marketing", 1, "SMS", "STOP"),
        Wish(BUDI, "everything", None, "file", None),
    ]


def test_every_wrong_line_is_told_with_what_stood_there_and_the_others_count() -> None:
    text = (
        "number,scope,account\n"
        "+628123456789,all,Nobody\n"
        '"a\nb",,\n'
        "0812,,Support\n"
        "\n"
        "+628123456780,,Orders,more\n"
        "+628123456789\n"
    )
    found, _ = read(text, senders=SENDERS)
    assert found == [Wish(DEWI, source="file")]
    assert wrong(text) == [
        (2, "account", "Nobody"),
        (2, "scope", "all"),
        (3, "number", "a\nb"),
        (5, "number", "0812"),
        (7, "line", "+628123456780, , Orders, more"),
    ]


def test_a_list_in_one_line_is_told_how_to_be_written() -> None:
    [one] = read(f"{DEWI},{BUDI}", senders={})[1]
    assert one == WrongLine(
        1,
        "line",
        f"{DEWI}, {BUDI}",
        "It has more than a number: name the columns in the first line.",
    )


@pytest.mark.parametrize(
    ("heading", "told"),
    [
        ("number,colour", "has unknown columns «colour»"),
        ("scope,account", "names no column «number»"),
        ("number,phone", "names two numbers"),
        ("number,scope,scope", "names a column twice"),
    ],
)
def test_a_first_line_that_makes_no_sense_is_told(heading: str, told: str) -> None:
    with pytest.raises(Invalid, match=told):
        read(f"{heading}\n{DEWI}\n", senders={})


@pytest.mark.parametrize("closes", ["", f'{BUDI},a "word"\n'])
def test_whoever_a_lone_quote_swallows_is_told_and_the_lines_around_it_count(closes: str) -> None:
    text = f'number,reason\n{DEWI},fine\n{BUDI},"open\n{BUDI},lost\n{closes}'
    found, [broken] = read(text, senders={})
    assert found == [Wish(DEWI, source="file", reason="fine")]
    last = text.count("\n")
    assert broken.line == 3 and f"so the lines 3 to {last} were not read" in broken.reason


def test_a_line_break_between_quotes_is_part_of_the_reason() -> None:
    text = f'number,reason\n{DEWI},"said ""no""\ntwice"\n'
    assert wishes(text) == [Wish(DEWI, source="file", reason='said "no"\ntwice')]


@pytest.mark.parametrize("text", ["", "\n\n", "\ufeff", "number\n"])
def test_an_empty_file_wishes_nothing(text: str) -> None:
    assert read(text, senders={}) == ([], [])


def test_a_file_that_is_too_long_is_refused_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.optout_file.MOST", 2)
    with pytest.raises(Invalid, match="more than 2 lines"):
        read("+1\n" * 3, senders={})


@given(st.text(max_size=400))
def test_whatever_is_read_it_is_read_or_told(text: str) -> None:
    try:
        found, broken = read(text, senders=SENDERS, home="ID")
    except Invalid as invalid:
        assert [one.field for one in invalid.problems] == ["file"]
        return
    assert all(one.number.startswith("+") for one in found)
    assert all(1 <= one.line <= text.count("\n") + text.count("\r") + 1 for one in broken)
    assert all(one.reason for one in broken)


WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20).map(str.strip)


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([DEWI, BUDI, "+4915112345678"]),
            st.sampled_from(["everything", "marketing"]),
            st.sampled_from(["", "Orders", "Support"]),
            WORDS,
        )
    )
)
def test_what_a_person_writes_as_csv_comes_back(rows: list[tuple[str, str, str, str]]) -> None:
    written = io.StringIO()
    csv.writer(written).writerows([("number", "scope", "account", "reason"), *rows])
    ids = {"": None, "Orders": 1, "Support": 2}
    expected = [
        Wish(number, scope, ids[account], "file", plain(reason).strip() or None)
        for number, scope, account, reason in rows
    ]
    assert wishes(written.getvalue()) == expected

"""Texts with columns in them: what they ask for, what a row makes of them, what was forgotten."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.sheets.placeholders import asked, check, fill, unfilled

TEXT = "Dear {Name}, see you at { time } in {{braces}}. {Name}!"


def test_a_text_tells_which_columns_it_asks_for() -> None:
    assert asked(TEXT) == ["Name", "time"]


def test_a_row_fills_it_and_doubled_braces_become_one() -> None:
    row = {"name": "Ana", "Time": "9:00", "braces": "no"}
    assert fill(TEXT, row) == "Dear Ana, see you at 9:00 in {braces}. Ana!"


def test_a_value_with_braces_is_not_filled_again() -> None:
    assert fill("{a}", {"a": "{b}", "b": "secret"}) == "{b}"


def test_an_unknown_name_is_told_with_what_there_is() -> None:
    (problem,) = check(TEXT, ["name", "phone"])
    assert (problem.field, problem.code) == ("text", "placeholder")
    assert "«time»" in problem.message
    assert "{name}, {phone}" in problem.message
    assert "{{time}}" in problem.message


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Dear {name}", "{name}"),
        ("Dear {{1}}", "{{1}}"),
        ("Dear [First Name], hello", "[First Name]"),
        ("Dear %name%", "%name%"),
        ("Dear <<name>>", "<<name>>"),
        ("Dear [1]", None),
        ("10% off, 20% more", None),
        ("a [link](https://example.com)", None),
        ("x < y << z", None),
        ("{}", None),
    ],
)
def test_what_looks_unfilled_is_told(text: str, left: str | None) -> None:
    assert unfilled(text) == left


@given(st.dictionaries(st.from_regex(r"\w{1,8}", fullmatch=True), st.text(), max_size=5), st.text())
def test_any_text_can_be_filled(row: dict[str, str], text: str) -> None:
    folded = {name.casefold(): value for name, value in row.items()}
    whole = "".join(f"{{{name}}}" for name in folded)
    assert fill(whole, folded) == "".join(folded.values())
    doubled = text.replace("{", "{{").replace("}", "}}")
    assert fill(doubled, folded) == text
    fill(text, folded)

"""Cells that cannot be formulas, and the way back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.formulas import BEGINS, neutral, plain

near = st.text(alphabet=BEGINS + "'0159aA( ٣", max_size=6)


@given(near | st.text())
def test_whatever_was_made_harmless_is_told_back_exactly(text: str) -> None:
    assert plain(neutral(text)) == text


@given(near | st.text())
def test_nothing_but_a_telephone_number_still_begins_like_a_formula(text: str) -> None:
    made = neutral(text)
    if made[:1] and made[0] in BEGINS:
        assert made[0] == "+" and made[1:].isascii() and made[1:].isdigit()


@given(st.from_regex(r"\+[0-9]+", fullmatch=True))
def test_a_telephone_number_stays(number: str) -> None:
    assert neutral(number) == number and plain(number) == number


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=HYPERLINK(A1)", "'=HYPERLINK(A1)"),
        ("+62 is Indonesia", "'+62 is Indonesia"),
        ("+62\n", "'+62\n"),
        ("+", "'+"),
        ("-5 °C", "'-5 °C"),
        ("@everyone", "'@everyone"),
        ("\t=1+1", "'\t=1+1"),
        ("＝1+1", "'＝1+1"),
        ("'=1", "''=1"),
        ("'+62", "''+62"),
        ("'t was", "'t was"),
        ("'", "'"),
        ("", ""),
    ],
)
def test_what_is_marked_and_what_is_not(text: str, cell: str) -> None:
    assert neutral(text) == cell and plain(cell) == text

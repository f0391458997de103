"""Columns matched by what people call them; what is not certain is left to a person."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.sheets.matching import NAMES, _plain, match


@pytest.mark.parametrize(
    ("heading", "what"),
    [
        ("recipient", "recipient"),
        ("Phone Number", "recipient"),
        ("  MOBILE-no. ", "recipient"),
        ("Telefon", "recipient"),
        ("Número de teléfono", "recipient"),
        ("Nomor HP", "recipient"),
        ("Номер телефона", "recipient"),
        ("Message", "content"),
        ("Scheduled at", "when"),
        ("Due date", "when"),
        ("Tanggal", "when"),
        ("Time zone", "zone"),
        ("Order ID", "reference"),
        ("not_after", "not_after"),
        ("Cost centre", "label"),
        ("Kostenstelle", "label"),
        ("Priorität", "priority"),
        ("max_retries", "max_retries"),
        ("Late policy", "late_policy"),
        ("Template", "template"),
        ("Language", "language"),
    ],
)
def test_a_column_is_known_by_any_of_its_names(heading: str, what: str) -> None:
    assert match([heading, "anything else"]).columns == {what: heading}


def test_no_name_stands_for_two_fields() -> None:
    owners: dict[str, set[str]] = {}
    for what, names in NAMES.items():
        for name in names.split():
            owners.setdefault(_plain(name), set()).add(what)
    assert {name: owned for name, owned in owners.items() if len(owned) > 1} == {}


def test_our_own_name_wins_over_a_name_that_fits_as_well() -> None:
    found = match(["mobile", "recipient"])
    assert (found.columns, found.open) == ({"recipient": "recipient"}, {})


def test_two_columns_with_an_equal_claim_are_left_to_a_person() -> None:
    found = match(["Phone", "Mobile", "Text"])
    assert found.columns == {"content": "Text"}
    assert found.open == {"recipient": ("Phone", "Mobile")}


def test_a_day_and_a_time_of_day_are_told_apart() -> None:
    assert match(["Date", "Time"]).columns == {"when": "Date", "clock": "Time"}
    assert match(["Time"]).columns == {"when": "Time"}


def test_a_templates_parameters_are_found_by_their_names_and_numbers() -> None:
    found = match(
        ["phone", "Customer Name", "date", "param.code", "Var 2", "{{3}}"],
        asks=["customer_name", "date", "code", "2", "3", "header.text"],
    )
    assert found.parameters == {
        "customer_name": "Customer Name",
        "date": "date",
        "code": "param.code",
        "2": "Var 2",
        "3": "{{3}}",
    }
    assert found.columns == {"recipient": "phone", "when": "date"}


def test_a_parameter_that_two_columns_could_fill_is_left_open() -> None:
    assert match(["1", "param 1"], asks=["1"]).parameters == {}


@given(st.lists(st.text(max_size=20), max_size=6, unique=True), st.lists(st.text(max_size=5)))
def test_whatever_the_headings_each_field_gets_one_that_is_there(
    headings: list[str], asks: list[str]
) -> None:
    found = match(headings, asks=asks)
    assert set(found.columns) | set(found.open) <= set(NAMES)
    assert set(found.columns.values()) | set(found.parameters.values()) <= set(headings)
    assert len(set(found.columns.values())) == len(found.columns)

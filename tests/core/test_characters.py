"""Odd characters in what is stored: told at the cell, whichever column and whichever program."""

import io
import zipfile

import pytest
import xlsxwriter

from core import batches, db, files, leasing, operating, operations, preflight
from core.errors import Invalid
from core.models import Operation
from core.sheets.plan import Fill, Plan, Timing
from tests import given
from tests.core import templated
from tests.core.loaded import checked_as, later
from tests.given import ANA

COLUMNS = ("recipient", "content", "reference", "label", "zone", "account", "when", "1")
WORDS = Plan(1, {name: name for name in COLUMNS[:-1]}, timing=Timing("column"))
FILLED = Plan(1, {"recipient": "recipient"}, "", "visit", "en_US", {"1": Fill("1")})


def workbook(row: dict[str, str], escape: str) -> bytes:
    """A row under its headings, with the escape of a character where MARK stands."""
    out, made = io.BytesIO(), io.BytesIO()
    book = xlsxwriter.Workbook(out)
    sheet = book.add_worksheet()
    for column, (name, value) in enumerate(row.items()):
        sheet.write_string(0, column, name)
        sheet.write_string(1, column, value)
    book.close()
    with zipfile.ZipFile(out) as old, zipfile.ZipFile(made, "w") as new:
        for part in old.namelist():
            new.writestr(part, old.read(part).replace(b"MARK", escape.encode()))
    return made.getvalue()


def checked(data: bytes, plan: Plan) -> Operation:
    file_id = files.upload(data, name="x.xlsx", by=ANA)
    made = preflight.order(file_id, plan, by=ANA, here=True)
    operating.run(leasing.held(made))
    return operations.state(made)


def row(**odd: str) -> dict[str, str]:
    values = (given.recipient(), "Hello", "R1", "Berlin", "UTC", "Orders", later(hours=1), "Ana")
    return dict(zip(COLUMNS, values, strict=True)) | odd


@pytest.mark.parametrize("escape", ["_xD83D_", "_x0000_", "_x0007_"])
def test_one_odd_character_in_a_workbook_is_told_at_its_cell(database: str, escape: str) -> None:
    templated.template(given.account())
    for name in COLUMNS:
        plan = FILLED if name == "1" else WORDS
        check = checked(workbook(row(**{name: f"{row()[name]}MARK"}), escape), plan)
        assert (check.state, check.error) == ("finished", None), name
        assert {one["column"] for one in check.result["wrong"]} == {name}
        again = checked(b"".join(files.read(check.result["wrong_file"])), plan)
        assert (again.result["good"], again.result["wrong_rows"]) == (0, 1), name


def test_an_emoji_that_a_program_wrote_in_two_halves_is_whole(sqlite: None) -> None:
    given.account()
    check = checked(workbook(row(content="HelloMARK"), "_xD83D__xDE00_"), WORDS)
    assert check.result["first"][0]["text"] == "Hello😀"


def test_an_odd_character_in_a_heading_ends_nothing(database: str) -> None:
    given.account()
    check = checked(workbook({"recipient": given.recipient(), "nameMARK": "x"}, "_xD83D_"), WORDS)
    assert [one["code"] for one in check.result["problems"]] == ["no_column"] * 6


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ('{"1": "Ana\\ud83d"}', "half of an emoji (U+D83D) at position 4"),
        ('{"1": "Ana\\u0000"}', "NUL (U+0000) at position 4"),
        ('{"\\u0000": "Ana"}', "is none of this template's"),
        ('{"1": null}', "«1» is neither text nor a number"),
        ('{"1": ["Ana"]}', "«1» is neither text nor a number"),
        ('[["1", "Ana"]]', "is no JSON object of parameters"),
    ],
)
def test_parameters_in_one_cell_are_texts_and_numbers(database: str, cell: str, told: str) -> None:
    templated.template(given.account())
    columns = {"recipient": "recipient", "parameters": "parameters"}
    plan = Plan(1, columns, template="visit", language="en_US")
    quoted = cell.replace('"', '""')
    check = checked_as(f'recipient,parameters\n{given.recipient()},"{quoted}"\n', plan)
    assert check.result["wrong_rows"] == 1
    assert told in " ".join(one["reason"] for one in check.result["wrong"])


def test_a_number_among_the_parameters_is_sent_as_it_is_written(sqlite: None) -> None:
    templated.template(given.account())
    columns = {"recipient": "recipient", "parameters": "parameters"}
    plan = Plan(1, columns, template="visit", language="en_US")
    check = checked_as(f'recipient,parameters\n{given.recipient()},"{{""1"": 1.50}}"\n', plan)
    assert check.result["first"][0]["text"] == "Hello 1.50"


def test_a_batch_is_not_called_what_cannot_be_stored(sqlite: None) -> None:
    with db.writing() as session, pytest.raises(Invalid) as wrong:
        batches.begin(session, name="May\0", account_id=None, digest=None, total=0, by=ANA)
    assert "NUL (U+0000) at position 4" in str(wrong.value)

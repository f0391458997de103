"""What is wrong in a file comes back in a file of its kind, and reads as it stood."""

import io
from datetime import datetime

import pytest
from openpyxl import Workbook, load_workbook

from core.sheets import reading
from core.sheets.leftovers import Leftovers
from core.sheets.table import UNREAD, Flaw, Row, Table

HEAD = ("Phone", "Name", "At")
ROWS = (
    ["08123456789", "نور", datetime(2026, 11, 30, 9, 30)],
    ["+62 812", "=1+1 \U0001f600\nB", datetime(2026, 12, 1)],
    ["", "'quoted", ""],
)


def _book() -> bytes:
    book, out = Workbook(), io.BytesIO()
    for row in (HEAD, *ROWS):
        book.active.append(list(row))
    book.active["B3"].data_type = "s"  # a text, though it looks like a formula
    book.save(out)
    return out.getvalue()


def _left(table: Table, name: str, read: dict[int, list[Flaw]] | None = None) -> tuple[str, bytes]:
    read = read or {}
    left = Leftovers(table, read.values())
    for row in table.rows:
        flaw = Flaw(row.line, "Phone", "", "wrong", "It is wrong.")
        left.add(row, [flaw, *read.get(row.line, ())], read.get(row.line, []))
    told, _, data = left.file(name)
    return told, data


def test_a_workbook_stays_one_with_its_zeros_times_and_texts() -> None:
    table = reading.read(_book(), "march.xlsx")
    name, data = _left(table, "march.xlsx")
    assert name == "march (wrong rows).xlsx"
    again = reading.read(data, name)
    assert again.headings == (*HEAD, "problem")
    assert [row.cells[:3] for row in again.rows] == [row.cells for row in table.rows]
    assert {row.cells[3] for row in again.rows} == {"It is wrong."}
    cell = load_workbook(io.BytesIO(data)).active["A2"]
    assert (cell.value, cell.number_format) == ("08123456789", "@"), "typed over, it stays text"


@pytest.mark.parametrize("name", ["march.csv", "march.xlsx"])
def test_what_stood_in_no_cell_keeps_its_row_wrong_until_it_is_emptied(name: str) -> None:
    rows = [Row(2, ["08123456789", "Nur", ""]), Row(3, ["08123456780", "Ana", ""])]
    table = Table(HEAD, rows, sheet="One" if name.endswith("xlsx") else None)
    lost = Flaw(2, "", "Nur, and her son", "fields", "It has 4 fields.")
    told, data = _left(table, name, {2: [lost]})
    again = reading.read(data, told)
    assert again.headings == (*HEAD, "problem", UNREAD)
    assert [row.cells[4] for row in again.rows] == ["Nur, and her son", ""]
    assert {flaw.line for flaw in again.flaws} == {2}

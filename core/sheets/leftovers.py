"""The wrong rows of a file as a file of the same kind, to be put right and loaded again.

A workbook stays one: opened as CSV, a spreadsheet takes the leading 0 of each number away.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime

import xlsxwriter

from core.characters import storable
from core.formulas import neutral
from core.sheets.drafting import plain
from core.sheets.table import UNREAD, Cell, Flaw, Row, Table

PROBLEM = "problem"  # the column that our reader leaves out
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Leftovers:
    """Begun with the table and the flaws that its reader found, of which some stand in no cell."""

    def __init__(self, table: Table, flaws: Iterable[Sequence[Flaw]]) -> None:
        self.is_workbook = table.sheet is not None
        self._kept = [n for n, name in enumerate(table.headings) if name not in (PROBLEM, UNREAD)]
        self._unread = any(map(_unread, flaws))
        more = [PROBLEM, UNREAD] if self._unread else [PROBLEM]
        self._rows: list[list[Cell]] = [[*(table.headings[n] for n in self._kept), *more]]

    def add(self, row: Row, flaws: Sequence[Flaw], read: Sequence[Flaw]) -> None:
        """A row with all its `flaws`, of which its reader had found those that were `read`."""
        cells = [*(row.cells[n] for n in self._kept), " ".join(one.reason for one in flaws)]
        self._rows.append([*cells, _unread(read)] if self._unread else cells)

    def file(self, name: str) -> tuple[str, str, bytes]:
        """Its name, after that of the file that it is of, its media type and what is in it."""
        stem = name.rpartition(".")[0] or "rows"
        if self.is_workbook:
            return f"{stem} (wrong rows).xlsx", _XLSX, self._workbook()
        return f"{stem} (wrong rows).csv", "text/csv", self._csv()

    def _csv(self) -> bytes:
        out = io.StringIO()
        lines = ([neutral(storable(plain(cell))) for cell in row] for row in self._rows)
        csv.writer(out).writerows(lines)
        return f"\ufeff{out.getvalue()}".encode()

    def _workbook(self) -> bytes:
        out = io.BytesIO()
        with xlsxwriter.Workbook(out, {"constant_memory": True}) as book:
            time = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
            text = book.add_format({"num_format": "@"})  # what is typed there stays as it is typed
            sheet = book.add_worksheet()
            sheet.set_column(0, len(self._rows[0]) - 1, 22)
            for at, row in enumerate(self._rows):
                for number, cell in enumerate(row):
                    if isinstance(cell, datetime):
                        sheet.write_datetime(at, number, cell, time)
                    else:
                        sheet.write_string(at, number, storable(cell), text)
        return out.getvalue()


def _unread(flaws: Sequence[Flaw]) -> str:
    """What is wrong with a row and does not stand in its cells: without it the same row, loaded
    again untouched, would be good."""
    return " ".join(one.value or one.column for one in flaws if one.code != "error")

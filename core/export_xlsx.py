"""An export as a workbook that Excel opens: real dates, text that is text, a frozen heading.

A cell of a workbook says itself that it is text, so no formula can be made of it and nothing needs
a mark in front. XlsxWriter keeps one row in memory at a time.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import xlsxwriter

from core.columns import Column, Says
from core.export import Order, Values

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LONGEST = 32_767  # characters that Excel takes in one cell
_EPOCH = datetime(1899, 12, 30)  # Excel's days know no zone
_DAY = timedelta(days=1)
_WIDTHS = {"id": 9, "account": 18, "recipient": 18, "text": 60, "parameters": 36, "payload": 60}
_KINDS = {Says.TEXT: 18, Says.WORD: 12, Says.NUMBER: 10, Says.JSON: 36}
_TIME = 24
_CLOCK = "yyyy-mm-dd hh:mm:ss"


class Sheet:
    """One sheet that is being written, `rows` so far."""

    def __init__(self, book: Any, order: Order) -> None:
        self.rows, self._order, self._sheet = 0, order, book.add_worksheet(order.what.value)
        self._local = book.add_format({"num_format": _CLOCK})
        # Shown beside the time, and how our own reader knows that it is no local one.
        self._utc = book.add_format({"num_format": f'{_CLOCK} "UTC"'})
        head = book.add_format({"bold": True, "bottom": 1})
        place = ZoneInfo(order.zone)
        self._read: list[Callable[[Values], Values]] = []
        for number, one in enumerate(order.columns):
            self._sheet.set_column(number, number, _width(one))
            self._sheet.write_string(0, number, one.name, head)
            self._read.append(_reader(one, place))
        self._sheet.freeze_panes(1, 0)

    def add(self, values: list[Values]) -> None:
        """Some thousand rows more, as `export.chunks` gives them."""
        cells = [read(value) for read, value in zip(self._read, values, strict=True)]
        put = [self._put(one) for one in self._order.columns]
        for row in zip(*cells, strict=True):
            self.rows += 1
            for number, cell in enumerate(row):
                if cell is not None and cell != "":
                    put[number](self.rows, number, cell)

    def finish(self) -> None:
        """What is only known, or only asked for, once all rows are there."""
        last = len(self._order.columns) - 1
        self._sheet.autofilter(0, 0, self.rows, last)
        # Digits that are text, such as references, would each have a green corner.
        whole = f"A1:{xlsxwriter.utility.xl_rowcol_to_cell(self.rows, last)}"
        self._sheet.ignore_errors({"number_stored_as_text": whole})

    def _put(self, one: Column) -> Callable[[int, int, Any], object]:
        if one.says is Says.NUMBER:
            return self._sheet.write_number  # type: ignore[no-any-return]
        if one.says in (Says.UTC, Says.LOCAL):
            clock = self._utc if one.says is Says.UTC else self._local
            return lambda row, number, day: self._sheet.write_number(row, number, day, clock)
        return self._sheet.write_string  # type: ignore[no-any-return]


@contextmanager
def writing(order: Order, path: Path) -> Iterator[Sheet]:
    """A workbook at `path`, whole when the block ends well; scratch files lie beside it."""
    scratch = {"constant_memory": True, "tmpdir": str(path.parent)}
    book = xlsxwriter.Workbook(str(path), scratch)
    told = f"Columns ending in _local: the clock of {order.zone}. The other times: UTC."
    book.set_properties({"title": order.what.value, "comments": told})
    sheet = Sheet(book, order)
    yield sheet
    sheet.finish()
    book.close()


def _width(one: Column) -> int:
    if one.says in (Says.UTC, Says.LOCAL):
        return _TIME
    return max(_WIDTHS.get(one.name, _KINDS[one.says]), len(one.name) + 3)


def _reader(one: Column, place: ZoneInfo) -> Callable[[Values], Values]:
    if one.says is Says.UTC:
        return lambda values: [_day(stamp, None) for stamp in values]
    if one.says is Says.LOCAL:
        return lambda values: [_day(stamp, place) for stamp in values]
    if one.says is Says.JSON:
        return lambda values: [_json(value) for value in values]
    if one.says is Says.TEXT:
        return lambda values: [_text(value) if value else None for value in values]
    return lambda values: values


def _day(stamp: str | None, place: ZoneInfo | None) -> float | None:
    """An instant as Excel counts: days, and parts of them, on a clock."""
    if not stamp:
        return None
    at = datetime.fromisoformat(stamp)
    shown = at.astimezone(place) if place else at
    return (shown.replace(tzinfo=None) - _EPOCH) / _DAY


def _json(value: Any) -> str | None:
    return None if value is None else _cut(json.dumps(value, ensure_ascii=False))


def _text(text: str) -> str:
    """With the line breaks that a cell has: a carriage return would be shown as «_x000D_»."""
    return _cut(text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"

"""Rows of text between separators: CSV as every program writes it, and what a person pastes."""

import csv
import io
import re
from collections.abc import Iterator
from itertools import islice

from core.formulas import plain
from core.sheets.table import (
    ERRORS,
    MOST_COLUMNS,
    Flaw,
    Row,
    Table,
    check_named,
    headings,
    refuse,
    told_of_error,
)

SEPARATORS = (",", ";", "\t", "|")
_DECLARED = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)  # Excel's own first line
_SAMPLE = 100_000  # characters
_SAMPLED = 50  # rows
_AS_TEXT = re.compile(r'="([^"]*)"')  # how some systems keep Excel from touching a number


def table(text: str, *, most: int, encoding: str | None = None) -> Table:
    """Rows up to `most`. Raises Invalid at `file`: see core/sheets/reading.py."""
    declared = _DECLARED.match(text)
    before = 1 if declared else 0
    body = text[declared.end() :] if declared else text
    separator = declared[1] if declared and declared[1] in SEPARATORS else _separator(body)
    lines = _lines(body, separator, before)
    first = next(lines, None)
    if first is None:
        refuse("empty", "The file is empty.")
    names = headings(first[1])
    used = {number for number, name in enumerate(names) if name}
    rows: list[Row] = []
    flaws: list[Flaw] = []
    has_errors = any(one in body for one in ERRORS)
    for line, cells in lines:
        if len(rows) == most:
            refuse("too_many_rows", f"It has more than {most:,} rows. Divide it into several.")
        if len(cells) != len(names):
            cells = _fitted(cells, len(names), line, flaws, separator)
        if has_errors and not ERRORS.isdisjoint(cells):
            flaws += _errors(names, line, cells)
        rows.append(Row(line, list(cells)))
    check_named(names, used | _without_heading(names, rows))
    kept = [number for number, name in enumerate(names) if name]
    if len(kept) < len(names):
        rows = [Row(line, [cells[number] for number in kept]) for line, cells in rows]
    return Table(
        tuple(names[number] for number in kept),
        rows,
        encoding=encoding,
        separator=separator,
        flaws=tuple(flaws),
    )


def _without_heading(names: tuple[str, ...], rows: list[Row]) -> set[int]:
    nameless = [number for number, name in enumerate(names) if not name]
    return {number for number in nameless if any(row.cells[number] for row in rows)}


def _errors(names: tuple[str, ...], line: int, cells: list[str]) -> Iterator[Flaw]:
    for name, cell in zip(names, cells, strict=True):
        if cell in ERRORS:
            yield Flaw(line, name, cell, "error", told_of_error(cell))


def _fitted(
    cells: list[str], width: int, line: int, flaws: list[Flaw], separator: str
) -> list[str]:
    """As many cells as there are headings; what is not there, or too much, is told."""
    beyond = cells[width:]
    if len(cells) < width or any(cell.strip() for cell in beyond):
        reason = f"It has {len(cells)} fields where the heading has {width}."
        flaws.append(Flaw(line, "", separator.join(cells), "ragged", reason))
    return cells[:width] + [""] * (width - len(cells))


def _lines(text: str, separator: str, before: int) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not blank, with the line that it begins on."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    has_marks = '="' in text or "'" in text
    ended = before
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            _refuse_quote(ended + 1)
        begins, ended = ended + 1, before + reader.line_num
        if any(cells) and any(map(str.strip, cells)):
            yield begins, [_bare(cell) for cell in cells] if has_marks else cells


def _refuse_quote(line: int) -> None:
    refuse(
        "quote",
        f'A quotation mark (") in the row that begins on line {line:,} opens a field and does not '
        "close it, so that nobody can say where the next row begins. Remove it, or save the file "
        "again as CSV.",
        line=line,
    )


def _bare(cell: str) -> str:
    if cell.startswith('="') and (found := _AS_TEXT.fullmatch(cell)):
        return found[1]
    return plain(cell)


def _separator(text: str) -> str:
    """The one that divides the heading, and the first rows into as many fields."""
    sample = text[:_SAMPLE]
    return max(SEPARATORS, key=lambda one: _fits(sample, one))


def _fits(sample: str, separator: str) -> tuple[int, int]:
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=separator)
    try:
        widths = [len(cells) for cells in islice(reader, _SAMPLED) if any(cells)]
    except csv.Error:  # a field of the whole sample: a quote that does not close
        return 0, 0
    if not widths or not 1 < widths[0] <= MOST_COLUMNS:
        return 0, 0
    return sum(width == widths[0] for width in widths), widths[0]

"""XLSX: the zip file, which of its sheets is read, and what its numbers mean.

Source: ECMA-376, part 1, chapter 18 (SpreadsheetML).
"""

import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import NamedTuple, NoReturn
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from xml.parsers.expat import ExpatError

from core.sheets import worksheet
from core.sheets.table import Cell, Flaw, Row, Table, check_named, headings, refuse
from core.sheets.worksheet import Book, Line, Style

# A sheet of 100,000 rows and 8 columns takes 42 MB when inflated; this is room for ten times that.
MOST_INFLATED = 500 * 1024 * 1024
# Honest sheets shrink to between a fifth and a fiftieth; a bomb to a thousandth.
MOST_RATIO = 200
MOST_TREE = 20 * 1024 * 1024  # of styles, or of the list of sheets: held as a whole
_SMALL = 1024 * 1024  # bytes: below it a ratio tells nothing
_PIECE = 1 << 16
_BUILT_IN_DATES = {*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)}
_NO_LETTERS = re.compile(r'"[^"]*"|\\.|[_*].|\[(?![hms]+\])[^\]]*\]', re.IGNORECASE)
_UTC = re.compile(r'"\s*UTC\s*"')  # as our own export writes it
_OTHERS = {"xl/workbook.bin": "XLSB", "word/document.xml": "Word", "content.xml": "OpenDocument"}


class Sheet(NamedTuple):
    name: str
    path: str
    hidden: bool


def table(data: bytes, *, most: int) -> Table:
    """The first sheet that has rows. Raises Invalid at `file`: see core/sheets/reading.py."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _check_weight(archive)
            return _table(archive, most)
    except (zipfile.BadZipFile, zlib.error, ExpatError, EOFError) as error:
        _refuse_damaged(error)
    except ElementTree.ParseError as error:
        _refuse_damaged(error)
    except (KeyError, ValueError, IndexError, OverflowError, NotImplementedError) as error:
        _refuse_damaged(error)


def _refuse_damaged(error: Exception) -> NoReturn:
    told = "The workbook is damaged: a spreadsheet program may repair it by opening and saving it."
    refuse("damaged", told, cause=type(error).__name__)


def _check_weight(archive: zipfile.ZipFile) -> None:
    """Refuse by its directory what would fill the memory, before anything is inflated."""
    parts = archive.infolist()
    if any(part.flag_bits & 1 for part in parts):
        refuse("protected", "This file is protected by a password. Save it without one.")
    whole = sum(part.file_size for part in parts)
    if whole > MOST_INFLATED or any(map(_is_bomb, parts)):
        told = "The workbook grows to an absurd size when it is opened; it was not opened."
        refuse("bomb", told, inflated=whole)


def _is_bomb(part: zipfile.ZipInfo) -> bool:
    return part.file_size > max(_SMALL, MOST_RATIO * part.compress_size)


def _pieces(archive: zipfile.ZipFile, path: str) -> Iterator[bytes]:
    """A part, inflated piece by piece; zipfile gives no byte more than the directory told."""
    with archive.open(path) as part:
        while piece := part.read(_PIECE):
            yield piece


def _table(archive: zipfile.ZipFile, most: int) -> Table:
    names = set(archive.namelist())
    if "xl/workbook.xml" not in names:
        _refuse_other(names)
    whole = _tree(archive, "xl/workbook.xml")
    sheets = _sheets(archive, whole)
    book = _book(archive, whole, names)
    heading_only: Table | None = None
    for sheet in sorted(sheets, key=lambda one: one.hidden):  # stable: else in their order
        found = _read(worksheet.lines(_pieces(archive, sheet.path), book), sheet, sheets, most)
        if found and found.rows:
            return found
        heading_only = heading_only or found
    if heading_only is None:
        refuse("empty", "The workbook is empty.")
    return heading_only


def _refuse_other(names: set[str]) -> NoReturn:
    kind = next((kind for path, kind in _OTHERS.items() if path in names), None)
    if kind:
        told = f"This is a file of another kind ({kind}). Save it as XLSX or CSV."
        refuse("other_office", told)
    refuse("archive", "This is a zip archive. Unpack it and choose the file in it.")


def _tree(archive: zipfile.ZipFile, path: str) -> Element:
    if archive.getinfo(path).file_size > MOST_TREE:
        refuse("bomb", "The workbook has more sheets or formats than a person makes.")
    return worksheet.tree(_pieces(archive, path))


def _sheets(archive: zipfile.ZipFile, whole: Element) -> list[Sheet]:
    """Those of rows and columns: a chart has a sheet of its own, too."""
    relations = {
        one.attrib["Id"]: one.attrib for one in _tree(archive, "xl/_rels/workbook.xml.rels")
    }
    found = []
    for one in worksheet.below(whole, "sheets"):
        by = next(value for key, value in one.attrib.items() if key.endswith("}id"))
        if relations[by]["Type"].endswith("/worksheet"):
            path = posixpath.normpath(posixpath.join("/xl", relations[by]["Target"]))
            hidden = one.get("state", "visible") != "visible"
            found.append(Sheet(one.attrib["name"], path.lstrip("/"), hidden))
    return found


def _book(archive: zipfile.ZipFile, whole: Element, names: set[str]) -> Book:
    properties = next((one for one in whole if one.tag.endswith("}workbookPr")), None)
    since_1904 = properties is not None and properties.get("date1904") in ("1", "true")
    strings, styles = "xl/sharedStrings.xml", "xl/styles.xml"
    return Book(
        worksheet.strings(_pieces(archive, strings)) if strings in names else [],
        _styles(_tree(archive, styles)) if styles in names else [],
        since_1904=since_1904,
    )


def _styles(whole: Element) -> list[Style]:
    """What each style of a cell makes of a number."""
    codes = {
        int(one.attrib["numFmtId"]): one.attrib["formatCode"]
        for one in worksheet.below(whole, "numFmts")
    }
    numbers = [int(one.get("numFmtId", "0")) for one in worksheet.below(whole, "cellXfs")]
    return [_style(number, codes.get(number)) for number in numbers]


def _style(number: int, code: str | None) -> Style:
    if code is None:
        return Style(is_time=number in _BUILT_IN_DATES)
    letters = _NO_LETTERS.sub("", code.split(";")[0])
    zeros = len(code) if code.strip("0") == "" else 0
    is_time = bool(re.search("[dmyhs]", letters, re.IGNORECASE))
    return Style(is_time=is_time, is_utc=is_time and bool(_UTC.search(code)), zeros=zeros)


def _read(lines: Iterator[Line], sheet: Sheet, sheets: list[Sheet], most: int) -> Table | None:
    """The sheet as a table; None where it is empty."""
    first = next(lines, None)
    if first is None:
        return None
    width = max(first.cells) + 1
    names = headings([worksheet.shown(first.cells.get(n, "")) for n in range(width)])
    kept = [number for number, name in enumerate(names) if name]
    used, rows, flaws = set(first.cells), list[Row](), list[Flaw]()
    count = hidden = 0
    for line in lines:
        if len(rows) == most:
            refuse("too_many_rows", f"It has more than {most:,} rows. Divide it into several.")
        cells: dict[int, Cell] = line.cells
        used |= cells.keys()
        count += len(cells)
        worksheet.check_count(count)
        rows.append(Row(line.number, [cells.get(number, "") for number in kept]))
        flaws += [Flaw(line.number, names[n], *told) for n, *told in line.flaws if n in kept]
        hidden += line.hidden
    check_named(names, used)
    return Table(
        tuple(names[number] for number in kept),
        rows,
        sheet=sheet.name,
        notes=tuple(_notes(sheet, sheets, hidden)),
        flaws=tuple(flaws),
    )


def _notes(sheet: Sheet, sheets: list[Sheet], hidden: int) -> Iterator[str]:
    if others := [f"«{one.name}»" for one in sheets if one is not sheet]:
        yield f"Read: the sheet «{sheet.name}». Not read: {', '.join(others)}."
    if hidden:
        told = "1 row is" if hidden == 1 else f"{hidden:,} rows are"
        yield f"{told} hidden in the sheet (by a filter, perhaps) and read all the same."

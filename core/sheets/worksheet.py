"""One worksheet as it streams by: each row's cells as text or times, and what is wrong in them.

It is our own and not a library's because it must be quick and hold bounded memory whatever the
file: docs/decisions/0015-our-own-reader-of-worksheets.md. Source: ECMA-376, part 1, 18.3.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Context, Decimal, InvalidOperation
from typing import Any, NamedTuple, NoReturn
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from xml.parsers import expat

from core.characters import joined
from core.sheets.table import MOST_COLUMNS, Cell, letters, refuse, told_of_error

MOST_CELLS = 5_000_000  # 100,000 rows of 50 columns: about 500 MB as Python holds them
_DAY = 86_400
_PRECISE = Context(prec=15)  # a spreadsheet keeps 15 digits; what lies behind them is binary noise
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")  # a character that XML cannot hold
_FAR = 300  # decimal places
_WHOLE = re.compile(r"-?\d+")


class Style(NamedTuple):
    """What a cell's format makes of its number; `zeros`: it is written with so many digits.

    `is_utc`: it is shown as a time of UTC.
    """

    is_time: bool = False
    is_utc: bool = False
    zeros: int = 0


class Book(NamedTuple):
    strings: list[str]
    styles: list[Style]
    since_1904: bool


class Line(NamedTuple):
    """A row by the numbers of its columns, without blanks; a flaw is column, value, code, why."""

    number: int
    cells: dict[int, Cell]
    flaws: list[tuple[int, str, str, str]]
    hidden: bool


def shown(cell: Cell) -> str:
    return cell if isinstance(cell, str) else cell.isoformat(" ")


def check_count(cells: int) -> None:
    if cells > MOST_CELLS:
        told = f"It has more than {MOST_CELLS:,} cells."
        refuse("too_many_cells", f"{told} Remove columns that are not needed, or divide it.")


def tree(pieces: Iterable[bytes]) -> Element:
    """A small part as a whole."""
    builder = ElementTree.TreeBuilder()
    parser = _parser(namespaces=True)
    parser.StartElementHandler = lambda tag, given: builder.start(
        _braced(tag), {_braced(key): value for key, value in given.items()}
    )
    parser.EndElementHandler = lambda tag: builder.end(_braced(tag))
    for piece in pieces:
        parser.Parse(piece)
    parser.Parse(b"", True)
    return builder.close()


def _braced(name: str) -> str:
    return "{" + name if "}" in name else name


def below(whole: Element, name: str) -> list[Element]:
    """The children of the part of that name, whichever namespace the writer took."""
    return [child for part in whole if part.tag.endswith("}" + name) for child in part]


def _parser(*, namespaces: bool) -> expat.XMLParserType:
    parser = expat.ParserCreate(namespace_separator="}" if namespaces else None)
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    return parser


def _refuse_doctype(*_: Any) -> NoReturn:
    # No spreadsheet writes one; entities in it can grow without end.
    refuse("bomb", "The workbook holds a declaration that no spreadsheet writes; it was not read.")


def strings(pieces: Iterable[bytes]) -> list[str]:
    """The texts that cells refer to by number, without the reading aids of Japanese."""
    found: list[str] = []
    parts: list[str] = []
    aiding = taking = False

    def start(tag: str, _: dict[str, str]) -> None:
        nonlocal aiding, taking
        name = tag.rpartition(":")[2]
        if name == "si":
            parts.clear()
        aiding = aiding or name == "rPh"
        taking = name == "t" and not aiding

    def end(tag: str) -> None:
        nonlocal aiding, taking
        name = tag.rpartition(":")[2]
        taking = False
        if name == "rPh":
            aiding = False
        elif name == "si":
            found.append(_unescaped("".join(parts)))
            check_count(len(found))

    def take(text: str) -> None:
        if taking:
            parts.append(text)

    parser = _parser(namespaces=False)
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = take
    for piece in pieces:
        parser.Parse(piece)
    parser.Parse(b"", True)
    return found


def lines(pieces: Iterable[bytes], book: Book) -> Iterator[Line]:
    """Each row in which something is written. Raises Invalid at `file`: `columns`, `bomb`."""
    reader = _Reader(book)
    parser = _parser(namespaces=False)
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.parts.append
    for piece in pieces:
        parser.Parse(piece)
        yield from reader.taken()
    parser.Parse(b"", True)
    yield from reader.taken()


class _Names(dict[str, str]):
    """Each tag without its writer's prefix, worked out once: there are millions of tags."""

    def __missing__(self, tag: str) -> str:
        name = self[tag] = tag.rpartition(":")[2]
        return name


class _Columns(dict[str, int]):
    """The number of each column's letters, worked out once."""

    def __missing__(self, name: str) -> int:
        number = 0
        for letter in name:
            number = number * 26 + ord(letter) - ord("A") + 1
        self[name] = number - 1
        return number - 1


class _Reader:
    """What the parser tells, gathered to rows; `parts` is the text since the last tag we want."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.names, self.columns = _Names(), _Columns()
        self.parts: list[str] = []
        self.done: list[Line] = []
        self.line = Line(0, {}, [], False)
        self.column = -1
        self.given: dict[str, str] = {}
        self.value: str | None = None
        self.has_formula = self.is_aid = False

    def taken(self) -> Iterator[Line]:
        done, self.done = self.done, []
        return iter(done)

    def start(self, tag: str, given: dict[str, str]) -> None:
        name = self.names[tag]
        if name == "c":
            self.given = given
            self.value, self.has_formula = None, False
        elif name == "v" or name == "t":
            self.parts.clear()
        elif name == "row":
            number = int(given.get("r", self.line.number + 1))
            self.line = Line(number, {}, [], given.get("hidden") in ("1", "true"))
            self.column = -1
        elif name == "f":
            self.has_formula = True
        elif name == "rPh":
            self.is_aid = True

    def end(self, tag: str) -> None:
        name = self.names[tag]
        if name == "v":
            self.value = "".join(self.parts)
        elif name == "c":
            self._end_cell(self.given.get("t", "n"), self.value)
        elif name == "row":
            self.parts.clear()
            if self.line.cells:
                self.done.append(self.line)
        elif name == "t" and not self.is_aid:
            self.value = (self.value or "") + "".join(self.parts)
        elif name == "rPh":
            self.is_aid = False

    def _end_cell(self, kind: str, value: str | None) -> None:
        reference = self.given.get("r")
        column = self.columns[reference.rstrip("0123456789")] if reference else self.column + 1
        self.column = column
        if not value:
            if self.has_formula and kind != "str":
                told = "The formula has no result in the file: open it in a spreadsheet, save it."
                self._put("", ("", "formula", told))
        elif kind == "s":
            self._put(self.book.strings[int(value)])
        elif kind == "n":
            self._put(number(value.strip(), self._style(), since_1904=self.book.since_1904))
        elif kind == "e":
            self._put(value, (value, "error", told_of_error(value)))
        elif kind == "b":
            self._put("TRUE" if value.strip() == "1" else "FALSE")
        elif kind == "d":
            self._put(datetime.fromisoformat(value.strip()).replace(tzinfo=None))
        else:
            self._put(_unescaped(value))

    def _style(self) -> Style:
        styles, chosen = self.book.styles, int(self.given.get("s", "0"))
        return styles[chosen] if chosen < len(styles) else Style()

    def _put(self, cell: Cell, flaw: tuple[str, str, str] | None = None) -> None:
        if self.column >= MOST_COLUMNS:
            told = f"Something is written in column {letters(self.column)}."
            refuse("columns", f"{told} At most {MOST_COLUMNS} columns can be read.")
        if flaw:
            self.line.flaws.append((self.column, *flaw))
        elif isinstance(cell, str) and not cell.strip():
            return
        self.line.cells[self.column] = cell


def _unescaped(text: str) -> str:
    if "_x" not in text:
        return text
    # An emoji is written as its two halves by some programs; one half alone is told by the check.
    return joined(_ESCAPED.sub(lambda found: chr(int(found[1], 16)), text))


def number(raw: str, style: Style, *, since_1904: bool = False) -> Cell:
    """A number as its reader sees it: a time, ISO 8601 where it is of UTC, or all its digits and
    no «.0».

    One beyond the times that there are is no time, whatever its format. Raises ValueError for what
    is no number.
    """
    if style.is_time:
        with suppress(OverflowError):  # a telephone number, say, formatted as a day: its digits
            return _time(float(raw), is_utc=style.is_utc, since_1904=since_1904)
    if _WHOLE.fullmatch(raw):
        return raw.zfill(style.zeros)
    try:
        exact = Decimal(raw)
    except InvalidOperation:
        raise ValueError("no number") from None
    if not exact.is_finite() or abs(exact.adjusted()) > _FAR:
        return raw  # written out, 1e999999999 fills the memory
    whole = exact == exact.to_integral_value()
    text = f"{exact if whole else _PRECISE.plus(exact):f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.zfill(style.zeros)


def _time(serial: float, *, is_utc: bool, since_1904: bool) -> Cell:
    """Days since the workbook's first; less than one is a time of day."""
    if 0 <= serial < 1:
        minutes, seconds = divmod(round(serial * _DAY), 60)
        clock = f"{minutes // 60:02}:{minutes % 60:02}"
        return f"{clock}:{seconds:02}" if seconds else clock
    first = datetime(1904, 1, 1) if since_1904 else datetime(1899, 12, 30)
    if is_utc:  # to the millisecond: rounded, half of the instants would be another second
        at = first + timedelta(milliseconds=round(serial * _DAY * 1_000))
        return f"{at.isoformat()}+00:00"
    return first + timedelta(seconds=round(serial * _DAY))

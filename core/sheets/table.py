"""A table as it stood in somebody's file: text and times, each row with its line."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, NoReturn

from core.characters import storable
from core.errors import Invalid, Problem

Cell = str | datetime  # a datetime is naive: a spreadsheet has no zones

# The column of our file of wrong rows for what does not stand in its cells: a row with more fields
# than the heading has, a formula without its result. While it holds something the row is wrong.
UNREAD = "could not be read"
# What spreadsheets write in place of a value that they cannot compute.
ERRORS = {"#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!"}

MOST_COLUMNS = 200  # the widest list of appointments that we saw had 60


class Row(NamedTuple):
    line: int  # as a text editor or the spreadsheet numbers it; the heading's is 1
    cells: list[Cell]  # as many as there are headings


class Flaw(NamedTuple):
    """What is wrong with one cell, or with a whole row (`column` is empty)."""

    line: int
    column: str
    value: str
    code: str
    reason: str


@dataclass(frozen=True)
class Table:
    """`flaws` are those of rows that could be read all the same; `notes` are for a person."""

    headings: tuple[str, ...]
    rows: list[Row]
    encoding: str | None = None  # of text, as Python names it
    separator: str | None = None
    sheet: str | None = None  # the worksheet that was read
    notes: tuple[str, ...] = ()
    flaws: tuple[Flaw, ...] = ()


def headings(cells: Sequence[str]) -> tuple[str, ...]:
    """The names of the columns. Raises Invalid at `file` where two columns could be confused."""
    names = tuple(storable(" ".join(cell.split())) for cell in cells)
    while names and not names[-1]:
        names = names[:-1]
    if len(names) > MOST_COLUMNS:
        refuse("columns", f"It has {len(names)} columns; at most {MOST_COLUMNS} can be read.")
    first: dict[str, int] = {}
    for number, name in enumerate(names):
        if name and first.setdefault(name.casefold(), number) != number:
            where = f"{letters(first[name.casefold()])} and {letters(number)}"
            refuse("heading_twice", f"Two columns are called «{name}» ({where}). Rename one.")
    return names


def check_named(names: Sequence[str], used: set[int]) -> None:
    """Refuse values in columns without a heading: nobody could say what they are."""
    for number in sorted(used):
        if number >= len(names) or not names[number]:
            told = f"Column {letters(number)} has values and no heading. Give it one."
            refuse("heading_empty", told)


def letters(number: int) -> str:
    """A column as spreadsheets call it: 0 is A, 27 is AB."""
    name = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def told_of_error(value: str) -> str:
    return f"The cell holds an error of the spreadsheet ({value})."


def refuse(code: str, sentence: str, **details: Any) -> NoReturn:
    raise Invalid(Problem("file", code, sentence, details))

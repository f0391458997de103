"""A file of numbers that are not to be contacted, as people make it, and what is wrong in it.

Either one number on each line, or CSV whose first line names its columns. Text in, wishes out.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple

from core import phone
from core.errors import Invalid, Problem
from core.formulas import plain
from core.quoting import quoted

EVERYTHING, MARKETING = "everything", "marketing"
SCOPES = (EVERYTHING, MARKETING)
BY_PERSON, BY_META = "person", "WhatsApp"  # sources beside those that people name
BY_FILE, BY_WORD = "file", "wrote STOP"

NUMBERS = ("number", "phone", "recipient")  # names of the one column that has to be there
OPTIONAL = ("scope", "account", "reason", "source")
EXPORTED = ("created_at", "created_by")  # of our own export; the list has its own
MOST = 200_000  # lines
PART = 1_000  # of them that are read, and written, at a time
LONGEST = {"reason": 500, "source": 100}  # characters


@dataclass(frozen=True)
class Wish:
    """What somebody asked: not to get everything, or marketing, from all our numbers or one."""

    number: str  # E.164
    scope: str = EVERYTHING
    account_id: int | None = None
    source: str = BY_PERSON
    reason: str | None = None


@dataclass(frozen=True)
class WrongLine:
    """One thing wrong in one line (the first is 1), with what stood there."""

    line: int
    column: str
    value: str
    reason: str


class Sender(NamedTuple):
    """What a file needs to know of an account: its id, and the country that reads its numbers."""

    id: int
    country: str | None


class Part(NamedTuple):
    """Some rows of a file: the wishes of those that are right, all that is wrong in the others."""

    rows: int  # of the file, up to here
    wishes: list[Wish]
    wrong: list[WrongLine]


def check(text: str) -> int:
    """How many lines there may be. Raises Invalid (field file) where the whole makes no sense."""
    clean = _clean(text)
    _heading(clean)
    lines = clean.rstrip("\n").count("\n") + 1
    if lines > MOST:
        sentence = f"The file has more than {MOST:,} lines; split it."
        raise Invalid(Problem("file", "too_long", sentence))
    return lines


def parts(
    text: str, *, senders: Mapping[str, Sender], home: str | None = None, after: int = 0
) -> Iterator[Part]:
    """What a file that was checked says behind so many rows, 1,000 at a time.

    `senders` has the accounts by their names in lower case; `home` is the ISO alpha-2 country for
    numbers like 0812…, where a line names no account with one.
    """
    clean = _clean(text)
    lines, names = _lines(clean), _heading(clean)
    if names is not None:
        next(lines)
    rest = islice(lines, after, None)
    while some := list(islice(rest, PART)):
        after += len(some)
        yield Part(after, *_read(some, names or (NUMBERS[0],), senders, home))


def _clean(text: str) -> str:
    return text.removeprefix("\ufeff").replace("\0", "")


def _read(
    lines: Iterable[tuple[int, list[str] | str]],
    names: Sequence[str],
    senders: Mapping[str, Sender],
    home: str | None,
) -> tuple[list[Wish], list[WrongLine]]:
    wishes: list[Wish] = []
    wrong: list[WrongLine] = []
    for line, cells in lines:
        if isinstance(cells, str):
            wrong.append(WrongLine(line, "line", "", cells))
        elif any(cell.strip() for cell in cells):
            found = _wish(names, cells, senders, home)
            if isinstance(found, Wish):
                wishes.append(found)
            else:
                wrong += [replace(one, line=line) for one in found]
    return wishes, wrong


def _lines(text: str) -> Iterator[tuple[int, list[str] | str]]:
    """Each row with the line on which it begins; a sentence where it cannot be read.

    What a lone quotation mark would swallow is told: somebody in it asked to be left in peace.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    while True:
        begins = reader.line_num + 1
        try:
            yield begins, next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield begins, _unread(begins, max(begins, reader.line_num))


def _unread(begins: int, ends: int) -> str:
    lines = f"the lines {begins:,} to {ends:,} were" if ends > begins else "this line was"
    return f'A quotation mark (") is alone or misplaced, so {lines} not read. Take it away.'


def _separator(text: str) -> str:
    first = text.partition("\n")[0]
    return max(",;\t", key=first.count)


def _heading(text: str) -> tuple[str, ...] | None:
    """The names of the columns; None where the first line is a number already."""
    first = next(_lines(text), (1, []))[1]
    names = tuple(cell.strip().lower() for cell in first) if isinstance(first, list) else ()
    known = {*NUMBERS, *OPTIONAL, *EXPORTED}
    if not known & set(names):
        return None
    unknown = [name for name in names if name not in known]
    told = f"has unknown columns {', '.join(quoted(one) for one in unknown)}" if unknown else ""
    if len([name for name in names if name in NUMBERS]) != 1:
        told = "names no column «number»" if not set(NUMBERS) & set(names) else "names two numbers"
    elif len(set(names)) < len(names):
        told = "names a column twice"
    if told:
        known_ones = ", ".join((NUMBERS[0], *OPTIONAL))
        sentence = f"The first line {told}. The columns are {known_ones}; only number has to be."
        raise Invalid(Problem("file", "heading", sentence))
    return names


def _wish(
    names: Sequence[str], cells: Sequence[str], senders: Mapping[str, Sender], home: str | None
) -> Wish | list[WrongLine]:
    if any(cell.strip() for cell in cells[len(names) :]):
        whole = ", ".join(cells)
        if len(names) == 1:
            told = "It has more than a number: name the columns in the first line."
            return [WrongLine(0, "line", whole, told)]
        return [WrongLine(0, "line", whole, "It has more fields than the first line has names.")]
    row = {name: plain(cell.strip()).strip() for name, cell in zip(names, cells, strict=False)}
    sender, wrong = _sender(row.get("account", ""), senders)
    scope = row.get("scope", "").lower() or EVERYTHING
    if scope not in SCOPES:
        told = f"{quoted(scope)} is no scope: {' or '.join(SCOPES)}."
        wrong.append(WrongLine(0, "scope", row["scope"], told))
    for column, most in LONGEST.items():
        if len(row.get(column, "")) > most:
            told = f"A {column} has at most {most} characters."
            wrong.append(WrongLine(0, column, row[column], told))
    typed = next((row.get(name, "") for name in names if name in NUMBERS), "")
    try:
        number = phone.read(typed, home=(sender and sender.country) or home).e164
    except Invalid as invalid:
        first = invalid.problems[0].message
        return [WrongLine(0, "number", typed, first), *wrong]
    given = (row.get("source") or BY_FILE, row.get("reason") or None)
    return wrong or Wish(number, scope, sender.id if sender else None, *given)


def _sender(name: str, senders: Mapping[str, Sender]) -> tuple[Sender | None, list[WrongLine]]:
    found = senders.get(name.lower())
    if name and found is None:
        return None, [WrongLine(0, "account", name, f"There is no account {quoted(name)}.")]
    return found, []

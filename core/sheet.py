"""A file of messages as people make it: its rows, their lines, and what is wrong in them."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from core import composing
from core.drafts import Composed, Draft, When
from core.errors import Invalid, OutboxError, Problem
from core.models import Account
from core.quoting import quoted
from core.schedule import from_iso

COLUMNS = {"recipient", "content", "scheduled_at"}
OPTIONAL = {"max_retries", "reference", "priority", "not_after", "late_policy"}
_NOT_COMMAS = {";": "«;»", "|": "«|»", "\t": "tabs"}
_BREAK = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class WrongRow:
    """One problem of one line of the file (the heading is line 1)."""

    line: int
    column: str
    reason: str


class WrongFile(OutboxError):
    """Nothing was stored; `rows` has every problem."""

    def __init__(self, rows: Sequence[WrongRow]) -> None:
        count = len({row.line for row in rows})
        told = "1 row is wrong" if count == 1 else f"{count} rows are wrong"
        super().__init__(f"{told}; nothing was stored.")
        self.rows = rows


def read(text: str, *, account: Account, now: datetime) -> list[tuple[int, Composed]]:
    """Each row of a CSV text, checked, with its line. Raises as `importing.import_csv` does."""
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    _check_heading(reader)
    composed: list[tuple[int, Composed]] = []
    wrong: list[WrongRow] = []
    for line, row in _lines(reader, wrong):
        draft, problems = _draft(row, account)
        try:
            composed.append((line, composing.compose(draft, account=account, now=now)))
        except Invalid as invalid:
            problems += invalid.problems
        wrong += [WrongRow(line, _column(p), p.message) for p in problems]
    wrong += _repeated(composed)
    if wrong:
        raise WrongFile(sorted(wrong, key=lambda one: one.line))
    return composed


def _lines(
    reader: "csv.DictReader[str]", wrong: list[WrongRow]
) -> Iterator[tuple[int, dict[str, str]]]:
    """Each row with the line that it begins on; a row of the wrong shape is told, not guessed."""
    ended = reader.line_num
    try:
        for row in reader:
            begins, ended = reader.line_num - _breaks(row), reader.line_num
            if None in row or None in row.values():
                wrong.append(WrongRow(begins, "row", "It has not as many fields as the heading."))
            else:
                yield begins, row
    except csv.Error as error:  # at the end of the file, where a quote was never closed
        wrong.append(WrongRow(ended + 1, "row", f"It cannot be read as CSV: {error}."))


def _breaks(row: dict[Any, Any]) -> int:
    """How many line breaks stand inside the fields, those beyond the heading's included."""
    fields = [value if isinstance(value, str) else ",".join(value or ()) for value in row.values()]
    return sum(len(_BREAK.findall(field)) for field in fields)


def _check_heading(reader: "csv.DictReader[str]") -> None:
    try:
        found = reader.fieldnames or []
    except csv.Error as error:
        unread = f"The heading cannot be read as CSV: {error}."
        raise Invalid(Problem("file", "heading", unread)) from None
    if len(found) == 1 and (other := next((c for c in _NOT_COMMAS if c in found[0]), None)):
        sentence = f"The columns are separated by {_NOT_COMMAS[other]}; save the file with commas."
        raise Invalid(Problem("file", "separator", sentence))
    missing, unknown = COLUMNS - set(found), set(found) - COLUMNS - OPTIONAL
    if missing or unknown or len(set(found)) < len(found):
        told = [f"is without {', '.join(sorted(missing))}"] if missing else []
        told += [f"has unknown columns {', '.join(sorted(unknown))}"] if unknown else []
        told += ["names a column twice"] if len(set(found)) < len(found) else []
        raise Invalid(Problem("file", "heading", f"The heading {' and '.join(told)}."))


def _draft(row: dict[str, str], account: Account) -> tuple[Draft, list[Problem]]:
    """The draft of a row, and what could not be read of it: a default stands in for that."""
    problems: list[Problem] = []

    def instant(column: str) -> datetime | None:
        try:
            return from_iso(row[column]) if row.get(column, "").strip() else None
        except Invalid as invalid:
            problems.extend(replace(one, field=column) for one in invalid.problems)
            return None

    def number(column: str, default: int) -> int:
        value = row.get(column, "").strip()
        if not value or re.fullmatch("[0-9]{1,9}", value):
            return int(value or default)
        problems.append(Problem(column, "number", f"{quoted(value)} is not a whole number."))
        return default

    scheduled_at = instant("scheduled_at")
    draft = Draft(
        account_id=account.id,
        recipient=row["recipient"],
        text=row["content"],
        when=When("instant", wall=scheduled_at) if scheduled_at else When("now"),
        max_retries=number("max_retries", 3),
        priority=number("priority", 1),
        reference=row.get("reference") or None,
        not_after=instant("not_after"),
        late_policy=row.get("late_policy", "").strip().lower() or None,
    )
    return draft, problems


def _column(problem: Problem) -> str:
    return {"text": "content", "when": "scheduled_at"}.get(problem.field, problem.field)


def _repeated(composed: list[tuple[int, Composed]]) -> list[WrongRow]:
    first: dict[str, int] = {}
    wrong = []
    for line, one in composed:
        if one.reference and one.reference in first:
            told = f"«{one.reference}» stands in line {first[one.reference]} already."
            wrong.append(WrongRow(line, "reference", told))
        elif one.reference:
            first[one.reference] = line
    return wrong

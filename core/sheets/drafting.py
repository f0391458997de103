"""From a row of a table to the draft of a message, as a plan says."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time
from functools import lru_cache
from typing import NamedTuple, TypeVar

from core.drafts import Draft, When
from core.errors import Invalid, Problem
from core.models import Account
from core.quoting import quoted
from core.schedule import from_local
from core.sheets import placeholders, times
from core.sheets.plan import Fill, Plan, wall_time
from core.sheets.table import Cell, Flaw, Row

T = TypeVar("T")
_EXAMPLE = "Write it like 2026-11-25T09:00+07:00."
_END_OF_DAY = "23:59"  # what may leave until a day may leave on it
_WHOLE = re.compile("[0-9]{1,9}")


class Drafted(NamedTuple):
    """`flaws`: what could not be read; a default stands in the draft for it."""

    line: int
    draft: Draft
    flaws: list[Flaw]


def plain(cell: Cell) -> str:
    """A cell's text; a spreadsheet's time as ISO 8601."""
    if isinstance(cell, datetime):
        return f"{cell:%Y-%m-%d %H:%M}" if cell.time() > time.min else f"{cell:%Y-%m-%d}"
    return cell


class Drafter:
    """Drafts the rows of one table. `accounts` by name, in lower case; `total` rows in all.

    `used`: the headings of the columns that something is taken from.
    """

    def __init__(
        self, plan: Plan, headings: Sequence[str], accounts: Mapping[str, Account], *, total: int
    ) -> None:
        self.plan, self.accounts, self.total = plan, accounts, total
        self._of_id = {one.id: one for one in accounts.values()}
        self._at = {heading: number for number, heading in enumerate(headings) if heading}
        self._column = {what: self._at[heading] for what, heading in plan.columns.items()}
        self._fills = [
            (key, None if one.column is None else self._at[one.column], one.fixed)
            for key, one in plan.parameters.items()
        ]
        self._parts = placeholders.pieces(plan.text, headings)
        asked = {number for number in self._parts if isinstance(number, int)}
        asked |= {number for _, number, _ in self._fills if number is not None}
        self.used = {headings[number] for number in {*asked, *self._column.values()}}

    def account(self, account_id: int | None) -> Account | None:
        """One of those that there are."""
        return self._of_id.get(account_id or 0)

    def heading(self, field: str) -> str:
        """The column that a problem at this field of a draft came from; else the field itself."""
        if field.startswith("param."):
            fill = self.plan.parameters.get(field.removeprefix("param."), Fill())
            return fill.column or field
        named = {"text": "content"}.get(field, field)
        return self.plan.columns.get(named, field)

    def flaw(self, row: Row, problem: Problem) -> Flaw:
        """A problem of this row's draft, at its cell."""
        heading = self.heading(problem.field)
        number = self._at.get(heading)
        value = plain(row.cells[number]) if number is not None else ""
        return Flaw(row.line, heading, value, problem.code, problem.message)

    def draft(self, row: Row, index: int) -> Drafted:
        """The draft of the row that is the `index`th of all, from 0."""
        return _Reading(self, row, index).drafted()


class _Reading:
    """One row while it is read; what is wrong is gathered."""

    def __init__(self, drafter: Drafter, row: Row, index: int) -> None:
        self.of, self.plan, self.row, self.index = drafter, drafter.plan, row, index
        self.flaws: list[Flaw] = []

    def drafted(self) -> Drafted:
        plan, account = self.plan, self._account()
        template = self._text("template").strip() or plan.template or None
        parameters = self._parameters() if template else {}
        recipient = self._text("recipient")
        draft = Draft(
            account_id=account.id if account else None,
            recipient=recipient,
            text="" if template else self._words(),
            when=self._tried("when", lambda: self._when(account, recipient)) or When("now"),
            max_retries=self._number("max_retries", plan.max_retries),
            priority=self._number("priority", plan.priority),
            reference=self._text("reference").strip() or None,
            not_after=self._tried("not_after", self._not_after),
            late_policy=self._text("late_policy").strip().lower() or plan.late_policy,
            template=template,
            language=self._text("language").strip() or plan.language or None,
            parameters=parameters,
            label=self._text("label") or plan.label or None,
        )
        return Drafted(self.row.line, draft, self.flaws)

    def _cell(self, what: str) -> Cell:
        number = self.of._column.get(what)
        return "" if number is None else self.row.cells[number]

    def _text(self, what: str) -> str:
        number = self.of._column.get(what)
        return "" if number is None else plain(self.row.cells[number])

    def _wrong(self, field: str, code: str, told: str) -> None:
        self.flaws.append(self.of.flaw(self.row, Problem(field, code, told)))

    def _tried(self, field: str, step: Callable[[], T]) -> T | None:
        try:
            return step()
        except Invalid as invalid:
            for one in invalid.problems:
                at = "zone" if one.field == "zone" and "zone" in self.plan.columns else field
                self.flaws.append(self.of.flaw(self.row, replace(one, field=at)))
            return None

    def _account(self) -> Account | None:
        name = self._text("account").strip()
        if not name:
            return self.of.account(self.plan.account_id)
        found = self.of.accounts.get(name.lower())
        if found is None:
            self._wrong("account", "unknown", f"There is no account {quoted(name)}.")
        return found

    def _number(self, what: str, default: int) -> int:
        value = self._text(what).strip()
        if not value or _WHOLE.fullmatch(value):
            return int(value or default)
        self._wrong(what, "number", f"{quoted(value)} is not a whole number.")
        return default

    def _words(self) -> str:
        if not self.plan.text:
            text = self._text("content")
            self._check_filled("text", text)
            return text
        words = [one if isinstance(one, str) else self._asked(one) for one in self.of._parts]
        # Braces that stand alone here were written twice: they are meant.
        self._check_filled("text", "".join(one for one in words if one not in ("{", "}")))
        return "".join(words)

    def _asked(self, number: int) -> str:
        value = plain(self.row.cells[number]).strip()
        if not value:
            heading = next(name for name, at in self.of._at.items() if at == number)
            told = f"{quoted(heading)} is empty, and the text asks for it."
            self.flaws.append(Flaw(self.row.line, heading, "", "empty", told))
        return value

    def _check_filled(self, field: str, text: str) -> None:
        if not self.plan.unfilled and (left := placeholders.unfilled(text)):
            self._wrong(field, "unfilled", f"{quoted(left)} looks as if nobody filled it in.")

    def _parameters(self) -> dict[str, str]:
        found = self._tried("parameters", lambda: _json(self._text("parameters"))) or {}
        for key, number, fixed in self.of._fills:
            value = fixed if number is None else plain(self.row.cells[number])
            if value.strip():
                self._check_filled(f"param.{key}", value)
                found[key] = value
        return found

    def _not_after(self) -> datetime | None:
        cell = self._cell("not_after") or self.plan.not_after
        days = self.plan.timing.form.partition("@")[0]  # a file writes all of its days alike
        form = "" if times.says_itself(cell) else days
        return _instant(cell, f"{form}@{_END_OF_DAY}", self._zone()) if cell else None

    def _zone(self) -> str:
        return self._text("zone").strip() or self.plan.timing.zone

    def _when(self, account: Account | None, recipient: str) -> When:
        timing, zone = self.plan.timing, self._zone()
        match timing.kind:
            case "now":
                return When("now")
            case "at":
                return _at(wall_time(timing.wall), timing.zone)
            case "spread":
                return self._spread()
            case "local":
                return self._local(account, recipient)
        cell = times.joined(self._cell("when"), self._cell("clock"))
        if isinstance(cell, datetime) or cell.strip():
            return When("instant", wall=_instant(cell, timing.form, zone), zone=zone or "UTC")
        if timing.blank_is_now:
            return When("now")
        raise Invalid(Problem("when", "empty", "It has no time."))

    def _spread(self) -> When:
        timing = self.plan.timing
        begins = _local(wall_time(timing.begins), timing.zone)
        ends = _local(wall_time(timing.ends), timing.zone)
        at = times.spread(self.index, self.of.total, begins, ends)
        return When("instant", wall=at, zone=timing.zone)

    def _local(self, account: Account | None, recipient: str) -> When:
        zone, guessed = self._text("zone").strip(), None
        if not zone and account:
            guessed = times.zone_of(recipient, home=account.country)
            zone = guessed or account.zone
        at = _at(wall_time(self.plan.timing.wall), zone or "UTC")
        return replace(at, guessed=guessed is not None)


def _at(wall: datetime, zone: str) -> When:
    return When("instant", wall=_local(wall, zone), zone=zone)


@lru_cache(maxsize=4096)
def _local(wall: datetime, zone: str) -> datetime:
    return from_local(wall, zone)


def _json(text: str) -> dict[str, str]:
    """All parameters in one cell, as our own export has them; a number as it is written."""
    try:
        found = json.loads(text.strip() or "{}", parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        told = f"{quoted(text)} is no JSON object of parameters."
        raise Invalid(Problem("parameters", "unreadable", told))
    for key, value in found.items():
        if not isinstance(value, str):
            told = f"The parameter {quoted(key)} is neither text nor a number."
            raise Invalid(Problem("parameters", "unreadable", told))
    return found


def _instant(cell: Cell, form: str, zone: str) -> datetime:
    """The instant of a cell; one without an offset is a wall time of `zone`, where there is one."""
    said = times.read(cell, form)
    if said.tzinfo:
        return said.astimezone(UTC)
    if not zone:
        told = f"{quoted(plain(cell))} does not say how far its clock is from UTC. {_EXAMPLE}"
        raise Invalid(Problem("when", "no_offset", told))
    return _local(said, zone)

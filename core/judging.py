"""What each row of a file is: new, changed, the same as what is there, a double, or wrong.

Rows are composed with no transaction open, then compared with what is stored, a chunk at a time.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from typing import Any

from sqlalchemy import Row as Found
from sqlalchemy import select
from sqlmodel import Session, col

from core import by_hand, composing, covering, db
from core.drafts import Composed
from core.errors import Invalid, Problem
from core.models import Account, Batch, Json, Template
from core.quoting import quoted
from core.sheets.drafting import Drafted, Drafter
from core.sheets.plan import Plan
from core.sheets.table import Flaw, Row, Table
from core.states import Status

RECENT = timedelta(hours=24)  # of messages without a time of their own, what counts as a double


class Is(StrEnum):
    NEW = "new"
    CHANGED = "changed"  # what waits under its reference is edited
    SAME = "same"  # waits under its reference, as the row says
    KEPT = "kept"  # waits under its reference, as a person changed it here since
    ALREADY = "already"  # its reference is of a message that is not waiting any more
    DOUBLE = "double"
    OPTED_OUT = "opted_out"
    WRONG = "wrong"


@dataclass(slots=True)
class Judged:
    """One row, beside the line of its like in the file, or the message that is there already."""

    row: Row
    drafted: Drafted
    composed: Composed | None = None
    kind: Is = Is.NEW
    flaws: Sequence[Flaw] = ()
    line_of_other: int | None = None
    there: Found[Any] | None = None
    digest: bytes = b""


def digest(account_id: int, recipient: str, template: Any, parameters: Any, text: Any) -> bytes:
    """Of what somebody reads, and who; `template` is its name and language."""
    said = [account_id, recipient, *([*template, parameters] if template[0] else [text])]
    return blake2b(json.dumps(said, sort_keys=True).encode(), digest_size=16).digest()


def _digest_of(one: Composed) -> bytes:
    named = (one.template.name, one.template.language) if one.template else (None, None)
    return digest(one.account.id, one.phone.e164, named, dict(one.parameters), one.text)


class Judge:
    """Judges the rows of one table in their order; keeps in memory what it has seen of them."""

    def __init__(self, plan: Plan, table: Table, sha256: str, batch_id: int | None = None) -> None:
        """`batch_id` is the batch that the rows go to; another that this file left unfinished is
        taken away before, so what is in it does not count."""
        with db.reading() as session:
            accounts = {one.name.lower(): one for one in session.execute(select(Account)).scalars()}
            found = session.execute(select(Template)).scalars()
            self.templates = defaultdict[tuple[int, str], list[Template]](list)
            for one in found:
                self.templates[one.business_id, one.name].append(one)
            same = select(col(Batch.id), col(Batch.state), col(Batch.account_id)).where(
                col(Batch.source_sha256) == sha256
            )
            states = session.execute(same).all()
        self.plan, self.table, self.sha256 = plan, table, sha256
        self.drafter = Drafter(plan, table.headings, accounts, total=len(table.rows))
        self.of_this_file = {one.id for one in states}
        self.unfinished = {
            one.id
            for one in states
            if one.state == "loading" and one.account_id == plan.account_id and one.id != batch_id
        }
        self.flaws: dict[int, list[Flaw]] = defaultdict(list)
        for flaw in table.flaws:
            if not flaw.column or flaw.column in self.drafter.used:
                self.flaws[flaw.line].append(flaw)
        self._lines: dict[Any, int] = {}  # what was seen → the line of the first
        self._references: dict[tuple[int, str], int] = {}

    def composed(self, first: int, rows: Sequence[Row], now: datetime) -> list[Judged]:
        """The rows from the `first`th on, checked each for itself and against those before it."""
        return [
            self._composed(self.drafter.draft(row, first + n), row, now)
            for n, row in enumerate(rows)
        ]

    def _composed(self, drafted: Drafted, row: Row, now: datetime) -> Judged:
        draft, made = drafted.draft, Judged(row, drafted)
        account = self.drafter.account(draft.account_id)
        template = None
        if draft.template and account:
            named = self.templates.get((account.business_id, draft.template), ())
            template = composing.in_language(named, draft.language)
        flaws = [*self.flaws.get(row.line, ()), *drafted.flaws]
        try:
            made.composed = composing.compose(
                draft, account=account, template=template, now=now, leads=False
            )
        except Invalid as invalid:
            told = {(one.column, one.code) for one in flaws}
            told |= {(one.column, "missing") for one in flaws}  # what cannot be read is there
            more = [self.drafter.flaw(row, problem) for problem in invalid.problems]
            flaws += [one for one in more if (one.column, one.code) not in told]
        flaws += self._repeated(made)
        made.flaws = flaws
        if flaws:
            made.kind, made.composed = Is.WRONG, None
        return made

    def _repeated(self, made: Judged) -> list[Flaw]:
        draft, line = made.drafted.draft, made.row.line
        if not draft.reference or draft.account_id is None:
            return []
        first = self._references.setdefault((draft.account_id, draft.reference), line)
        if first == line:
            return []
        told = f"{quoted(draft.reference)} stands in line {first:,} already."
        return [self.drafter.flaw(made.row, Problem("reference", "repeated", told))]

    def pass_over(self, first: int, rows: Sequence[Row]) -> None:
        """Know the references of rows that somebody else has loaded already."""
        for n, row in enumerate(rows):
            draft = self.drafter.draft(row, first + n).draft
            if draft.reference and draft.account_id is not None:
                self._references.setdefault((draft.account_id, draft.reference), row.line)

    def compare(self, session: Session, judged: Sequence[Judged], now: datetime) -> None:
        """Compare rows that were composed with what is stored, and with those seen before."""
        self._by_reference(session, judged)
        self._keep(session, judged)
        good = [one for one in judged if one.kind in (Is.NEW, Is.CHANGED)]
        for one in good:
            if one.composed:
                one.digest = one.digest or _digest_of(one.composed)
        if self.plan.duplicates == "skip":
            self._find_doubles(session, [one for one in good if one.kind is Is.NEW], now)
        self._check_times(
            [one for one in judged if one.kind in (Is.NEW, Is.CHANGED, Is.WRONG)], now
        )
        self._leave_in_peace(session, [one for one in good if one.kind in (Is.NEW, Is.CHANGED)])

    def _by_reference(self, session: Session, judged: Sequence[Judged]) -> None:
        named: dict[int, dict[str, Judged]] = defaultdict(dict)
        for one in judged:
            draft = one.drafted.draft
            if draft.reference and draft.account_id is not None and not _is_unusable(one):
                named[draft.account_id][draft.reference] = one
        for account_id, by_reference in named.items():
            for found in _referred(session, account_id, list(by_reference)):
                if found.batch_id not in self.unfinished:
                    self._compare_with(by_reference[found.reference], found)

    def _compare_with(self, one: Judged, found: Found[Any]) -> None:
        if found.status != Status.PENDING:
            one.kind, one.flaws = Is.ALREADY, ()
        elif one.composed is not None:
            one.digest = _digest_of(one.composed)
            one.kind = Is.SAME if self._is_same(one, one.composed, found) else Is.CHANGED
        one.there = found

    def _is_same(self, one: Judged, composed: Composed, found: Found[Any]) -> bool:
        return (
            one.digest == _digest_of_found(found)
            and (not self.has_time(one) or composed.due_at == found.scheduled_at)
            and composed.priority == found.priority
            and composed.max_retries == found.max_retries
            and composed.not_after == found.not_after
            and composed.late_policy == found.late_policy
            and composed.label == found.label
        )

    def has_time(self, one: Judged) -> bool:
        """Whether its time is said by the file or the plan, the same whenever it is loaded."""
        return one.drafted.draft.when.kind == "instant" and self.plan.timing.kind != "spread"

    def _keep(self, session: Session, judged: Sequence[Judged]) -> None:
        changing = {one.there.id: one for one in judged if one.kind is Is.CHANGED and one.there}
        for message_id in () if self.plan.overwrites else by_hand.changed(session, changing):
            changing[message_id].kind = Is.KEPT

    def _find_doubles(self, session: Session, new: Sequence[Judged], now: datetime) -> None:
        there = defaultdict(list)
        for found in _written_to(session, {one.composed.phone.e164 for one in new if one.composed}):
            if found.batch_id not in self.unfinished and _counts(found):
                there[_digest_of_found(found)].append(found)
        for one in new:
            assert one.composed is not None
            due = one.composed.due_at if self.has_time(one) else None
            line = self._lines.setdefault((one.digest, due), one.row.line)
            known = next((f for f in there[one.digest] if self._is_double(f, due, now)), None)
            if line != one.row.line:
                one.kind, one.line_of_other = Is.DOUBLE, line
            elif known is not None:
                one.kind, one.there = Is.DOUBLE, known

    def _is_double(self, found: Found[Any], due: datetime | None, now: datetime) -> bool:
        if due is not None:
            return bool(found.scheduled_at == due)
        recent = found.status == Status.PENDING or found.scheduled_at > now - RECENT
        return recent or found.batch_id in self.of_this_file

    def _check_times(self, judged: Iterable[Judged], now: datetime) -> None:
        """Also of what is wrong otherwise: all that is wrong with a row is told at once."""
        for one in judged:
            due, when = self._new_time(one), one.drafted.draft.when
            if due is None:
                continue
            try:
                composing.check_time(due, now, when.zone)
            except Invalid as invalid:
                found = [self.drafter.flaw(one.row, problem) for problem in invalid.problems]
                one.kind, one.flaws = Is.WRONG, [*one.flaws, *found]

    def _new_time(self, one: Judged) -> datetime | None:
        if one.composed:
            return one.composed.due_at if self.moves(one, one.composed) else None
        return one.drafted.draft.when.wall if one.there is None else None

    def moves(self, one: Judged, composed: Composed) -> bool:
        """Whether it gets a time that it does not have already."""
        if one.there is None:
            return one.drafted.draft.when.kind == "instant"
        return self.has_time(one) and composed.due_at != one.there.scheduled_at

    def _leave_in_peace(self, session: Session, good: Sequence[Judged]) -> None:
        asked: dict[tuple[int, bool], list[Judged]] = defaultdict(list)
        for one in good:
            if one.composed and one.kind is not Is.WRONG:
                chosen = one.composed.template
                marketing = bool(chosen and chosen.category == covering.MARKETING_CATEGORY)
                asked[one.composed.account.id, marketing].append(one)
        for (account_id, marketing), those in asked.items():
            numbers = [one.composed.phone.e164 for one in those if one.composed]
            found = covering.covering_of(session, account_id, numbers, marketing=marketing)
            for one in those:
                if one.composed and one.composed.phone.e164 in found:
                    one.kind = Is.OPTED_OUT


def _is_unusable(one: Judged) -> bool:
    """Whether nothing can be looked for under its reference: it is a row's before, or no text."""
    return any(flaw.code in ("repeated", "control") for flaw in one.flaws)


def _counts(found: Found[Any]) -> bool:
    """Whether what is there will reach, has reached or may have reached somebody."""
    going = (Status.PENDING, Status.PROCESSING, Status.SENT)
    return found.status in going or found.error_class == "unknown"


_LIVE = "m.status <> 'cancelled' AND m.deleted_at IS NULL"
_COLUMNS = (
    "m.id, m.account_id, m.recipient, m.reference, m.status, m.error_class, m.scheduled_at,"
    " m.priority, m.max_retries, m.not_after, m.late_policy, m.batch_id, c.text, c.template,"
    " c.language, c.parameters, c.label"
)


def _referred(session: Session, account_id: int, references: Sequence[str]) -> list[Found[Any]]:
    """What of an account has these references now, with what it says."""
    asked = (
        # CROSS JOIN: SQLite would begin with all of the account's references.
        f"SELECT {_COLUMNS} FROM {db.rows_sql(session, reference='text')} CROSS JOIN message m"
        f" JOIN content c ON c.message_id = m.id WHERE {db.only('m.reference', 'v.reference')}"
        f" AND m.account_id = :account AND m.reference IS NOT NULL AND {_LIVE}"
    )
    rows = db.rows([{"reference": one} for one in references])
    return _found(session, asked, rows=rows, account=account_id)


def _written_to(session: Session, numbers: Iterable[str]) -> list[Found[Any]]:
    """What was scheduled for these people and is not cancelled."""
    asked = (
        f"SELECT {_COLUMNS} FROM {db.rows_sql(session, number='text')} JOIN content c ON"
        f" {db.only('c.recipient', 'v.number')} JOIN message m ON m.id = c.message_id"
        f" WHERE {db.judged(_LIVE)}"
    )
    return _found(session, asked, rows=db.rows([{"number": one} for one in sorted(numbers)]))


def _found(session: Session, asked: str, **values: Any) -> list[Found[Any]]:
    instant = db.UtcDateTime()
    typed = db.sql(asked).columns(scheduled_at=instant, not_after=instant, parameters=Json)
    return list(session.execute(typed, values).all())


def _digest_of_found(found: Found[Any]) -> bytes:
    named = (found.template, found.language)
    return digest(found.account_id, found.recipient, named, found.parameters, found.text)

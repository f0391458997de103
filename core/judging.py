"""What each row of a file is: new, changed, the same as what is there, a double, or wrong.

Rows are composed with no transaction open, then compared with what is stored, a chunk at a time.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import chain
from typing import Any

from sqlalchemy import Row as Found
from sqlalchemy import select
from sqlmodel import Session, col

from core import by_hand, composing, covering, db, there, unsettled
from core.drafts import Composed
from core.errors import Invalid, Problem
from core.models import Account, Batch, Template
from core.quoting import quoted
from core.sheets.drafting import Drafted, Drafter
from core.sheets.plan import Plan
from core.sheets.table import Flaw, Row, Table
from core.states import Status
from core.there import There

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
    in_the_way: int | None = None  # what has its reference and waits for nothing any more


def _digest_of(one: Composed) -> bytes:
    named = (one.template.name, one.template.language) if one.template else (None, None)
    return there.digest(one.account.id, one.phone.e164, named, dict(one.parameters), one.text)


class Judge:
    """Judges the rows of one table in their order; keeps in memory what it has seen of them."""

    def __init__(self, plan: Plan, table: Table, sha256: str, batch_id: int | None = None) -> None:
        """`batch_id` is the batch that the rows go to; another that this file left unfinished makes
        way for it, so what is in it does not count."""
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
        self.plan, self.table, self.sha256, self.batch_id = plan, table, sha256, batch_id
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
        self._there = There()
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
        flaws = list(self.flaws.get(row.line, ()))
        flaws += _untold(drafted.flaws, flaws)
        try:
            made.composed = composing.compose(
                draft, account=account, template=template, now=now, leads=False
            )
        except Invalid as invalid:
            more = [self.drafter.flaw(row, problem) for problem in invalid.problems]
            flaws += _untold(more, flaws)
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

    def look_back(self, session: Session, judged: Sequence[Judged], now: datetime) -> None:
        """Read what these people have been written before; `compare` then asks for what came since.

        With a year of reminders behind each of them that takes longer than anybody may hold a lock.
        """
        if self.plan.duplicates == "skip":
            until = there.newest(session)
            self._there = self._written_to(session, judged, now, after=0)
            self._there.until = until

    def compare(self, session: Session, judged: Sequence[Judged], now: datetime) -> None:
        """Compare rows that were composed with what is stored, and with those seen before."""
        self._by_reference(session, judged)
        self._say_again(session, judged)
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
            for found in there.referred(session, account_id, list(by_reference)):
                one = by_reference[found.reference]
                if there.is_over(found):
                    one.in_the_way = found.id
                elif found.batch_id not in self.unfinished:
                    self._compare_with(one, found)

    def _compare_with(self, one: Judged, found: Found[Any]) -> None:
        if found.status != Status.PENDING:
            one.kind, one.flaws = Is.ALREADY, ()
        elif one.composed is not None:
            one.digest = _digest_of(one.composed)
            one.kind = Is.SAME if self._is_same(one, one.composed, found) else Is.CHANGED
        one.there = found

    def _is_same(self, one: Judged, composed: Composed, found: Found[Any]) -> bool:
        return (
            one.digest == there.digest_of(found)
            and not self.moves(one, composed, found)
            and composed.priority == found.priority
            and composed.max_retries == found.max_retries
            and composed.not_after == found.not_after
            and composed.late_policy == found.late_policy
            and composed.label == found.label
        )

    def has_time(self, one: Judged) -> bool:
        """Whether its time is said by the file or the plan, the same whenever it is loaded."""
        return one.drafted.draft.when.kind == "instant" and self.plan.timing.kind != "spread"

    def _say_again(self, session: Session, judged: Sequence[Judged]) -> None:
        """What another file made of them may be put back: from now on this one says so."""
        same = {one.there.id: one for one in judged if one.kind is Is.SAME and one.there}
        versions = {i: one.there.version for i, one in same.items() if one.there}
        ours = {*self.unfinished, self.batch_id or 0}
        for message_id in unsettled.changed(session, versions, without=ours):
            same[message_id].kind = Is.CHANGED

    def _keep(self, session: Session, judged: Sequence[Judged]) -> None:
        changing = {one.there.id: one for one in judged if one.kind is Is.CHANGED and one.there}
        # To another number: what the file says may be none of that one's.
        moved = {
            one.there.id
            for one in changing.values()
            if one.there and one.there.account_id != one.drafted.draft.account_id
        }
        kept = set() if self.plan.overwrites else by_hand.changed(session, changing)
        for message_id in moved | kept:
            changing[message_id].kind = Is.KEPT

    def _find_doubles(self, session: Session, new: Sequence[Judged], now: datetime) -> None:
        since = self._written_to(session, new, now, after=self._there.until)
        for one in new:
            assert one.composed is not None
            due = one.composed.due_at if self.has_time(one) else None
            line = self._lines.setdefault((one.digest, due and there.second(due)), one.row.line)
            found = chain(since.of[one.digest], self._there.of[one.digest])
            known = next((each for each in found if self._is_double(each, due, now)), None)
            if line != one.row.line:
                one.kind, one.line_of_other = Is.DOUBLE, line
            elif known is not None:
                one.kind, one.there = Is.DOUBLE, known

    def _is_double(self, found: Found[Any], due: datetime | None, now: datetime) -> bool:
        if due is not None:
            return there.second(found.scheduled_at) == there.second(due)
        recent = found.status == Status.PENDING or found.scheduled_at > now - RECENT
        return recent or found.batch_id in self.of_this_file

    def _written_to(
        self, session: Session, judged: Sequence[Judged], now: datetime, *, after: int
    ) -> There:
        """What could make doubles of them, of the messages behind `after`."""
        asked = {
            (one.composed.phone.e164, one.composed.due_at if self.has_time(one) else None)
            for one in judged
            if one.composed
        }
        return there.written_to(
            session,
            asked,
            since=now - RECENT,
            batches=self.of_this_file,
            without=self.unfinished,
            after=after,
        )

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
            return one.composed.due_at if self.moves(one, one.composed, one.there) else None
        return one.drafted.draft.when.wall if one.there is None else None

    def moves(self, one: Judged, composed: Composed, found: Found[Any] | None) -> bool:
        """Whether it gets a time that it does not have already."""
        if found is None:
            return one.drafted.draft.when.kind == "instant"
        return self.has_time(one) and there.second(composed.due_at) != there.second(
            found.scheduled_at
        )

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


def _untold(more: Sequence[Flaw], flaws: Sequence[Flaw]) -> list[Flaw]:
    """Those that add something: of a cell that cannot be read nobody can say that it is empty."""
    told = {(one.column, code) for one in flaws for code in (one.code, "missing", "empty")}
    return [one for one in more if (one.column, one.code) not in told]


def _is_unusable(one: Judged) -> bool:
    """Whether nothing can be looked for under its reference: it is a row's before, or no text."""
    return any(flaw.code in ("repeated", "control") for flaw in one.flaws)

"""A file before it is loaded: what is good, what is wrong, what would come twice, when it ends.

It is an operation (core/apart.py runs it) that stores nothing but its result and the wrong rows.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlmodel import Session

from core import db, files, leasing, operations, outlook
from core.access import Actor, Role, needs
from core.characters import storable
from core.choosing import Choice
from core.drafts import Composed
from core.errors import Invalid
from core.judging import Is, Judge, Judged
from core.kinds import Kind
from core.leasing import Taken
from core.models import Account
from core.sheets import plan as plans
from core.sheets import reading
from core.sheets.leftovers import Leftovers
from core.sheets.plan import Plan
from core.sheets.table import Flaw, Row, Table

CHUNK = 1_000  # rows that are compared with what is stored by one set of queries
MOST_WRONG, MOST_TOLD, SHOWN = 1_000, 100, 3
MOST_KINDS, EXAMPLES = 50, 20  # of what is wrong; flaws of a kind
MOST_VALUE = 200  # characters of a wrong cell that the result keeps; the wrong rows have all


@needs(Role.OPERATOR)
def order(file_id: int, plan: Plan, *, by: Actor, here: bool = False) -> int:
    """Have a file checked as a plan reads it; returns the operation, whose result is below.

    Raises Refused when the file is not there. Result: `problems` where the file or the plan cannot
    be used at all, else `total`, `good`, each kind of core/judging.py with its count, `wrong` (at
    most 1,000 of line, column, value, code, reason), `wrong_rows`, `wrong_file` (its id),
    `kinds` (of what is wrong, the most frequent first: column, code, count, its first flaws),
    `told` (lines that are doubles, opted out or kept), `accounts`, `passings`, `finish_at` (None
    where something keeps some of them), `waits` (what does → messages, which are in no forecast),
    `unheard` (texts to who is not known to have written in the 24 hours before),
    `first` (three messages), `earlier` (who loaded the same file, when). `guessed` rows have the
    zone of the number's country; `guessed_rows` are the first 100.
    """
    files.find(file_id)
    told = {"file_id": file_id, "plan": plan.stored()}
    return operations.create(Kind.CHECK, Choice(), by=by, here=here, arguments=told)


def read(mine: Taken) -> tuple[Table, Plan, str]:
    """The table, the plan, which knows its columns, and the SHA-256 that an operation is about.

    Raises Invalid, Refused.
    """
    plan, file = Plan.read(mine.arguments["plan"]), files.find(mine.arguments["file_id"])
    data = b"".join(files.read(file.id))
    table = reading.read(data, file.name, encoding=plan.encoding or None)
    plans.check(plan, table.headings)
    return table, plan, file.sha256


def check(mine: Taken) -> Iterator[Taken]:
    """Check a file to its end; whoever takes it up again begins anew."""
    try:
        table, plan, sha256 = read(mine)
    except Invalid as invalid:
        problems = [
            {"field": p.field, "code": p.code, "message": p.message} for p in invalid.problems
        ]
        yield from _step(mine, {"problems": problems}, done=0, ended=True)
        return
    findings = _Findings(Judge(plan, table, sha256))
    mine = replace(mine, counted=len(table.rows))
    for first in range(0, len(table.rows), CHUNK):
        rows = table.rows[first : first + CHUNK]
        findings.add(first, rows)
        for kept in _step(mine, {}, done=first + len(rows)):
            mine = kept
            yield mine
        if mine.done != first + len(rows):
            return
    yield from _step(mine, findings.result(mine), done=mine.done, ended=True)


def _step(
    mine: Taken, result: dict[str, Any], *, done: int, ended: bool = False
) -> Iterator[Taken]:
    """Write how far it is; yields nothing where the operation is not ours any more."""
    with db.writing() as session:
        held = leasing.renew(session, mine)
        if held is None:
            return
        held = replace(held, done=done, counted=mine.counted, result=result)
        leasing.progress(session, held, ended=ended)
    yield held


@dataclass
class _Findings:
    """What a check has found so far."""

    judge: Judge
    counts: Counter[str] = field(default_factory=Counter)
    kinds: Counter[tuple[str, str]] = field(default_factory=Counter)  # column and code
    examples: dict[tuple[str, str], list[Flaw]] = field(default_factory=lambda: defaultdict(list))
    wrong: list[Flaw] = field(default_factory=list)
    told: list[dict[str, Any]] = field(default_factory=list)
    dues: dict[int, list[tuple[datetime, str]]] = field(default_factory=lambda: defaultdict(list))
    texts: dict[int, list[tuple[datetime, str]]] = field(default_factory=lambda: defaultdict(list))
    accounts: dict[int, Account] = field(default_factory=dict)
    first: list[dict[str, Any]] = field(default_factory=list)
    waits: Counter[str] = field(default_factory=Counter)
    guessed: list[dict[str, Any]] = field(default_factory=list)
    guesses: int = 0

    def __post_init__(self) -> None:
        self.leftovers = Leftovers(self.judge.table, self.judge.flaws.values())
        headings = self.judge.table.headings
        lines = {row.line for row in self.judge.table.rows}
        for line, flaws in sorted(self.judge.flaws.items()):
            if line not in lines:  # it could not be read as a row at all
                self._add_wrong(Row(line, [""] * len(headings)), flaws)

    def add(self, first: int, rows: Sequence[Row]) -> None:
        with db.reading() as session:
            now = db.now(session)
        judged = self.judge.composed(first, rows, now)
        with db.reading() as session:
            self.judge.compare(session, judged, now)
        for one in judged:
            self._add(one)

    def _add(self, one: Judged) -> None:
        if one.kind is Is.WRONG:
            self._add_wrong(one.row, one.flaws)
            return
        self.counts[one.kind] += 1
        if one.kind in (Is.DOUBLE, Is.OPTED_OUT, Is.KEPT) and len(self.told) < MOST_TOLD:
            other = {"line": one.row.line, "kind": one.kind, "recipient": _number(one)}
            self.told.append(
                other | {"of_line": one.line_of_other, "message": one.there and one.there.id}
            )
        if one.kind in (Is.NEW, Is.CHANGED) and one.composed:
            self._add_good(one, one.composed)

    def _add_good(self, one: Judged, composed: Composed) -> None:
        if composed.zone_guessed:
            self.guesses += 1
            if len(self.guessed) < MOST_TOLD:
                self.guessed.append(_shown(one.row.line, composed))
        account = composed.account
        self.accounts[account.id] = account
        if composed.template is None:
            self.texts[account.id].append((composed.due_at, composed.phone.e164))
        if composed.warning:
            self.waits[composed.warning] += 1
        else:
            self.dues[account.id].append((composed.due_at, composed.phone.e164))
        if len(self.first) < SHOWN:
            self.first.append(_shown(one.row.line, composed))

    def _add_wrong(self, row: Row, flaws: Sequence[Flaw]) -> None:
        self.counts[Is.WRONG] += 1
        self.wrong += map(_cut, flaws[: MOST_WRONG - len(self.wrong)])
        for flaw in flaws:
            kind = storable(flaw.column), flaw.code
            self.kinds[kind] += 1
            if len(self.examples[kind]) < EXAMPLES:
                self.examples[kind].append(_cut(flaw))
        self.leftovers.add(row, flaws, self.judge.flaws.get(row.line, ()))

    def result(self, mine: Taken) -> dict[str, Any]:
        with db.reading() as session:
            foreseen, at = self._foreseen(session), db.now(session)
            earlier = files.loaded_before(session, self.judge.sha256)
        return {
            "total": len(self.judge.table.rows),
            "good": self.counts[Is.NEW] + self.counts[Is.CHANGED],
            **{kind: self.counts[kind] for kind in Is if kind is not Is.WRONG},
            "wrong": [flaw._asdict() for flaw in self.wrong],
            "wrong_rows": self.counts[Is.WRONG],
            "wrong_file": self._stored(mine) if self.counts[Is.WRONG] else None,
            "kinds": [self._kind(*one) for one in self.kinds.most_common(MOST_KINDS)],
            "told": self.told,
            "first": self.first,
            "guessed": self.guesses,
            "guessed_rows": self.guessed,
            "notes": list(self.judge.table.notes),
            "earlier": earlier and {**earlier._asdict(), "at": db.stamp(earlier.at)},
            "checked_at": db.stamp(at),
            **foreseen,
        }

    def _kind(self, kind: tuple[str, str], count: int) -> dict[str, Any]:
        flaws = [flaw._asdict() for flaw in self.examples[kind]]
        return {"column": kind[0], "code": kind[1], "count": count, "flaws": flaws}

    def _foreseen(self, session: Session) -> dict[str, Any]:
        now = db.now(session)
        leaves = {
            one: outlook.leaving(session, self.accounts[one], dues, now)
            for one, dues in self.dues.items()
        }
        ends = [outlook.finish(self.accounts[one], each) for one, each in leaves.items()]
        finishes = [one for one in ends if one is not None]
        last = max((one.ends_at for one in finishes), default=None)
        return {
            "accounts": [outlook.told(one) for one in finishes],
            "finish_at": None if self.waits or last is None else db.stamp(last),
            "waits": dict(self.waits),
            "unheard": outlook.unheard(session, self.texts, now),
            "passings": [outlook.told(one) for one in outlook.passings(session, leaves, now)],
        }

    def _stored(self, mine: Taken) -> int:
        name, media_type, data = self.leftovers.file(files.find(mine.arguments["file_id"]).name)
        return files.store(
            [data],
            kind=files.Kind.WRONG_ROWS,
            name=name,
            media_type=media_type,
            by=mine.by,
            operation_id=mine.id,
        )


def _cut(flaw: Flaw) -> Flaw:
    """Short enough for a page that reads a thousand, and without what no database holds."""
    column, value, reason = map(storable, (flaw.column, flaw.value[:MOST_VALUE], flaw.reason))
    return flaw._replace(column=column, value=value, reason=reason)


def _number(one: Judged) -> str:
    return one.composed.phone.e164 if one.composed else ""


def _shown(line: int, one: Composed) -> dict[str, Any]:
    chosen = one.template
    return {
        "line": line,
        "account": one.account.name,
        "recipient": one.phone.e164,
        "text": one.text,
        "due_at": db.stamp(one.due_at),
        "zone": one.zone,
        "template_id": chosen and chosen.id,
        "template": chosen and chosen.name,
        "language": chosen and chosen.language,
        "parameters": dict(one.parameters),
    }

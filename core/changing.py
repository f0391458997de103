"""Columns of messages that wait, changed many at once by a rule of their kind, and put back.

What each had before is in its event, so that it comes back while nobody has claimed it since.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Row, select
from sqlmodel import Session

from core import adjusting, db, messages, moving, rescheduling, untouched
from core.kinds import UNDONE_BY, Kind
from core.leasing import Taken
from core.standing import a, m
from core.states import Status
from core.untouched import Former


class Rule(Protocol):
    """A module that says what becomes of messages, and of which it is to be kept."""

    def looks_at(
        self, arguments: Mapping[str, Any], now: datetime
    ) -> dict[str, ColumnElement[Any]]:
        """What `why_not` reads of a message: of few values, for many are counted by them."""

    def reads(self, arguments: Mapping[str, Any]) -> dict[str, ColumnElement[Any]]:
        """What `changes` reads beside that and its columns, of any values."""

    def why_not(self, row: Any, arguments: Mapping[str, Any]) -> str | None:
        """Why one that waits is left alone, by `REASONS`; None: it is not."""

    def changes(
        self, rows: Sequence[Row[Any]], mine: Taken, now: datetime
    ) -> Iterator[Mapping[str, Any] | str]:
        """The new columns of each, by due time and id; or why it has none after all."""

    def stays(self, session: Session, found: Mapping[int, Former]) -> dict[int, str]:
        """Which of these do not get back what they had, and why."""


RULES: dict[Kind, Rule] = {Kind.RESCHEDULE: rescheduling, Kind.ADJUST: adjusting, Kind.MOVE: moving}
BACK = {UNDONE_BY[kind]: rule for kind, rule in RULES.items()}
_TYPES = {
    **{"account_id": "bigint", "template_id": "bigint"},
    **{"due_at": "timestamptz", "scheduled_at": "timestamptz", "hold": "text"},
    **{"priority": "smallint", "max_retries": "smallint"},
}
_READ = {
    name: m[name]
    for name in (*_TYPES, "id", "status", "deleted_at", "not_after", "reference", "zone")
}
_ACCOUNT = select(a.name).where(a.id == m.account_id).scalar_subquery()  # by which it is told


def work(session: Session, mine: Taken, ids: list[int]) -> tuple[int, Counter[str]]:
    """Change a chunk; how many were changed, and why the others were not."""
    db.lock(session, "message", ids)
    now, rule = db.now(session), RULES[mine.kind]
    reads = rule.looks_at(mine.arguments, now) | rule.reads(mine.arguments)
    rows = _rows(session, ids, reads)
    why = {one: _why_not(rule, rows.get(one), mine.arguments) for one in ids}
    able = [rows[one] for one in ids if why[one] is None]
    able.sort(key=lambda row: (row.due_at, row.id))
    changes = dict[int, Mapping[str, Any]]()
    for row, change in zip(able, rule.changes(able, mine, now), strict=True):
        if isinstance(change, str):
            why[row.id] = change
        else:
            changes[row.id] = change
    done = _write(session, mine, rows, changes)
    return len(done), Counter(why[one] or "changed" for one in ids if one not in done)


def _rows(
    session: Session, ids: Iterable[int], more: Mapping[str, ColumnElement[Any]]
) -> dict[int, Row[Any]]:
    columns = [
        column.label(name) for name, column in {**more, **_READ, "account": _ACCOUNT}.items()
    ]
    return {row.id: row for row in session.execute(select(*columns).where(m.id.in_(ids)))}


def _why_not(rule: Rule, row: Row[Any] | None, arguments: Mapping[str, Any]) -> str | None:
    if row is None or row.deleted_at is not None:
        return "gone"
    return rule.why_not(row, arguments) if row.status == Status.PENDING else str(row.status)


def _write(
    session: Session,
    mine: Taken,
    rows: Mapping[int, Row[Any]],
    changes: Mapping[int, Mapping[str, Any]],
) -> set[int]:
    """Change those that still wait, each with its event of before and after; returns which."""
    if not changes:
        return set()
    values = [
        {"message_id": one} | {name: change.get(name, rows[one]._mapping[name]) for name in _TYPES}
        for one, change in changes.items()
    ]
    changed = session.execute(
        db.sql(
            f"UPDATE message AS m SET {', '.join(f'{name} = v.{name}' for name in _TYPES)},"
            f" version = m.version + 1 FROM {db.rows_sql(session, message_id='bigint', **_TYPES)}"
            f" WHERE m.id = v.message_id AND {db.judged(_MAY)} RETURNING id"
        ),
        {"rows": db.rows(values)},
    )
    done = set(changed.scalars())
    made = {one: (dict(rows[one]._mapping), changes[one]) for one in sorted(done)}
    events = {i: (_facts(row, change), _facts(change, change)) for i, (row, change) in made.items()}
    messages.record(session, mine.kind, mine.by, events, at=db.now(session), operation_id=mine.id)
    return done


_MAY = "m.status = 'pending' AND m.deleted_at IS NULL"


def _facts(row: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """These columns as JSON."""
    values = {name: row[name] for name in names}
    return {n: db.stamp(at) if isinstance(at, datetime) else at for n, at in values.items()}


def put_back(session: Session, mine: Taken, ids: list[int]) -> tuple[int, Counter[str]]:
    """Give back what an operation changed, where nobody claimed or changed it since."""
    db.lock(session, "message", ids)
    found = untouched.since(session, mine.choice.operation_id, ids)
    rows = _rows(session, found, {})
    former = {i: Former(row, _read(found[i].before), found[i].at) for i, row in rows.items()}
    stay = BACK[mine.kind].stays(session, former)
    back = {i: one.columns for i, one in former.items() if i not in stay}
    done = _write(session, mine, rows, back)
    return len(done), Counter(stay.values()) + _over(session, {*ids} - done - stay.keys())


def _over(session: Session, ids: Collection[int]) -> Counter[str]:
    """Why these cannot be put back: what waits no more tells what became of it."""
    asked = select(m.id, m.status, m.deleted_at).where(m.id.in_(ids))
    rows = {row.id: row for row in session.execute(asked)}
    return Counter(_became(rows.get(one)) for one in ids)


def _became(row: Row[Any] | None) -> str:
    if row is None or row.deleted_at:
        return "gone"
    return "changed" if row.status == Status.PENDING else str(row.status)


def _read(facts: Mapping[str, Any]) -> dict[str, Any]:
    """As `_facts` wrote them, without a template's hold: it may be over, and the claim knows."""
    instants = {name for name in facts if _TYPES.get(name) == "timestamptz"}
    read = {n: datetime.fromisoformat(at) if n in instants else at for n, at in facts.items()}
    return read | ({"hold": None} if facts.get("hold") == "template" else {})

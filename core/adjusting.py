"""Another priority, or another number of retries, for messages that wait, many at once.

What each had before is in its event, so that it can be put back while nobody has claimed it since.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, select
from sqlmodel import Session

from core import composing, db, messages, untouched
from core.errors import Invalid, Problem
from core.leasing import Taken
from core.standing import m
from core.states import Status

MAY_BE = {"priority": range(3), "max_retries": range(composing.MOST_RETRIES + 1)}


def arguments(to: Mapping[str, int]) -> dict[str, Any]:
    """What such an operation needs to know: column → its new value. Raises Invalid at a column."""
    for name, value in to.items():
        if value not in MAY_BE.get(name, ()):
            raise Invalid(Problem(name, "range", f"{name} cannot be {value}."))
    return {"to": dict(to)}


def work(session: Session, mine: Taken, ids: list[int]) -> tuple[int, Counter[str]]:
    """Change a chunk; how many were changed, and why the others were not."""
    db.lock(session, "message", ids)
    columns = (m.id, m.status, m.deleted_at, m.priority, m.max_retries, m.retry_count)
    rows = {row.id: row for row in session.execute(select(*columns).where(m.id.in_(ids)))}
    to = mine.arguments["to"]
    why = {one: _why_not(rows.get(one), to) for one in ids}
    changes = {
        one: ({name: getattr(rows[one], name) for name in to}, to)
        for one, reason in why.items()
        if reason is None
    }
    done = _write(session, mine, changes)
    return len(done), Counter(why[one] or "changed" for one in ids if one not in done)


def _why_not(row: Row[Any] | None, to: Mapping[str, int]) -> str | None:
    if row is None or row.deleted_at is not None:
        return "gone"
    return why_not(row, to) if row.status == Status.PENDING else str(row.status)


def why_not(row: Any, to: Mapping[str, int]) -> str | None:
    """Why one that waits is left alone, by `REASONS`; None: it is not."""
    if all(getattr(row, name) == value for name, value in to.items()):
        return "has_it"
    return "tried" if row.retry_count > to.get("max_retries", row.retry_count) else None


def _write(
    session: Session, mine: Taken, changes: Mapping[int, tuple[Any, Mapping[str, int]]]
) -> set[int]:
    """Change those that still wait, each with its event of before and after; returns which."""
    if not changes:
        return set()
    columns = {"message_id": "bigint", "priority": "smallint", "max_retries": "smallint"}
    may = "m.status = 'pending' AND m.deleted_at IS NULL"
    changed = session.execute(
        db.sql(
            "UPDATE message AS m SET priority = coalesce(v.priority, m.priority),"
            " max_retries = coalesce(v.max_retries, m.max_retries), version = m.version + 1"
            f" FROM {db.rows_sql(session, **columns)}"
            f" WHERE m.id = v.message_id AND {db.judged(may)} RETURNING id"
        ),
        {"rows": db.rows([{"message_id": one, **after} for one, (_, after) in changes.items()])},
    )
    done = set(changed.scalars())
    told = {one: changes[one] for one in sorted(done)}
    messages.record(session, mine.kind, mine.by, told, at=db.now(session), operation_id=mine.id)
    return done


def put_back(session: Session, mine: Taken, ids: list[int]) -> tuple[int, Counter[str]]:
    """Give back what an operation changed, where nobody claimed or changed it since."""
    db.lock(session, "message", ids)
    found = untouched.since(session, mine.choice.operation_id, ids)
    done = _write(session, mine, {one: (row.after, row.before) for one, row in found.items()})
    return len(done), Counter(["changed"] * (len(ids) - len(done)))

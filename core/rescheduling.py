"""New times for messages that wait, many at once: now, or all later or earlier by as much.

What each was before is in its event, so that it can be put back while nobody has claimed it since.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select
from sqlmodel import Session

from core import db, messages, untouched
from core.errors import Invalid, Problem
from core.leasing import Taken
from core.standing import m
from core.states import Status

FARTHEST = timedelta(days=366)


def arguments(shift: timedelta | None) -> dict[str, Any]:
    """What such an operation needs to know; without a shift: now. Raises Invalid at `shift`."""
    if shift is None:
        return {}
    if not shift or abs(shift) > FARTHEST:
        told = "Move them by a second at least, and by a year at most."
        raise Invalid(Problem("shift", "range", told))
    return {"shift": shift.total_seconds()}


def work(session: Session, mine: Taken, ids: list[int]) -> tuple[int, Counter[str]]:
    """Give a chunk its new times; how many got one, and why the others did not."""
    db.lock(session, "message", ids)
    now, why = db.now(session), Counter[str]()
    columns = (m.id, m.status, m.hold, m.due_at, m.scheduled_at, m.not_after, m.deleted_at)
    rows = {row.id: row for row in session.execute(select(*columns).where(m.id.in_(ids)))}
    changes, events = [], {}
    for one in ids:
        row = rows.get(one)
        at, reason = _time(row, mine.arguments, now)
        if at is None or row is None:
            why[reason] += 1
            continue
        changes.append({"message_id": one, "due_at": at, "scheduled_at": at, "hold": None})
        was = {"due_at": db.stamp(row.due_at), "scheduled_at": db.stamp(row.scheduled_at)}
        events[one] = (was | {"hold": row.hold}, {"due_at": db.stamp(at)})
    done = _write(session, changes)
    made = {one: event for one, event in events.items() if one in done}
    messages.record(session, mine.kind, mine.by, made, at=now, operation_id=mine.id)
    return len(done), why


def _time(
    row: Row[Any] | None, arguments: Mapping[str, Any], now: datetime
) -> tuple[datetime | None, str]:
    """The new time, or why there is none, by `REASONS`."""
    if row is None or row.deleted_at is not None:
        return None, "gone"
    if row.status != Status.PENDING:
        return None, str(row.status)
    if "shift" not in arguments:
        if row.hold:
            return None, "kept_back"
        return (now, "") if row.due_at > now else (None, "due")
    at = row.due_at + timedelta(seconds=arguments["shift"])
    if at <= now:
        return None, "over"
    return (None, "beyond") if row.not_after is not None and at > row.not_after else (at, "")


def _write(session: Session, changes: list[dict[str, Any]]) -> set[int]:
    """Set the times of those that still wait; returns which. At a new time nothing is late."""
    if not changes:
        return set()
    columns = {"due_at": "timestamptz", "scheduled_at": "timestamptz", "hold": "text"}
    may = "m.status = 'pending' AND m.deleted_at IS NULL"
    done = session.execute(
        db.sql(
            "UPDATE message AS m SET due_at = v.due_at, scheduled_at = v.scheduled_at,"
            " hold = CASE WHEN v.hold = 'late' THEN v.hold WHEN m.hold = 'late' THEN NULL"
            " ELSE m.hold END, version = m.version + 1"
            f" FROM {db.rows_sql(session, message_id='bigint', **columns)}"
            f" WHERE m.id = v.message_id AND {db.judged(may)} RETURNING id"
        ),
        {"rows": db.rows(changes)},
    )
    return set(done.scalars())


def put_back(session: Session, mine: Taken, ids: list[int]) -> tuple[int, Counter[str]]:
    """Give back the times that an operation changed, where nobody claimed or changed it since, and
    which are not over by now."""
    db.lock(session, "message", ids)
    now, found = db.now(session), untouched.since(session, mine.choice.operation_id, ids)
    former = {one: datetime.fromisoformat(row.before["due_at"]) for one, row in found.items()}
    over = {one for one, row in found.items() if row.at < former[one] <= now}
    changes = [{"message_id": one, **found[one].before} for one in sorted(set(found) - over)]
    done = _write(session, changes)
    told = {
        one: (found[one].after, {"due_at": found[one].before["due_at"]}) for one in sorted(done)
    }
    messages.record(session, mine.kind, mine.by, told, at=now, operation_id=mine.id)
    rest = len(ids) - len(done) - len(over)
    return len(done), Counter(["over"] * len(over) + ["changed"] * rest)

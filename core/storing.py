"""The rows of a file written to the tables: new ones inserted, changed ones edited, set by set."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session

from core import db, drafts, filling, messages
from core.access import Actor
from core.filling import CONTENT, MESSAGE
from core.judging import Judge, Judged


def insert_new(session: Session, batch_id: int, new: Sequence[Judged], by: Actor) -> None:
    """Store messages under the hold of their batch. Raises IntegrityError for a reference that
    somebody took in this moment."""
    composed = [one.composed for one in new if one.composed]
    if composed:
        filling.fill(session, batch_id, composed, by=by)


def change_rows(
    session: Session,
    judge: Judge,
    changed: Sequence[Judged],
    *,
    by: Actor,
    at: datetime,
    operation_id: int,
) -> int:
    """Edit what waits under the reference of each row; returns how many still waited.

    One whose time is not said by the file keeps its own.
    """
    rows = {one.there.id: one for one in changed if one.there and one.composed}
    if not rows:
        return 0
    values = [{"message_id": i} | _values(judge, one) for i, one in rows.items()]
    db.lock(session, "message", rows)
    moved = _update_messages(session, values)
    _update_contents(session, [value for value in values if value["message_id"] in moved])
    events = {i: _event(judge, rows[i]) for i in sorted(moved)}
    messages.record(session, "edit", by.name, events, at=at, operation_id=operation_id)
    return len(moved)


def _values(judge: Judge, one: Judged) -> dict[str, Any]:
    assert one.composed is not None
    at = one.composed.due_at if judge.moves(one, one.composed, one.there) else None
    words = drafts.words_values(one.composed) | {"label": one.composed.label}
    return drafts.message_values(one.composed, at or one.composed.due_at) | words | {"at": at}


def _update_messages(session: Session, values: Sequence[dict[str, Any]]) -> set[int]:
    # At a new time it is no longer late, and checked anew its template no longer stops it.
    freed = "m.hold = 'template' OR (m.hold = 'late' AND v.at IS NOT NULL)"
    columns = ("recipient", "zone", "max_retries", "priority", "not_after", "late_policy")
    copied = ", ".join(f"{name} = v.{name}" for name in (*columns, "kind", "template_id"))
    shape = {name: MESSAGE[name] for name in (*columns, "kind", "template_id")}
    found = db.rows_sql(session, message_id="bigint", at="timestamptz", **shape)
    waits = db.judged("m.status = 'pending' AND m.deleted_at IS NULL")
    moved = session.execute(
        db.sql(
            f"UPDATE message AS m SET {copied}, version = m.version + 1, retry_count = 0,"
            " scheduled_at = coalesce(v.at, m.scheduled_at), due_at = coalesce(v.at, m.due_at),"
            f" hold = CASE WHEN {freed} THEN NULL ELSE m.hold END"
            f" FROM {found} WHERE m.id = v.message_id AND {waits} RETURNING id"
        ),
        {"rows": db.rows(values)},
    )
    return set(moved.scalars())


def _update_contents(session: Session, values: Sequence[dict[str, Any]]) -> None:
    names = [name for name in CONTENT if name not in ("message_id", "created_by")]
    copied = ", ".join(f"{name} = v.{name}" for name in names)
    found = db.rows_sql(session, **{name: CONTENT[name] for name in ("message_id", *names)})
    session.execute(
        db.sql(f"UPDATE content AS c SET {copied} FROM {found} WHERE c.message_id = v.message_id"),
        {"rows": db.rows(values)},
    )


def _event(judge: Judge, one: Judged) -> tuple[Any, Any]:
    assert one.composed is not None and one.there is not None
    there, after = one.there, drafts.facts(one.composed)
    before = {
        "account": one.composed.account.name,
        "recipient": there.recipient,
        "text": there.text,
        "due_at": db.stamp(there.scheduled_at),
        "max_retries": there.max_retries,
    }
    if there.template:
        before |= {"template": f"{there.template} ({there.language})"}
        before |= {"parameters": there.parameters}
    if not judge.moves(one, one.composed, one.there):
        after |= {"due_at": before["due_at"]}
    return before, after

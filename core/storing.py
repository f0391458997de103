"""The rows of a file written to the tables: new ones inserted, changed ones edited, set by set.

What a file that was called off had changed is put back where it still waits.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select
from sqlmodel import Session

from core import batches, db, drafts, filling, holding, messages
from core.access import Actor
from core.choosing import c, e
from core.filling import CONTENT, MESSAGE
from core.judging import Judge, Judged
from core.leasing import Taken
from core.standing import m
from core.states import Status

MOST_NAMED = 20  # messages that keep the change, by their ids
_WORDS = (
    *("account", "recipient", "text", "due_at", "zone_guessed", "max_retries"),
    *("template", "parameters"),
)


def insert_new(session: Session, batch_id: int, new: Sequence[Judged], by: Actor) -> None:
    """Store messages under the hold of their batch. Raises IntegrityError for a reference that
    somebody took in this moment."""
    good = [(one.row.line, one.composed) for one in new if one.composed]
    if good:
        in_the_way = [one.in_the_way for one in new if one.in_the_way is not None]
        batches.make_way(session, in_the_way, by.name)
        lines, composed = zip(*good, strict=True)
        filling.fill(session, batch_id, composed, by=by, lines=lines)


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
    kept = _kept(session, rows)
    moved = rewrite(session, values)
    events = {i: _event(judge, rows[i], kept[i]) for i in sorted(moved)}
    messages.record(session, "edit", by.name, events, at=at, operation_id=operation_id)
    return len(moved)


def rewrite(session: Session, values: Sequence[dict[str, Any]]) -> set[int]:
    """Give locked messages that wait other columns, by the names of both tables; returns which.

    `at` is their new time, None where they keep their own.
    """
    moved = _update_messages(session, values)
    _update_contents(session, [value for value in values if value["message_id"] in moved])
    return moved


_KEPT = (
    *(m.version, m.scheduled_at, m.hold, m.recipient, m.zone, m.max_retries, m.priority),
    *(m.not_after, m.late_policy, m.kind, m.template_id),
    *(c.text, c.template, c.language, c.template_sha256, c.parameters, c.label),
)


def _kept(session: Session, ids: Collection[int]) -> dict[int, dict[str, Any]]:
    """What it takes to put them back as they are now (see `bring_back`), as JSON."""
    theirs = select(m.id, *_KEPT).join(c.message_id.table, c.message_id == m.id)
    found = session.execute(theirs.where(m.id.in_(list(ids)))).mappings()
    return {
        row["id"]: {
            one.name: db.stamp(row[one.name])
            if isinstance(row[one.name], datetime)
            else row[one.name]
            for one in _KEPT
        }
        for row in found
    }


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


def _event(judge: Judge, one: Judged, kept: dict[str, Any]) -> tuple[Any, Any]:
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
    return before | {"kept": kept}, after | {"version": kept["version"] + 1}


def bring_back(session: Session, mine: Taken, ids: list[int]) -> tuple[int, Counter[str]]:
    """Undo the edits of a load, of what neither left nor was changed since.

    What waits all the same and keeps the file's change is named in the result, as `keep`.
    """
    db.lock(session, "message", ids)
    made = select(e.message_id, e.before, e.after).where(
        e.operation_id == mine.choice.operation_id, e.message_id.in_(ids), e.kind == "edit"
    )
    was = {row.message_id: row for row in session.execute(made)}
    columns = (m.id, m.status, m.deleted_at, m.version, m.scheduled_at, m.due_at)
    rows = {row.id: row for row in session.execute(select(*columns).where(m.id.in_(ids)))}
    why = {one: _why_not(rows.get(one), was[one].after) for one in ids}
    back = [one for one in ids if why[one] is None]
    at = db.now(session)
    _put_back(session, {one: (rows[one], was[one].before["kept"]) for one in back}, at)
    events = {one: (_words(was[one].after), _words(was[one].before)) for one in back}
    messages.record(session, mine.kind, mine.by, events, at=at, operation_id=mine.id)
    keep = [*mine.result.get("keep", ()), *(one for one in ids if why[one] == "changed")]
    mine.result["keep"] = keep[:MOST_NAMED]
    return len(back), Counter(told for told in why.values() if told)


def _why_not(row: Row[Any] | None, after: Mapping[str, Any]) -> str | None:
    if row is None or row.deleted_at is not None:
        return "gone"
    if row.status != Status.PENDING:
        return str(row.status)
    return None if row.version == after.get("version") else "changed"


def _put_back(
    session: Session, former: Mapping[int, tuple[Row[Any], Mapping[str, Any]]], at: datetime
) -> None:
    values = [
        {
            **kept,
            "message_id": one,
            "at": kept["scheduled_at"] if _was_moved(row, kept) else None,
            "search": drafts.search_words(kept["recipient"], kept["text"] or ""),
        }
        for one, (row, kept) in former.items()
    ]
    if not values:
        return
    rewrite(session, values)
    for reason in ("template", "late"):
        held = [i for i, (row, kept) in former.items() if _hold(row, kept, at) == reason]
        holding.set_hold(session, held, reason)


def _was_moved(row: Row[Any], kept: Mapping[str, Any]) -> bool:
    """Whether the file gave it its time: else it waits on for its retry, or its quiet hours."""
    return bool(row.scheduled_at != datetime.fromisoformat(kept["scheduled_at"]))


def _hold(row: Row[Any], kept: Mapping[str, Any], at: datetime) -> str | None:
    """What held it before; and nothing leaves at once because its former time is over."""
    if kept["hold"] == "template":  # which may be over: the claim brings back what is not
        return "template" if kept["kind"] == "text" else None
    if not _was_moved(row, kept):  # what was late is so still, unless somebody has released it
        return None
    over = datetime.fromisoformat(kept["scheduled_at"]) <= at < row.due_at
    return "late" if over or kept["hold"] == "late" else None


def _words(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: facts[name] for name in _WORDS if name in facts}

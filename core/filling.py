"""Composed messages put into the tables under the hold of their batch, a set at a time."""

from collections.abc import Sequence

from sqlmodel import Session

from core import db, drafts
from core.access import Actor
from core.drafts import Composed

MESSAGE = {
    "id": "bigint",
    "account_id": "bigint",
    "recipient": "text",
    "scheduled_at": "timestamptz",
    "due_at": "timestamptz",
    "zone": "text",
    "max_retries": "smallint",
    "reference": "text",
    "priority": "smallint",
    "not_after": "timestamptz",
    "late_policy": "text",
    "kind": "text",
    "template_id": "bigint",
    "created_at": "timestamptz",
    "batch_id": "bigint",
    "hold": "text",
}
CONTENT = {
    "message_id": "bigint",
    "recipient": "text",
    "text": "text",
    "template": "text",
    "language": "text",
    "parameters": "jsonb",
    "template_sha256": "text",
    "label": "text",
    "search": "text",
    "created_by": "text",
}
_EVENT = {
    "message_id": "bigint",
    "at": "timestamptz",
    "actor": "text",
    "kind": "text",
    "after": "jsonb",
}


def fill(
    session: Session,
    batch_id: int,
    composed: Sequence[Composed],
    *,
    by: Actor,
    event: str = "imported",
    lines: Sequence[int] = (),
) -> list[int]:
    """Store them, at most 1,000; returns their ids. Raises IntegrityError for a taken reference.

    `lines` are those of the file that they were read from.
    """
    now = db.now(session)
    made = dict(zip(db.reserve(session, "message", len(composed)), composed, strict=True))
    held = {"batch_id": batch_id, "hold": "batch"}
    rows = [{"id": i} | drafts.message_values(one, now) | held for i, one in made.items()]
    db.insert_rows(session, "message", rows, **MESSAGE)
    contents = [{"message_id": i} | drafts.content_values(one, by) for i, one in made.items()]
    db.insert_rows(session, "content", contents, **CONTENT)
    told = {"at": now, "actor": by.name, "kind": event}
    read = dict(zip(made, ({"line": line} for line in lines), strict=False))
    events = [
        told | {"message_id": i, "after": drafts.facts(one) | read.get(i, {})}
        for i, one in made.items()
    ]
    db.insert_rows(session, "message_event", events, **_EVENT)
    return list(made)

"""The common end of a post: Meta took it, its attempt is open, its message still this worker's.

One statement closes the attempts and one moves the messages. Whatever else an accepted answer may
meet (closed meanwhile by a webhook, taken for dead, cancelled) is proof like any other.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlmodel import Session

from core import db, messages
from core.states import Cause, Status

COLUMNS = {
    "attempt_id": "bigint",
    "message_id": "bigint",
    "worker_id": "bigint",
    "wamid": "text",
    "posted_at": "timestamptz",
    "answered_at": "timestamptz",
    "http_status": "bigint",
    "answer": "text",
}
_HELD = "m.worker_id = v.worker_id"


def accept(session: Session, rows: Sequence[Mapping[str, Any]]) -> set[int]:
    """Settle accepted answers (rows of COLUMNS); returns the attempts for which that was all.

    The messages must be locked already.
    """
    if not rows:
        return set()
    source = db.rows_sql(session, **COLUMNS)
    closed = session.execute(
        db.sql(
            "UPDATE attempt AS a SET outcome = 'accepted', meta_message_id = v.wamid,"
            " delivery = 'accepted', proved_at = v.answered_at, posted_at = v.posted_at,"
            " answered_at = v.answered_at, http_status = v.http_status, answer = v.answer"
            f" FROM {source} WHERE a.id = v.attempt_id AND a.outcome IS NULL AND EXISTS"
            f" (SELECT 1 FROM message m WHERE m.id = v.message_id AND {_HELD}) RETURNING id"
        ),
        {"rows": db.rows(rows)},
    )
    done = set(closed.scalars())
    messages.move(
        session,
        [_proof(row) for row in rows if row["attempt_id"] in done],
        Status.SENT,
        Cause.ACCEPT,
        also=messages.PROVED,
        where=_HELD,
        worker_id="bigint",
        wamid="text",
        at="timestamptz",
    )
    return done


def _proof(row: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("message_id", "worker_id", "wamid")
    return {name: row[name] for name in kept} | {"at": row["answered_at"]}

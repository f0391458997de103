"""Reaping: what dead workers left open, and unknown outcomes whose window has ended.

Harmless when run twice or by several workers at once. Every open attempt of a dead worker counts
as unknown: its post may have left.
"""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlmodel import Session, col

from core import db, messages
from core.models import Business, Message, Worker
from core.settings import SANDBOX_SECRET, settings
from core.states import Cause, Status
from core.workers import DEAD_AFTER

WINDOW = timedelta(minutes=10)  # in which proof of an unknown outcome is waited for
CHUNK = 1000
LOST = "the worker that was sending it died"


def reap() -> int:
    """Close what dead workers left; returns how many attempts that were."""
    closed = 0
    while True:
        with db.writing() as session:
            dead = _dead_workers(session)
            found = _close_attempts(session, dead)
            if found < CHUNK:
                _forget(session, dead)
        closed += found
        if found < CHUNK:
            return closed


def _dead_workers(session: Session) -> list[int]:
    over = db.now(session) - DEAD_AFTER
    found = session.execute(select(col(Worker.id)).where(col(Worker.lease_until) < over))
    return list(found.scalars())


def _close_attempts(session: Session, dead: list[int]) -> int:
    """The open attempts of dead workers, and those whose worker row is gone, become unknown."""
    skip = "FOR NO KEY UPDATE OF m SKIP LOCKED" if db.on_postgres(session) else ""
    source = db.rows_sql(session, worker_id="bigint")
    hint = "" if db.on_postgres(session) else "INDEXED BY ix_attempt_open"
    left = session.execute(
        db.sql(
            f"SELECT a.id, a.message_id, a.worker_id FROM attempt a {hint}"
            " JOIN message m ON m.id = a.message_id WHERE a.outcome IS NULL AND (a.worker_id IN"
            f" (SELECT v.worker_id FROM {source}) OR NOT EXISTS (SELECT 1 FROM worker w"
            f" WHERE w.id = a.worker_id)) ORDER BY a.message_id LIMIT {CHUNK} {skip}"
        ),
        {"rows": db.rows([{"worker_id": one} for one in dead])},
    ).all()
    now = db.now(session)
    rows = [
        {"attempt_id": one.id, "message_id": one.message_id, "worker_id": one.worker_id, "at": now}
        for one in left
    ]
    if rows:
        _leave_unknown(session, db.rows(rows))
    return len(rows)


def _leave_unknown(session: Session, rows: str) -> None:
    shape = db.rows_sql(
        session, attempt_id="bigint", message_id="bigint", worker_id="bigint", at="timestamptz"
    )
    session.execute(
        db.sql(
            "UPDATE message AS m SET worker_id = NULL, unconfirmed_since = v.at,"
            f" error_class = 'unknown', error_code = NULL, error_text = '{LOST}' FROM {shape}"
            " WHERE m.id = v.message_id AND m.status || '' = 'processing'"
            " AND m.worker_id = v.worker_id"
        ),
        {"rows": rows},
    )
    session.execute(
        db.sql(
            f"UPDATE attempt AS a SET outcome = 'unknown', error_text = '{LOST}' FROM {shape}"
            " WHERE a.id = v.attempt_id AND a.outcome IS NULL"
        ),
        {"rows": rows},
    )


def _forget(session: Session, dead: list[int]) -> None:
    for worker_id in dead:
        session.execute(
            db.sql(
                "DELETE FROM worker WHERE id = :id AND lease_until < :over AND NOT EXISTS"
                " (SELECT 1 FROM attempt WHERE worker_id = :id AND outcome IS NULL)",
                "over",
            ),
            {"id": worker_id, "over": db.now(session) - DEAD_AFTER},
        )


def close_windows() -> int:
    """Fail, as unknown, what no proof came for in time; returns how many. Only a person resends."""
    with db.writing() as session:
        since = _window_opened_before(session)
        if since is None:
            return 0
        over = (
            select(col(Message.id))
            .where(
                col(Message.status) == Status.PROCESSING,
                col(Message.worker_id).is_(None),
                col(Message.unconfirmed_since) < since,
            )
            .limit(CHUNK)
        )
        ids = session.execute(over).scalars().all()
        moved = messages.move(
            session,
            [{"message_id": one} for one in ids],
            Status.FAILED,
            Cause.UNKNOWN,
            also="unconfirmed_since = NULL, error_class = 'unknown'",
            where="m.worker_id IS NULL AND m.unconfirmed_since IS NOT NULL",
        )
        change = {one: ({"status": "processing"}, {"status": "failed"}) for one in moved}
        messages.record(session, "unconfirmed", "engine", change, at=db.now(session))
        return len(moved)


def _window_opened_before(session: Session) -> datetime | None:
    """Outcomes unknown since before this instant have waited long enough; None: none has.

    Where webhooks come, only time counts in which somebody was there to receive them: from the
    start of the gateway that has lived longest.
    """
    now = db.now(session)
    if not _expects_webhooks(session):
        return now - WINDOW
    alive = select(func.min(col(Worker.started_at))).where(
        col(Worker.kind) == "gateway", col(Worker.lease_until) > now
    )
    started = session.execute(alive).scalar()
    return now - WINDOW if started is not None and started <= now - WINDOW else None


def _expects_webhooks(session: Session) -> bool:
    if settings().app_secret not in ("", SANDBOX_SECRET):
        return True
    own = select(col(Business.id)).where(col(Business.app_secret).is_not(None)).limit(1)
    return session.execute(own).scalar() is not None

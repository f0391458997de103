"""Reaping: what dead workers left open, and unknown outcomes whose window has ended.

Harmless when run twice or by several workers at once. What a dead worker's start marks do not name
was never posted and goes back; all else of it that is open counts as unknown.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select
from sqlmodel import Session, col

from core import db, house_rules, messages, workers
from core.meta.answers import unknown
from core.models import Business, Message, Worker
from core.retry import WINDOW
from core.sending import attempts, marks
from core.sending.results import Result
from core.sending.settle import settle
from core.settings import SANDBOX_SECRET, settings
from core.states import Cause, Status

CHUNK = 1000
LOST = "the worker that was sending it died"

Dead = dict[int, set[int] | None]  # worker → what it began to post; None: nobody knows


def reap() -> int:
    """Close what dead workers left; returns how many attempts that were."""
    dead = _dead_workers()
    closed = 0
    while found := _close_some(dead):
        closed += found
    _forget(dead)
    return closed


def _dead_workers() -> Dead:
    """Those whose lock is free on this boot of this machine, and those whose lease is long over."""
    with db.reading() as session:
        over = db.now(session) - workers.DEAD_AFTER
        rows = session.execute(select(Worker)).scalars().all()
        folder = marks.folder_of(session)
    here = workers.boot_id()
    dead: Dead = {}
    for one in rows:
        left = marks.left_by(folder, one.id) if here and one.boot_id == here else None
        if left is not None or one.lease_until < over:
            dead[one.id] = left
    return dead


def _close_some(dead: Dead) -> int:
    """Settle up to CHUNK open attempts of the dead, and of workers whose row is gone."""
    with db.writing() as session:
        left, now = _open_attempts(session, dead), db.now(session)
        results = [_result(one, dead.get(one.worker_id), now) for one in left]
        settle(session, results, now=now, delays=house_rules.retry_delays(session))
    return len(left)


def _open_attempts(session: Session, dead: Iterable[int]) -> list[Row[Any]]:
    skip = "FOR NO KEY UPDATE OF m SKIP LOCKED" if db.on_postgres(session) else ""
    source = db.rows_sql(session, worker_id="bigint")
    hint = "" if db.on_postgres(session) else "INDEXED BY ix_attempt_open"
    found = session.execute(
        db.sql(
            f"SELECT a.id, a.message_id, a.worker_id FROM attempt a {hint}"
            " JOIN message m ON m.id = a.message_id WHERE a.outcome IS NULL AND (a.worker_id IN"
            f" (SELECT v.worker_id FROM {source}) OR NOT EXISTS (SELECT 1 FROM worker w"
            f" WHERE w.id = a.worker_id)) ORDER BY a.message_id LIMIT {CHUNK} {skip}"
        ),
        {"rows": db.rows([{"worker_id": one} for one in dead])},
    )
    return list(found.all())


def _result(left: Row[Any], marked: set[int] | None, now: datetime) -> Result:
    never_posted = marked is not None and left.id not in marked
    claim = attempts.stray(left.id, left.message_id, left.worker_id, now)
    return Result(claim, None if never_posted else unknown(LOST), None, now)


def _forget(dead: Dead) -> None:
    """Remove the rows of the dead who left nothing open, then their marks."""
    for worker_id, marked in dead.items():
        with db.writing() as session:
            gone = session.execute(
                db.sql(
                    "DELETE FROM worker WHERE id = :id AND NOT EXISTS"
                    " (SELECT 1 FROM attempt WHERE worker_id = :id AND outcome IS NULL)"
                    f"{'' if marked is not None else ' AND lease_until < :over'}"
                    " RETURNING kind, lease_until",
                    *(() if marked is not None else ("over",)),
                ).columns(lease_until=db.UtcDateTime()),
                {"id": worker_id, "over": db.now(session) - workers.DEAD_AFTER},
            ).first()
            if gone and gone.kind == "loop":
                workers.remember_lived(session, gone.lease_until - workers.LEASE)
            folder = marks.folder_of(session)
        if gone:
            marks.forget(folder, worker_id)


def close_windows() -> int:
    """Fail, as unknown, what no proof came for in time; returns how many. Only a person resends."""
    closed = 0
    while found := _close_some_windows():
        closed += found
    return closed


def _close_some_windows() -> int:
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

"""The scan: once a minute, and at start, whatever no send loop does by itself."""

from sqlalchemy import func, select, update
from sqlmodel import col

from core import accounts, db, files, finishing, webhooks
from core.models import Message, Worker
from core.sending import reap
from core.states import Status


def scan(*, worker_id: int | None = None) -> bool:
    """Reap, close windows, resume accounts, apply left-over webhooks; whether anything is due.

    `worker_id` is the send loop of this process: its row keeps when it last scanned.
    """
    reap.reap()
    reap.close_windows()
    webhooks.apply_stored()
    finishing.catch_up()
    files.expire()
    with db.writing() as session:
        accounts.resume_what_is_over(session)
        now = db.now(session)
        mine = update(Worker).where(col(Worker.id) == worker_id).values(last_scan_at=now)
        session.execute(mine)
        due = select(func.min(col(Message.due_at))).where(col(Message.status) == Status.PENDING)
        earliest = session.execute(due).scalar()
    return earliest is not None and earliest <= now

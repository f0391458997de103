"""Who is alive: a row for each living send loop and gateway, renewed once a second.

The lease says how long others must believe in it; there is no lease on a message.
"""

import os
import socket
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import delete, insert, update
from sqlmodel import Session, col

from core import db
from core.models import Worker

VERSION = "0.1.0"
LEASE = timedelta(seconds=15)
STALE_AFTER = 10.0  # seconds after the last renewal in which no POST may start any more
DEAD_AFTER = timedelta(seconds=30)  # beyond the lease: by then its last POST has ended


def start(kind: str) -> int:
    """A new row for this process (kind `loop` or `gateway`); returns its id."""
    with db.writing() as session:
        return start_in(session, kind)


def start_in(session: Session, kind: str) -> int:
    now = db.now(session)
    made = session.execute(
        insert(Worker)
        .values(
            kind=kind,
            host=socket.gethostname(),
            boot_id=boot_id(),
            pid=os.getpid(),
            version=VERSION,
            started_at=now,
            lease_until=now + LEASE,
        )
        .returning(col(Worker.id))
    )
    return int(made.scalar_one())


def renew(worker_id: int) -> bool:
    """Prolong the lease; False when the row is gone because others took us for dead."""
    with db.writing() as session:
        return renew_in(session, worker_id)


def renew_in(session: Session, worker_id: int, *, unreached_since: datetime | None = None) -> bool:
    until = db.now(session) + LEASE
    kept = session.execute(
        update(Worker)
        .where(col(Worker.id) == worker_id)
        .values(lease_until=until, unreached_since=unreached_since)
        .returning(col(Worker.id))
    )
    return kept.first() is not None


def end(worker_id: int) -> None:
    """Remove the row: it ended well and left nothing open."""
    with db.writing() as session:
        session.execute(delete(Worker).where(col(Worker.id) == worker_id))


def boot_id() -> str | None:
    """What tells one start of this machine from the next."""
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.exists() else None

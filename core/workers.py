"""Who is alive: a row for each living send loop and gateway, renewed once a second.

The lease says how long others must believe in it; there is no lease on a message.
"""

import os
import socket
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import delete, func, insert, or_, select, update
from sqlmodel import Session, col

from core import db, lateness
from core.models import Installation, Worker

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
    if kind == "loop":
        _note_absence(session, now)
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
    now = db.now(session)
    lease = session.execute(select(col(Worker.lease_until)).where(col(Worker.id) == worker_id))
    if (lease.scalar() or now) < now:
        _note_absence(session, now)
    kept = session.execute(
        update(Worker)
        .where(col(Worker.id) == worker_id)
        .values(lease_until=now + LEASE, unreached_since=unreached_since)
        .returning(col(Worker.id))
    )
    return kept.first() is not None


def end(worker_id: int) -> None:
    """Remove the row: it ended well and left nothing open."""
    with db.writing() as session:
        session.execute(delete(Worker).where(col(Worker.id) == worker_id))


def end_in(session: Session, worker_id: int, now: datetime) -> None:
    """The same for a send loop, in the transaction of its last results."""
    session.execute(delete(Worker).where(col(Worker.id) == worker_id))
    remember_lived(session, now)


def remember_lived(session: Session, until: datetime) -> None:
    """Keep when a send loop last lived whose row goes."""
    lived = col(Installation.lived_until)
    earlier = update(Installation).where(or_(lived.is_(None), lived < until))
    session.execute(earlier.values(lived_until=until))


def _note_absence(session: Session, now: datetime) -> None:
    """Where no send loop lives now, every account could not send since one last did."""
    last = select(func.max(col(Worker.lease_until))).where(col(Worker.kind) == "loop")
    lease: datetime | None = session.execute(last).scalar()
    if lease is not None and lease > now:
        return
    known = select(func.coalesce(col(Installation.lived_until), col(Installation.created_at)))
    since: datetime = session.execute(known).scalar_one()
    lateness.ready_again(session, now, since=max(since, lease - LEASE) if lease else since)


def reached_again(session: Session, worker_id: int, now: datetime, *, since: datetime) -> None:
    """The API answers this loop again; what others reached all the while is not late."""
    reached = select(col(Worker.id)).where(
        col(Worker.kind) == "loop",
        col(Worker.id) != worker_id,
        col(Worker.lease_until) > now,
        col(Worker.unreached_since).is_(None),
    )
    if session.execute(reached.limit(1)).first() is None:
        lateness.ready_again(session, now, since=since)


def boot_id() -> str | None:
    """What tells one start of this machine from the next."""
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.exists() else None

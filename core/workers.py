"""Who is alive: a row for each living send loop and gateway, renewed once a second.

The lease says how long others must believe in it; there is no lease on a message.
"""

import os
import resource
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import delete, func, insert, or_, select, update
from sqlmodel import Session, col

from core import audit, db, lateness
from core.access import Actor, Role, needs
from core.models import Attempt, Installation, Setting, Worker

VERSION = "0.1.0"
RENEWAL = "workers_asked_to_renew"  # the setting that keeps when
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


def megabytes() -> float:
    """The memory that this process holds now; where the system does not tell, the most it held."""
    path = Path("/proc/self/statm")
    if path.exists():
        return int(path.read_text().split()[1]) * resource.getpagesize() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


@needs(Role.ADMIN)
def ask_renewal(*, by: Actor) -> None:
    """Ask every worker that runs now to end in order and begin anew; each does with its scan."""
    with db.writing() as session:
        now = db.now(session)
        kept = Setting(key=RENEWAL, value=db.stamp(now), updated_at=now, updated_by=by.name)
        session.merge(kept)
        audit.record(session, by, "workers asked to renew themselves")


def renewal_asked() -> timedelta | None:
    """How long ago the workers were last asked to renew themselves."""
    with db.reading() as session:
        kept = session.get(Setting, RENEWAL)
        return db.now(session) - datetime.fromisoformat(kept.value) if kept else None


@dataclass(frozen=True)
class Seen:
    """A worker as people see it; `lease` is how long it still counts as alive, negative: over."""

    worker: Worker
    lease: timedelta
    in_flight: int


def seen() -> list[Seen]:
    """Every send loop and gateway that has a row, the dead whom nobody has reaped too."""
    with db.reading() as session:
        now = db.now(session)
        rows = session.execute(select(Worker).order_by(col(Worker.id))).scalars().all()
        open_ = (
            select(col(Attempt.worker_id), func.count().label("open"))
            .where(col(Attempt.outcome).is_(None))
            .group_by(col(Attempt.worker_id))
        )
        in_flight = {row.worker_id: row.open for row in session.execute(open_)}
    return [Seen(row, row.lease_until - now, in_flight.get(row.id, 0)) for row in rows]

"""The twin: what this machine remembers of its database, to know when it is given another one.

A restored dump, a cloned database and a copied data folder all look in order from inside; only what
a machine has kept beside them tells. Where the two disagree nothing may be sent until a person has
decided, because what the database holds as pending may have left long ago.
"""

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic, sleep

from sqlalchemy import func, select
from sqlmodel import Session, col

from core import db, guarding
from core.models import Attempt, Installation, Worker
from core.settings import settings

SIZE = 512  # bytes, always the same, so that the file is rewritten in place by one write
WATCHED_FOR = 3.0  # seconds in which a worker that lives renews itself
STRANGE = "The data folder «{}» is a copy, or was restored: it is not the one that sent before."
NEW_MACHINE = "A machine that has not sent before wants to ({}), and no worker of another lives."
BEHIND = "The database is older than what has been sent: attempt {} was made, and it knows only {}."


@dataclass
class Twin:
    """What the file holds. `highest` is the newest attempt known to be committed."""

    installation: str
    machine: str
    inode: int
    highest: int


def check() -> str | None:
    """Compare the database with this machine's memory; set the guard and tell why, or None.

    Called when a loop starts and after each loss of the database, before anything is claimed.
    """
    with db.reading() as session:
        ours, known, given = _installation(session), _known(session), _ids_given(session)
    why = _what_is_wrong(ours, known, given)
    if why:
        with db.writing() as session:
            guarding.guard(session, why)
    return why


def remember(installation_id: str, highest: int) -> None:
    """Keep what is true now; called each second while nothing is guarded."""
    path = _path(installation_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        twin = Twin(installation_id, machine_id(), os.fstat(file).st_ino, highest)
        os.pwrite(file, json.dumps(asdict(twin)).ljust(SIZE).encode(), 0)
    finally:
        os.close(file)


def recall(installation_id: str) -> Twin | None:
    """This machine's memory of an installation; a file that cannot be read counts as a strange one.

    Returns None where there is none.
    """
    path = _path(installation_id)
    if not path.exists():
        return None
    with suppress(ValueError, TypeError):
        return Twin(**json.loads(path.read_bytes()))
    return Twin(installation_id, "unreadable", 0, 0)


def machine_id() -> str:
    """What tells this machine from others; empty where the system does not say."""
    path = Path("/etc/machine-id")
    return path.read_text().strip() if path.exists() else ""


def join() -> int:
    """This machine belongs from now on; returns the newest attempt that it remembers."""
    with db.reading() as session:
        ours, known = _installation(session), _known(session)
    remember(ours, known)
    return known


def _what_is_wrong(installation_id: str, known: int, given: int) -> str | None:
    twin = recall(installation_id)
    if twin is None:
        if known and not _another_lives():
            return NEW_MACHINE.format(os.uname().nodename)
        remember(installation_id, known)
        return None
    inode = _path(installation_id).stat().st_ino
    if (twin.installation, twin.machine, twin.inode) != (installation_id, machine_id(), inode):
        return STRANGE.format(settings().data_dir.name)
    # Ids given, not rows: erasing old attempts is no restore.
    return BEHIND.format(twin.highest, given) if twin.highest > given else None


def _path(installation_id: str) -> Path:
    return settings().data_dir / f"twin-{installation_id}.json"


def _installation(session: Session) -> str:
    return str(session.execute(select(col(Installation.id))).scalar_one())


def _known(session: Session) -> int:
    return int(session.execute(select(func.max(col(Attempt.id)))).scalar() or 0)


def _ids_given(session: Session) -> int:
    """The highest attempt id that the database has given; never lower than any committed one."""
    if db.on_postgres(session):
        statement = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM attempt_id_seq"
    else:
        statement = "SELECT seq FROM sqlite_sequence WHERE name = 'attempt'"
    return int(session.execute(db.sql(statement)).scalar() or 0)


def _another_lives() -> bool:
    """Whether some loop renews itself before our eyes: a lease in a clone looks alive for a while.

    Watches for a few seconds, and only where somebody's lease has not ended.
    """
    until, first = monotonic() + WATCHED_FOR, None
    while monotonic() < until:
        newest, now = _newest_lease()
        if newest is None or newest < now - timedelta(seconds=WATCHED_FOR):
            return False
        if first is not None and newest > first:
            return True
        first = first or newest
        sleep(0.2)
    return False


def _newest_lease() -> tuple[datetime | None, datetime]:
    with db.reading() as session:
        leases = select(func.max(col(Worker.lease_until))).where(col(Worker.kind) == "loop")
        return session.execute(leases).scalar(), db.now(session)

"""The twin: what this machine remembers of its database, to know when it is given another one.

A restored dump, a cloned database and a copied data folder all look in order from inside; only what
a machine has kept beside them tells. Where the two disagree nothing may be sent until a person has
decided, because what the database holds as pending may have left long ago.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from fcntl import LOCK_EX, LOCK_SH, flock
from pathlib import Path
from tempfile import mkstemp
from time import monotonic, sleep

from sqlalchemy import func, select
from sqlmodel import Session, col

from core import db, guarding
from core.access import Actor, Role, needs
from core.models import Attempt, Installation, Worker
from core.settings import settings

SIZE = 512  # bytes, always the same, so that the file is rewritten in place by one write
WATCHED_FOR = 3.0  # seconds in which a worker that lives renews itself
STRANGE = "its data folder is a copy or a backup, so it cannot know what has left already."
NEW_MACHINE = "it has never sent from this database, and no other machine is sending from it now."
BEHIND = (
    "the database is an older one, as after a backup was restored: of the last {:,} that left"
    " from here it knows nothing, so what it shows as waiting may have left already."
)
ANOTHER = "the database is a copy or a backup: what waits in it may have left from the other one."


@dataclass(frozen=True)
class Twin:
    """What the file holds. `highest` is the newest attempt known to be committed."""

    installation: str
    machine: str
    inode: int
    database: str  # which of several copies, where the database itself can tell
    highest: int


def check() -> str | None:
    """Compare the database with this machine's memory; set the guard and tell why, or None.

    Called when a loop starts and after each loss of the database, before anything is claimed.
    """
    with db.reading() as session:
        ours = _installation(session)
    # Before the database: another worker here goes on, and what it remembers must be known there.
    twin = recall(ours)
    with db.reading() as session:
        seen = _seen(session, ours)
        given = int(session.execute(db.sql(f"SELECT {db.given(session, 'attempt')}")).scalar_one())
    wrong = _what_is_wrong(twin, seen, given)
    why = wrong and _here(wrong)
    if why:
        with db.writing() as session:
            guarding.reason(session)  # locked: an answer comes wholly before this, or after it
            if recall(ours) == twin:
                guarding.guard(session, why, beyond=max(given, twin.highest if twin else 0))
                return why
        return check()
    return None


def remember(installation_id: str, highest: int) -> None:
    """Keep what is true now; called each second while nothing is guarded.

    Rewrites the file in place, because its inode tells it from a copy; one that was taken away is
    missed at the next start.
    """
    with suppress(FileNotFoundError), _locked(_path(installation_id), LOCK_EX) as file:
        twin = _read(file)
        if twin and highest > twin.highest:
            os.pwrite(file, _written(replace(twin, highest=highest)), 0)


def recall(installation_id: str) -> Twin | None:
    """This machine's memory of an installation, its `inode` -1 where that is not the file's own.

    A file that cannot be read counts as a strange one. Returns None where there is none.
    """
    with suppress(FileNotFoundError), _locked(_path(installation_id), LOCK_SH) as file:
        twin = _read(file)
        if twin and twin.inode == os.fstat(file).st_ino:
            return twin
        return Twin(installation_id, "", -1, "", 0)
    return None


def machine_id() -> str:
    """What tells this machine from others; empty where the system does not say."""
    path = Path("/etc/machine-id")
    return path.read_text().strip() if path.exists() else ""


def accept() -> None:
    """This machine belongs to this database from now on: a person has said so."""
    with db.reading() as session:
        seen = _seen(session, _installation(session))
    _create(seen)


@needs(Role.ADMIN)
def answer(what: guarding.Overdue, *, by: Actor) -> int:
    """Answer the restore guard (see `guarding.answer`); a machine that sends is accepted by it."""
    with db.reading() as session:
        ours = _installation(session)
    if guarding.guarded() and recall(ours):
        accept()  # first: whoever compares while the guard is turned off finds nothing wrong
    return guarding.answer(what, by=by)


@needs(Role.ADMIN)
def join(*, by: Actor) -> str | None:
    """Accept this machine, and turn the guard off where only its being new had turned it on.

    Returns why nothing is sent all the same, or None.
    """
    accept()
    mine = _here(NEW_MACHINE)
    with db.writing() as session:
        known = guarding.reason(session)
        if known == mine:
            guarding.lift(session, by, after={"joined": os.uname().nodename})
            return None
    return known


def _seen(session: Session, installation_id: str) -> Twin:
    """What a twin would say that was made now."""
    known = session.execute(select(func.max(col(Attempt.id)))).scalar()
    return Twin(installation_id, machine_id(), -1, db.which(session), int(known or 0))


def _what_is_wrong(twin: Twin | None, seen: Twin, given: int) -> str | None:
    if twin is None:
        if seen.highest and not _another_lives():
            return NEW_MACHINE
        _create(seen)
        return None
    if twin.inode < 0 or (twin.installation, twin.machine) != (seen.installation, seen.machine):
        return STRANGE
    if twin.database != seen.database:
        return ANOTHER
    # Ids given, not rows: erasing old attempts is no restore.
    return BEHIND.format(twin.highest - given) if twin.highest > given else None


def _here(why: str) -> str:
    """Which machine says so, because a person has to know where to look."""
    return f"{os.uname().nodename}: {why}"


def _create(twin: Twin) -> None:
    """Whole before it has its name: a kill leaves no empty file, which would count as strange."""
    path = _path(twin.installation)
    path.parent.mkdir(parents=True, exist_ok=True)
    file, draft = mkstemp(dir=path.parent, prefix=f"{path.name}.")
    try:
        os.write(file, _written(replace(twin, inode=os.fstat(file).st_ino)))
    finally:
        os.close(file)
    Path(draft).rename(path)


@contextmanager
def _locked(path: Path, how: int) -> Iterator[int]:
    """The open file, held against the other workers of this machine. Raises FileNotFoundError."""
    file = os.open(path, os.O_RDWR)
    try:
        flock(file, how)
        yield file
    finally:
        os.close(file)


def _written(twin: Twin) -> bytes:
    return json.dumps(asdict(twin)).ljust(SIZE).encode()


def _read(file: int) -> Twin | None:
    with suppress(ValueError, TypeError):
        return Twin(**json.loads(os.pread(file, SIZE, 0)))
    return None


def _path(installation_id: str) -> Path:
    return settings().data_dir / f"twin-{installation_id}.json"


def _installation(session: Session) -> str:
    return str(session.execute(select(col(Installation.id))).scalar_one())


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

"""Start marks: which attempts a worker began to post, in files that outlive a SIGKILL.

Before each POST the attempt's id goes, unbuffered, into a file that the worker holds under flock.
Whoever finds the lock free on the same boot of the same machine knows that the worker is dead, and
that what is open without a mark never left. The kernel keeps what was written when the process
dies; after a power failure nothing here is believed.
"""

import os
from collections.abc import Iterable
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
from pathlib import Path

from sqlmodel import Session

from core import db
from core.settings import settings

SIZE = 8  # bytes of one id
FULL = 50_000  # marks, then the other file's turn


class Marks:
    """The mark files of one worker: two in turn, the older emptied once all in it is settled."""

    def __init__(self, folder: Path, worker_id: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._paths = [_path(folder, worker_id, turn) for turn in (0, 1)]
        self._files = [_create(path) for path in self._paths]
        self._open: list[set[int]] = [set(), set()]
        self._written = [0, 0]
        self._turn = 0

    def mark(self, attempt_id: int) -> None:
        """Write down that this attempt's POST starts now. Raises OSError: then do not post."""
        if self._written[self._turn] >= FULL:
            self._take_turns()
        file, at = self._files[self._turn], self._written[self._turn] * SIZE
        if os.pwrite(file, attempt_id.to_bytes(SIZE, "little"), at) < SIZE:
            raise OSError("the mark was written in part: the disk is full")
        self._written[self._turn] += 1
        self._open[self._turn].add(attempt_id)

    def settled(self, attempt_ids: Iterable[int]) -> None:
        """These are settled and committed: their marks are needed no more."""
        for one in self._open:
            one.difference_update(attempt_ids)

    def close(self) -> None:
        """Remove the files; only after the commit that left nothing of this worker open."""
        for path, file in zip(self._paths, self._files, strict=True):
            path.unlink(missing_ok=True)
            os.close(file)

    def _take_turns(self) -> None:
        other = 1 - self._turn
        if not self._open[other]:
            os.ftruncate(self._files[other], 0)
            self._turn, self._written[other] = other, 0


def folder_of(session: Session) -> Path:
    """Where this machine keeps the marks of a database's workers, those of a clone's apart.

    A clone gives its workers the same ids: none may take another's marks for its own.
    """
    installation = session.execute(db.sql("SELECT id FROM installation")).scalar_one()
    return settings().data_dir / "marks" / str(installation) / db.which(session)


def left_by(folder: Path, worker_id: int) -> set[int] | None:
    """The attempts that a dead worker began to post; None where it lives or left no marks here."""
    try:
        with _path(folder, worker_id, 0).open("rb") as first:
            flock(first, LOCK_SH | LOCK_NB)
            return _read(first.read()) | _read(_path(folder, worker_id, 1).read_bytes())
    except (FileNotFoundError, BlockingIOError):
        return None


def forget(folder: Path, worker_id: int) -> None:
    """Remove what a worker left whose attempts are all closed."""
    for turn in (1, 0):
        _path(folder, worker_id, turn).unlink(missing_ok=True)


def _path(folder: Path, worker_id: int, turn: int) -> Path:
    return folder / f"{worker_id}.{turn}"


def _create(path: Path) -> int:
    """Make the file under its lock before it has its name: nobody ever sees it free."""
    draft = path.with_suffix(path.suffix + ".new")
    file = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    flock(file, LOCK_EX | LOCK_NB)
    draft.rename(path)
    return file


def _read(written: bytes) -> set[int]:
    """Whole ids only: a mark cut short was never followed by a POST."""
    whole = range(0, len(written) - SIZE + 1, SIZE)
    return {int.from_bytes(written[at : at + SIZE], "little") for at in whole}

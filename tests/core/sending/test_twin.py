"""The twin: what tells a database and a data folder from their copies, and never errs by a race."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest
from sqlmodel import Session

from core import db, workers
from core.models import Installation
from core.sending import tick, twin
from tests import given
from tests.conftest import forget_settings
from tests.core.sending.copies import clone, installation, twin_file
from tests.processes import ROOT


def _guard() -> str | None:
    with db.reading() as session:
        return session.get_one(Installation, installation()).guard_reason


def _attempt() -> int:
    """One committed attempt."""
    given.message(account := given.account(name=os.urandom(4).hex(), rate=None))
    order = tick.Order(workers.start("loop"), due={account}, room=50)
    done = tick.run(order, installation=installation(), sampled=lambda _: None)
    return done.claims[-1].attempt_id


def test_a_database_that_is_older_than_its_machine_remembers_is_guarded(database: str) -> None:
    assert twin.check() is None and twin.check() is None
    twin.remember(installation(), _attempt() + 1_204)
    assert "of the last 1,204 that left from here it knows nothing" in str(twin.check())
    assert _guard()


def test_a_copied_data_folder_is_guarded_and_a_removed_file_too(
    database: str, environment: pytest.MonkeyPatch
) -> None:
    environment.setattr(twin, "WATCHED_FOR", 0.3)
    twin.check()
    _attempt()
    shutil.copy(twin_file(), twin_file().with_suffix(".copy"))
    twin_file().with_suffix(".copy").rename(twin_file())
    assert twin.STRANGE in str(twin.check())
    twin.accept()
    assert twin.check() is None
    twin_file().unlink()
    twin.remember(installation(), 10**9)
    assert twin.check() and not twin_file().exists()


def test_a_clone_is_known_before_either_has_sent_anything(
    database: str, environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    twin.check()
    _attempt()
    environment.setenv("OUTBOX_DATABASE_URL", clone(database, tmp_path))
    forget_settings()
    assert twin.ANOTHER in str(twin.check()) and _guard()
    environment.setenv("OUTBOX_DATABASE_URL", database)
    forget_settings()
    assert twin.check() is None and _guard() is None


def test_reading_while_another_worker_writes_never_sees_half_a_twin(database: str) -> None:
    twin.check()
    ours, over = installation(), Event()

    def write() -> None:
        for highest in range(1, 100_000):
            twin.remember(ours, highest)
            if over.is_set():
                return

    writer = Thread(target=write)
    writer.start()
    try:
        seen = [twin.recall(ours) for _ in range(2000)]
    finally:
        over.set()
        writer.join()
    assert all(one and one.inode > 0 for one in seen)
    heights = [one.highest for one in seen if one]
    assert heights == sorted(heights) and heights[-1] > heights[0]


def test_what_a_neighbour_sends_between_two_looks_is_no_restore(
    database: str, environment: pytest.MonkeyPatch
) -> None:
    twin.check()
    real, looks = db.reading, []

    @contextmanager
    def reading() -> Iterator[Session]:
        with real() as session:
            yield session
        looks.append(1)
        if len(looks) < 3:  # whatever has been read, the neighbour goes on after it
            environment.setattr(db, "reading", real)
            twin.remember(installation(), _attempt())
            environment.setattr(db, "reading", reading)

    environment.setattr(db, "reading", reading)
    assert twin.check() is None and len(looks) >= 2


def test_a_machine_that_joins_one_that_lives_is_taken_in_without_asking(database: str) -> None:
    _attempt()
    neighbour, over = workers.start("loop"), Event()

    def live() -> None:
        while not over.wait(0.05):
            workers.renew(neighbour)

    living = Thread(target=live)
    living.start()
    try:
        assert twin.check() is None and twin_file().exists() and _guard() is None
    finally:
        over.set()
        living.join()


DIES = """
import os, signal
from core.sending import twin
real = os.write
def dying(file, data):
    os.kill(os.getpid(), signal.SIGKILL) if b"machine" in data else None
    return real(file, data)
os.write = dying
twin.check()
"""


def test_a_kill_while_the_twin_is_made_leaves_none_rather_than_a_strange_one(
    database: str,
) -> None:
    died = subprocess.run([sys.executable, "-c", DIES], cwd=ROOT, timeout=20)
    assert died.returncode == -9
    assert twin.check() is None and twin_file().exists()

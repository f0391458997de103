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
from sqlalchemy import create_engine
from sqlmodel import Session

from core import db, workers
from core.models import Installation
from core.sending import tick, twin
from core.settings import settings
from tests import given
from tests.conftest import forget_settings
from tests.processes import ROOT


def _installation() -> str:
    with db.reading() as session:
        return str(session.execute(db.sql("SELECT id FROM installation")).scalar_one())


def _guard() -> str | None:
    with db.reading() as session:
        return session.get_one(Installation, _installation()).guard_reason


def _file() -> Path:
    return settings().data_dir / f"twin-{_installation()}.json"


def _attempt() -> int:
    """One committed attempt."""
    given.message(account := given.account(name=os.urandom(4).hex(), rate=None))
    order = tick.Order(workers.start("loop"), due={account}, room=50)
    done = tick.run(order, installation=_installation(), sampled=lambda _: None)
    return done.claims[-1].attempt_id


def test_a_database_that_is_older_than_its_machine_remembers_is_guarded(database: str) -> None:
    assert twin.check() is None and twin.check() is None
    twin.remember(_installation(), _attempt() + 1)
    assert twin.check() and _guard()


def test_a_copied_data_folder_is_guarded_and_a_removed_file_too(
    database: str, environment: pytest.MonkeyPatch
) -> None:
    environment.setattr(twin, "WATCHED_FOR", 0.3)
    twin.check()
    _attempt()
    shutil.copy(_file(), _file().with_suffix(".copy"))
    _file().with_suffix(".copy").rename(_file())
    assert twin.check() == twin.STRANGE.format(settings().data_dir.name)
    twin.join()
    assert twin.check() is None
    _file().unlink()
    twin.remember(_installation(), 10**9)
    assert twin.check() and not _file().exists()


def test_a_clone_is_known_before_either_has_sent_anything(
    database: str, environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    twin.check()
    _attempt()
    environment.setenv("OUTBOX_DATABASE_URL", _clone(database, tmp_path))
    forget_settings()
    assert twin.check() == twin.ANOTHER and _guard()
    environment.setenv("OUTBOX_DATABASE_URL", database)
    forget_settings()
    assert twin.check() is None and _guard() is None


def _clone(url: str, folder: Path) -> str:
    db.engine().dispose()
    if url.startswith("sqlite"):
        shutil.copy(url.removeprefix("sqlite:///"), folder / "clone.db")
        return f"sqlite:///{folder / 'clone.db'}"
    server, _, name = url.replace("postgresql:", "postgresql+psycopg:").rpartition("/")
    engine = create_engine(f"{server}/postgres", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}_clone TEMPLATE {name}")
    engine.dispose()
    return f"{url}_clone"


def test_reading_while_another_worker_writes_never_sees_half_a_twin(database: str) -> None:
    twin.check()
    ours, over = _installation(), Event()

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
            twin.remember(_installation(), _attempt())
            environment.setattr(db, "reading", reading)

    environment.setattr(db, "reading", reading)
    assert twin.check() is None and len(looks) >= 2


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
    assert twin.check() is None and _file().exists()

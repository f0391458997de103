"""Start marks: what they tell of a worker that was killed, and what when they cannot be written."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest

from core import db, workers
from core.meta import client
from core.meta.answers import Answer
from core.sending import marks, reap, tick
from core.sending.loop import SendLoop
from core.sending.marks import Marks
from core.sending.posting import GivenBack
from tests import given
from tests.conftest import forget_settings
from tests.processes import ROOT, Programs

KILLED = """
import os, signal, sys
from pathlib import Path
from core.sending.marks import Marks
from core.sending.posting import GivenBack
made = Marks(Path(sys.argv[1]), int(sys.argv[2]))
for one in map(int, sys.argv[3:]):
    made.mark(one)
os.kill(os.getpid(), signal.SIGKILL)
"""


def killed_after_marking(folder: Path, worker_id: int, *attempts: int) -> None:
    words = [str(folder), str(worker_id), *map(str, attempts)]
    subprocess.run([sys.executable, "-c", KILLED, *words], cwd=ROOT, timeout=20)


def test_marks_outlive_a_sigkill_and_the_lock_does_not(tmp_path: Path) -> None:
    killed_after_marking(tmp_path, 7, 101, 102, 2**40)
    assert marks.left_by(tmp_path, 7) == {101, 102, 2**40}


def test_the_marks_of_a_living_worker_tell_nothing(tmp_path: Path) -> None:
    living = Marks(tmp_path, 7)
    living.mark(1)
    assert marks.left_by(tmp_path, 7) is None
    living.close()
    assert marks.left_by(tmp_path, 7) is None and list(tmp_path.iterdir()) == []


def test_a_mark_cut_short_by_a_full_disk_counts_as_none(tmp_path: Path) -> None:
    killed_after_marking(tmp_path, 7, 101)
    with (tmp_path / "7.0").open("ab") as file:
        file.write(b"\x66\0\0")
    assert marks.left_by(tmp_path, 7) == {101}


def test_the_older_file_is_emptied_only_when_all_in_it_is_settled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marks, "FULL", 3)
    made = Marks(tmp_path, 7)
    for one in range(1, 11):
        made.mark(one)
        made.settled([one] if one != 2 else [])  # 2 stays open
    kept = {int.from_bytes(half, "little") for half in _halves(tmp_path / "7.0")}
    assert 2 in kept
    made.settled([2])
    for one in range(11, 20):
        made.mark(one)
        made.settled([one])
    assert (tmp_path / "7.0").stat().st_size <= 3 * marks.SIZE
    assert (tmp_path / "7.1").stat().st_size <= 10 * marks.SIZE
    made.close()


def _halves(path: Path) -> list[bytes]:
    whole = path.read_bytes()
    return [whole[at : at + marks.SIZE] for at in range(0, len(whole), marks.SIZE)]


def test_a_full_disk_posts_nothing_and_gives_the_claims_back(
    database: str, programs: Programs, environment: pytest.MonkeyPatch
) -> None:
    account = given.account(rate=None)
    made = [given.message(account, to=given.recipient(n)) for n in range(3)]
    stop, real = Event(), tick.run
    full = os.open("/dev/full", os.O_RDWR)

    def on_a_full_disk(order: tick.Order, **rest: object) -> tick.Done:
        done = real(order, **rest)  # type: ignore[arg-type]
        if done.claims:
            os.dup2(full, loop._posts.marks._files[0])
        if {r.answer for r in order.results} == {None}:
            stop.set()
        return done

    environment.setattr(tick, "run", on_a_full_disk)
    loop = SendLoop(stop)
    loop.run()
    assert programs.arrived() == []
    assert {given.row(one).status for one in made} == {"pending"}
    assert {a.outcome for one in made for a in given.attempts(one)} == {"released"}
    assert given.row(made[0]).retry_count == 0


def test_a_claim_that_goes_back_while_its_connection_is_made_does_not_leave_after_all(
    database: str, programs: Programs, environment: pytest.MonkeyPatch
) -> None:
    made = given.message(given.account(rate=None))
    stop, too_late = Event(), []

    async def connecting(*_: object, before: Callable[[], Awaitable[None]]) -> Answer:
        stop.set()
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            with pytest.raises(GivenBack):
                await before()
            too_late.append(True)
            raise
        raise AssertionError("nobody stopped it")

    environment.setattr(client, "post", connecting)
    SendLoop(stop).run()
    assert too_late and programs.arrived() == []
    assert given.row(made).status == "pending"
    assert [a.outcome for a in given.attempts(made)] == ["released"]


def _claimed(account: int, count: int) -> tuple[int, list[int]]:
    """A worker that holds `count` claims; returns it and its attempts."""
    for number in range(count):
        given.message(account, to=given.recipient(number))
    worker = workers.start("loop")
    order = tick.Order(worker, due={account}, room=50)
    done = tick.run(order, installation=_installation(), sampled=lambda _: None)
    return worker, sorted(one.attempt_id for one in done.claims)


def _installation() -> str:
    with db.reading() as session:
        return str(session.execute(db.sql("SELECT id FROM installation")).scalar_one())


def _folder() -> Path:
    with db.reading() as session:
        return marks.folder_of(session)


def _outcomes(worker: int) -> list[str | None]:
    with db.reading() as session:
        found = db.sql("SELECT outcome FROM attempt WHERE worker_id = :w ORDER BY id")
        return list(session.execute(found, {"w": worker}).scalars())


def test_what_a_killed_worker_never_began_goes_back_at_once_and_the_rest_is_unknown(
    database: str,
) -> None:
    worker, attempts = _claimed(given.account(rate=None), 5)
    killed_after_marking(_folder(), worker, *attempts[:2])
    assert reap.reap() == 5 and reap.reap() == 0
    assert _outcomes(worker) == ["unknown"] * 2 + ["released"] * 3
    assert sorted(given.statuses()) == ["pending"] * 3 + ["processing"] * 2
    assert list(_folder().iterdir()) == []


def test_marks_of_another_boot_or_machine_are_not_believed_and_the_lease_decides(
    database: str, environment: pytest.MonkeyPatch, move_clock: object
) -> None:
    worker, attempts = _claimed(given.account(rate=None), 3)
    killed_after_marking(_folder(), worker, attempts[0])
    environment.setattr(workers, "boot_id", lambda: "another boot")
    assert reap.reap() == 0 and set(given.statuses()) == {"processing"}
    move_clock(timedelta(seconds=60))  # type: ignore[operator]
    assert reap.reap() == 3
    assert _outcomes(worker) == ["unknown"] * 3


def test_a_clone_on_the_same_machine_neither_reads_nor_removes_the_marks_of_the_original(
    sqlite: str, environment: pytest.MonkeyPatch, move_clock: object, tmp_path: Path
) -> None:
    worker, attempts = _claimed(given.account(rate=None), 3)
    living = Marks(_folder(), worker)
    living.mark(attempts[0])
    db.engine().dispose()
    shutil.copy(sqlite.removeprefix("sqlite:///"), tmp_path / "clone.db")
    environment.setenv("OUTBOX_DATABASE_URL", f"sqlite:///{tmp_path / 'clone.db'}")
    forget_settings()
    move_clock(timedelta(seconds=60))  # type: ignore[operator]
    assert reap.reap() == 3 and _outcomes(worker) == ["unknown"] * 3
    environment.setenv("OUTBOX_DATABASE_URL", sqlite)
    forget_settings()
    for file in living._files:
        os.close(file)  # as a kill does
    assert reap.reap() == 3 and _outcomes(worker) == ["unknown", "released", "released"]

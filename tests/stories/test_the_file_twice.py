"""A file loaded twice, and whoever loads it killed in the middle: nobody gets a message twice."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlmodel import col

from core import db, files, load_orders, operations, preflight
from core.loading import Then
from core.models import Content, Message
from core.sheets.plan import Plan, Timing
from tests import given
from tests.core.loaded import later, rows
from tests.given import ANA
from tests.processes import ROOT, Process, Programs, look
from tests.waiting import until

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(240)]
Move = Callable[[timedelta], None]
MANY = 6_000


def imported(file: Path, *more: str) -> tuple[int, str]:
    line = [sys.executable, "manage.py", "import", str(file), "--account", "Clinic", *more]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout


def people(programs: Programs) -> list[str]:
    return sorted(one["to"] for one in programs.arrived())


def test_the_same_file_loaded_twice_sends_nothing_twice(
    postgresql: str, programs: Programs, tmp_path: Path
) -> None:
    given.account("Clinic", rate=None)
    file = tmp_path / "people.csv"
    file.write_text(rows(30))
    programs.worker()
    assert imported(file) == (0, "30 messages scheduled.\n")
    until(lambda: len(programs.arrived()) == 30)
    until(lambda: set(given.statuses()) == {"sent"})
    assert imported(file) == (1, "")
    assert imported(file, "--again") == (0, "0 messages scheduled.\n")
    file.write_text(rows(30) + f"{given.recipient(99)},Hello,,\n")
    assert imported(file) == (0, "1 messages scheduled.\n")
    until(lambda: len(programs.arrived()) == 31)
    assert people(programs) == sorted(map(given.recipient, (*range(30), 99)))


def test_two_people_load_the_file_at_once_and_again_each_day_with_changes(
    database: str, tmp_path: Path
) -> None:
    given.account("Clinic", rate=None)
    file = tmp_path / "today.csv"
    file.write_text(rows(200, reference=True, at=later(hours=2)))
    with ThreadPoolExecutor() as both:
        done = list(both.map(lambda _: imported(file), range(2)))
    assert sorted(code for code, _ in done) in ([0, 0], [0, 1])
    assert sum(int(said.split()[0]) for code, said in done if code == 0) == 200
    assert _waiting() == {given.recipient(n): f"Hello {n}" for n in range(200)}

    head, *lines = rows(201, reference=True, at="").splitlines()
    lines[7] = lines[7].replace("Hello", "Sorry")
    lines[8] = lines[8].replace(given.recipient(8), given.recipient(999))
    file.write_text("\n".join([head, *lines]))
    assert imported(file) == (0, "1 messages scheduled.\n2 messages changed.\n")
    changed = {given.recipient(7): "Sorry 7", given.recipient(999): "Hello 8"}
    same = {given.recipient(n): f"Hello {n}" for n in range(201) if n != 8}
    assert _waiting() == same | changed


def _waiting() -> dict[str, str]:
    """Who is to read what; fails where somebody would read two."""
    with db.reading() as session:
        joined = select(col(Message.recipient), col(Content.text)).join(
            Content, col(Content.message_id) == col(Message.id)
        )
        going = session.execute(joined.where(col(Message.status) == "pending")).all()
    found = dict(tuple(one) for one in going)
    assert len(found) == len(going)
    return found


def _ordered() -> int:
    """A load that workers are to run, of a file that was checked here."""
    text = rows(MANY, at=later(hours=3))
    file_id = files.upload(text.encode(), name="people.csv", by=ANA)
    columns = {"recipient": "recipient", "content": "content", "when": "scheduled_at"}
    plan = Plan(1, columns, timing=Timing("column"))
    check = preflight.order(file_id, plan, by=ANA)
    look()
    until(lambda: operations.state(check).state == "finished", within=60)
    load = load_orders.order(check, name="people.csv", then=Then.RELEASE, by=ANA)
    look()
    return load


def _check_one_each() -> None:
    with db.reading() as session:
        found = session.execute(select(col(Message.recipient), col(Message.hold))).all()
    assert sorted(found) == [(given.recipient(n), None) for n in range(MANY)]


def _children(worker: Process) -> list[int]:
    found = Path(f"/proc/{worker.child.pid}/task/").glob("*/children")
    return [int(one) for path in found for one in path.read_text().split()]


def _is_under_way(load: int) -> bool:
    return 500 <= operations.state(load).done < MANY


@pytest.mark.parametrize(
    ("with_worker", "database"), [(True, "sqlite"), (False, "postgresql")], indirect=["database"]
)
def test_a_load_whose_process_is_killed_with_its_worker_or_alone_is_left_to_the_next(
    with_worker: bool, database: str, programs: Programs, move_clock: Move
) -> None:
    given.account("Clinic", rate=None)
    worker = programs.worker()
    load = _ordered()
    until(lambda: _is_under_way(load), within=90, every=0.01)
    children = _children(worker)
    if with_worker:
        worker.kill()
    for child in children:
        os.kill(child, signal.SIGKILL)
    assert operations.state(load).done < MANY and set(given.statuses()) == {"pending"}
    move_clock(timedelta(minutes=1))
    if with_worker:
        programs.worker()
    look()
    until(lambda: operations.state(load).state == "finished", within=120)
    _check_one_each()

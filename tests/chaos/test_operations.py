"""Checking, loading, correcting, releasing, pausing, following up: killed at any moment.

The worker dies, or the process of its operation, or both; SEED repeats where.
"""

import importlib
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from types import ModuleType

import pytest
from sqlalchemy import select
from sqlmodel import col

from core import correcting, db, files, following_up, load_orders, operations, preflight, steering
from core.corrections import Correction, Way
from core.following_up import Words
from core.kinds import APART, OPEN, Kind
from core.loading import Then
from core.models import Content, Message, Operation
from core.sheets.plan import Plan
from tests import given
from tests.chaos import tally
from tests.chaos.fleet import Fleet
from tests.core.loaded import rows
from tests.given import ANA
from tests.waiting import until

MANY = 2_500
OVER = operations.LEASE + timedelta(seconds=1)
WITHIN = 90  # seconds
WHOLE = ("finished", MANY)


@dataclass
class Killing:
    """One worker that is killed once during each operation, and begins anew."""

    fleet: Fleet
    chance: Random
    move_clock: Callable[[timedelta], None]
    queue: ModuleType
    kills: int = 0

    def __post_init__(self) -> None:
        self.worker = self.fleet.worker()

    def done(self, operation_id: int) -> Operation:
        """What became of an operation that was cut off somewhere, perhaps at its very end."""
        kind = Kind(operations.state(operation_id).kind)
        victims = self.chance.choice(["worker", "process", "both"] if kind in APART else ["worker"])
        most = self.chance.randrange(MANY)
        self.queue.run_operations()
        until(lambda: _is_at(operation_id, most), within=WITHIN, every=0.002)
        self._kill(victims)
        at = operations.state(operation_id)
        self.kills += 1
        print(f"{kind}: {victims} at {at.done} ({at.state})", flush=True)
        self.queue.run_operations()
        until(lambda: _has_ended(operation_id), within=WITHIN)
        return operations.state(operation_id)

    def _kill(self, victims: str) -> None:
        children = self._children()
        if victims != "process":
            self.fleet.killed.append(self.worker.kill())
        if victims != "worker":
            for one in children:
                os.kill(one, signal.SIGKILL)
        if victims == "process":
            until(lambda: not self._children(), within=WITHIN)
        self.move_clock(OVER * (self.kills + 1))
        if victims != "process":
            self.worker.start()
            self.worker.until_sending()

    def _children(self) -> list[int]:
        found = Path(f"/proc/{self.worker.pid}/task").glob("*/children")
        return [int(one) for path in found for one in path.read_text().split()]


def _is_at(operation_id: int, most: int) -> bool:
    row = operations.state(operation_id)
    return row.state not in OPEN or (row.turn > 0 and row.done + row.skipped >= most)


def _has_ended(operation_id: int) -> bool:
    return operations.state(operation_id).state not in OPEN


@pytest.fixture
def killing(
    fleet: Fleet,
    chance: Random,
    move_clock: Callable[[timedelta], None],
    monkeypatch: pytest.MonkeyPatch,
) -> Killing:
    monkeypatch.delitem(sys.modules, "tasks", raising=False)  # its queue is this test's
    return Killing(fleet, chance, move_clock, importlib.import_module("tasks"))


def said() -> Counter[str]:
    with db.reading() as session:
        texts = session.execute(select(col(Content.text))).scalars()
        return Counter(text.rstrip(" 0123456789") for text in texts)


def holds() -> Counter[str | None]:
    with db.reading() as session:
        waits = select(col(Message.hold)).where(col(Message.status) == "pending")
        return Counter(session.execute(waits).scalars())


def finished(row: Operation) -> tuple[str, int]:
    assert row.error is None
    return row.state, row.done


def loaded(killing: Killing) -> int:
    """A batch of messages that were checked and stored, held."""
    columns = {"recipient": "recipient", "content": "content"}
    file_id = files.upload(rows(MANY).encode(), name="people.csv", by=ANA)
    check = killing.done(preflight.order(file_id, Plan(1, columns), by=ANA))
    assert check.result["good"] == MANY
    load = killing.done(load_orders.order(check.id, name="May", then=Then.HOLD, by=ANA))
    assert finished(load) == WHOLE and load.batch_id and holds() == {"batch": MANY}
    return load.batch_id


def corrected(killing: Killing, batch_id: int) -> None:
    """Done twice it would say it four times."""
    doubled = Correction(Way.REPLACE, find="Hello", put="Hello, Hello")
    first = killing.done(correcting.correct(batch_id, doubled, by=ANA))
    assert finished(first) == WHOLE and said() == {"Hello, Hello": MANY}
    assert finished(killing.done(operations.undo(first.id, by=ANA))) == WHOLE
    assert said() == {"Hello": MANY}


def released(killing: Killing, batch_id: int) -> None:
    """Let go, paused and resumed while it sends."""
    release = killing.done(steering.release(batch_id, by=ANA))
    assert release.state == "finished" and holds()["batch"] == 0
    paused = steering.pause(batch_id, by=ANA)
    assert paused and killing.done(paused).state == "finished"
    until(lambda: not holds()[None], within=WITHIN)  # what a kill gave back, a claim holds
    resumed = steering.resume(batch_id, by=ANA)
    assert resumed and killing.done(resumed).state == "finished"
    tally.until_quiet()


def followed_up(killing: Killing, batch_id: int) -> int:
    """How many are sent a correction: those who got the old words."""
    made = correcting.correct(batch_id, Correction(Way.REPLACE, find="Hello", put="Bye"), by=ANA)
    killing.done(made)
    new = following_up.send_correction(batch_id, made, Words(text="Bye, sorry"), by=ANA)
    [operation] = operations.of(ANA, {Kind.FOLLOW_UP}, since=operations.state(made).created_at)
    row = killing.done(operation.id)
    assert row.state == "finished" and row.batch_id == new
    assert said() == {"Hello": MANY, "Bye, sorry": row.done} and holds() == {"batch": row.done}
    return row.done


@pytest.mark.timeout(400)
def test_each_operation_that_is_cut_off_is_taken_up_and_does_nothing_twice(
    killing: Killing,
) -> None:
    given.account("Clinic", rate=None)
    batch_id = loaded(killing)
    corrected(killing, batch_id)
    released(killing, batch_id)
    more = followed_up(killing, batch_id)
    in_flight = killing.fleet.in_flight()
    assert MANY - len(in_flight) <= more <= MANY
    ledger = killing.fleet.programs.folder / "data" / "sandbox.jsonl"
    tally.reckon(ledger, scheduled=MANY + more).check(in_flight=in_flight)

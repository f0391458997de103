"""Processes of operations: how each ends, and what becomes of its operation. They are real ones."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from core import apart, db, exporting, leasing, operations
from core.access import Actor, Role
from core.apart import End
from core.choosing import Choice
from core.export import Order
from core.kinds import CHANGING, Kind
from core.models import Operation
from tests import given
from tests.core import batched, stored
from tests.waiting import until

pytestmark = pytest.mark.chaos  # it kills real processes

Move = Callable[[timedelta], None]
Child = subprocess.Popen[bytes]
WITHIN = 30  # seconds in which a process of Python begins and ends, on a busy machine
OVER = operations.LEASE + timedelta(seconds=1)


def begun(count: int = 1) -> int:
    """An export of so many messages, which nobody has taken yet."""
    stored.exportable(count)
    return exporting.begin(Order(), by=given.ANA)


def child(mine: leasing.Taken | None, *, writes: bool = True) -> Child:
    """A process for what was taken, as a worker starts it; or one whose disk is full."""
    assert mine

    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    line = [sys.executable, "-m", "core.apart", str(mine.id), str(mine.turn)]
    return subprocess.Popen(line, preexec_fn=None if writes else full)


def is_under_way(operation_id: int) -> bool:
    return operations.state(operation_id).done > 0


def tally(operation_id: int) -> tuple[str, int, str | None]:
    row = operations.state(operation_id)
    return row.state, row.turn, row.error


def test_one_that_ends_well_says_so(database: str) -> None:
    one = begun()
    assert child(leasing.take()).wait(WITHIN) == End.FINISHED
    assert tally(one) == ("finished", 1, None)


def test_a_fault_of_ours_fails_its_operation(sqlite: str) -> None:
    one = operations.create(Kind.EXPORT, Choice(), by=given.ANA)  # of nothing
    assert apart.run_waiting(Event()) == 1
    assert tally(one) == ("failed", 1, "an error of ours (KeyError)")


def test_one_that_cannot_even_begin_fails_its_operation(
    sqlite: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = begun()
    monkeypatch.setattr(sys, "executable", "/usr/bin/false")
    assert apart.run_waiting(Event()) == 1
    assert tally(one) == ("failed", 1, "its process ended before its time")


def test_a_full_disk_leaves_it_to_the_next_when_the_lease_has_ended(
    sqlite: str, move_clock: Move
) -> None:
    one, mine = begun(), leasing.take()
    full = child(mine, writes=False)
    assert full.wait(WITHIN) == End.DATABASE
    assert mine
    apart._settle(mine, full.returncode)
    assert tally(one) == ("running", 1, None) and apart.run_waiting(Event()) == 0
    move_clock(OVER)
    assert apart.run_waiting(Event()) == 1 and tally(one) == ("finished", 2, None)


def _cut_off_who_waits() -> bool:
    with db.writing() as session:
        waits = db.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        )
        return bool(session.execute(waits).all())


def test_a_server_that_is_gone_leaves_it_to_the_next_and_counts_as_no_death(
    postgresql: str, move_clock: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leasing, "MOST_LOST", 1)
    one, mine = begun(), leasing.take()
    with db.writing() as session:
        db.lock(session, "operation", [one])
        cut_off = child(mine)
        until(_cut_off_who_waits, within=WITHIN)
    assert cut_off.wait(WITHIN) == End.DATABASE
    assert tally(one) == ("queued", 1, None) and apart.run_waiting(Event()) == 0
    move_clock(OVER)
    assert apart.run_waiting(Event()) == 1 and tally(one) == ("finished", 2, None)


def test_one_that_is_called_off_and_one_that_is_stopped_say_so(sqlite: str) -> None:
    one = begun(20_000)
    called_off = child(leasing.take())
    until(lambda: is_under_way(one), within=WITHIN)
    operations.cancel(one, by=given.ANA)
    assert called_off.wait(WITHIN) == End.CANCELLED and tally(one)[0] == "cancelled"
    two = exporting.begin(Order(), by=given.ANA)
    stopped = child(leasing.take())
    until(lambda: is_under_way(two), within=WITHIN)
    stopped.terminate()
    assert stopped.wait(WITHIN) == End.STOPPED and tally(two)[0] == "queued"


def test_one_whose_turn_is_over_neither_writes_nor_fails_what_another_has(
    database: str, move_clock: Move
) -> None:
    one, late = begun(), leasing.take()
    move_clock(OVER)
    assert leasing.take() and late
    assert child(late).wait(WITHIN) == End.LOST
    for code in End:
        apart._settle(late, code)
    apart._settle(late, -signal.SIGKILL)
    assert tally(one) == ("running", 2, None) and not is_under_way(one)


def the_child() -> int | None:
    """The process of an operation, among whatever else this one has started."""
    tasks = Path("/proc/self/task").iterdir()
    children = [pid for task in tasks for pid in (task / "children").read_text().split()]
    ours = [one for one in children if b"core.apart" in Path(f"/proc/{one}/cmdline").read_bytes()]
    return int(ours[0]) if ours else None


def killed_at_work(one: int) -> Operation:
    """What a worker leaves whose process is killed when it has written something."""
    turn = operations.state(one).turn
    worker = Thread(target=apart.run_waiting, args=(Event(),))
    worker.start()
    until(lambda: operations.state(one).turn > turn and is_under_way(one), within=WITHIN)
    os.kill(until(the_child), signal.SIGKILL)
    worker.join()
    return operations.state(one)


def test_a_killed_one_is_left_to_the_next_but_not_for_ever(
    sqlite: str, move_clock: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leasing, "MOST_LOST", 2)
    one = begun(20_000)
    for number in (1, 2):
        row = killed_at_work(one)
        assert (row.state, row.turn, row.error) == ("running", number, None)
        assert apart.run_waiting(Event()) == 0
        move_clock(OVER * number)
    assert apart.run_waiting(Event()) == 0
    assert tally(one) == ("failed", 2, leasing.GAVE_UP)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> list[Child]:
    """The processes of corrections, which take as long as the test does; others run as they are."""
    children: list[Child] = []
    started = apart._started

    def start(mine: leasing.Taken) -> Child:
        if mine.kind is not Kind.CORRECT:
            return started(mine)
        children.append(subprocess.Popen(["sleep", "60"]))
        return children[-1]

    monkeypatch.setattr(apart, "_started", start)
    return children


def test_what_only_reads_waits_for_nothing_that_changes_messages(
    sqlite: str, slow: list[Child]
) -> None:
    export, stop, more, ended = begun(), Event(), Event(), Event()
    batches = [batched.batch(1, [{}])[0] for _ in range(2)]
    first, second = (
        operations.create(Kind.CORRECT, Choice(batch_id=one), batch_id=one, by=given.ANA)
        for one in batches
    )
    worker = Thread(target=apart.run_waiting, args=(stop, more, ended.set))
    worker.start()
    until(lambda: tally(export)[0] == "finished", within=WITHIN)
    until(ended.is_set, within=WITHIN)
    later = exporting.begin(Order(), by=given.ANA)
    more.set()  # as the task does, for whom there is no place
    until(lambda: tally(later)[0] == "finished", within=WITHIN)
    assert (tally(first)[0], tally(second)[0]) == ("running", "queued")
    slow[0].kill()
    until(lambda: tally(second)[0] == "running", within=WITHIN)
    stop.set()
    worker.join()
    assert [one.poll() for one in slow] == [-signal.SIGKILL, -signal.SIGTERM]


def test_nobody_waits_for_all_that_others_have_asked_for(database: str, move_clock: Move) -> None:
    ana, olga, pat = (Actor(name, Role.OPERATOR) for name in ("ana", "olga", "pat"))
    asked = [ana, ana, ana, olga, olga, pat]
    ids = [operations.create(Kind.EXPORT, Choice(), by=who) for who in asked]
    taken = []
    while mine := leasing.take({Kind.EXPORT}, fair=True):
        taken.append(ids.index(mine.id))
        move_clock(timedelta(seconds=len(taken)))
    assert taken == [0, 3, 5, 1, 4, 2]


def test_a_correction_waits_for_that_of_the_same_batch_before_it_though_its_process_was_killed(
    database: str, move_clock: Move
) -> None:
    one, _ = batched.batch(given.account(), [{}])
    two, _ = batched.batch(1, [{}])
    first, second, other = (
        operations.create(Kind.CORRECT, Choice(batch_id=batch), by=given.ANA, batch_id=batch)
        for batch in (one, one, two)
    )
    taken = [leasing.take(CHANGING) for _ in range(3)]
    assert [mine and mine.id for mine in taken] == [first, other, None]
    move_clock(operations.LEASE + timedelta(seconds=1))
    again = leasing.take(CHANGING)
    assert again and again.id == first
    with db.writing() as session:
        leasing.progress(session, again, ended=True)
    then = leasing.take(CHANGING)
    assert then and then.id in (second, other)


def test_while_the_database_gives_nothing_out_what_is_under_way_goes_on(
    sqlite: str, slow: list[Child], monkeypatch: pytest.MonkeyPatch
) -> None:
    operations.create(Kind.CORRECT, Choice(), by=given.ANA)
    stop, more, take = Event(), Event(), leasing.take
    worker = Thread(target=apart.run_waiting, args=(stop, more))
    worker.start()
    until(lambda: slow, within=WITHIN)
    refused = Event()

    def locked(*_: Any, **__: Any) -> None:
        refused.set()
        raise OperationalError("take", None, Exception("database is locked"))

    with monkeypatch.context() as broken:
        broken.setattr(leasing, "take", locked)
        more.set()
        until(refused.is_set, within=WITHIN)
    assert leasing.take is take and slow[0].poll() is None and worker.is_alive()
    export = begun()
    more.set()
    until(lambda: tally(export)[0] == "finished", within=WITHIN)
    stop.set()
    worker.join()


def test_where_one_cannot_be_begun_or_told_of_its_end_what_is_under_way_goes_on(
    sqlite: str, slow: list[Child], monkeypatch: pytest.MonkeyPatch
) -> None:
    correct = operations.create(Kind.CORRECT, Choice(), by=given.ANA)
    begin, failing, tried = apart._started, begun(), []

    def start(mine: leasing.Taken) -> Child:
        if mine.id == failing:
            return subprocess.Popen(["false"])
        if mine.id != correct and not tried:
            tried.append(mine.id)
            raise BlockingIOError("no memory")
        return begin(mine)

    def locked(*_: Any) -> None:
        raise OperationalError("fail", None, Exception("database is locked"))

    monkeypatch.setattr(apart, "_started", start)
    monkeypatch.setattr(leasing, "fail", locked)
    second, third = (exporting.begin(Order(), by=given.ANA) for _ in range(2))
    stop, more = Event(), Event()
    worker = Thread(target=apart.run_waiting, args=(stop, more))
    worker.start()
    until(lambda: tried == [second], within=WITHIN)
    more.set()
    until(lambda: tally(third)[0] == "finished", within=WITHIN)
    assert slow[0].poll() is None and worker.is_alive()
    stop.set()
    worker.join()


def test_who_gets_further_each_time_may_die_as_often_as_it_likes(
    database: str, move_clock: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leasing, "MOST_LOST", 2)
    stored.messages(stored.account(), [{}] * 3)
    one = operations.create(Kind.HOLD, Choice(), by=given.ANA)
    for number in (1, 2, 3):
        mine = leasing.take()
        assert mine
        with db.writing() as session:
            held = leasing.renew(session, mine)
            assert held
            further = leasing.Taken(**(vars(held) | {"after": number}))
            leasing.progress(session, further, ended=False)
        move_clock(OVER * number)
    assert leasing.take() and tally(one) == ("running", 4, None)

"""What a worker leaves when it stops, is killed, is taken for dead, or loses its database."""

import signal
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from threading import Event
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlmodel import col

from core import db, workers
from core.models import Attempt, Worker
from core.scan import scan
from core.sending import marks, reap, tick
from core.sending.loop import SendLoop
from tests import given
from tests.processes import Programs
from tests.waiting import until

Move = Callable[[timedelta], None]
MAGIC = "+447700900"


def test_a_lost_answer_to_commit_leaves_nothing_claimed_and_sends_everything_once(
    database: str, programs: Programs, environment: pytest.MonkeyPatch
) -> None:
    account = given.account(rate=None)
    made = [given.message(account, to=given.recipient(n)) for n in range(30)]
    real, lost = tick.run, []

    def lossy(order: tick.Order, **rest: Any) -> tick.Done:
        done = real(order, **rest)
        if done.claims and not lost:
            lost.append(len(done.claims))
            raise OperationalError("COMMIT", {}, ConnectionError("no answer"))
        return done

    environment.setattr(tick, "run", lossy)
    SendLoop(Event(), until_idle=True).run()

    assert lost and set(given.statuses()) == {"sent"}
    assert len({one["to"] for one in programs.arrived()}) == len(programs.arrived()) == 30
    assert "released" in {a.outcome for one in made for a in given.attempts(one)}


def test_a_worker_that_was_taken_for_dead_starts_anew_and_nothing_leaves_twice(
    database: str, programs: Programs, environment: pytest.MonkeyPatch
) -> None:
    account = given.account(rate=2)
    for number in range(4):
        given.message(account, to=given.recipient(number))
    real, forgotten = tick.run, []

    def forgetting(order: tick.Order, **rest: Any) -> tick.Done:
        if order.renew and not forgotten and "sent" in given.statuses():
            forgotten.append(order.worker_id)
            workers.end(order.worker_id)
            reap.reap()
        return real(order, **rest)

    environment.setattr(tick, "run", forgetting)
    loop = SendLoop(Event(), until_idle=True)
    loop.run()

    assert forgotten and loop.worker_id != forgotten[0]
    arrived = [one["to"] for one in programs.arrived()]
    assert len(arrived) == len(set(arrived))
    unknown = [s for s in given.statuses() if s == "processing"]
    assert given.statuses().count("sent") + len(unknown) == 4


@pytest.mark.chaos
def test_what_a_killed_worker_was_posting_is_unknown_and_the_rest_leaves_once(
    database: str, programs: Programs, move_clock: Move
) -> None:
    hanging = [given.message(given.account(name=f"H{n}", rate=20), to=MAGIC + "304") for n in "ab"]
    rest = given.account(rate=2)
    waiting = [given.message(rest, to=given.recipient(n)) for n in range(4)]
    first = programs.worker()
    until(lambda: sum(one["to"] == MAGIC + "304" for one in programs.arrived()) == 2)
    first.kill()
    move_clock(timedelta(seconds=60))
    scan()
    unknown = given.row(hanging[0])
    assert (unknown.status, unknown.worker_id) == ("processing", None)
    assert unknown.unconfirmed_since is not None and _workers() == []

    programs.worker()
    until(lambda: all(_ended(one) for one in waiting))
    arrived = [one["to"] for one in programs.arrived()]
    assert len(arrived) == len(set(arrived)) + 1  # the two hanging ones share a recipient
    scan()
    assert len(given.attempts(hanging[0])) == 1


def _ended(message_id: int) -> bool:
    row = given.row(message_id)
    return row.status == "sent" or row.unconfirmed_since is not None


def _workers() -> list[int]:
    with db.reading() as session:
        return list(session.execute(select(col(Worker.id))).scalars())


@pytest.mark.chaos
@pytest.mark.parametrize("wanted", [signal.SIGTERM])
def test_a_stop_returns_what_was_not_posted_and_ends_within_four_seconds(
    database: str, programs: Programs, wanted: signal.Signals
) -> None:
    hanging = given.message(given.account(name="Hanging", rate=20), to=MAGIC + "304")
    slow = given.account(rate=1)
    queued = [given.message(slow, to=given.recipient(n)) for n in range(10)]
    worker = programs.worker()
    until(lambda: any(one["to"] == MAGIC + "304" for one in programs.arrived()))
    until(lambda: "sent" in given.statuses())

    assert worker.stop(within=4) == 0

    row = given.row(hanging)
    assert row.status == "processing" and row.unconfirmed_since is not None
    assert {given.row(one).status for one in queued} <= {"sent", "pending"}
    assert _open_attempts() == 0 and _workers() == []
    with db.reading() as session:
        assert list(marks.folder_of(session).iterdir()) == []
    assert len(programs.arrived()) == given.statuses().count("sent") + 1


def _open_attempts() -> int:
    with db.reading() as session:
        found = select(col(Attempt.id)).where(col(Attempt.outcome).is_(None))
        return len(session.execute(found).all())


@pytest.mark.chaos
def test_after_ten_minutes_without_a_worker_all_leaves_once_in_order_at_the_rate(
    database: str, programs: Programs, move_clock: Move
) -> None:
    account = given.account(rate=5)
    worker = programs.worker()
    order = [6, 8, 5.5, 7, 9]
    made = {
        m: given.message(account, to=given.recipient(int(m * 2)), when=given.in_(minutes=m))
        for m in order
    }
    worker.stop()
    move_clock(timedelta(minutes=10))
    programs.worker()
    arrived = until(lambda: programs.arrived() if len(programs.arrived()) == 5 else [])
    until(lambda: given.statuses() == ["sent"] * 5)
    assert [one["id"] for one in arrived] == [
        given.row(made[m]).meta_message_id for m in sorted(order)
    ]
    times = [given.arrival(one) for one in arrived]
    assert min(b - a for a, b in pairwise(times)) > 0.15

"""A worker that renews itself: asked by a person, in the middle of sending."""

import pytest
from sqlmodel import select

from core import db, workers
from core.models import Worker
from tests import given
from tests.processes import BIN, Programs
from tests.waiting import until

pytestmark = pytest.mark.chaos
OPTIONS = ("tasks.huey", "-k", "thread", "-w", "4", "-g", "TERM", "-m", "0.5")
# Its first start, not the one that follows, takes a worker for settled at once.
IMPATIENT = f"""
import datetime, sys
from core import renewing
from huey.bin.huey_consumer import consumer_main

renewing.SETTLED = datetime.timedelta()
sys.argv[0] = {str(BIN / "huey_consumer")!r}
consumer_main()
"""
LOOK = "import tasks; tasks.scan_due()"  # what comes by itself each minute


def loops() -> list[tuple[int, int]]:
    """The living send loops: id and pid."""
    with db.reading() as session:
        return [(one.id, one.pid) for one in session.exec(select(Worker))]


def test_it_goes_on_with_the_same_pid_as_a_new_loop_and_nothing_is_lost_or_sent_twice(
    sqlite: str, programs: Programs
) -> None:
    account = given.account(rate=20)
    made: list[int] = []

    def give(count: int) -> None:
        """However long a renewal takes on a full machine, it comes in the middle of sending."""
        first = len(made)
        for number in range(first, first + count):
            made.append(given.message(account, to=given.recipient(number)))

    give(60)
    worker = programs.worker()
    until(lambda: len(programs.arrived()) >= 3)
    [(first, pid)] = loops()
    workers.ask_renewal(by=given.ANA)
    programs.start("look", "python", "-c", LOOK)

    def renewed() -> bool:
        give(2)
        return any(one != first for one, _ in loops())

    until(renewed, within=60, every=0.1)
    assert len(programs.arrived()) < len(made)
    until(lambda: set(given.statuses()) == {"sent"}, within=60)
    [(second, same)] = loops()
    assert second > first and same == pid == worker.child.pid
    texts = [one["biz_opaque_callback_data"] for one in programs.arrived()]
    assert len(texts) == len(set(texts)) == len(made)
    assert "the worker renews itself: a person asked for it" in worker.said()
    assert worker.stop() == 0


def test_one_that_is_larger_than_it_may_be_renews_itself_but_not_before_it_has_settled(
    database: str, programs: Programs
) -> None:
    """A limit below what every worker needs had it end each second, and hardly ever send."""
    account = given.account(rate=20)
    for number in range(20):
        given.message(account, to=given.recipient(number))
    line = ("python", "-c", IMPATIENT, *OPTIONS)
    worker = programs.start("worker", *line, OUTBOX_WORKER_MAX_MEGABYTES="1")
    until(lambda: set(given.statuses()) == {"sent"}, within=20)
    until(lambda: worker.said().count("core.sending.loop  send loop") >= 3, within=20)
    assert worker.said().count("the worker renews itself: it has grown to") == 1
    assert len({one["to"] for one in programs.arrived()}) == len(programs.arrived()) == 20
    assert worker.stop() == 0

"""A worker that renews itself: asked by a person, in the middle of sending."""

from sqlmodel import select

from core import db, workers
from core.models import Worker
from tests import given
from tests.processes import Programs
from tests.waiting import until

LOOK = "import tasks; tasks.scan_due()"  # what comes by itself each minute


def loops() -> list[tuple[int, int]]:
    """The living send loops: id and pid."""
    with db.reading() as session:
        return [(one.id, one.pid) for one in session.exec(select(Worker))]


def test_it_goes_on_with_the_same_pid_as_a_new_loop_and_nothing_is_lost_or_sent_twice(
    sqlite: str, programs: Programs
) -> None:
    account = given.account(rate=20)
    made = [given.message(account, to=given.recipient(number)) for number in range(60)]
    worker = programs.worker()
    until(lambda: len(programs.arrived()) >= 3)
    [(first, pid)] = loops()
    workers.ask_renewal(by=given.ANA)
    programs.start("look", "python", "-c", LOOK)
    until(lambda: loops() and loops()[0][0] != first, within=20)
    assert len(programs.arrived()) < len(made)
    until(lambda: set(given.statuses()) == {"sent"}, within=20)
    [(second, same)] = loops()
    assert second > first and same == pid == worker.child.pid
    texts = [one["biz_opaque_callback_data"] for one in programs.arrived()]
    assert len(texts) == len(set(texts)) == len(made)
    assert "the worker renews itself: a person asked for it" in worker.said()
    assert worker.stop() == 0

"""A wrong text, seen while it leaves: stopped, corrected where it waits, made good elsewhere."""

from collections import defaultdict
from datetime import timedelta
from threading import Event

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from core import apart, batch_reports, correcting, db, following_up, operations, steering, verify
from core.batch_reports import Whole
from core.corrections import Correction, Way
from core.following_up import Words
from core.models import Attempt
from tests import given
from tests.core.batched import batch, work
from tests.given import ANA
from tests.processes import Programs
from tests.waiting import until

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(180)]
MANY = 1_200
WRONG, RIGHT, SORRY = "See you on Monday.", "See you on Tuesday.", "Tuesday, sorry!"
OTHER = "Your results are there."  # of every fifth, and right


def whole(batch_id: int) -> Whole:
    found = batch_reports.one(batch_id)
    assert found
    return found


def read(programs: Programs) -> dict[str, list[str]]:
    """Who got what, in order."""
    found = defaultdict(list)
    for one in programs.arrived():
        found[one["to"]].append(one["text"])
    return found


def worked(operation_id: int | None) -> None:
    """Have it carried out, here or by the worker."""
    until(lambda: _is_over(operation_id or 0), within=60)


def _is_over(operation_id: int) -> bool:
    work()
    apart.run_waiting(Event())
    return operations.state(operation_id).state == "finished"


def stopped(batch_id: int) -> Whole:
    """Paused; what had been claimed before has left."""
    steering.pause(batch_id, by=ANA)
    return until(lambda: _if_nothing_is_in_flight(whole(batch_id)), within=30)


def _if_nothing_is_in_flight(now: Whole) -> Whole | None:
    return now if now.progress.open == now.progress.waiting else None


def test_who_got_the_wrong_text_gets_a_correction_and_everybody_else_the_right_text(
    sqlite: str, programs: Programs
) -> None:
    account = given.account(rate=150)
    with db.reading() as session:
        now = db.now(session)
    texts = [WRONG if number % 5 else OTHER for number in range(MANY)]
    batch_id, _ = batch(account, [{"due_at": now, "text": text} for text in texts])
    programs.worker()
    released = steering.release(batch_id, by=ANA)
    worked(released)
    until(lambda: whole(batch_id).progress.left >= 100, within=60)

    paused = stopped(batch_id)
    early = read(programs)
    with db.reading() as session:
        last = session.execute(select(func.max(col(Attempt.claimed_at)))).scalar_one()
    assert paused.batch.paused_at and last < paused.batch.paused_at + timedelta(seconds=1)
    assert 100 <= len(early) < MANY
    wanted = Correction(Way.REPLACE, find="Monday", put="Tuesday")
    corrected = correcting.correct(batch_id, wanted, by=ANA)
    worked(corrected)
    assert read(programs) == early
    new = following_up.send_correction(batch_id, corrected, Words(text=SORRY), by=ANA)
    until(lambda: apart.run_waiting(Event()) or whole(new).state == "held", within=60)
    worked(steering.resume(batch_id, by=ANA))
    worked(steering.release(new, by=ANA))
    until(lambda: whole(batch_id).state == whole(new).state == "finished", within=90)

    gone = {to for to, texts in early.items() if texts == [WRONG]}
    assert (whole(new).progress.left, whole(batch_id).progress.left) == (len(gone), MANY)
    right = [OTHER if text == OTHER else RIGHT for text in texts]
    ends = {given.recipient(number): [text] for number, text in enumerate(right)}
    assert read(programs) == ends | {to: [WRONG, SORRY] for to in gone}
    assert [one.kind for one in verify.violations()] == []

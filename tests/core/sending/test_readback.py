"""After an error nobody knows what was committed: it is read back, and results settled again."""

from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from core import db, verify
from core.sending import attempts, tick
from core.sending.loop import SendLoop
from core.sending.results import Result
from core.sending.settle import settle
from core.settings import settings
from tests import given
from tests.processes import Programs

MAGIC = "+447700900"
LOST = OperationalError("COMMIT", {}, ConnectionError("no answer"))


def test_what_others_closed_meanwhile_is_not_posted_and_results_are_settled_again_but_once(
    database: str, programs: Programs, environment: pytest.MonkeyPatch
) -> None:
    account = given.account(rate=None)
    refused = given.message(account, to=MAGIC + "101", priority=0)
    waiting = given.message(account, to=given.recipient(1))
    real, settled = tick.run, []

    def lossy(order: tick.Order, **rest: Any) -> tick.Done:
        done = real(order, **rest)
        for claim in done.claims:
            if claim.message_id == waiting and not settled:
                claim.slot_at += timedelta(seconds=2)  # it is in memory, and not posted for long
        if any(one.claim.message_id == refused for one in order.results):
            settled.append(order.read_back)
            if len(settled) == 1:
                _given_back_by_others(waiting)
                raise LOST
        return done

    environment.setattr(tick, "run", lossy)
    for _ in range(2):  # the first may have nothing to do before it looks again
        SendLoop(Event(), until_idle=True).run()
    assert settled == [False, True]
    assert [one.outcome for one in given.attempts(waiting)] == ["released", "accepted"]
    assert [one["to"] for one in programs.arrived()] == [given.recipient(1)]
    row = given.row(refused)
    assert (row.status, row.retry_count, len(given.attempts(refused))) == ("pending", 1, 1)
    assert list(verify.violations()) == []


def _given_back_by_others(message_id: int) -> None:
    """As a scan of another machine does that takes this worker for dead."""
    [attempt] = given.attempts(message_id)
    with db.writing() as session:
        now = db.now(session)
        claim = attempts.stray(attempt.id, message_id, attempt.worker_id, now)
        settle(session, [Result(claim, None, None, now)], now=now, delays=settings().retry_delays)


@pytest.mark.parametrize(("digits", "outcome"), [("301", "unknown"), ("141", "recipient")])
def test_a_result_whose_tick_failed_is_not_taken_for_a_claim_that_nobody_knows(
    database: str,
    programs: Programs,
    environment: pytest.MonkeyPatch,
    digits: str,
    outcome: str,
) -> None:
    """Else it would be given back as never posted, and leave once more."""
    made = given.message(given.account(rate=None), to=MAGIC + digits)
    real, failed = tick.run, []

    def failing(order: tick.Order, **rest: Any) -> tick.Done:
        if order.results and not failed:
            failed.append(True)
            raise LOST
        return real(order, **rest)

    environment.setattr(tick, "run", failing)
    SendLoop(Event(), until_idle=True).run()
    assert failed and [one.outcome for one in given.attempts(made)] == [outcome]

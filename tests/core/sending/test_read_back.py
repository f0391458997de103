"""After a tick that failed: what is known in memory is neither given back nor sent again."""

from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from core import db, verify
from core.meta.answers import Answer, unknown
from core.meta.codes import classify
from core.sending import attempts, tick
from core.sending.loop import SendLoop
from core.sending.posting import Posting
from core.sending.results import Result
from core.sending.settle import settle
from core.settings import settings
from tests import given
from tests.core.sending.ticking import Ticks
from tests.processes import Programs

MAGIC = "+447700900"
LOST = OperationalError("COMMIT", {}, ConnectionError("no answer"))


def _posting() -> Posting:
    posts = Posting.__new__(Posting)
    posts.claims, posts.results = {}, []
    return posts


def test_a_result_that_waits_while_a_tick_fails_is_settled_as_what_it_was(database: str) -> None:
    """It was taken for a lost claim, given back, and sent a second time."""
    ticks, orders = Ticks(), given.account(rate=None)
    lost, refused = given.message(orders), given.message(orders, to=given.recipient(1))
    claims = {one.message_id: one for one in ticks.run(orders, lead=0.1).claims}
    with db.reading() as session:
        now = db.now(session)
    posts = _posting()
    posts.results = [
        Result(claims[lost], unknown("no answer after the request was written"), now, now),
        Result(claims[refused], Answer(classify(131026), code=131026, text="not there"), now, now),
    ]
    # The tick that had them has failed: the next one reads back first.
    done = ticks.run(orders, results=posts.results, held=posts.held, read_back=True)
    assert done.claims == []
    assert [a.outcome for a in given.attempts(lost)] == ["unknown"]
    assert (given.row(lost).status, given.row(lost).error_class) == ("processing", "unknown")
    assert [a.outcome for a in given.attempts(refused)] == ["recipient"]
    assert given.row(refused).status == "failed"


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

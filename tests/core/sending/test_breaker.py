"""The breaker: when it opens, what it lets through, and what a message loses by it (nothing)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest
from sqlalchemy import select
from sqlmodel import col

from core import db
from core.meta.answers import Answer, read, unknown, unreached
from core.models import Pace, Worker
from core.sending import breaker
from core.sending.breaker import Breaker
from core.sending.loop import SendLoop
from tests import given
from tests.processes import Programs
from tests.waiting import until

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
OK = Answer(None, wamid="wamid.1", http_status=200)
REFUSED = read(400, b'{"error": {"code": 131026}}')
BUSY = read(503, b'{"error": {"code": 131016}}')


def fed(*answers: Answer, recipients: int = 20) -> Breaker:
    made = Breaker()
    for number, answer in enumerate(answers):
        made.saw(answer, given.recipient(number % recipients), NOW)
    return made


@pytest.mark.parametrize("answer", [unreached("refused"), unknown("HTTP 502", 502), BUSY])
def test_five_failures_in_a_row_open_it_and_four_do_not(answer: Answer) -> None:
    assert fed(*[answer] * 4).open_since is None
    assert fed(*[answer] * 5).open_since == NOW
    assert fed(*[answer] * 4, OK, *[answer] * 4).open_since is None


def test_half_of_the_last_twenty_open_it_but_never_one_bad_recipient_alone() -> None:
    pairs = [OK, unknown("HTTP 500", 500)] * 10
    assert fed(*pairs).open_since == NOW
    assert fed(*pairs, recipients=2).open_since is None
    assert fed(*[OK, OK, unknown("HTTP 500", 500)] * 10).open_since is None


def test_a_refusal_for_a_reason_is_an_answer() -> None:
    assert fed(*[REFUSED] * 40).open_since is None
    angry = read(500, b'{"error": {"code": 131057}}')  # the account's own trouble
    assert fed(*[angry] * 40).open_since is None


def test_while_it_is_open_one_message_asks_every_fifteen_seconds_and_an_answer_closes_it() -> None:
    made = fed(*[unreached("refused")] * 5)
    later = NOW + breaker.PROBE_EVERY
    assert made.places(500, NOW) == made.places(500, later - timedelta(seconds=1)) == 0
    assert made.places(500, later) == 1 and made.places(0, later) == 0
    made.probing(later)
    assert made.places(500, later) == 0
    made.saw(unreached("refused"), given.recipient(), later)
    assert made.places(500, later + breaker.PROBE_EVERY) == 1
    made.saw(OK, given.recipient(), later)
    assert made.open_since is None and made.places(500, later) == 500


def test_an_api_that_refuses_connections_costs_no_retry_and_all_leaves_when_it_is_back(
    database: str, programs: Programs, environment: pytest.MonkeyPatch
) -> None:
    environment.setattr(breaker, "PROBE_EVERY", timedelta(seconds=1))
    environment.setattr("core.retry.UNREACHED_WAIT", timedelta(seconds=0.2))
    environment.setattr("core.lateness.late_after", lambda seconds: timedelta(0))
    made = [
        given.message(given.account(name=f"A{n}", rate=20), to=given.recipient(n))
        for n in range(12)
    ]
    sandbox = programs.running[0]
    port = int(programs.api.rpartition(":")[2])
    sandbox.kill()

    def back_when_open() -> bool:
        told = _unreached_since()
        if told and sandbox.child.returncode is not None and not back:
            back.append(programs.sandbox(port))
        return set(given.statuses()) == {"sent"}

    back: list[object] = []
    _run_until(back_when_open)
    assert back and len(programs.arrived()) == 12
    assert {given.row(one).retry_count for one in made} == {0}
    with db.reading() as session:  # it may make late what waited
        assert None not in session.execute(select(col(Pace.ready_since))).scalars().all()
    tried = [a for one in made for a in given.attempts(one)]
    assert {a.outcome for a in tried} <= {"unreached", "released", "accepted"}
    assert sum(a.outcome == "unreached" for a in tried) < 12 + 10  # a few, then one a second


def _unreached_since() -> datetime | None:
    with db.reading() as session:
        return session.execute(select(col(Worker.unreached_since))).scalar()


def _run_until(met: Callable[[], bool]) -> None:
    """Run a loop in this process until a condition holds that is asked meanwhile."""
    from threading import Thread

    stop = Event()
    loop = Thread(target=SendLoop(stop).run)
    loop.start()
    try:
        until(met, within=30, every=0.2)
    finally:
        stop.set()
        loop.join(20)

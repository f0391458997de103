"""On time: what is for now leaves now, what is for later leaves at its minute."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis import Redis

from core import db
from tests import given
from tests.processes import BIN, Programs
from tests.waiting import until

pytestmark = [pytest.mark.chaos, pytest.mark.alone]
Move = Callable[[timedelta], None]
A_LOST_WAKE = 2.0  # seconds: the loop looks by itself once a second


def _by_command(programs: Programs, *line: str) -> str:
    """Another process than the worker's, as an operator at a terminal."""
    done = programs.start("command", str(BIN / "python"), "manage.py", *line)
    assert done.child.wait(30) == 0, done.said()
    return done.said()


def test_a_message_for_now_leaves_within_two_seconds_on_the_embedded_queue(
    sqlite: str, programs: Programs
) -> None:
    _leaves_at_once(programs)


def test_a_message_for_now_leaves_within_two_seconds_on_postgresql_and_redis(
    postgresql: str, programs: Programs, redis: str
) -> None:
    _leaves_at_once(programs)
    Redis.from_url(redis).flushall()  # the queue is only a hint
    made = given.message(given.account("After the flush", rate=20))
    _, arrived = until(lambda: _arrived(programs, 2), within=10)
    assert _late(arrived, made) < A_LOST_WAKE


def _leaves_at_once(programs: Programs) -> None:
    given.account("Orders")
    programs.worker()
    _by_command(
        programs, "schedule", "--account", "orders", "--to", "+628123456789", "--text", "x", "--now"
    )
    [arrived] = until(programs.arrived, within=10)
    assert _late(arrived, 1) < 2


def _late(arrived: dict[str, Any], message_id: int) -> float:
    """Seconds from due to taken."""
    return given.arrival(arrived) - given.row(message_id).due_at.timestamp()


def test_a_message_for_later_leaves_within_two_seconds_after_its_time_and_never_before(
    database: str, programs: Programs, move_clock: Move
) -> None:
    account = given.account(rate=20)
    made = [
        given.message(account, to=given.recipient(n), when=given.in_(minutes=20 * n))
        for n in (1, 2)
    ]
    programs.worker()
    for number, one in enumerate(made, start=1):
        move_clock(given.row(one).due_at - datetime.now(UTC) - timedelta(seconds=2))
        arrived = until(lambda n=number: _arrived(programs, n), within=15)
        assert 0 <= _late(arrived[-1], one) < 2


def _arrived(programs: Programs, count: int) -> list[dict[str, Any]]:
    arrived = programs.arrived()
    return arrived if len(arrived) == count else []


def test_a_wake_that_is_lost_costs_about_a_second(database: str, programs: Programs) -> None:
    """A message brought forward past everything that would wake a worker."""
    account = given.account(rate=20)
    made = given.message(account, when=given.in_(hours=5))
    programs.worker()
    with db.writing() as session:
        session.execute(
            db.sql("UPDATE message SET due_at = :now WHERE id = :id", "now"),
            {"now": db.now(session), "id": made},
        )
    [arrived] = until(programs.arrived, within=10)
    assert _late(arrived, made) < A_LOST_WAKE

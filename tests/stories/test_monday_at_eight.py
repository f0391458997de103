"""Monday 8:00: everybody scheduled for the same minute, and the number may send one a second."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from core.drafts import When
from tests import given
from tests.processes import Programs
from tests.waiting import until

Move = Callable[[timedelta], None]
JAKARTA = ZoneInfo("Asia/Jakarta")


@pytest.mark.chaos
@pytest.mark.alone
@pytest.mark.timeout(240)
def test_75_due_messages_leave_one_a_second_over_two_workers(
    sqlite: str, programs: Programs, move_clock: Move
) -> None:
    """Past the minute's scan, and past a lease and its renewals."""
    _leave_one_a_second(programs, 75, move_clock)


@pytest.mark.chaos
@pytest.mark.alone
def test_the_pace_holds_on_postgresql_too(
    postgresql: str, programs: Programs, move_clock: Move
) -> None:
    _leave_one_a_second(programs, 30, move_clock)


def _leave_one_a_second(programs: Programs, count: int, move_clock: Move) -> None:
    account = given.account(rate=1)
    eight = _next_monday_at_eight()
    at_eight = When("at", wall=eight.replace(tzinfo=None), zone=JAKARTA.key)
    for number in range(count):
        given.message(account, to=given.recipient(number), when=at_eight)
    programs.worker()
    programs.worker()
    move_clock(eight - datetime.now(UTC) - timedelta(seconds=2))

    arrived = until(lambda: _all_of(programs, count), within=1.1 * count + 20, every=1)

    assert len({one["to"] for one in arrived}) == len(arrived) == count
    times = sorted(given.arrival(one) for one in arrived)
    assert 0 <= times[0] - eight.timestamp() < 2
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert min(gaps) >= 0.95 and max(gaps) < 3
    until(lambda: set(given.statuses()) == {"sent"})


def _next_monday_at_eight() -> datetime:
    now = datetime.now(JAKARTA)
    monday = now + timedelta(days=7 - now.weekday())
    return monday.replace(hour=8, minute=0, second=0, microsecond=0)


def _all_of(programs: Programs, count: int) -> list[dict[str, object]]:
    arrived = programs.arrived()
    return arrived if len(arrived) >= count else []

"""Monday 8:00: everybody scheduled for the same minute, and the number may send one a second."""

from itertools import pairwise

import pytest

from tests import given
from tests.processes import Programs
from tests.waiting import until


@pytest.mark.chaos
@pytest.mark.alone
@pytest.mark.timeout(240)
def test_75_due_messages_leave_one_a_second_over_two_workers(
    sqlite: str, programs: Programs
) -> None:
    """Past the minute's scan, and past a lease and its renewals."""
    _leave_one_a_second(programs, 75)


@pytest.mark.chaos
@pytest.mark.alone
def test_the_pace_holds_on_postgresql_too(postgresql: str, programs: Programs) -> None:
    _leave_one_a_second(programs, 30)


def _leave_one_a_second(programs: Programs, count: int) -> None:
    account = given.account(rate=1)
    for number in range(count):
        given.message(account, to=given.recipient(number))
    programs.worker()
    programs.worker()

    arrived = until(lambda: _all_of(programs, count), within=1.1 * count + 20, every=1)

    assert len({one["to"] for one in arrived}) == len(arrived) == count
    times = sorted(given.arrival(one) for one in arrived)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert min(gaps) >= 0.95
    until(lambda: set(given.statuses()) == {"sent"})


def _all_of(programs: Programs, count: int) -> list[dict[str, object]]:
    arrived = programs.arrived()
    return arrived if len(arrived) >= count else []

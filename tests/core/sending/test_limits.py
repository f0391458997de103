"""How much one worker has in flight at once: of an account, and in all."""

import resource
from collections import Counter

import pytest

from core.sending import process
from core.sending.agenda import Agenda
from core.sending.lanes import in_flight_limit
from tests import given
from tests.core.sending.ticking import Ticks


def test_an_account_has_five_seconds_of_its_rate_in_flight_but_room_for_fifty() -> None:
    rates = {0.5: 50, 10: 50, 20: 100, 1000: 5000, None: 1000}
    assert {rate: in_flight_limit(rate) for rate in rates} == rates


@pytest.mark.parametrize("rate", [None, 1, 20])
def test_a_lane_with_as_many_in_flight_as_it_may_have_no_place(
    database: str, rate: float | None
) -> None:
    """An API that hangs must not take every socket from the accounts that it answers."""
    account, ticks = given.account(rate=rate), Ticks()
    message, limit = given.message(account), in_flight_limit(rate)
    assert not ticks.run(account, in_flight=Counter({account: limit})).claims
    assert not ticks.run(account, in_flight=Counter({account: limit + 1})).claims
    [claim] = ticks.run(account, in_flight=Counter({account: limit - 1})).claims
    assert claim.message_id == message


@pytest.mark.parametrize(
    ("hard", "most"), [(1024, 824), (2200, 2000), (1_000_000, 2000), (resource.RLIM_INFINITY, 2000)]
)
def test_no_more_is_in_flight_than_sockets_may_be_open_and_never_more_than_2000(
    monkeypatch: pytest.MonkeyPatch, hard: int, most: int
) -> None:
    asked: list[tuple[int, tuple[int, int]]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda what, to: asked.append((what, to)))
    assert process.raise_file_limit() == most
    assert asked == [(resource.RLIMIT_NOFILE, (hard, hard))]


def test_a_tick_that_is_never_late_grows_to_2000_claims_and_no_further() -> None:
    agenda = Agenda(process.MOST_IN_FLIGHT)
    agenda.took(0.001, 1000)  # so quick that nothing else is in the way
    for _ in range(30):
        agenda.posted(late=False)
    assert agenda.room() == 2000

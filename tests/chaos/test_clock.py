"""Clocks that are wrong by two minutes: a machine's beside a right database, or the only one."""

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random

import pytest

from core import db
from tests import given
from tests.chaos import tally
from tests.chaos.fleet import PLANTED, Fleet
from tests.chaos.load import Load
from tests.waiting import until

pytestmark = [pytest.mark.alone, pytest.mark.timeout(240)]
TWO_MINUTES = 120
JITTER = timedelta(milliseconds=100)


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_machines_whose_clocks_are_wrong_send_nothing_early_late_or_twice(
    fleet: Fleet, load: Load
) -> None:
    account, paced = load.account(None), load.account(80)
    fleet.worker("fast", program=PLANTED, CHAOS_SKEW=str(TWO_MINUTES))
    slow = fleet.worker("slow", program=PLANTED, CHAOS_SKEW=str(-TWO_MINUTES))
    load.add(account, 500, late=8)
    load.add(paced, 400)
    load.add(account, 1000)
    load.until_more(300)
    fleet.kill(slow)
    until(lambda: "pending" not in given.statuses(), within=tally.QUIET_WITHIN, every=0.5)
    tally.until_quiet()
    found = tally.reckon(load.ledger, scheduled=load.scheduled)
    found.check(in_flight=fleet.in_flight())
    assert not _early(load)


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_a_clock_that_jumps_and_jumps_back_stops_nothing_and_repeats_nothing(
    fleet: Fleet, load: Load, chance: Random, move_clock: Callable[[timedelta], None]
) -> None:
    fleet.two()
    account = load.account(None)
    load.add(account, 2000)
    at_risk: set[int] = set()
    for ahead in (TWO_MINUTES, 0):
        load.until_more(chance.randint(1, 1000))
        at_risk |= tally.open_attempts()
        before = tally.newest_attempt()
        move_clock(timedelta(seconds=ahead))
        until(lambda: _all_renewed(load, account))
        at_risk |= set(range(before + 1, tally.newest_attempt() + 1))
    load.until_more(200)
    tally.until_quiet()
    found = tally.reckon(load.ledger, scheduled=load.scheduled)
    # A scan in the second of the jump may take a worker for dead, whose lease seems to be over.
    dead = any("taken for dead" in one.said() for one in fleet.workers)
    found.check(in_flight=at_risk if dead else (), misdated=at_risk)


def _all_renewed(load: Load, account: int) -> bool:
    """Nobody seems dead any more: every lease lasts by the clock as it is now.

    There is work for as long as that takes, due by the clock of before the jump as well.
    """
    load.keep_up(account, 2000, late=-TWO_MINUTES)
    with db.reading() as session:
        found = db.sql("SELECT count(*) FROM worker WHERE lease_until < :now", "now")
        return session.execute(found, {"now": db.now(session)}).scalar_one() == 0


def _early(load: Load) -> list[tuple[int, datetime]]:
    """What arrived before it was due, by the one clock that database and sandbox share."""
    with db.reading() as session:
        found = session.execute(
            db.sql(
                "SELECT a.id, m.scheduled_at FROM attempt a JOIN message m ON m.id = a.message_id"
            ).columns(scheduled_at=db.UtcDateTime())
        )
        due = {row.id: row.scheduled_at for row in found}
    return [(one, at) for one, at in tally.accepted(load.ledger) if at < due[one] - JITTER]

"""Workers that are killed, or told to stop, at any moment under full load.

`make chaos` runs the first of these with KILLS kills and prints the tally.
"""

import os
from random import Random

import pytest

from tests.chaos import tally
from tests.chaos.fleet import Fleet
from tests.chaos.load import Load

KILLS = int(os.environ.get("KILLS") or 4)


@pytest.mark.timeout(180 + 20 * KILLS)
def test_sigkills_at_random_send_nothing_twice_and_lose_nothing(
    fleet: Fleet, load: Load, chance: Random
) -> None:
    free, paced = load.account(None), load.account(80)
    workers = fleet.two()
    load.add(paced, 40 * KILLS)
    while len(fleet.killed) < KILLS:
        load.keep_up(free, 3000)
        load.until_more(chance.randint(1, 1500))
        victims = chance.choice([workers[:1], workers[1:], workers])
        left = KILLS - len(fleet.killed)
        fleet.kill(*victims[:left], again=left > len(victims) and chance.random() < 0.2)
    tally.until_quiet()
    found = tally.reckon(load.ledger, scheduled=load.scheduled)
    print(found.lines(kills=len(fleet.killed), in_flight=len(fleet.in_flight())), flush=True)
    found.check(in_flight=fleet.in_flight())


@pytest.mark.timeout(240)
def test_workers_that_stop_one_after_the_other_leave_nothing_in_doubt(
    fleet: Fleet, load: Load, chance: Random
) -> None:
    account = load.account(200)  # what is in flight is answered in the 3 s that a stop waits
    workers = fleet.two()
    for one in workers:
        load.keep_up(account, 800)
        load.until_more(chance.randint(1, 200))
        one.stop()
        one.start()
        one.until_sending()
    tally.until_quiet()
    tally.reckon(load.ledger, scheduled=load.scheduled).check(in_flight=tally.given_up())

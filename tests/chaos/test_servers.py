"""The servers fail under full load: Redis forgets everything, PostgreSQL falls over."""

from random import Random

import pytest
from redis import Redis

from tests import postgres
from tests.chaos import tally
from tests.chaos.fleet import STARTS_WITHIN, Fleet
from tests.chaos.load import Load
from tests.processes import Process
from tests.waiting import until

pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.parametrize("kind", ["postgresql"], indirect=True),
]


def test_a_redis_that_is_flushed_and_restarted_loses_and_repeats_nothing(
    fleet: Fleet, load: Load, chance: Random, redis: str
) -> None:
    account = load.account(None)
    fleet.two()
    load.add(account, 4000)
    load.until_more(chance.randint(1, 1000))
    with Redis.from_url(redis) as client:
        client.flushall()
    load.keep_up(account, 4000)
    load.until_more(chance.randint(1, 1000))
    server = next(one for one in fleet.programs.running if "redis-server" in one.child.args)
    server.kill()
    load.until_more(500)  # the queue is only a hint
    fleet.workers[0].stop()
    fleet.workers[0].start()
    fleet.workers[0].until_sending()
    load.keep_up(account, 1000)
    again = _start_again(fleet, server)
    until(lambda: "Ready to accept" in again.said())
    tally.until_quiet()
    tally.reckon(load.ledger, scheduled=load.scheduled).check(in_flight=tally.given_up())


def _start_again(fleet: Fleet, server: Process) -> Process:
    _, *line = server.child.args
    return fleet.programs.start("redis", "/usr/bin/env", *line)


def test_a_postgresql_that_falls_over_leaves_nothing_in_doubt(
    fleet: Fleet, load: Load, chance: Random, cluster: postgres.Cluster
) -> None:
    account = load.account(None)
    lasting, other = fleet.two()
    for one in (lasting, other):
        load.keep_up(account, 4000)
        load.until_more(chance.randint(1, 1000))
        if one is other:
            other.stop()
        cluster.stop()
        if one is other:  # a machine that comes up before its database
            other.start()
            until(lambda: "no send loop yet" in other.said(), within=STARTS_WITHIN)
        cluster.start()
        load.until_more(200)
    other.until_sending()
    tally.until_quiet()
    tally.reckon(load.ledger, scheduled=load.scheduled).check(in_flight=tally.given_up())

"""Whether each of 1,000 numbers keeps its one message a second while all of them send.

`python -m bench many --accounts 1000 --seconds 20`
"""

import argparse
from dataclasses import asdict, dataclass

from bench import filling
from bench.figures import fullest_second, percentile, rate
from bench.rig import Rig, rig, settle_down
from bench.servers import Servers
from core import clock


@dataclass
class Many:
    """Messages a second of single numbers and of all; CPU seconds for each 1,000 messages."""

    database: str
    accounts: int
    each: int
    per_second: float  # all numbers together
    slowest: float  # the rate of the slowest number
    slow_1_percent: float
    median: float
    fullest: int  # the fullest sliding second of any number, at the sender
    fullest_arrived: int
    worker_cpu: float
    postgres_cpu: float | None
    peak_mb: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--database", choices=("sqlite", "postgresql"), action="append")
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=20)


def run(servers: Servers, options: argparse.Namespace) -> list[dict[str, object]]:
    found = []
    for kind in options.database or ("postgresql", "sqlite"):
        with rig(servers, kind) as one:
            found.append(asdict(_many(one, options.accounts, options.seconds)))
    return found


def _many(one: Rig, count: int, each: int) -> Many:
    numbers = filling.accounts(one.engine, count, rate=1.0, state="paused")
    filling.messages(one.engine, numbers, each, due_at=clock.wall())
    one.worker()
    settle_down()
    before = one.cpu()
    one.release()
    one.until_sent(count * each)
    took = one.cpu_since(before)
    arrived = one.arrivals()
    rates = [rate(times) for times in arrived.values()]
    thousands = count * each / 1000
    return Many(
        database=one.kind,
        accounts=count,
        each=each,
        per_second=rate(one.all_arrivals()),
        slowest=min(rates),
        slow_1_percent=percentile(rates, 1),
        median=percentile(rates, 50),
        fullest=max(fullest_second(one.posted(account_id)) for account_id in numbers),
        fullest_arrived=max(fullest_second(times) for times in arrived.values()),
        worker_cpu=took.workers / thousands,
        postgres_cpu=None if took.postgres is None else took.postgres / thousands,
        peak_mb=one.peak_megabytes(),
    )

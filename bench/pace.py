"""How exactly two workers together keep the rate of one account, at the sender and on arrival.

`python -m bench pace --rate 80 --latency 0.05-0.15 --seconds 20`
"""

import argparse
from dataclasses import asdict, dataclass

from bench import filling
from bench.figures import fullest_second, gap_errors, percentile, rate
from bench.rig import Rig, rig, settle_down
from bench.servers import Servers
from core import clock, pacing

CASES = ((1.0, "0"), (80.0, "0"), (80.0, "0.05-0.15"), (1000.0, "0"))


@dataclass
class Pace:
    """Rates a second; gap errors in milliseconds; CPU seconds for each 1,000 messages."""

    database: str
    limit: float
    latency: str
    count: int
    sent_per_second: float  # by attempt.posted_at
    fullest_sent: int  # posts in the fullest sliding second
    fullest_arrived: int
    gap_p50: float  # between neighbours at the sender, against the spacing of slots
    gap_p99: float
    arrived_gap_p99: float
    workers_cpu: float  # both together
    postgres_cpu: float | None
    shares: str  # attempts by worker


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="postgresql")
    parser.add_argument("--rate", type=float, help="messages a second; none: 1, 80 and 1,000")
    parser.add_argument("--latency", default="0", help="seconds, or a range: 0.05-0.15")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--workers", type=int, default=2)


def run(servers: Servers, options: argparse.Namespace) -> list[dict[str, object]]:
    cases = ((options.rate, options.latency),) if options.rate else CASES
    found = []
    for limit, latency in cases:
        with rig(servers, options.database, latency=latency) as one:
            count = int(limit * options.seconds) + 1
            found.append(asdict(_pace(one, limit, latency, count, options.workers)))
    return found


def _pace(one: Rig, limit: float, latency: str, count: int, workers: int) -> Pace:
    account_ids = filling.accounts(one.engine, 1, rate=limit, state="paused")
    filling.messages(one.engine, account_ids, count, due_at=clock.wall())
    for _ in range(workers):
        one.worker()
    settle_down()
    before = one.cpu()
    one.release()
    one.until_sent(count)
    took = one.cpu_since(before)
    posted, arrived = one.posted(), one.all_arrivals()
    errors = gap_errors(posted, pacing.period(limit))
    return Pace(
        database=one.kind,
        limit=limit,
        latency=latency,
        count=count,
        sent_per_second=rate(posted),
        fullest_sent=fullest_second(posted),
        fullest_arrived=fullest_second(arrived),
        gap_p50=percentile(errors, 50) * 1000,
        gap_p99=percentile(errors, 99) * 1000,
        arrived_gap_p99=percentile(gap_errors(arrived, pacing.period(limit)), 99) * 1000,
        workers_cpu=took.workers * 1000 / count,
        postgres_cpu=None if took.postgres is None else took.postgres * 1000 / count,
        shares=_shares(one),
    )


def _shares(one: Rig) -> str:
    counted = one.rows("SELECT worker_id, count(*) FROM attempt GROUP BY worker_id")
    return " + ".join(f"{count:,}" for _, count in sorted(counted))

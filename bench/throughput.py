"""How fast one worker sends on one account without a rate, and what it costs.

`python -m bench throughput --database postgresql --latency 0.05 --count 20000 --json`
"""

import argparse
from dataclasses import asdict, dataclass
from time import time

from bench import filling
from bench.figures import rate, steady_rate
from bench.rig import LONGEST, Rig, rig, settle_down
from bench.servers import Servers
from core import clock
from tests.processes import ports
from tests.waiting import until


@dataclass
class Throughput:
    """Messages a second, and CPU seconds for each 1,000 messages."""

    database: str
    latency: str
    count: int
    per_second: float  # first to last arrival
    steady: float  # the same without the first and last tenth
    settled: float  # from the release until the last row is `sent`
    worker_cpu: float
    postgres_cpu: float | None
    responder_cpu: float
    peak_mb: float
    webhooks: bool
    read_per_second: float | None  # until the last message is known to be read
    gateway_cpu: float | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--database", choices=("sqlite", "postgresql"), action="append")
    parser.add_argument("--latency", action="append", help="seconds, or a range: 0.05-0.15")
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument(
        "--webhooks", action="store_true", help="three statuses for each, coming back"
    )


def run(servers: Servers, options: argparse.Namespace) -> list[dict[str, object]]:
    return [
        asdict(throughput(servers, kind, latency, options.count, webhooks=options.webhooks))
        for kind in options.database or ("postgresql", "sqlite")
        for latency in options.latency or ("0", "0.05", "0.2")
    ]


def throughput(
    servers: Servers, kind: str, latency: str, count: int, *, webhooks: bool = False
) -> Throughput:
    [port] = ports(1)
    url = f"http://127.0.0.1:{port}/webhooks/whatsapp" if webhooks else None
    with rig(servers, kind, latency=latency, webhooks=url) as one:
        fill(one, count)
        one.worker()
        if webhooks:
            one.gateway(port)
        settle_down()
        return measure(one, latency, count)


def fill(one: Rig, count: int) -> None:
    """Messages that are due on a paused account: the worker starts, and finds nothing to do."""
    account_ids = filling.accounts(one.engine, 1, rate=None, state="paused")
    filling.messages(one.engine, account_ids, count, due_at=clock.wall())


def measure(one: Rig, latency: str, count: int) -> Throughput:
    before, began = one.cpu(), time()
    one.release()
    one.until_sent(count)
    settled = time()
    if one.gateways:
        until(lambda: _unread(one) == 0, within=LONGEST, every=0.2)
    read, took = time(), one.cpu_since(before)
    times = one.all_arrivals()
    thousands = count / 1000
    return Throughput(
        database=one.kind,
        latency=latency,
        count=count,
        per_second=rate(times),
        steady=steady_rate(times),
        settled=count / (settled - began),
        worker_cpu=took.workers / thousands,
        postgres_cpu=None if took.postgres is None else took.postgres / thousands,
        responder_cpu=took.responder / thousands,
        peak_mb=one.peak_megabytes(),
        webhooks=bool(one.gateways),
        read_per_second=count / (read - began) if one.gateways else None,
        gateway_cpu=took.gateways / thousands if one.gateways else None,
    )


def _unread(one: Rig) -> int:
    [(count,)] = one.rows("SELECT count(*) FROM message WHERE delivery <> 'read'")
    return int(count)

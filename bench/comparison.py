"""The naive design and a bare loop in the same run, and how Outbox stands to them.

`python -m bench comparison --database postgresql --latency 0.05 --naive-count 1000`
"""

import argparse
import os
import sys
from pathlib import Path

from bench import plain, usage
from bench.figures import rate
from bench.rig import BIN, LONGEST, Rig, rig
from bench.servers import Servers
from bench.throughput import Throughput, throughput
from tests.processes import Process
from tests.waiting import until

CONSUMER = ("-k", "thread", "-w", "16", "-g", "TERM")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--database", choices=("sqlite", "postgresql"), action="append")
    parser.add_argument("--latency", default="0", help="seconds, or a range: 0.05-0.15")
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--naive-count", type=int, default=3_000)


def run(servers: Servers, options: argparse.Namespace) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for kind in options.database or ("postgresql", "sqlite"):
        rows += compared(
            bare(servers, kind, options.latency, options.count),
            throughput(servers, kind, options.latency, options.count),
            naive(servers, kind, options.latency, options.naive_count),
        )
    return rows


def compared(
    bare: dict[str, object], ours: Throughput, naive: dict[str, object]
) -> list[dict[str, object]]:
    """The three with their share of the bare loop's rate and their multiple of the naive one's."""
    mine = {
        "database": ours.database,
        "design": "outbox",
        "latency": ours.latency,
        "count": ours.count,
        "per_second": ours.per_second,
        "cpu": ours.worker_cpu,
        "postgres_cpu": ours.postgres_cpu,
        "peak_mb": ours.peak_mb,
    }
    return [
        row
        | {
            "of_bare": float(row["per_second"]) / float(bare["per_second"]),  # type: ignore[arg-type]
            "times_naive": float(row["per_second"]) / float(naive["per_second"]),  # type: ignore[arg-type]
        }
        for row in (bare, mine, naive)
    ]


def bare(servers: Servers, kind: str, latency: str, count: int) -> dict[str, object]:
    with rig(servers, kind, latency=latency) as one:
        plain.fill(one.url, count)
        before = one.cpu()
        process = _start(one, [sys.executable, "-m", "bench.bare"], count)
        assert process.child.wait(LONGEST) == 0, process.said()
        cpu = float(process.said().split()[-1])
        return _row(one, "bare", latency, count, cpu, one.cpu_since(before).postgres)


def naive(servers: Servers, kind: str, latency: str, count: int) -> dict[str, object]:
    with rig(servers, kind, latency=latency) as one:
        plain.fill(one.url, count)
        enqueue = "from bench.naive import enqueue; enqueue()"
        filling = _start(one, [sys.executable, "-c", enqueue], count)
        assert filling.child.wait(LONGEST) == 0, filling.said()
        before = one.cpu()
        process = _start(one, [str(BIN / "huey_consumer"), "bench.naive.huey", *CONSUMER], count)
        one.others.append(process)
        until(lambda: one.arrived() > 0, within=30, every=0.01)
        start = usage.cpu(process.child.pid)
        until(lambda: one.arrived() >= count, within=LONGEST, every=0.1)
        until(lambda: plain.sent(one.url) == count, within=60)
        cpu = usage.cpu(process.child.pid) - start
        peak = usage.peak_megabytes(process.child.pid)
        return _row(one, "naive", latency, count, cpu, one.cpu_since(before).postgres, peak)


def _row(
    one: Rig,
    design: str,
    latency: str,
    count: int,
    cpu: float,
    postgres: float | None,
    peak: float | None = None,
) -> dict[str, object]:
    assert plain.sent(one.url) == one.arrived() == count
    return {
        "database": one.kind,
        "design": design,
        "latency": latency,
        "count": count,
        "per_second": rate(one.all_arrivals()),
        "cpu": cpu * 1000 / count,
        "postgres_cpu": None if postgres is None else postgres * 1000 / count,
        "peak_mb": peak,
    }


def _start(one: Rig, line: list[str], count: int) -> Process:
    own = {
        "BENCH_DATABASE_URL": one.url,
        "BENCH_QUEUE_URL": one.queue,
        "BENCH_API_URL": one.api,
        "BENCH_COUNT": str(count),
    }
    log = Path(one.servers.subfolder("other")) / "log"
    return Process(line, log=log, env=os.environ | own)

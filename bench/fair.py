"""How long one due message waits for its claim while a crowd waits beside it.

`python -m bench fair --rows 1000000`. The crowd is due on another number, held by a template on the
very number, or urgent and due next week on it; beside each stands the same without a crowd.
"""

import argparse
from collections.abc import Callable
from datetime import datetime, timedelta
from time import perf_counter

from sqlalchemy import Engine

from bench import filling
from bench.claim import as_ours, timed
from bench.figures import percentile
from bench.servers import Servers
from core import clock, db, workers
from core.sending import tick

REPEAT, WARM_UP = 60, 10

Crowd = Callable[[Engine, int, int, int, datetime], None]


def _nobody(engine: Engine, mine: int, other: int, count: int, now: datetime) -> None:
    filling.settle_statistics(engine)


def _due_elsewhere(engine: Engine, mine: int, other: int, count: int, now: datetime) -> None:
    filling.messages(engine, [other], REPEAT * 30, due_at=now - timedelta(hours=2))
    filling.bare_messages(engine, other, count, due_at=now)


def _held(engine: Engine, mine: int, other: int, count: int, now: datetime) -> None:
    filling.bare_messages(engine, mine, count, due_at=now, hold="template")


def _urgent_next_week(engine: Engine, mine: int, other: int, count: int, now: datetime) -> None:
    filling.bare_messages(engine, mine, count, due_at=now + timedelta(days=7), priority=0)


CASES: dict[str, Crowd] = {
    "nothing else waits": _nobody,
    "due on another number": _due_elsewhere,
    "held by its template": _held,
    "urgent, due next week": _urgent_next_week,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--database", choices=("sqlite", "postgresql"), action="append")
    parser.add_argument("--rows", type=int, default=1_000_000)


def run(servers: Servers, options: argparse.Namespace) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for kind in options.database or ("postgresql", "sqlite"):
        alone: list[float] = []
        for case, crowd in CASES.items():
            waits, claims = _times(servers, kind, crowd, options.rows)
            alone = alone or claims
            found.append(
                {
                    "database": kind,
                    "crowd": case,
                    "rows": 0 if crowd is _nobody else options.rows,
                    "claimed_after_p50_ms": percentile(waits, 50) * 1000,
                    "claimed_after_p99_ms": percentile(waits, 99) * 1000,
                    "claim_p50_ms": percentile(claims, 50) * 1000,
                    "times_alone": percentile(claims, 50) / percentile(alone, 50),
                }
            )
    return found


def _times(servers: Servers, kind: str, crowd: Crowd, rows: int) -> tuple[list[float], list[float]]:
    """Seconds from a message's storing to its claim, and of each claim itself."""
    url = servers.database(kind)
    with as_ours(url), timed() as claims:
        engine, now = db.make_engine(url), clock.wall()
        filling.without_foreign_keys(engine)
        mine, other = filling.accounts(engine, 2, rate=80.0)
        crowd(engine, mine, other, rows, now)
        filling.settle_statistics(engine)
        order = tick.Order(workers.start("loop"), due={mine, other}, room=100)
        waits = [_claimed_after(engine, mine, order) for _ in range(REPEAT)]
        engine.dispose()
    servers.drop(url)
    return waits[WARM_UP:], claims[WARM_UP:]


def _claimed_after(engine: Engine, mine: int, order: tick.Order) -> float:
    filling.messages(engine, [mine], 1, due_at=clock.wall(), few=True)
    began = perf_counter()
    while True:
        done = tick.run(order, installation="bench", sampled=lambda _: None)
        if any(one.account_id == mine for one in done.claims):
            return perf_counter() - began

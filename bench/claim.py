"""What a claim takes when the table is small and when it is large, in one run.

`python -m bench claim --rows 10000000`. The rows that are added are a third each: urgent ones due
next week and held ones on the very account that is claimed from, and due ones on another account.
"""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from time import perf_counter
from typing import Any

from bench import filling
from bench.figures import percentile
from bench.servers import Servers
from core import clock, db, workers
from core.sending import tick
from core.settings import settings

DUE = 10_000
TICKS, WARM_UP, ROOM = 60, 10, 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--database", choices=("sqlite", "postgresql"), action="append")
    parser.add_argument("--rows", type=int, default=1_000_000)


def run(servers: Servers, options: argparse.Namespace) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for kind in options.database or ("postgresql", "sqlite"):
        small = claim_times(servers, kind, 0)
        for rows in (0, options.rows):
            times = small if rows == 0 else claim_times(servers, kind, rows)
            found.append(
                {
                    "database": kind,
                    "rows": DUE + rows,
                    "claims": len(times),
                    "of": ROOM,
                    "p50_ms": percentile(times, 50) * 1000,
                    "p99_ms": percentile(times, 99) * 1000,
                    "times_small": percentile(times, 50) / percentile(small, 50),
                }
            )
    return found


def claim_times(servers: Servers, kind: str, more: int) -> list[float]:
    """Seconds that `claim` took in each of a row of real, committed ticks."""
    url = servers.database(kind)
    with as_ours(url), timed() as times:
        engine = db.engine()
        account_id, other = filling.accounts(engine, 2, rate=None)
        if more:
            _crowd(url, account_id, other, more)
        filling.messages(engine, [account_id], DUE, due_at=clock.wall())
        worker_id = workers.start("loop")
        for _ in range(TICKS):
            order = tick.Order(worker_id, due={account_id}, room=ROOM)
            done = tick.run(order, installation="bench", sampled=lambda _: None)
            assert len(done.claims) == ROOM, f"claimed {len(done.claims)} of {ROOM}"
    servers.drop(url)
    return times[WARM_UP:]


def _crowd(url: str, account_id: int, other: int, count: int) -> None:
    """Rows that no claim of this account may look at, though some stand before its own."""
    engine, now = db.make_engine(url), clock.wall()
    filling.without_foreign_keys(engine)
    third, next_week = count // 3, now + timedelta(days=7)
    filling.bare_messages(engine, account_id, third, due_at=next_week, priority=0)
    filling.bare_messages(engine, account_id, third, due_at=now, hold="template")
    filling.bare_messages(engine, other, third, due_at=now)
    if engine.dialect.name == "sqlite":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()


@contextmanager
def as_ours(url: str) -> Iterator[None]:
    """This process's own database for a while: a tick runs on nothing else."""
    os.environ["OUTBOX_DATABASE_URL"] = url
    settings.cache_clear()
    db.engine.cache_clear()
    try:
        yield
    finally:
        db.engine().dispose()
        db.engine.cache_clear()


@contextmanager
def timed() -> Iterator[list[float]]:
    """The seconds of each claim, whatever its parameters: it is timed where the tick calls it."""
    times: list[float] = []
    claim = tick.claim

    def timed(*arguments: Any, **options: Any) -> Any:
        began = perf_counter()
        claims = claim(*arguments, **options)
        times.append(perf_counter() - began)
        return claims

    tick.claim = timed
    try:
        yield times
    finally:
        tick.claim = claim

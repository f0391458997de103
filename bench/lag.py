"""How long after its due time a message arrives: one alone, and 1,000 numbers' at once.

`python -m bench lag --database postgresql --repeat 20`
"""

import argparse
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from bench import filling
from bench.figures import percentile
from bench.rig import Rig, rig, settle_down
from bench.servers import Servers
from core import clock

APART = timedelta(seconds=0.937)  # no divisor of the loop's own second
AHEAD = timedelta(seconds=3)


@dataclass
class Lag:
    """Milliseconds from the due time to the arrival."""

    database: str
    case: str
    messages: int
    p50: float
    p99: float
    largest: float
    earliest: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--database", choices=("sqlite", "postgresql"), action="append")
    parser.add_argument("--repeat", type=int, default=20, help="single messages")
    parser.add_argument("--accounts", type=int, default=1000, help="with one message each at once")


def run(servers: Servers, options: argparse.Namespace) -> list[dict[str, object]]:
    found = []
    for kind in options.database or ("postgresql", "sqlite"):
        with rig(servers, kind) as one:
            found.append(asdict(_single(one, options.repeat)))
        with rig(servers, kind) as one:
            found.append(asdict(_at_once(one, options.accounts)))
    return found


def _single(one: Rig, repeat: int) -> Lag:
    """Each on a number of its own, so that no rate makes one wait for another."""
    numbers = filling.accounts(one.engine, repeat, rate=1.0)
    one.worker()
    settle_down()
    first = clock.wall() + AHEAD
    due = {number: first + index * APART for index, number in enumerate(numbers.values())}
    for account_id, number in numbers.items():
        filling.messages(one.engine, [account_id], 1, due_at=due[number], few=True)
    assert clock.wall() < first, "storing the messages took longer than their time ahead"
    return _lag(one, "one due message", due)


def _at_once(one: Rig, count: int) -> Lag:
    """Known well before: the worker is up, and its file of connections is not."""
    numbers = filling.accounts(one.engine, count, rate=1.0)
    one.worker()
    at = clock.wall() + AHEAD * 3
    filling.messages(one.engine, numbers, 1, due_at=at)
    settle_down()
    assert clock.wall() < at, "storing the messages took longer than their time ahead"
    return _lag(one, f"{count:,} due at once", dict.fromkeys(numbers.values(), at))


def _lag(one: Rig, case: str, due: dict[str, datetime]) -> Lag:
    one.until_sent(len(due))
    lags = [(times[0] - due[number].timestamp()) * 1000 for number, times in one.arrivals().items()]
    return Lag(
        database=one.kind,
        case=case,
        messages=len(lags),
        p50=percentile(lags, 50),
        p99=percentile(lags, 99),
        largest=max(lags),
        earliest=min(lags),
    )

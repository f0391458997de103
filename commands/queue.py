"""What waits and why: the depth of the queue, and one message's reason."""

import json
import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from commands.common import account_id, die
from core import depth, explain, reports, telling
from core.depth import Depth, Queue
from core.explain import Explanation
from core.listing import CAP
from core.schedule import clock, span

app = typer.Typer()
EVERY = 2.0  # seconds between two looks


@app.command()
def queue(
    account: Annotated[str | None, typer.Option()] = None,
    watch: Annotated[bool, typer.Option("--watch", help="again every 2 s; Ctrl-C stops")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """What waits, by reason and account; how late it is, how fast it leaves, when it is empty.

    Counts stop at 10,000: in JSON «capped» names those that are higher.
    """
    chosen = account_id(account) if account is not None else None
    try:
        while True:
            found = depth.depth(chosen)
            typer.echo(json.dumps(_facts(found)) if as_json else _drawn(found, clear=watch))
            if not watch:
                return
            time.sleep(EVERY)
    except KeyboardInterrupt:
        return


@app.command()
def why(
    message: Annotated[str, typer.Argument(metavar="ID")],
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Why a message has not been sent yet, until when, and what can be done. Times are UTC."""
    if not (message.isdecimal() and len(message) < 19):
        die(f"«{message}» is not the number of a message.", 2)
    found, now = explain.explain(int(message)), reports.now()
    if as_json:
        typer.echo(json.dumps(_reason(found) | {"sentence": telling.sentence(found, now)}))
        return
    typer.echo(telling.sentence(found, now))
    if advice := telling.advice(found):
        typer.echo(advice)


def _reason(found: Explanation) -> dict[str, Any]:
    return {
        "id": found.message_id,
        "reason": found.reason,
        "account": found.account,
        "hold": found.hold,
        "since": _iso(found.since),
        "until": _iso(found.until),
        "leaves_at": _iso(found.leaves_at),
        "ahead": found.ahead,
        "exact": found.exact,
    }


def _facts(found: Queue) -> dict[str, Any]:
    return {
        "at": _iso(found.engine.now),
        "workers": found.engine.workers,
        "cap": CAP,
        "waiting": _up_to_cap(found.counts),
        "capped": _capped(found.counts),
        "oldest_due_at": _iso(found.oldest_due_at),
        "lag_seconds": found.lag and {"p50": found.lag.p50, "p95": found.lag.p95},
        "accounts": [
            {
                "account": one.number.name,
                "state": one.number.state,
                "waiting": _up_to_cap(one.counts),
                "holds": _up_to_cap(one.holds),
                "due": min(one.due, CAP),
                "capped": _capped({**one.counts, **one.holds, "due": one.due}),
                "oldest_due_at": _iso(one.oldest_due_at),
                "rate": one.number.rate,
                "rate_now": one.rate_now,
                "empty_at": _iso(one.empty_at),
            }
            for one in found.accounts
        ],
    }


def _up_to_cap(counts: Mapping[Any, int]) -> dict[str, int]:
    return {name: min(count, CAP) for name, count in counts.items()}


def _capped(counts: Mapping[Any, int]) -> list[str]:
    """Which of them are more than `CAP`."""
    return [name for name, count in counts.items() if count > CAP]


def _iso(at: Any) -> str | None:
    return at.isoformat(timespec="milliseconds") if at else None


def _drawn(found: Queue, *, clear: bool) -> str:
    now = found.engine.now
    lag = found.lag and f"{found.lag.p50:.2f} s, of 95 % under {found.lag.p95:.2f} s"
    oldest = span(now - found.oldest_due_at) if found.oldest_due_at else "–"
    head = [
        f"{now:%H:%M:%S} UTC  workers {found.engine.workers}  oldest due {oldest}"
        f"  lag {lag or '–'}",
        "",
        f"{'account':<24} {'rate now':<18} {'empty':<16} waiting",
    ]
    lines = [_line(one, found) for one in found.accounts]
    total = f"\nin all: {telling.depth_in_words(found.counts) or 'nothing waits'}"
    return ("\033[2J\033[H" if clear else "") + "\n".join([*head, *lines, total])


def _line(one: Depth, found: Queue) -> str:
    rate = "no pacing"
    if one.rate_now is not None and one.number.rate is not None:
        rate = f"{one.rate_now:.3g} of {one.number.rate:g}/s"
    empty = clock(one.empty_at, "UTC", found.engine.now, seconds=True) if one.empty_at else "–"
    if one.due > CAP and one.empty_at:
        empty = f"after {empty}"
    waits = telling.depth_in_words(one.counts) or "nothing"
    kept = ", ".join(f"{min(count, CAP):,} {hold}" for hold, count in one.holds.items())
    return f"{one.number.name:<24} {rate:<18} {empty:<16} {waits}{kept and f' ({kept})'}"

"""Many that wait at once: another time, number, priority or number of retries.

Exit codes: 0 done, 1 refused or failed, 2 typed wrongly, 3 partly done.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Annotated, Any

import typer

from commands.bulk import Every, Filter, Ids, choice, do
from commands.common import account_id, die
from core import adjusting, moving, reports, rescheduling, schedule
from core.errors import Invalid
from core.kinds import Kind

app = typer.Typer()


@app.command()
def reschedule(
    ids: Ids = None,
    everything: Every = False,
    filters: Filter = None,
    by: Annotated[str | None, typer.Option(help="later by 30m, 2h, 1d; earlier by -2h")] = None,
    now: Annotated[bool, typer.Option("--now", help="as soon as possible")] = False,
    first: Annotated[
        str | None, typer.Option("--from", help="ISO 8601 with offset: spread from then")
    ] = None,
    last: Annotated[str | None, typer.Option("--until", help="until then")] = None,
) -> None:
    """Give another time: all later or earlier by as much, now, or spread over a window."""
    these = choice(ids, everything, filters)
    with _told():
        match by, now, first, last:
            case str(), False, None, None:
                asked = rescheduling.by(_span(by))
            case None, True, None, None:
                asked = dict(rescheduling.NOW)
            case None, False, str(), str():
                ends = (schedule.from_iso(first), schedule.from_iso(last))
                asked = rescheduling.over(*ends, now=reports.now())
            case _:
                die("Say one of --by, --now, or --from with --until.", 2)
    do(Kind.RESCHEDULE, these, arguments=rescheduling.in_order(asked, these))


@contextmanager
def _told() -> Iterator[None]:
    """What cannot be as it was typed ends the command with 2."""
    try:
        yield
    except Invalid as invalid:
        die(str(invalid), 2)


def _span(typed: str) -> timedelta:
    span = schedule.from_span(typed.removeprefix("-"))
    return -span if typed.startswith("-") else span


@app.command()
def adjust(
    ids: Ids = None,
    everything: Every = False,
    filters: Filter = None,
    priority: Annotated[int | None, typer.Option(help="0 urgent, 1 normal, 2 campaign")] = None,
    max_retries: Annotated[int | None, typer.Option(help="0 to 5")] = None,
) -> None:
    """Give what waits another priority, another number of retries, or both."""
    these = choice(ids, everything, filters)
    given: Mapping[str, Any] = {"priority": priority, "max_retries": max_retries}
    said = {name: value for name, value in given.items() if value is not None}
    if not said:
        die("Say --priority, --max-retries or both.", 2)
    with _told():
        asked = adjusting.to(**said)
    do(Kind.ADJUST, these, arguments=asked)


@app.command()
def move(
    to: Annotated[str, typer.Option(help="the account that is to send them")],
    ids: Ids = None,
    everything: Every = False,
    filters: Filter = None,
) -> None:
    """Have what waits sent by another number, where it fits there."""
    these = choice(ids, everything, filters)
    do(Kind.MOVE, these, arguments=moving.to(account_id(to)))

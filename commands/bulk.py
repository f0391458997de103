"""Many messages at once: what failed; send again, cancel, hold, delete, and undo.

Each is an operation in chunks, run here with its progress; Ctrl-C calls it off after a chunk.
Exit codes: 0 done, 1 refused or failed, 2 typed wrongly, 3 partly done.
"""

import json
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from threading import Event
from typing import Annotated, NoReturn, Unpack

import typer
from sqlmodel import Session

from commands.common import account_id, die, me
from core import choosing, db, leasing, listing, operating, operations, reports
from core.choosing import Choice
from core.errors import Invalid, Refused
from core.kinds import AMONG, UNDONE_BY, Kind
from core.leasing import Taken
from core.listing import MessageRow
from core.models import Operation
from core.operations import Asked
from core.reasons import REASONS
from core.standing import m

app = typer.Typer()

Ids = Annotated[list[int] | None, typer.Argument(help="ids of messages")]
Every = Annotated[bool, typer.Option("--all", help="all that it can be done to")]
Filter = Annotated[
    list[str] | None,
    typer.Option("--filter", help="KEY=VALUE,… of account, class, code, status, batch, hold"),
]
DONE = {
    Kind.RETRY: "to be sent again",
    Kind.CANCEL: "cancelled",
    Kind.DELETE: "deleted",
    Kind.UNDO: "brought back",
    Kind.CORRECT: "corrected",
    Kind.UNCORRECT: "brought back",
    Kind.UNLOAD: "put back",
    Kind.HOLD: "held",
    Kind.UNHOLD: "no longer held by a person",
    Kind.RELEASE: "released",
    Kind.RESCHEDULE: "given a new time",
    Kind.UNRESCHEDULE: "given back their former time",
    Kind.ADJUST: "changed",
    Kind.UNADJUST: "brought back",
    Kind.MOVE: "moved",
    Kind.UNMOVE: "moved back",
}


@app.command()
def failed(
    account: Annotated[str | None, typer.Option()] = None,
    error_class: Annotated[str | None, typer.Option("--class", help="e.g. recipient")] = None,
    limit: Annotated[int, typer.Option(min=1)] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines")] = False,
) -> None:
    """List what failed, latest first, with its class and reason.

    Codes of today (UTC) that Outbox does not know are counted on standard error.
    """
    with db.reading() as session:
        choice = _parsed(session, [f"class={error_class}"]) if error_class is not None else Choice()
    choice = replace(choice, account_id=account_id(account) if account is not None else None)
    for row in _failed(choice, limit):
        typer.echo(json.dumps(_facts(row), ensure_ascii=False) if as_json else _line(row))
    midnight = reports.now().replace(hour=0, minute=0, second=0, microsecond=0)
    for code, attempts in reports.new_codes(since=midnight).items():
        typer.echo(f"New code {code}, which Outbox does not know: {attempts} today.", err=True)


def _failed(choice: Choice, limit: int) -> list[MessageRow]:
    with db.reading() as session:
        these = choice.matches(AMONG[Kind.RETRY])
        return listing.rows(session, these, by=(m.due_at.desc(), m.id.desc()), limit=limit)


def _facts(row: MessageRow) -> dict[str, object]:
    return {
        "id": row.id,
        "account": row.account,
        "recipient": row.recipient,
        "error_class": row.error_class,
        "error_code": row.error_code,
        "error_message": row.error_text,
        "attempts": row.attempt_count,
        "due_at": row.due_at.isoformat(),
    }


def _line(row: MessageRow) -> str:
    code = f"{row.error_class or ''} {row.error_code if row.error_code is not None else ''}"
    at = f"{row.due_at:%Y-%m-%d %H:%M}"
    return f"{row.id:>8}  {at}  {row.recipient:<16} {code:<19} {row.error_text or ''}".rstrip()


@app.command()
def retry(
    ids: Ids = None,
    everything: Every = False,
    filters: Filter = None,
    confirm_unknown: Annotated[
        bool, typer.Option(help="also those that may have arrived: they may arrive twice")
    ] = False,
) -> None:
    """Send again what failed, now, with a new budget of retries.

    What expired, only by its id or by --filter class=expired.
    """
    do(Kind.RETRY, choice(ids, everything, filters), confirmed=confirm_unknown)


@app.command()
def cancel(ids: Ids = None, everything: Every = False, filters: Filter = None) -> None:
    """Cancel what has not left yet."""
    do(Kind.CANCEL, choice(ids, everything, filters))


@app.command()
def hold(ids: Ids = None, everything: Every = False, filters: Filter = None) -> None:
    """Keep back what has not left yet, until it is released."""
    do(Kind.HOLD, choice(ids, everything, filters))


@app.command()
def release(ids: Ids = None, filters: Filter = None) -> None:
    """Let go what is held as late or by a person, however late it is: --filter hold=late."""
    do(Kind.RELEASE, choice(ids, False, filters))


@app.command()
def delete(ids: Ids = None, filters: Filter = None) -> None:
    """Hide messages, those that wait cancelled with it; not what is being sent."""
    do(Kind.DELETE, choice(ids, False, filters))


@app.command()
def flush(
    what_failed: Annotated[bool, typer.Option("--failed", help="all that failed")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Delete all that failed, after a question."""
    if not what_failed:
        die("Say what to flush: --failed.", 2)
    choice = Choice(status="failed")
    with db.reading() as session:
        count = choosing.count(session, choice, AMONG[Kind.DELETE])
        unclear = choosing.count(
            session, replace(choice, error_class="unknown"), AMONG[Kind.DELETE]
        )
    if count and not yes:
        told = f" ({unclear:,} may have arrived)" if unclear else ""
        typer.confirm(f"Delete {count:,} failed messages{told}?", abort=True)
    do(Kind.DELETE, choice)


@app.command()
def undo(operation: Annotated[int, typer.Argument(help="as it was told")]) -> None:
    """Bring back what a bulk action changed that can be undone, where nobody changed it since."""
    report(run(operations.undo(operation, by=me(), here=True)))


def choice(ids: list[int] | None, everything: bool, filters: list[str] | None) -> Choice:
    """Which messages are meant; ends the command where that is not said."""
    if sum((bool(ids), everything, bool(filters))) != 1:
        die("Say which messages: ids, --all or --filter.", 2)
    if ids:
        return Choice(ids=tuple(ids))
    with db.reading() as session:
        return _parsed(session, filters) if filters else Choice()


def _parsed(session: Session, filters: Sequence[str]) -> Choice:
    try:
        return choosing.parse(session, filters)
    except Invalid as wrong:
        die(str(wrong), 2)


def do(kind: Kind, choice: Choice, **asked: Unpack[Asked]) -> None:
    """Do it here and now, and tell what became of it."""
    report(run(operations.create(kind, choice, by=me(), **asked | {"here": True})))


def run(operation_id: int, progress: Callable[[Taken], None] | None = None) -> Operation:
    """Run an operation in this process, with its progress; returns what became of it.

    Ctrl-C calls it off after a chunk. `progress` tells how far it is in other words.
    """
    counted = operations.state(operation_id).counted or 0
    told = progress or partial(_progress, counted=counted)
    stop, before = Event(), signal.getsignal(signal.SIGINT)

    def tell(mine: Taken) -> None:
        told(mine)
        if stop.is_set():
            with suppress(Refused):  # it had ended meanwhile
                operations.cancel(operation_id, by=me())

    # Between chunks: an interrupt in the middle of a statement would leave the database locked.
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    try:
        operating.run(leasing.held(operation_id), tell=tell)
    finally:
        signal.signal(signal.SIGINT, before)
    return operations.state(operation_id)


def _progress(mine: Taken, counted: int) -> None:
    if sys.stderr.isatty():
        so_far = mine.done + sum(mine.why.values())
        typer.echo(f"\r{so_far:,} of {counted:,}", err=True, nl=so_far >= counted)


def report(row: Operation) -> None:
    """Tell what became of it, and end with the code for it."""
    # What says it right already is not left undone.
    skipped = row.skipped - row.cursor["why"].get("unaffected", 0)
    way_back = f" Undo: python manage.py undo {row.id}" if row.kind in UNDONE_BY else ""
    if row.done:
        typer.echo(f"{messages(row.done)} {DONE[Kind(row.kind)]}.{way_back}")
    elif not skipped and row.state == "finished":
        typer.echo("Nothing to do.")
    if row.skipped:
        why = ", ".join(f"{count:,} {REASONS[one]}" for one, count in row.cursor["why"].items())
        typer.echo(f"{messages(row.skipped)} skipped: {why}.", err=True)
    if row.state != "finished":
        typer.echo("It was called off before its end.", err=True)
    if row.cursor["why"].get("unconfirmed"):
        typer.echo("To send those too, which may arrive twice: --confirm-unknown", err=True)
    if skipped or row.state != "finished":
        _end(3 if row.done else 1)


def messages(count: int) -> str:
    return f"{count:,} {'message' if count == 1 else 'messages'}"


def _end(code: int) -> NoReturn:
    raise typer.Exit(code)

"""Batches from a terminal: how far they are, and steering them by name or number."""

import json
import sys
from typing import Annotated, Any, NoReturn

import typer

from commands.common import die, me
from core import batch_reports, causes, db, exporting, steering
from core.batch_reports import Line
from core.columns import What
from core.export import Order
from core.filtering import Filter
from core.models import Batch
from core.standing import Standing

app = typer.Typer(help="Batches: messages that came in together.", no_args_is_help=True)

Which = Annotated[str, typer.Argument(metavar="BATCH", help="its number, or its name (the newest)")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON")]


@app.command("list")
def list_batches(
    limit: Annotated[int, typer.Option(min=1, max=200)] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines")] = False,
) -> None:
    """List batches, newest first."""
    for line in batch_reports.latest(size=limit):
        typer.echo(json.dumps(_facts(line), ensure_ascii=False) if as_json else _line(line))


@app.command()
def show(batch: Which, as_json: AsJson = False) -> None:
    """Tell how far a batch is, why it waits, when it ends, and who did what."""
    whole = batch_reports.one(_id(batch))
    assert whole is not None
    facts = _facts(whole) | {
        "reasons": whole.progress.reasons,
        "ends_at": _stamp(whole.outlook and whole.outlook.ends_at),
        "file": whole.file and whole.file.name,
        "record": [
            {"at": _stamp(one.at), "by": one.actor, "did": one.action} for one in whole.record
        ],
    }
    if as_json:
        typer.echo(json.dumps(facts, ensure_ascii=False))
        return
    typer.echo(_line(whole))
    for standing, number in whole.progress.standings.items():
        typer.echo(f"{number:>10,} {standing}")
    if facts["ends_at"]:
        typer.echo(f"ends about {facts['ends_at']}")
    for one in whole.record:
        typer.echo(f"{one.at:%Y-%m-%d %H:%M:%S}  {one.action}  {one.actor}")


@app.command()
def release(
    batch: Which,
    first: Annotated[int | None, typer.Option(help="only so many, the rest stays held")] = None,
) -> None:
    """Let a batch go, or its first few."""
    if first is not None:
        count = steering.release_first(_id(batch), first, by=me())
        typer.echo(f"{count:,} of {_name(batch)} may leave; the rest stays held.")
        return
    steering.release(_id(batch), by=me())
    typer.echo(f"{_name(batch)} is released.")


@app.command()
def pause(batch: Which) -> None:
    """Let nothing more of a batch leave; it is obeyed within a second."""
    steering.pause(_id(batch), by=me())
    typer.echo(f"{_name(batch)} is paused.")


@app.command()
def resume(batch: Which) -> None:
    """Put a paused batch back to what it was."""
    steering.resume(_id(batch), by=me())
    typer.echo(f"{_name(batch)} goes on.")


@app.command()
def cancel(
    batch: Which, yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False
) -> None:
    """Cancel all of a batch that has not left, after a question. It cannot be undone."""
    whole = batch_reports.one(_id(batch))
    assert whole is not None
    counted = whole.progress
    if not yes:
        told = f"Cancel {counted.waiting:,} of {counted.total:,}? {counted.left:,} have left."
        typer.confirm(f"{told} This cannot be undone.", abort=True)
    steering.cancel(whole.batch.id, by=me())
    typer.echo(f"{_name(batch)} is cancelled: {counted.left:,} had left.")


@app.command()
def results(
    batch: Which,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="its messages as CSV")] = False,
    failed: Annotated[bool, typer.Option("--failed", help="only what failed, with --csv")] = False,
) -> None:
    """Tell what became of a batch; exit code 3 where some of it failed."""
    batch_id = _id(batch)
    if as_csv:
        standings = {Standing.FAILED, Standing.UNCONFIRMED} if failed else set()
        wanted = Filter(frozenset(standings), batch=batch_id)
        for piece in exporting.as_csv(Order.of(What.MESSAGES, wanted), by=me()):
            sys.stdout.write(piece)
        return
    whole = batch_reports.one(batch_id)
    assert whole is not None
    typer.echo(json.dumps(_facts(whole), ensure_ascii=False) if as_json else _line(whole))
    if not as_json:
        for one in whole.progress.failures:
            typer.echo(f"{one.count:>10,} {causes.failure(one)[0]}")
    if whole.progress.failed:
        _end(3)


def found(batch: str) -> Batch:
    with db.reading() as session:
        found = batch_reports.named(session, batch)
    if found is None:
        die(f"There is no batch «{batch}».")
    return found


def _id(batch: str) -> int:
    return found(batch).id


def _name(batch: str) -> str:
    return f"«{found(batch).name}»"


def _facts(line: Line) -> dict[str, Any]:
    batch, counted = line.batch, line.progress
    return {
        "id": batch.id,
        "name": batch.name,
        "account": line.account,
        "state": line.state,
        "total": counted.total,
        "left": counted.left,
        "waiting": counted.waiting,
        "failed": counted.failed,
        "cancelled": counted[Standing.CANCELLED],
        "opted_out": counted.opted_out,
        "standings": counted.standings,
        "failures": [
            {"class": one.error_class, "code": one.error_code, "count": one.count}
            for one in counted.failures
        ],
        "created_at": _stamp(batch.created_at),
        "created_by": batch.created_by,
    }


def _line(line: Line) -> str:
    batch, counted = line.batch, line.progress
    failed = f", {counted.failed:,} failed" if counted.failed else ""
    opted = f", {counted.opted_out:,} opted out" if counted.opted_out else ""
    return (
        f"{batch.id:>6}  {batch.created_at:%Y-%m-%d %H:%M}  {line.state:<10}"
        f" {counted.left:,} of {counted.total:,} left{failed}{opted}  «{batch.name}»"
        f"  {line.account or 'several accounts'}  {batch.created_by}"
    )


def _stamp(at: Any) -> str | None:
    return at.isoformat(timespec="seconds") if at else None


def _end(code: int) -> NoReturn:
    raise typer.Exit(code)

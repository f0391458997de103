"""The restore guard at the terminal: why nothing is sent, and what becomes of the overdue."""

import typer

from commands.common import me
from core import guarding
from core.guarding import Overdue
from core.listing import CAP
from core.sending import twin

app = typer.Typer(no_args_is_help=True)
machine = typer.Typer(no_args_is_help=True)


@app.callback()
def guard() -> None:
    """The restore guard: a restored or copied database sends nothing until you say so."""


@app.command()
def status() -> None:
    """Whether and why the guard is on, and how much is overdue. Ends with 1 while it is on."""
    known = guarding.guarded()
    if known is None:
        typer.echo("The restore guard is off.")
        return
    count = guarding.overdue()
    typer.echo(f"The restore guard is on since {known.since:%Y-%m-%d %H:%M:%S} UTC.")
    typer.echo(known.reason)
    told = f"{CAP:,}+" if count > CAP else f"{count:,}"
    typer.echo(f"Overdue: {told} message{'' if count == 1 else 's'}.")
    raise typer.Exit(1)


@app.command()
def answer(overdue: Overdue) -> None:
    """Send, hold or cancel what came due until now, and send what comes due from now on."""
    count = twin.answer(overdue, by=me())
    told = {Overdue.HOLD: f" {count:,} held.", Overdue.CANCEL: f" {count:,} cancelled."}
    typer.echo(f"The restore guard is off.{told.get(overdue, '')}")


@machine.callback()
def worker() -> None:
    """This machine among those that send."""


@machine.command()
def join() -> None:
    """Say that this machine belongs, which has not sent before."""
    if why := twin.join(by=me()):
        typer.echo(f"This machine belongs now. Nothing is sent all the same:\n{why}")
        raise typer.Exit(1)
    typer.echo("This machine belongs now.")

"""The workers as a whole: stopping all sending, and letting it go on."""

from typing import Annotated

import typer

from commands.common import me
from core import installation

app = typer.Typer()


@app.command("stop-all")
def stop_all(
    reason: Annotated[str, typer.Option(help="shown on every page until it is released")],
) -> None:
    """Stop all sending, on every account; what is due waits until `resume-all`."""
    installation.stop_all(reason, by=me())
    typer.echo("All sending is stopped. What is under way ends; nothing new leaves.")


@app.command("resume-all")
def resume_all() -> None:
    """Send again, what is overdue included."""
    installation.resume_all(by=me())
    typer.echo("Outbox sends again.")

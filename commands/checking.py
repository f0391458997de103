"""Checking: whether everything that is stored is as it must be."""

import json
from collections.abc import Iterable
from typing import Annotated

import typer

from core import verify as verifying
from core.invariants.violation import Violation

app = typer.Typer()


@app.command()
def verify(
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines")] = False,
) -> None:
    """Check what must hold of every message; prints each violation. Exit code 1: there are some."""
    if count := _print(verifying.violations(), as_json):
        typer.echo(f"{count} violation{'' if count == 1 else 's'}.", err=as_json)
        raise typer.Exit(1)
    typer.echo("No violations.", err=as_json)


def _print(found: Iterable[Violation], as_json: bool) -> int:
    count = 0
    for one in found:
        count += 1
        facts = {
            "kind": one.kind,
            "what": one.what,
            "messages": one.message_ids,
            "attempts": one.attempt_ids,
        }
        typer.echo(json.dumps(facts, ensure_ascii=False) if as_json else one.what)
    return count

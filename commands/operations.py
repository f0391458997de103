"""Bulk actions as they stand: which there were, how far they are, and calling one off."""

import json
from typing import Annotated, Any

import typer

from commands.common import me
from core import operations
from core.models import Operation

app = typer.Typer()


@app.command("operations")
def list_operations(
    limit: Annotated[int, typer.Option(min=1)] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines")] = False,
) -> None:
    """List bulk actions, latest first: who ordered what, and how far it is."""
    for row in operations.latest(limit):
        facts = _facts(row)
        typer.echo(json.dumps(facts, ensure_ascii=False) if as_json else _line(facts))


def _facts(row: Operation) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind,
        "state": row.state,
        "counted": row.counted,
        "done": row.done,
        "skipped": (row.cursor or {}).get("why", {}),
        "error": row.error,
        "by": row.created_by,
        "created_at": row.created_at.isoformat(timespec="seconds"),
    }


def _line(facts: dict[str, Any]) -> str:
    counted = facts["counted"] or 0
    skipped = sum(facts["skipped"].values())
    told = f", {skipped:,} skipped" if skipped else ""
    return (
        f"{facts['id']:>6}  {facts['created_at'][:16]}  {facts['kind']:<8} {facts['state']:<10}"
        f" {facts['done']:,} of {counted:,}{told}  {facts['by']}"
    )


@app.command("call-off")
def call_off(operation: Annotated[int, typer.Argument()]) -> None:
    """Stop a bulk action after the chunk that is under way; what it did stays done."""
    operations.cancel(operation, by=me())
    typer.echo(f"Operation {operation} is called off.")

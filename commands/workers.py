"""The workers as a whole: who is alive, a fresh start for all, stopping all sending."""

import json
from typing import Annotated, Any

import typer

from commands.common import me
from core import installation, workers
from core.workers import Seen

app = typer.Typer()


@app.command("workers")
def list_workers(
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines")] = False,
) -> None:
    """Who is alive: send loops and gateways, on every machine."""
    for one in workers.seen():
        facts = _facts(one)
        typer.echo(json.dumps(facts) if as_json else _line(facts))


def _facts(one: Seen) -> dict[str, Any]:
    worker = one.worker
    unreached = worker.unreached_since
    return {
        "id": worker.id,
        "kind": worker.kind,
        "host": worker.host,
        "pid": worker.pid,
        "version": worker.version,
        "since": worker.started_at.isoformat(timespec="seconds"),
        "alive": one.lease.total_seconds() > 0,
        "lease_seconds": round(one.lease.total_seconds(), 1),
        "in_flight": one.in_flight,
        "unreached_since": unreached.isoformat(timespec="seconds") if unreached else None,
    }


def _line(facts: dict[str, Any]) -> str:
    state = f"alive for {facts['lease_seconds']} s" if facts["alive"] else "dead"
    where = f"{facts['host']}:{facts['pid']}"
    away = facts["unreached_since"]
    told = f"; WhatsApp does not answer since {away}" if away else ""
    return (
        f"{facts['id']:>6}  {facts['kind']:<8} {where:<24} {facts['version']:<8}"
        f" since {facts['since']}  {state}, {facts['in_flight']} in flight{told}"
    )


@app.command("restart-workers")
def restart_workers() -> None:
    """Have every worker end in order and begin anew, within a minute."""
    workers.ask_renewal(by=me())
    typer.echo("Each worker renews itself within a minute. Watch it with: python manage.py workers")


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

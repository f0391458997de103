"""Business numbers that send: `manage.py account …`."""

import json
from typing import Annotated

import typer

from commands.common import die, me
from core import accounts

app = typer.Typer(no_args_is_help=True, help="Business numbers that send.")


@app.command("add")
def account_add(
    name: Annotated[str, typer.Option()],
    phone_number_id: Annotated[str, typer.Option(help="Meta's id of the number")],
    token: Annotated[str, typer.Option(help="access token")],
    waba_id: Annotated[str | None, typer.Option(help="its WhatsApp Business Account")] = None,
    rate: Annotated[str, typer.Option(help="messages a second, or none")] = "1",
    country: Annotated[str | None, typer.Option(help="home country, e.g. ID")] = None,
    timezone: Annotated[str, typer.Option(help="e.g. Asia/Jakarta")] = "UTC",
    replace_token: Annotated[bool, typer.Option(help="for all numbers of its WABA")] = False,
) -> None:
    """Add a business number."""
    accounts.add(
        name=name,
        phone_number_id=phone_number_id,
        token=token,
        waba_id=waba_id,
        rate=_rate(rate),
        country=country,
        zone=timezone,
        replace_token=replace_token,
        by=me(),
    )
    typer.echo(f"The account «{name}» may send.")


def _rate(typed: str) -> float | None:
    if typed.strip().lower() == "none":
        return None
    try:
        return float(typed)
    except ValueError:
        die(f"«{typed}» is not a rate: a number of messages a second, or none.", 2)


@app.command("list")
def account_list(
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines")] = False,
) -> None:
    """The business numbers and their state."""
    for one in accounts.everything():
        facts = {
            "id": one.id,
            "name": one.name,
            "phone_number_id": one.phone_number_id,
            "state": one.state,
            "state_reason": one.state_reason,
            "rate": one.rate,
            "country": one.country,
            "timezone": one.zone,
        }
        if as_json:
            typer.echo(json.dumps(facts, ensure_ascii=False))
        else:
            rate = "no pacing" if one.rate is None else f"{one.rate:g}/s"
            why = f": {one.state_reason}" if one.state_reason else ""
            typer.echo(f"{one.name:<24} {one.phone_number_id:<18} {rate:<10} {one.state}{why}")


@app.command("pause")
def account_pause(
    name: str, reason: Annotated[str, typer.Option(help="shown on every page")] = ""
) -> None:
    """Stop sending on a number; what is due waits."""
    accounts.pause(name, reason=reason, by=me())
    typer.echo(f"The account «{name}» is paused.")


@app.command("resume")
def account_resume(name: str) -> None:
    """Send again on a paused number, what is overdue included."""
    accounts.resume(name, by=me())
    typer.echo(f"The account «{name}» may send.")

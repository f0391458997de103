"""Business numbers that send: `manage.py account …`."""

import json
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Any

import typer

from commands.common import die, me, typed_secret
from core import (
    account_settings,
    account_typed,
    accounts,
    businesses,
    checking,
    resuming,
    retiring,
    syncing,
)
from core.errors import Invalid, Unanswered
from core.listing import CAP
from core.schedule import from_span

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
    account_id = accounts.add(
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
    told = _templates(accounts.business_of(account_id)) if waba_id else ""
    typer.echo(f"The account «{name}» may send.{told}")


def _templates(business_id: int) -> str:
    """What its templates are: read at once, so that they can be scheduled."""
    try:
        done = syncing.sync(business_id, by=me())
    except Unanswered as refused:
        return f" Its templates were not read yet, a worker tries again: {refused}"
    return f" It has {done.read:,} template{'' if done.read == 1 else 's'}."


def _rate(typed: str) -> float | None:
    try:
        return account_typed.rate(typed)
    except Invalid as refused:
        die(str(refused), 2)


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
            "quiet": one.quiet_from and f"{one.quiet_from}-{one.quiet_to}",
            "late": one.late_policy,
            "late_after": one.late_after,
            "test_number": one.test_number,
        }
        if as_json:
            typer.echo(json.dumps(facts, ensure_ascii=False))
        else:
            rate = "no pacing" if one.rate is None else f"{one.rate:g}/s"
            why = f": {one.state_reason}" if one.state_reason else ""
            typer.echo(f"{one.name:<24} {one.phone_number_id:<18} {rate:<10} {one.state}{why}")


@app.command("check")
def account_check(
    name: str, as_json: Annotated[bool, typer.Option("--json", help="JSON lines")] = False
) -> None:
    """Ask Meta now whether its token, number and webhook are well; exit code 1 where one is not."""
    found = checking.check(name, by=me())
    for one in found.findings:
        if as_json:
            typer.echo(json.dumps(asdict(one), ensure_ascii=False))
        else:
            word = {True: "well", False: "wrong", None: "unknown"}[one.well]
            typer.echo(f"{one.field:<16} {word:<8} {one.told} {one.cure}".rstrip())
    if not found.well:
        raise typer.Exit(1)


@app.command("retire")
def account_retire(name: str) -> None:
    """Take a number out of use for good, once nothing waits for it."""
    retiring.retire(name, by=me())
    typer.echo(f"The account «{name}» is retired.")


@app.command("reinstate")
def account_reinstate(name: str) -> None:
    """Bring a retired number back, paused."""
    retiring.reinstate(name, by=me())
    typer.echo(f"The account «{name}» is back, and paused.")


@app.command("pause")
def account_pause(
    name: str, reason: Annotated[str, typer.Option(help="shown on every page")] = ""
) -> None:
    """Stop sending on a number; what is due waits."""
    accounts.pause(name, reason=reason, by=me())
    typer.echo(f"The account «{name}» is paused.")


@app.command("resume")
def account_resume(
    name: str,
    everything: Annotated[bool, typer.Option("--all", help="all that is overdue leaves")] = False,
    only_last: Annotated[
        str | None, typer.Option(help="e.g. 30m: what came due before that is held")
    ] = None,
    hold: Annotated[bool, typer.Option("--hold", help="all that is overdue is held")] = False,
    by_policy: Annotated[
        bool, typer.Option("--by-policy", help="the late policies decide what becomes of it")
    ] = False,
) -> None:
    """Send again on a paused number; asks what becomes of what is overdue."""
    choices = [everything, only_last is not None, hold, by_policy]
    if sum(choices) > 1:
        die("Say only one of --all, --only-last, --hold and --by-policy.", 2)
    waiting = resuming.overdue(name)
    if waiting and not any(choices):
        account = f"«{name}»"
        die(f"{_overdue(waiting)} on {account}. Say --all, --only-last 30m, --hold or --by-policy.")
    if everything or hold or only_last is not None:
        within = None if everything else from_span(only_last) if only_last else timedelta()
        held = resuming.resume(name, only_last=within, by=me())
        told = f" {_overdue(held)} and held." if held else ""
    else:
        accounts.resume(name, by=me())
        told = ""
    typer.echo(f"The account «{name}» may send.{told}")


def _overdue(count: int) -> str:
    if count == 1:
        return "1 message is overdue"
    return f"{CAP:,}+ messages are overdue" if count > CAP else f"{count:,} messages are overdue"


@app.command("set")
def account_set(
    name: str,
    rate: Annotated[str | None, typer.Option(help="messages a second, or none")] = None,
    quiet: Annotated[
        str | None, typer.Option(help="hours in which nothing leaves: 21:00-07:00, or none")
    ] = None,
    late: Annotated[str | None, typer.Option(help="what is late: send, skip or hold")] = None,
    late_after: Annotated[str | None, typer.Option(help="when it counts as late: 10m, 2h")] = None,
    timezone: Annotated[str | None, typer.Option(help="e.g. Asia/Jakarta")] = None,
    country: Annotated[str | None, typer.Option(help="home country, e.g. ID, or none")] = None,
    test_number: Annotated[
        str | None, typer.Option(help="gets the first row of a file as a test, or none")
    ] = None,
    waba_id: Annotated[
        str | None, typer.Option(help="its WhatsApp Business Account, where it was added without")
    ] = None,
) -> None:
    """Change how a number sends."""
    settings: dict[str, Any] = {}
    if rate is not None:
        settings["rate"] = _rate(rate)
    if quiet is not None:
        settings["quiet_from"], settings["quiet_to"] = _hours(quiet)
    if late is not None:
        settings["late_policy"] = late
    if late_after is not None:
        settings["late_after"] = int(from_span(late_after).total_seconds())
    if timezone is not None:
        settings["zone"] = timezone
    if country is not None:
        settings["country"] = None if _is_none(country) else country.strip().upper()
    if test_number is not None:
        settings["test_number"] = None if _is_none(test_number) else test_number
    if not settings and waba_id is None:
        die("Say what to change: see --help.", 2)
    told = ""
    if waba_id is not None:
        told = _templates(businesses.name_waba(name, waba_id, by=me()))
    if settings:
        account_settings.change(name, settings, by=me())
    typer.echo(f"The account «{name}» is changed.{told}")


def _hours(typed: str) -> tuple[str | None, str | None]:
    if _is_none(typed):
        return None, None
    begins, dash, ends = (part.strip() for part in typed.replace("–", "-").partition("-"))
    if not dash:
        die(f"«{typed}» are no quiet hours: write them like 21:00-07:00, or none.", 2)
    return begins, ends


def _is_none(typed: str) -> bool:
    return typed.strip().lower() == "none"


@app.command("token")
def account_token(name: str) -> None:
    """Replace the access token; it is asked for, or read from standard input."""
    names = account_settings.replace_token(name, typed_secret("Access token"), by=me())
    typer.echo(f"The new token serves {', '.join(f'«{one}»' for one in names)}.")

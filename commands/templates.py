"""Message templates as Meta has them: `manage.py template …`."""

import json
from typing import Annotated, Any

import typer

from commands.common import account_id, die, me
from core import accounts, catalogue, syncing, templates
from core.catalogue import Entry, Wanted
from core.errors import Unanswered

app = typer.Typer(no_args_is_help=True, help="Message templates as Meta has them.")

Name = Annotated[str, typer.Argument(help="as Meta has it, e.g. order_shipped")]
Language = Annotated[str | None, typer.Option(help="where it has several, e.g. en_US")]
Account = Annotated[str | None, typer.Option(help="one of the numbers that share it")]


@app.command("sync")
def template_sync(account: Account = None) -> None:
    """Read the templates from Meta now, of all businesses or of one number's."""
    if account is not None:
        chosen = [accounts.business_of(account_id(account))]
    else:
        chosen = [one.id for one in syncing.businesses()]
    if not chosen:
        die("No number was added with its WABA, which templates belong to.")
    failed = [one for one in chosen if not _synced(one)]
    if failed:
        raise typer.Exit(1 if len(failed) == len(chosen) else 3)


def _synced(business_id: int) -> bool:
    try:
        done = syncing.sync(business_id, by=me())
    except Unanswered as refused:
        typer.echo(str(refused), err=True)
        return False
    typer.echo(f"{done.business}: {done.read:,} templates, {len(done.changes)} changed.")
    for change in done.changes:
        typer.echo(f"  {change}")
    return True


@app.command("list")
def template_list(
    account: Account = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines")] = False,
) -> None:
    """List the templates: what they ask for, whether they send, and what waits for them."""
    business_id = accounts.business_of(account_id(account)) if account is not None else None
    for one in catalogue.read(Wanted(business_id=business_id)):
        typer.echo(json.dumps(_facts(one), ensure_ascii=False) if as_json else _line(one))


def _facts(entry: Entry) -> dict[str, Any]:
    one = entry.template
    return {
        "id": one.id,
        "business": entry.business,
        "name": one.name,
        "language": one.language,
        "category": one.category,
        "status": one.status,
        "quality": one.quality,
        "parameters": [asked.key for asked in entry.shape.asks],
        "why_not": entry.refusal,
        "hold": one.hold,
        "hold_by": one.hold_by,
        "hold_since": one.hold_since and one.hold_since.isoformat(),
        "waiting": entry.waiting,
        "held": entry.held,
        "synced_at": one.synced_at.isoformat(),
    }


def _line(entry: Entry) -> str:
    one, keys = entry.template, ", ".join(asked.key for asked in entry.shape.asks)
    told = (
        entry.refusal or (entry.stop and f"Held: {entry.stop.reason}.") or keys or "no parameters"
    )
    waits = f"  ({entry.waiting:,} waiting, {entry.held:,} held)" if entry.waiting else ""
    return f"{one.name:<28} {one.language:<7} {(one.category or '').lower():<15} {told}{waits}"


@app.command("hold")
def template_hold(
    name: Name,
    reason: Annotated[str, typer.Option(help="shown to everybody")] = "",
    language: Language = None,
    account: Account = None,
) -> None:
    """Let nothing leave with a template until somebody releases it."""
    chosen = catalogue.named(name, language=language, account=account)
    templates.hold(chosen.id, reason=reason, by=me())
    typer.echo(f"Nothing leaves with «{templates.named(chosen)}» until it is released.")


@app.command("release")
def template_release(name: Name, language: Language = None, account: Account = None) -> None:
    """Let it send again as it is now; what waits with an earlier version is changed to it."""
    chosen = catalogue.named(name, language=language, account=account)
    templates.release(chosen.id, by=me())
    typer.echo(f"«{templates.named(chosen)}» sends again.")

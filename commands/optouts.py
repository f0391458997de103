"""Who is not to be contacted: `manage.py optout …`."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from commands.bulk import run
from commands.common import account_id, die, me
from core import exporting, optout_import, optout_list, optouts
from core.covering import covers
from core.models import OptOut
from core.optout_file import BY_PERSON, EVERYTHING

app = typer.Typer(no_args_is_help=True, help="Who is not to be contacted.")

Country = Annotated[str | None, typer.Option(help="reads numbers like 0812…, e.g. ID")]


@app.command("add")
def optout_add(
    numbers: Annotated[list[str], typer.Argument(help="telephone numbers")],
    scope: Annotated[str, typer.Option(help="everything or marketing")] = EVERYTHING,
    account: Annotated[str | None, typer.Option(help="from this account only")] = None,
    country: Country = None,
    reason: Annotated[str | None, typer.Option()] = None,
    source: Annotated[str, typer.Option(help="where it was said, e.g. letter")] = BY_PERSON,
) -> None:
    """Write to these people no more; what is pending for them is cancelled."""
    added = optouts.add(
        numbers,
        scope=scope,
        account_id=account_id(account) if account is not None else None,
        home=_upper(country),
        reason=reason,
        source=source,
        by=me(),
    )
    for one in added:
        word = "was on the list already" if one.already else "is on the list"
        typer.echo(f"{one.number} {word}; {_messages(one.cancelled)} cancelled.")


@app.command("remove")
def optout_remove(
    number: Annotated[str | None, typer.Argument(help="all that is in force for it")] = None,
    one: Annotated[int | None, typer.Option("--id", help="only this one")] = None,
    country: Country = None,
) -> None:
    """Allow writing to somebody again; the list keeps that they were on it."""
    if (number is None) == (one is None):
        die("Say either a number or --id.", 2)
    if one is not None:
        lifted = [optouts.lift(one, by=me())]
    else:
        lifted = optouts.lift_number(number or "", home=_upper(country), by=me())
    accounts = optout_list.page(size=1).accounts
    for row in lifted:
        typer.echo(f"{row.number} may be sent {covers(row, accounts)} again.")


@app.command("list")
def optout_list_(
    lifted: Annotated[bool, typer.Option("--all", help="also those that were lifted")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines")] = False,
) -> None:
    """Who is not to be contacted, latest first."""
    page = optout_list.page(lifted=lifted, size=optout_list.CHUNK)
    while page.rows:
        for row in page.rows:
            facts = _facts(row, page.accounts)
            typer.echo(json.dumps(facts, ensure_ascii=False) if as_json else _line(facts))
        if page.after is None:
            return
        page = optout_list.page(lifted=lifted, after=page.after, size=optout_list.CHUNK)


def _facts(row: OptOut, accounts: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "number": row.number,
        "scope": row.scope,
        "account": accounts.get(row.account_id),
        "source": row.source,
        "reason": row.reason,
        "created_at": row.created_at.isoformat(),
        "created_by": row.created_by,
        "lifted_at": row.lifted_at and row.lifted_at.isoformat(),
        "lifted_by": row.lifted_by,
    }


def _line(facts: dict[str, Any]) -> str:
    where = facts["account"] or "all accounts"
    at = facts["lifted_at"]
    lifted = f"  lifted {at[:10]} by {facts['lifted_by']}" if at else ""
    return (
        f"{facts['id']:>6}  {facts['number']:<16} {facts['scope']:<11} {where:<16}"
        f" {facts['created_at'][:10]} by {facts['created_by']} ({facts['source']})"
        f"{' ' + facts['reason'] if facts['reason'] else ''}{lifted}"
    )


@app.command("import")
def optout_import_(
    file: Annotated[Path, typer.Argument(help="numbers, one a line, or CSV with a heading")],
    country: Country = None,
) -> None:
    """Put a file of numbers on the list; lines that are wrong are told, the others count."""
    row = run(
        optout_import.order(
            _bytes(file), home=_upper(country), by=me(), here=True, cancels_here=True
        )
    )
    if row.state != "finished":
        die(row.error or "It was called off; what was added stays on the list.", 3)
    done = row.result
    cancelled = run(done["cancels"]).done if done["cancels"] else 0
    for one in done["wrong"]:
        told = f"line {one['line']}: {one['column']} {one['value']!r}: {one['reason']}"
        typer.echo(told, err=True)
    counts = done["added"] or done["already"]
    if counts or not done["wrong_lines"]:
        typer.echo(
            f"{done['added']:,} added, {done['already']:,} on the list already;"
            f" {_messages(cancelled)} cancelled."
        )
    if wrong := done["wrong_lines"]:
        said = "1 line is wrong." if wrong == 1 else f"{wrong:,} lines are wrong."
        die(said, 3 if counts else 1)


@app.command("export")
def optout_export(file: Annotated[Path, typer.Argument(help="CSV to be written")]) -> None:
    """Write all that is in force as CSV, which `optout import` reads back."""
    try:
        with file.open("x", encoding="utf-8", newline="") as written:
            for part in exporting.optouts_as_csv(by=me()):
                written.write(part)
    except OSError as error:
        die(f"{file} cannot be written: {error.strerror}.")


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        die(f"{file} cannot be read: {error.strerror}.")


def _upper(country: str | None) -> str | None:
    return country.upper() if country is not None else None


def _messages(count: int) -> str:
    return f"{count:,} {'message' if count == 1 else 'messages'}"

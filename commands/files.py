"""`import`: a file of messages is checked whole, then loaded, and let go or kept.

Exit codes: 0 done, 1 refused (wrong rows, loaded before), 2 typed wrongly, 3 wrong rows left out.
"""

import json
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from commands import bulk
from commands.common import account_id, die, me
from core import files, load_orders, preflight, telling
from core.leasing import Taken
from core.loading import Then
from core.models import Operation
from core.schedule import clock
from core.sheets import plan as plans
from core.sheets import reading
from core.sheets.plan import Plan, Timing

app = typer.Typer()


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="CSV or XLSX")],
    account: Annotated[str, typer.Option()],
    template: Annotated[str, typer.Option(help="a template for all rows")] = "",
    language: Annotated[str, typer.Option(help="of the template, e.g. id")] = "",
    zone: Annotated[str, typer.Option(help="of times without offset, e.g. Asia/Jakarta")] = "",
    batch: Annotated[str, typer.Option(help="its name; else that of the file")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="check, and store nothing")] = False,
    hold: Annotated[bool, typer.Option("--hold", help="load the good rows and hold them")] = False,
    release: Annotated[
        bool, typer.Option("--release", help="load the good rows and let them go")
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="although it was loaded before")] = False,
    doubles: Annotated[
        bool, typer.Option("--doubles", help="also what is the same as a message there is")
    ] = False,
    unfilled: Annotated[
        bool, typer.Option("--unfilled", help="{this} in a text is meant as it stands")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="also what was changed here since it was loaded")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Schedule a file of messages: all of it, or nothing; with --hold or --release its good rows.

    What is there already is left out, and what changed under its reference is changed.
    """
    if hold and release:
        die("Say either --hold or --release.", 2)
    plan = Plan(
        account_id=account_id(account),
        template=template,
        language=language,
        timing=Timing(zone=zone),
        duplicates="load" if doubles else "skip",
        unfilled=unfilled,
        overwrites=overwrite,
    )
    check = _checked(file, plan)
    found: Mapping[str, Any] = check.result
    if dry_run:
        typer.echo(json.dumps(_facts(found), ensure_ascii=False) if as_json else _told(found))
        return
    if found["wrong_rows"] and not (hold or release):
        _list_wrong(found)
        die(f"{_rows(found['wrong_rows'])} wrong; nothing was stored.")
    then = Then.HOLD if hold else Then.RELEASE
    loaded = _loaded(check.id, found, batch or file.name, then, again)
    if as_json:
        typer.echo(json.dumps(_facts(found) | loaded, ensure_ascii=False))
    else:
        _tell(found, loaded, then)
    if found["wrong_rows"] or loaded["lost"]:
        raise typer.Exit(3)


def _checked(path: Path, plan: Plan) -> Operation:
    data = _bytes(path)
    plan = plans.standard(reading.read(data, path.name).headings, plan)
    file_id = files.upload(data, name=path.name, by=me())
    row = _run(preflight.order(file_id, plan, by=me(), here=True), "checked")
    if "problems" in row.result:
        die("\n".join(f"{one['field']}: {one['message']}" for one in row.result["problems"]))
    return row


def _bytes(path: Path) -> bytes:
    try:
        files.check_size(path.stat().st_size)
        return path.read_bytes()
    except OSError as error:
        die(f"{path} cannot be read: {error.strerror}.")


def _loaded(
    check_id: int, found: Mapping[str, Any], name: str, then: Then, again: bool
) -> dict[str, Any]:
    """What was stored; nothing where nothing in the file is new."""
    if found["earlier"] and not again:
        die(f"{_told_before(found)} To load it once more: --again")
    if not found["good"]:
        return {"scheduled": 0, "changed": 0, "lost": 0, "batch": None}
    made = load_orders.order(check_id, name=name, then=then, again=again, by=me(), here=True)
    row = _run(made, "loaded")
    counts = row.result
    return {
        "scheduled": counts.get("new", 0),
        "changed": counts.get("changed", 0),
        "lost": load_orders.lost(row)[0],
        "batch": row.batch_id,
    }


def _run(operation_id: int, done: str) -> Operation:
    """Run an operation in this process, with its progress in rows."""

    def tell(mine: Taken) -> None:
        if sys.stderr.isatty() and mine.counted:
            typer.echo(f"\r{mine.done:,} of {mine.counted:,} rows {done}", err=True, nl=False)

    row = bulk.run(operation_id, tell)
    if sys.stderr.isatty():
        typer.echo("", err=True)
    if row.state != "finished":
        die(row.error or "It was called off, or begun anew by somebody else; nothing was stored.")
    return row


def _list_wrong(found: Mapping[str, Any]) -> None:
    for one in found["wrong"]:
        typer.echo(f"line {one['line']}: {one['column'] or 'row'}: {one['reason']}", err=True)


def _tell(found: Mapping[str, Any], loaded: Mapping[str, Any], then: Then) -> None:
    held = ", held until they are released" if then is Then.HOLD else ""
    typer.echo(f"{loaded['scheduled']} messages scheduled{held}.")
    if loaded["changed"]:
        typer.echo(f"{loaded['changed']} messages changed.")
    if left_out := _left_out(found):
        typer.echo(f"Left out: {left_out}.", err=True)
    if loaded["lost"]:
        told = "rows that were good when they were checked were not loaded: check the file again."
        typer.echo(f"{loaded['lost']:,} {told}", err=True)
    _list_wrong(found)


_WORDS = {
    "wrong_rows": "wrong",
    "double": "there already",
    "same": "unchanged",
    "kept": "changed here since, and kept (--overwrite)",
    "already": "sent already, or not waiting any more",
    "opted_out": "asked not to be contacted",
}


def _left_out(found: Mapping[str, Any]) -> str:
    return ", ".join(f"{found[key]:,} {word}" for key, word in _WORDS.items() if found[key])


def _facts(found: Mapping[str, Any]) -> dict[str, Any]:
    """What scripts read; times ISO 8601."""
    keys = ("line", "column", "value", "reason")
    return {
        "rows": found["total"],
        "good": found["good"],
        "new": found["new"],
        "changed": found["changed"],
        "unchanged": found["same"],
        "kept": found["kept"],
        "already_left": found["already"],
        "duplicates": found["double"],
        "opted_out": found["opted_out"],
        "wrong_rows": found["wrong_rows"],
        "wrong": [{key: one[key] for key in keys} for one in found["wrong"]],
        "waits": [{"messages": n, "why": why} for why, n in found["waits"].items()],
        "unheard": found["unheard"],
        "finish_at": found["finish_at"] and _iso(found["finish_at"]),
        "passes_limit": [
            {"limit": one["limit"], "at": _iso(one["at"])} for one in found["passings"]
        ],
        "loaded_before": found["earlier"] and _iso(found["earlier"]["at"]),
    }


def _iso(stamp: str) -> str:
    return datetime.fromisoformat(stamp).isoformat(timespec="seconds")


def _told(found: Mapping[str, Any]) -> str:
    """The preflight in lines, times in UTC."""
    now = datetime.fromisoformat(found["checked_at"])

    def at(stamp: str) -> str:
        return f"{clock(datetime.fromisoformat(stamp), 'UTC', now, seconds=True)} UTC"

    changed = f", {found['changed']:,} of them change what waits" if found["changed"] else ""
    lines = [f"{found['good']:,} of {found['total']:,} rows are good{changed}."]
    if left_out := _left_out(found):
        lines.append(f"Left out: {left_out}.")
    for one in found["accounts"]:
        behind = f", behind {one['ahead']:,} that wait" if one["ahead"] else ""
        span = f"from {at(one['begins_at'])} to {at(one['ends_at'])}{behind}"
        lines.append(f"{one['account']}: {one['messages']:,} messages, {span}.")
    lines += [f"{count:,} messages: {why}" for why, count in found["waits"].items()]
    if found["unheard"]:
        lines.append(telling.unheard(found["unheard"]))
    for one in found["passings"]:
        who = f"{', '.join(one['accounts'])} may write to {one['limit']:,} people in 24 hours"
        lines.append(f"{who}: this is passed at {at(one['at'])}.")
    if found["earlier"]:
        lines.append(_told_before(found))
    for one in found["first"]:
        words = f" {one['template']} ({one['language']})" if one["template"] else ""
        lines.append(f"line {one['line']} to {one['recipient']}, {at(one['due_at'])}{words}:")
        lines += [f"    {each}" for each in one["text"].splitlines()]
    lines += [f"line {w['line']}: {w['column'] or 'row'}: {w['reason']}" for w in found["wrong"]]
    return "\n".join(lines)


def _told_before(found: Mapping[str, Any]) -> str:
    earlier = found["earlier"]
    known = files.Earlier(**(earlier | {"at": datetime.fromisoformat(earlier["at"])}))
    return load_orders.told_of(known)


def _rows(count: int) -> str:
    return "1 row is" if count == 1 else f"{count} rows are"

"""Messages or attempts into a file on this machine, as the page exports them."""

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from commands.batches import found
from commands.common import account_id, die, me
from core import catalogue, evidence, export, export_xlsx, exporting
from core.columns import What
from core.errors import Invalid
from core.export import Order
from core.filtering import Filter
from core.standing import STATUS
from core.states import Status

app = typer.Typer()
FORMATS = ("csv", "xlsx")


@app.command("export")
def export_file(
    what: Annotated[What, typer.Argument(help="a row for each message, or for each attempt")],
    output: Annotated[str, typer.Option(help="the file; - is standard output, for CSV")],
    status: Annotated[list[Status] | None, typer.Option(help="any number of times")] = None,
    account: Annotated[str | None, typer.Option()] = None,
    search: Annotated[str, typer.Option(help="part of a number, or of the text")] = "",
    batch: Annotated[str | None, typer.Option(help="its number, or its name (the newest)")] = None,
    template: Annotated[str | None, typer.Option(help="what was scheduled with it")] = None,
    language: Annotated[
        str | None, typer.Option(help="of the template, where it has several")
    ] = None,
    columns: Annotated[str, typer.Option(help="names with commas between; else the usual")] = "",
    zone: Annotated[str, typer.Option(help="of the columns that end in _local")] = "UTC",
    file_format: Annotated[
        str | None, typer.Option("--format", help="csv or xlsx; else as FILE ends")
    ] = None,
) -> None:
    """Write messages or attempts to a file: CSV of any length, or XLSX."""
    if account is not None:
        account_id(account)  # a misspelt one would give an empty file
    chosen = found(batch).id if batch is not None else None
    used = None
    if template is not None:
        used = catalogue.named(template, language=language, account=account).id
    elif language is not None:
        die("--language belongs to a --template.", 2)
    standings = frozenset(one for one, stored in STATUS.items() if stored in (status or ()))
    names = [name.strip() for name in columns.split(",") if name.strip()]
    try:
        wanted = Filter(standings, account, search, chosen, used)
        order = Order.of(what, wanted, names=names, zone=zone)
    except Invalid as wrong:
        die(str(wrong), 2)
    if _format(file_format, output) == "xlsx":
        _into(output, lambda path: _write_xlsx(order, path))
    elif output == "-":
        sys.stdout.buffer.writelines(piece.encode() for piece in exporting.as_csv(order, by=me()))
    else:
        _into(output, lambda path: _write_csv(order, path))


@app.command("evidence")
def evidence_file(
    message_id: Annotated[int, typer.Argument()],
    output: Annotated[
        str | None, typer.Option(help="the file; - is standard output; else message-ID-evidence")
    ] = None,
    zone: Annotated[str, typer.Option(help="whose clock it shows beside UTC")] = "UTC",
) -> None:
    """Write all that is known of one message as one HTML file that can be checked later."""
    made = evidence.of(message_id, zone=zone, by=me())
    if output == "-":
        sys.stdout.buffer.write(made.html.encode())
    else:
        _into(output or made.name, lambda path: path.write_text(made.html, encoding="utf-8"))


def _format(wanted: str | None, output: str) -> str:
    chosen = wanted or ("xlsx" if output.lower().endswith(".xlsx") else "csv")
    if chosen not in FORMATS:
        die(f"There is no format {chosen}: csv or xlsx.", 2)
    if chosen == "xlsx" and output == "-":
        die("XLSX needs a file: --output FILE.xlsx", 2)
    return chosen


def _into(output: str, write: Callable[[Path], object]) -> None:
    """Under its name once it is whole; a file that was there before stays until then."""
    made = Path(output)
    draft = made.with_name(f".{made.name}.part")
    try:
        write(draft)
        draft.replace(made)
    except OSError as error:
        die(f"{made} cannot be written: {error.strerror}.")
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    typer.echo(f"Written: {made}")


def _write_csv(order: Order, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(exporting.as_csv(order, by=me()))


def _write_xlsx(order: Order, path: Path) -> None:
    exporting.check(order)
    exporting.note(order, "xlsx", by=me())
    with export_xlsx.writing(order, path) as sheet:
        for values in export.chunks(order):
            sheet.add(values)
    exporting.note(order, "xlsx", sheet.rows, by=me())

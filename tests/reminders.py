"""Reminders as a clinic's spreadsheet has them: what is wrong in it, what people are to read."""

import io
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from openpyxl import Workbook, load_workbook

from tests import given

HEAD = (
    *("Phone", "Patient", "Amount", "Due date", "Send at", "Valid until", "Invoice", "Account"),
    "Template",
)
OLD, NEW = "31 November", "30 November"  # that month has thirty days
OTHER = "15 Desember"  # of every tenth, and right
# The sandbox refuses these, for reasons that lie with the person.
UNREACHABLE = {4_991: "+447700900141", 4_992: "+447700900142", 4_993: "+447700900143"}

Row = dict[str, Any]


class Way(NamedTuple):
    """One way for a row to be wrong: in which column, by what, and what is said of it."""

    column: str
    wrong: Any
    told: str


def ways(leaves: datetime) -> list[Way]:
    """Ten of them; `leaves` is the wall time of what is right."""
    return [
        Way("Phone", "0812-34", "too short"),
        Way("Phone", "", "Type the recipient's phone number"),
        Way("Account", "Klinik Bandung", "There is no account «Klinik Bandung»."),
        Way("Send at", leaves - timedelta(days=400), "is over"),
        Way("Send at", "besok pagi", "«besok pagi» cannot be read as a date and time."),
        Way("Amount", "", "The parameter «amount» is empty."),
        Way("Patient", "Dewi\nLestari", "The parameter «name» has a line break"),
        Way("Template", "payment_reminder_2", "There is no template «payment_reminder_2»"),
        Way("Valid until", leaves - timedelta(hours=1), "lies before the time"),
        Way("Patient", "{nama}", "«{nama}» looks as if nobody filled it in."),
    ]


def phone(number: int) -> str:
    """In E.164."""
    return UNREACHABLE.get(number) or given.recipient(number)


def due(number: int) -> str:
    """As the file has it."""
    return OLD if number % 10 else OTHER


def text(number: int, due_date: str) -> str:
    """What the template says to one patient."""
    return (
        f"Halo Pasien {number}, tagihan sebesar Rp{150_000 + number} jatuh tempo pada {due_date}."
    )


def right(number: int, leaves: datetime) -> Row:
    cells = (
        phone(number).replace("+62", "0"),
        f"Pasien {number}",
        f"Rp{150_000 + number}",
        due(number),
        leaves,
        leaves + timedelta(hours=6),
        f"INV-{number:05}",
        "Clinic",
        "payment_reminder",
    )
    return dict(zip(HEAD, cells, strict=True))


def workbook(count: int, leaves: datetime, wrong: Mapping[int, Way]) -> bytes:
    """So many rows, some of them wrong."""
    rows = ([*_row(number, leaves, wrong.get(number)).values()] for number in range(count))
    return _written([HEAD, *rows])


def _row(number: int, leaves: datetime, way: Way | None) -> Row:
    found = right(number, leaves)
    return found | {way.column: way.wrong} if way else found


def _written(rows: Iterable[Iterable[Any]]) -> bytes:
    book, out = Workbook(write_only=True), io.BytesIO()
    sheet = book.create_sheet("Reminders")
    for row in rows:
        sheet.append(list(row))
    book.save(out)
    return out.getvalue()


def corrected(book: bytes, leaves: datetime, wrong: Mapping[int, Way]) -> bytes:
    """The workbook of wrong rows, each put right at the one cell that is wrong.

    Fails where a row does not tell what is wrong with it.
    """
    opened, out = load_workbook(io.BytesIO(book)), io.BytesIO()
    head, *rows = opened.active.iter_rows()
    places = {cell.value: cell.column - 1 for cell in head}
    assert len(rows) == len(wrong)
    for row in rows:
        number = int(row[places["Invoice"]].value.removeprefix("INV-"))
        column, _, told = wrong[number]
        assert told in row[places["problem"]].value
        row[places[column]].value = right(number, leaves)[column]
    opened.save(out)
    return out.getvalue()

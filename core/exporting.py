"""Exports as workbooks: an operation whose file waits for who asked for it.

A workbook is written on the disk of the worker that runs the operation and stored once it is whole.
Whoever takes up what a dead worker left begins anew; only the file of who ends it is kept.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import ColumnElement, and_, not_
from sqlmodel import Session, col, update

from core import (
    audit,
    audit_trail,
    db,
    export,
    export_xlsx,
    files,
    leasing,
    not_reached,
    operations,
    optout_list,
    page_clock,
)
from core.access import Actor, Role, needs
from core.choosing import Choice
from core.errors import Refused
from core.export import Order
from core.export_csv import csv_pieces
from core.kinds import Kind
from core.leasing import Taken
from core.models import File, Operation
from core.not_reached import Missed
from core.wake import wake_operations

LIMIT = 100_000  # rows of a workbook
PIECE = 1 << 18


@dataclass(frozen=True)
class Export:
    """One that a person asked for; `file` once it can be downloaded."""

    operation: Operation
    order: Order
    file: File | None


def too_many() -> str:
    """What is said of more rows than a workbook gets."""
    return f"more than {LIMIT:,} rows are too many for XLSX: take CSV, or fewer by a filter"


def check(order: Order) -> int:
    """How many rows the workbook will have. Raises Refused: none, or too many."""
    counted = export.count(order, most=LIMIT)
    if not counted:
        raise Refused("Nothing matches, so there is nothing to export.")
    if counted > LIMIT:
        told = too_many()
        raise Refused(f"{told[0].upper()}{told[1:]}.")
    return counted


@needs(Role.VIEWER)
def begin(order: Order, *, by: Actor) -> int:
    """Have a worker write the workbook; returns the operation. Raises as `check` does."""
    counted, told = check(order), {"export": order.stored()}
    with db.writing() as session:
        made = operations.put(
            session, Kind.EXPORT, Choice(), by=by, counted=counted, arguments=told
        )
    wake_operations()
    return made


@needs(Role.VIEWER)
def as_csv(order: Order, *, by: Actor) -> Iterator[str]:
    """The file in pieces; who takes it is on record before the first, how much after the last."""
    note(order, "csv", by=by)
    return _noted(csv_pieces(order), lambda rows: note(order, "csv", rows, by=by))


@needs(Role.VIEWER)
def optouts_as_csv(*, by: Actor) -> Iterator[str]:
    """Who is not to be contacted, in pieces; on record as any other export."""
    told = {"format": "csv"}
    _note("optouts", told, None, by)
    return _noted(optout_list.csv_pieces(), lambda rows: _note("optouts", told, rows, by))


@needs(Role.VIEWER)
def missed_as_csv(wanted: Missed, *, zone: str, by: Actor) -> Iterator[str]:
    """Who was not reached, in pieces; on record likewise. Raises Invalid at `zone`."""
    pieces = not_reached.csv_pieces(wanted, zone=zone)
    told = {"format": "csv", "days": wanted.days, "account": wanted.account}
    _note("not reached", told, None, by)
    return _noted(pieces, lambda rows: _note("not reached", told, rows, by=by))


@needs(Role.ADMIN)
def audit_as_csv(search: str = "", *, by: Actor) -> Iterator[str]:
    """The audit trail, or what has every word of `search`, in pieces; on record as any other."""
    pieces = audit_trail.csv_pieces(search)  # without its own event, which has the search in it
    told = {"format": "csv", "search": search}
    _note("audit", told, None, by)
    return _noted(pieces, lambda rows: _note("audit", told, rows, by))


def _noted(pieces: Iterable[tuple[str, int]], ended: Callable[[int], None]) -> Iterator[str]:
    rows = 0
    for piece, more in pieces:
        yield piece
        rows += more
    ended(rows)


@needs(Role.VIEWER)
def note(order: Order, form: str, rows: int | None = None, *, by: Actor) -> None:
    """Record that somebody begins to take what Outbox holds away, or has taken so many `rows`."""
    _note(str(order.what), order.stored() | {"format": form}, rows, by)


def _note(target: str, facts: Mapping[str, Any], rows: int | None, by: Actor) -> None:
    told = "begun" if rows is None else "ended"
    after = dict(facts) | ({} if rows is None else {"rows": rows})
    with db.writing() as session:
        audit.record(session, by, f"export {told}", target=target, after=after)


@needs(Role.VIEWER)
def discard(operation_id: int, *, by: Actor) -> None:
    """Take a finished file away before its time. Raises Refused for another person's."""
    row = operations.state(operation_id)
    if row.kind != Kind.EXPORT or row.created_by != by.name:
        raise Refused(f"Operation {operation_id} is no export of yours.")
    with db.writing() as session:
        _take_away(session, col(File.operation_id) == operation_id)


def recent(person: Actor) -> list[Export]:
    """What this person asked for and that is under way, can be downloaded, or has just failed;
    latest first."""
    now, found = page_clock.now(), []
    theirs = operations.of(person, {Kind.EXPORT}, since=now - files.LIVES[files.Kind.EXPORT])
    with db.reading() as session:
        for row in theirs:
            file = session.get(File, (row.result or {}).get("file_id", 0))
            if file and file.expires_at and file.expires_at <= now:
                file = None
            if file or row.state != "finished":
                found.append(Export(row, Order.read(row.arguments["export"]), file))
    return found


def work(mine: Taken) -> Iterator[Taken]:
    """Write the workbook, store it, and end; yields after each transaction."""
    order = Order.read(mine.arguments["export"])
    mine = replace(mine, done=0)
    with TemporaryDirectory(prefix="outbox-export-") as folder:
        path = Path(folder) / "export.xlsx"
        with export_xlsx.writing(order, path) as sheet:
            for values in export.chunks(order):
                sheet.add(values)
                if sheet.rows > LIMIT:  # more came to match since it was counted
                    leasing.fail(mine, too_many())
                    return
                if (held := _advance(mine, sheet.rows)) is None:
                    return
                mine = held
                yield mine
        yield from _end(mine, order, path, sheet.rows)


def _advance(mine: Taken, rows: int) -> Taken | None:
    with db.writing() as session:
        held = leasing.renew(session, mine)
        if held is None:
            return None
        held = replace(held, done=rows)
        leasing.progress(session, held, ended=False)
    return held


def _end(mine: Taken, order: Order, path: Path, rows: int) -> Iterator[Taken]:
    if (held := _advance(mine, rows)) is None:  # zipping it took a while
        return
    with db.reading() as session:
        name = order.file_name(db.now(session), "xlsx")
    file_id = files.store(
        _pieces(path),
        kind=files.Kind.EXPORT,
        name=name,
        media_type=export_xlsx.MEDIA_TYPE,
        by=held.by,
        operation_id=held.id,
    )
    with db.writing() as session:
        still = leasing.renew(session, held)
        ours, this = col(File.operation_id) == held.id, col(File.id) == file_id
        _take_away(session, and_(ours, not_(this)) if still else this)
        if still:
            mine = replace(still, counted=rows, result={"file_id": file_id})
            leasing.progress(session, mine, ended=True)
    if still:
        yield mine


def _take_away(session: Session, these: ColumnElement[bool]) -> None:
    """Files go with the next scan, and are not found until then."""
    session.execute(update(File).where(these).values(expires_at=db.now(session)))


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as whole:
        while piece := whole.read(PIECE):
            yield piece

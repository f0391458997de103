"""A file of messages: checked whole, stored in chunks, released together."""

import csv
import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TypeVar

from sqlalchemy import Select, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from core import composing, db, messages
from core.access import Actor, Role, needs
from core.composing import Composed, Draft, When
from core.errors import Invalid, OutboxError, Problem
from core.models import Account, Batch, Content, Message
from core.schedule import from_iso
from core.states import Cause, Status
from core.wake import wake

COLUMNS = {"recipient", "content", "scheduled_at"}
OPTIONAL = {"max_retries", "reference", "priority", "not_after"}
T = TypeVar("T")
CHUNK = 500  # rows a transaction: well under 50 ms of a lock that others wait for


@dataclass(frozen=True)
class WrongRow:
    """One problem of one line of the file (the heading is line 1)."""

    line: int
    column: str
    reason: str


class WrongFile(OutboxError):
    """Nothing was stored; `rows` has every problem."""

    def __init__(self, rows: Sequence[WrongRow]) -> None:
        super().__init__(f"{len({row.line for row in rows})} rows are wrong; nothing was stored.")
        self.rows = rows


@needs(Role.OPERATOR)
def import_csv(text: str, *, account: Account, name: str, by: Actor) -> int:
    """Store every row of a CSV text as a message; returns how many. All or nothing.

    Raises WrongFile with every wrong row, or Invalid when the heading cannot be read. What an
    import of the same file left unfinished is removed first.
    """
    digest = hashlib.sha256(text.encode()).hexdigest()
    with db.reading() as session:
        now = db.now(session)
    composed = _read(text, account, now)
    _remove_unfinished(account, digest, by)
    _check_references(account, composed)
    batch_id = _begin(account, name, digest, len(composed), by)
    try:
        for chunk in _chunks(composed):
            _store(batch_id, chunk, by)
    except WrongFile:
        _remove(batch_id, by)
        raise
    _release(batch_id)
    release_rest()
    if composed:
        wake(min(one.due_at for _, one in composed))
    return len(composed)


def _read(text: str, account: Account, now: datetime) -> list[tuple[int, Composed]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    _check_heading(reader.fieldnames or [])
    composed: list[tuple[int, Composed]] = []
    wrong: list[WrongRow] = []
    lines = _lines(reader, wrong)
    for line, row in lines:
        try:
            composed.append(
                (line, composing.compose(_draft(row, account), account=account, now=now))
            )
        except Invalid as invalid:
            wrong += [WrongRow(line, _column(p), p.message) for p in invalid.problems]
    wrong += _repeated(composed)
    if wrong:
        raise WrongFile(sorted(wrong, key=lambda one: one.line))
    return composed


def _lines(
    reader: "csv.DictReader[str]", wrong: list[WrongRow]
) -> Iterator[tuple[int, dict[str, str]]]:
    """Each row with the line that it begins on; a row of the wrong shape is told, not guessed."""
    begins = 2
    try:
        for row in reader:
            if None in row or None in row.values():
                wrong.append(WrongRow(begins, "row", "It has not as many fields as the heading."))
            else:
                yield begins, row
            begins = reader.line_num + 1
    except csv.Error as error:
        wrong.append(WrongRow(begins, "row", f"It cannot be read as CSV: {error}."))


def _check_heading(found: Sequence[str]) -> None:
    missing, unknown = COLUMNS - set(found), set(found) - COLUMNS - OPTIONAL
    if missing or unknown or len(set(found)) < len(found):
        told = [f"is without {', '.join(sorted(missing))}"] if missing else []
        told += [f"has unknown columns {', '.join(sorted(unknown))}"] if unknown else []
        told += ["names a column twice"] if len(set(found)) < len(found) else []
        raise Invalid(Problem("file", "heading", f"The heading {' and '.join(told)}."))


def _draft(row: dict[str, str], account: Account) -> Draft:
    problems: list[Problem] = []
    when = When("now")
    not_after: datetime | None = None
    try:
        if row["scheduled_at"].strip():
            when = When("instant", wall=from_iso(row["scheduled_at"]))
        if row.get("not_after", "").strip():
            not_after = from_iso(row["not_after"])
    except Invalid as invalid:
        problems += invalid.problems
    numbers = {}
    for column, default in (("max_retries", 3), ("priority", 1)):
        value = row.get(column, "").strip()
        if value and not value.isdecimal():
            problems.append(Problem(column, "number", f"«{value}» is not a whole number."))
        numbers[column] = int(value) if value.isdecimal() else default
    if problems:
        raise Invalid(*problems)
    return Draft(
        account_id=account.id,
        recipient=row["recipient"],
        text=row["content"],
        when=when,
        max_retries=numbers["max_retries"],
        priority=numbers["priority"],
        reference=row.get("reference") or None,
        not_after=not_after,
    )


def _column(problem: Problem) -> str:
    return {"text": "content", "when": "scheduled_at"}.get(problem.field, problem.field)


def _repeated(composed: list[tuple[int, Composed]]) -> list[WrongRow]:
    first: dict[str, int] = {}
    wrong = []
    for line, one in composed:
        if one.reference and one.reference in first:
            told = f"«{one.reference}» stands in line {first[one.reference]} already."
            wrong.append(WrongRow(line, "reference", told))
        elif one.reference:
            first[one.reference] = line
    return wrong


def _check_references(account: Account, composed: list[tuple[int, Composed]]) -> None:
    line_of = {one.reference: line for line, one in composed if one.reference}
    wrong = []
    with db.reading() as session:
        for chunk in _chunks(list(line_of)):
            taken = select(col(Message.reference)).where(
                col(Message.account_id) == account.id,
                col(Message.reference).in_(chunk),
                col(Message.status) != Status.CANCELLED,
                col(Message.deleted_at).is_(None),
            )
            for reference in session.execute(taken).scalars():
                told = f"«{reference}» is in use by a message of this account."
                wrong.append(WrongRow(line_of[reference], "reference", told))
    if wrong:
        raise WrongFile(sorted(wrong, key=lambda one: one.line))


def _remove_unfinished(account: Account, digest: str, by: Actor) -> None:
    """Take away what a killed import of this file left; its rows never left their hold."""
    with db.reading() as session:
        loading = select(col(Batch.id)).where(
            col(Batch.account_id) == account.id,
            col(Batch.source_sha256) == digest,
            col(Batch.state) == "loading",
        )
        unfinished = list(session.execute(loading).scalars())
    for batch_id in unfinished:
        _remove(batch_id, by)


def _remove(batch_id: int, by: Actor) -> None:
    while _remove_some(batch_id, by):
        pass
    with db.writing() as session:
        session.execute(update(Batch).where(col(Batch.id) == batch_id).values(state="cancelled"))


def _remove_some(batch_id: int, by: Actor) -> int:
    with db.writing() as session:
        now = db.now(session)
        ids = session.execute(_held_rows(batch_id)).scalars().all()
        moved = messages.move(
            session,
            [{"message_id": one, "at": now, "by": by.name} for one in ids],
            Status.CANCELLED,
            Cause.CANCEL,
            also="hold = NULL, deleted_at = v.at, deleted_by = v.by",
            at="timestamptz",
            by="text",
        )
        change = {one: ({"status": "pending"}, {"status": "cancelled"}) for one in moved}
        messages.record(session, "unfinished import removed", by.name, change, at=now)
        return len(moved)


def _held_rows(batch_id: int) -> Select[int]:
    return (
        select(col(Message.id))
        .where(
            col(Message.status) == Status.PENDING,
            col(Message.hold) == "batch",
            col(Message.batch_id) == batch_id,
        )
        .order_by(col(Message.id))
        .limit(CHUNK)
    )


def _begin(account: Account, name: str, digest: str, total: int, by: Actor) -> int:
    with db.writing() as session:
        batch = Batch(
            account_id=account.id,
            name=name,
            state="loading",
            source_sha256=digest,
            total=total,
            created_at=db.now(session),
            created_by=by.name,
        )
        session.add(batch)
        session.flush()
        return batch.id


def _store(batch_id: int, chunk: Sequence[tuple[int, Composed]], by: Actor) -> None:
    with db.writing() as session:
        now = db.now(session)
        rows = [
            composing.message_values(one, now) | {"batch_id": batch_id, "hold": "batch"}
            for _, one in chunk
        ]
        made = insert(Message).returning(col(Message.id), sort_by_parameter_order=True)
        try:
            ids = list(session.execute(made, rows).scalars())
        except IntegrityError:
            told = "a reference in this part was taken while the file was being stored"
            raise WrongFile([WrongRow(chunk[0][0], "reference", told)]) from None
        pairs = list(zip(ids, (one for _, one in chunk), strict=True))
        contents = [{"message_id": i} | composing.content_values(one, by) for i, one in pairs]
        session.execute(insert(Content), contents)
        events = {i: (None, composing.facts(one)) for i, one in pairs}
        messages.record(session, "imported", by.name, events, at=now)


def _release(batch_id: int) -> None:
    with db.writing() as session:
        session.execute(
            update(Batch)
            .where(col(Batch.id) == batch_id, col(Batch.state) == "loading")
            .values(state="released", released_at=db.now(session))
        )


def release_rest() -> None:
    """Clear the hold of what released batches still hold; the scan finishes what a kill left."""
    with db.reading() as session:
        held = (
            select(col(Message.batch_id))
            .join(Batch, col(Batch.id) == col(Message.batch_id))
            .where(
                col(Message.status) == Status.PENDING,
                col(Message.hold) == "batch",
                col(Batch.state) == "released",
            )
            .distinct()
        )
        batches = list(session.execute(held).scalars())
    for batch_id in batches:
        while _clear_some(batch_id):
            pass


def _clear_some(batch_id: int) -> int:
    with db.writing() as session:
        ids = list(session.execute(_held_rows(batch_id)).scalars())
        db.lock(session, "message", ids)
        session.execute(
            update(Message)
            .where(col(Message.id).in_(ids), col(Message.status) == Status.PENDING)
            .values(hold=None)
        )
        return len(ids)


def _chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    rest = iter(values)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk

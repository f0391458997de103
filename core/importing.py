"""A file of messages: checked whole, stored in chunks, released together."""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Select, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col

from core import db, drafts, messages, sheet
from core.access import Actor, Role, needs
from core.drafts import Composed
from core.errors import Refused
from core.models import Account, Batch, Message
from core.sheet import WrongFile, WrongRow
from core.states import Cause, Status
from core.wake import wake

T = TypeVar("T")
CHUNK = 500  # rows a transaction: well under 50 ms of a lock that others wait for


@needs(Role.OPERATOR)
def import_csv(text: str, *, account: Account, name: str, by: Actor) -> int:
    """Store every row of a CSV text as a message; returns how many. All or nothing.

    Raises WrongFile with every wrong row, or Invalid when the heading cannot be read. What an
    import of the same file left unfinished is removed first.
    """
    digest = hashlib.sha256(text.encode()).hexdigest()
    with db.reading() as session:
        now = db.now(session)
    composed = sheet.read(text, account=account, now=now)
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


def _remove_some(batch_id: int, by: Actor) -> int:
    """Cancel and hide some of the batch's rows; where there are none left, the batch itself."""
    with db.writing() as session:
        now = db.now(session)
        db.lock(session, "batch", [batch_id])
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
        if not ids:
            _leave_loading(session, batch_id, state="cancelled")
        return len(ids)


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


_MESSAGE = {
    "id": "bigint",
    "account_id": "bigint",
    "recipient": "text",
    "scheduled_at": "timestamptz",
    "due_at": "timestamptz",
    "zone": "text",
    "max_retries": "smallint",
    "reference": "text",
    "priority": "smallint",
    "not_after": "timestamptz",
    "late_policy": "text",
    "kind": "text",
    "template_id": "bigint",
    "created_at": "timestamptz",
    "batch_id": "bigint",
    "hold": "text",
}
_CONTENT = {
    "message_id": "bigint",
    "recipient": "text",
    "text": "text",
    "template": "text",
    "language": "text",
    "parameters": "jsonb",
    "template_sha256": "text",
    "label": "text",
    "search": "text",
    "created_by": "text",
}


def _store(batch_id: int, chunk: Sequence[tuple[int, Composed]], by: Actor) -> None:
    with db.writing() as session:
        now = db.now(session)
        _check_loading(session, batch_id)
        found = zip(db.reserve(session, "message", len(chunk)), chunk, strict=True)
        made = {message_id: one for message_id, (_, one) in found}
        held = {"batch_id": batch_id, "hold": "batch"}
        rows = [{"id": i} | drafts.message_values(one, now) | held for i, one in made.items()]
        try:
            db.insert_rows(session, "message", rows, **_MESSAGE)
        except IntegrityError:
            told = "a reference in this part was taken while the file was being stored"
            raise WrongFile([WrongRow(chunk[0][0], "reference", told)]) from None
        contents = [{"message_id": i} | drafts.content_values(one, by) for i, one in made.items()]
        db.insert_rows(session, "content", contents, **_CONTENT)
        events = {i: (None, drafts.facts(one)) for i, one in made.items()}
        messages.record(session, "imported", by.name, events, at=now)


def _release(batch_id: int) -> None:
    with db.writing() as session:
        _check_loading(session, batch_id)
        _leave_loading(session, batch_id, state="released", released_at=db.now(session))


def _check_loading(session: Session, batch_id: int) -> None:
    """Raise Refused where somebody began the same file anew: theirs removes what is here."""
    db.lock(session, "batch", [batch_id])
    state = session.execute(select(col(Batch.state)).where(col(Batch.id) == batch_id)).scalar_one()
    if state != "loading":
        raise Refused("The same file was imported once more meanwhile; this import gave way.")


def _leave_loading(session: Session, batch_id: int, **values: Any) -> None:
    loading = (col(Batch.id) == batch_id, col(Batch.state) == "loading")
    session.execute(update(Batch).where(*loading).values(**values))


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

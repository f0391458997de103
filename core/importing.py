"""A file of messages: checked whole, stored in chunks, released together."""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from core import batches, db, drafts, messages, sheet
from core.access import Actor, Role, needs
from core.drafts import Composed
from core.models import Account, Message
from core.sheet import WrongFile, WrongRow
from core.states import Status
from core.wake import wake

T = TypeVar("T")


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
    with db.writing() as session:
        batch_id = batches.begin(
            session, name=name, account_id=account.id, digest=digest, total=len(composed), by=by
        )
    try:
        for chunk in _chunks(composed):
            _store(batch_id, chunk, by)
    except WrongFile:
        batches.remove(batch_id, by=by)
        raise
    _release(batch_id)
    batches.clear(batch_id)
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
        found = batches.unfinished(session, account.id, digest)
    for batch_id in found:
        batches.remove(batch_id, by=by)


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
        batches.check_loading(session, batch_id)
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
        batches.check_loading(session, batch_id)
        batches.leave_loading(session, batch_id, state="released", released_at=db.now(session))


def _chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    rest = iter(values)
    while chunk := list(islice(rest, batches.CHUNK)):
        yield chunk

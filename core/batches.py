"""A batch from its first row until it is let go: filled under a hold, then removed or released.

One row decides what its messages may do, and each claim reads it anew (core/sending/barring.py);
the holds on the messages follow, so that the claim's index skips what the row bars.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, select, update
from sqlmodel import Session, col

from core import choosing, db, holding, messages
from core.access import Actor
from core.characters import unsendable
from core.errors import Invalid, Problem, Refused
from core.filtering import of_batch
from core.models import Batch, Message
from core.states import Status

CHUNK = 500  # rows a transaction: well under 50 ms of a lock that others wait for


def begin(
    session: Session,
    *,
    name: str,
    account_id: int | None,
    digest: str | None,
    total: int,
    by: Actor,
    **columns: Any,
) -> int:
    """Make a batch that is being filled; returns its id. `columns`: file_id, arguments.

    Raises Invalid at `name` for what cannot be stored.
    """
    if told := unsendable(name):
        sentence = f"The name of the batch holds what cannot be stored: {told}."
        raise Invalid(Problem("name", "control", sentence))
    batch = Batch(
        account_id=account_id,
        name=name,
        state="loading",
        source_sha256=digest,
        total=total,
        created_at=db.now(session),
        created_by=by.name,
        after_id=choosing.last_given(session),
        **columns,
    )
    session.add(batch)
    session.flush()
    return batch.id


def check_loading(session: Session, batch_id: int) -> None:
    """Raise Refused where somebody began the same file anew: theirs removes what is here.

    The batch stays locked until the commit.
    """
    db.lock(session, "batch", [batch_id])
    state = session.execute(select(col(Batch.state)).where(col(Batch.id) == batch_id)).scalar_one()
    if state != "loading":
        raise Refused("The same file was imported once more meanwhile; this import gave way.")


def leave_loading(session: Session, batch_id: int, *, state: str, **values: Any) -> None:
    """End the filling of a batch, unless it has ended already: held, released or cancelled."""
    loading = (col(Batch.id) == batch_id, col(Batch.state) == "loading")
    until = choosing.last_given(session)
    session.execute(update(Batch).where(*loading).values(state=state, until_id=until, **values))


def unfinished(session: Session, account_id: int | None, digest: str) -> list[int]:
    """The batches that a file with this SHA-256 has begun to fill."""
    loading = select(col(Batch.id)).where(
        col(Batch.account_id) == account_id,
        col(Batch.source_sha256) == digest,
        col(Batch.state) == "loading",
    )
    return list(session.execute(loading).scalars())


def make_way(session: Session, ids: Sequence[int], by: str) -> None:
    """Remove now what waits of batches that were cancelled, at most 1,000: its references are asked
    for. What has left meanwhile stays."""
    at = db.now(session)
    removed = messages.remove_waiting(session, ids, by, at=at)
    change = {one: ({"status": "pending"}, {"status": "cancelled"}) for one in sorted(removed)}
    messages.record(session, "batch remove", by, change, at=at)


def held_rows(batch_id: int) -> Select[int]:
    """The next messages that their batch still holds, ascending."""
    return (
        select(col(Message.id))
        .where(
            of_batch(batch_id),
            col(Message.status) == Status.PENDING,
            col(Message.hold) == "batch",
        )
        .order_by(col(Message.id))
        .limit(CHUNK)
    )


def clear(batch_id: int) -> None:
    """Let go what a batch still holds, as long as it is released."""
    while _clear_some(batch_id):
        pass


def _clear_some(batch_id: int) -> int:
    with db.reading() as session:
        ids = list(session.execute(held_rows(batch_id)).scalars())
    if not ids:
        return 0
    with db.writing() as session:
        db.lock(session, "batch", [batch_id])
        state = select(col(Batch.state)).where(col(Batch.id) == batch_id)
        released = session.execute(state).scalar_one() == "released"
        return len(holding.lift(session, ids, "batch")) if released else 0

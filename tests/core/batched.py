"""Batches as a file leaves them: full, and held until somebody releases them."""

from collections.abc import Mapping, Sequence
from threading import Event
from typing import Any

from core import batches, db, operating
from core.models import Batch
from tests import given
from tests.core import stored


def batch(
    account_id: int, rows: Sequence[Mapping[str, Any]], *, name: str = "May", state: str = "held"
) -> tuple[int, list[int]]:
    """A batch with these messages, held by it unless they say otherwise; its id and theirs."""
    batch_id = begun(account_id, name=name, total=len(rows))
    held = {"hold": "batch", "batch_id": batch_id}
    ids = stored.messages(account_id, [_held(held, row) for row in rows])
    if state != "loading":
        with db.writing() as session:
            batches.leave_loading(session, batch_id, state=state)
    return batch_id, ids


def _held(held: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    """Only what waits can be held."""
    kept = (
        dict(held) if row.get("status", "pending") == "pending" else {"batch_id": held["batch_id"]}
    )
    return kept | dict(row)


def begun(account_id: int, *, name: str = "May", total: int = 0) -> int:
    with db.writing() as session:
        return batches.begin(
            session, name=name, account_id=account_id, digest="00", total=total, by=given.ANA
        )


def row(batch_id: int) -> Batch:
    with db.reading() as session:
        return session.get_one(Batch, batch_id)


def holds(ids: Sequence[int]) -> list[str | None]:
    return [given.row(one).hold for one in ids]


def work() -> None:
    """Run the operations that wait, as a worker does."""
    operating.run_waiting(Event())

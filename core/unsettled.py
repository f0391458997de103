"""What files made of messages that wait, and that may yet be put back: their load has not ended."""

from collections.abc import Collection, Mapping

from sqlalchemy import select
from sqlmodel import Session, col

from core import operations
from core.choosing import e
from core.kinds import OPEN, Kind
from core.models import Batch, Operation


def changed(session: Session, versions: Mapping[int, int], *, without: Collection[int]) -> set[int]:
    """Those of these messages (id → version) that such a load was the last to change.

    `without` are the batches of loads that do not count.
    """
    loads = _loads(session, without) if versions else ()
    if not loads:
        return set()
    asked = select(e.message_id, e.after).where(
        e.message_id.in_(list(versions)), e.operation_id.in_(loads), e.kind == "edit"
    )
    found = session.execute(asked)
    return {i for i, after in found if after.get("version") == versions[i]}


def _loads(session: Session, without: Collection[int]) -> list[int]:
    """Those that are not full yet, and those that were called off and are still to be put back."""
    unfinished = select(col(Batch.id)).where(
        col(Batch.state) == "loading", col(Batch.id).not_in(without)
    )
    under_way = select(col(Operation.filter)).where(
        col(Operation.kind) == Kind.UNLOAD, col(Operation.state).in_(OPEN)
    )
    batches = session.execute(unfinished).scalars().all()
    found = [load for one in batches for load in operations.changers(session, one)]
    return [*found, *(one["operation_id"] for one in session.execute(under_way).scalars())]

"""Which batches keep their messages back, and since when, by whom: as the claim sees it."""

from collections.abc import Collection

from sqlalchemy import select
from sqlmodel import Session, col

from core.blocking import Reason, Why
from core.models import AuditEvent, Batch

_TOLD = {
    "loading": "is still being loaded",
    "held": "has not been released",
    "trial": "is on trial: its first may leave, the rest has not been released",
    "released": "is released; it is let go in a moment",
    "paused": "is paused",
    "cancelled": "is cancelled",
    "finished": "is finished; it is let go in a moment",
}
_LETS_GO = ("released", "finished")


def read(session: Session, batch_ids: Collection[int]) -> dict[int | None, tuple[Why, bool]]:
    """For each batch why what it holds waits, and whether it bars also what it does not hold."""
    if not batch_ids:
        return {}
    found = session.execute(select(Batch).where(col(Batch.id).in_(sorted(batch_ids)))).scalars()
    return {one.id: _why(session, one) for one in found}


def _why(session: Session, batch: Batch) -> tuple[Why, bool]:
    on_trial = batch.state == "held" and batch.trial_since is not None
    told = f"«{batch.name}» {_TOLD['trial' if on_trial else batch.state]}"
    paused = batch.state == "paused"
    since = batch.paused_at if paused else batch.trial_since if on_trial else None
    by = _who_paused(session, batch) if paused else None
    bars = not on_trial and batch.state not in _LETS_GO
    return Why(Reason.BATCH, since=since, by=by, detail=told), bars


def _who_paused(session: Session, batch: Batch) -> str | None:
    asked = (
        select(col(AuditEvent.actor))
        .where(
            col(AuditEvent.at) >= (batch.paused_at or batch.created_at),
            col(AuditEvent.action) == "batch paused",
            col(AuditEvent.target) == f"batch {batch.id}",
        )
        .order_by(col(AuditEvent.at))
        .limit(1)
    )
    found: str | None = session.execute(asked).scalar()
    return found

"""What the scan does for batches: follow what their rows say, and note which have ended."""

from sqlalchemy import and_, exists, or_, select
from sqlmodel import Session, col

from core import audit, batches, db, messages
from core.filtering import of_batch
from core.models import Batch, Message
from core.states import Cause, Status

_OPEN = (Status.PENDING, Status.PROCESSING)


def catch_up() -> None:
    """Clear or cancel what a kill or a race left of batches, and end those that have ended."""
    with db.reading() as session:
        going = or_(
            col(Batch.state).in_(("held", "released", "paused")),
            and_(col(Batch.state) == "cancelled", col(Batch.finished_at).is_(None)),
        )
        asked = select(col(Batch.id), col(Batch.state)).where(going).order_by(col(Batch.id))
        found = session.execute(asked).all()
    for batch_id, state in found:
        if state == "released":
            batches.clear(batch_id)
        elif state == "cancelled":
            while _cancel_some(batch_id):
                pass
        _end(batch_id)


def _cancel_some(batch_id: int) -> int:
    """What came back to wait after its batch was cancelled: an answer that was still awaited."""
    with db.writing() as session:
        waiting = and_(of_batch(batch_id), col(Message.status) == Status.PENDING)
        some = select(col(Message.id)).where(waiting).order_by(col(Message.id))
        ids = list(session.execute(some.limit(batches.CHUNK)).scalars())
        change = [{"message_id": one} for one in ids]
        moved = messages.move(session, change, Status.CANCELLED, Cause.CANCEL, also="hold = NULL")
        events = {one: ({"status": "pending"}, {"status": "cancelled"}) for one in sorted(moved)}
        messages.record(session, "batch cancelled", "engine", events, at=db.now(session))
        return len(moved)


def _end(batch_id: int) -> None:
    with db.reading() as session:
        if _is_open(session, batch_id):
            return
    with db.writing() as session:
        db.lock(session, "batch", [batch_id])
        batch = session.get_one(Batch, batch_id)
        if batch.state in ("loading", "finished") or _is_open(session, batch_id):
            return
        batch.finished_at = db.now(session)
        if batch.state != "cancelled":
            batch.state = "finished"
            told = {"name": batch.name}
            audit.record_engine(session, "batch finished", target=f"batch {batch_id}", after=told)


def _is_open(session: Session, batch_id: int) -> bool:
    waits = exists().where(of_batch(batch_id), col(Message.status).in_(_OPEN))
    return bool(session.execute(select(waits)).scalar_one())

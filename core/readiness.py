"""Whether Outbox can do its work now: what a load balancer or a monitor asks."""

from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import func, select

from core import db, schema
from core.models import Worker

SCAN_OVERDUE = 180.0  # seconds; a scan comes each minute


@dataclass(frozen=True)
class Readiness:
    """`failed` names the parts that are not well; `last_scan` is in seconds, null before any."""

    failed: tuple[str, ...]
    loops: int
    last_scan: float | None


def readiness() -> Readiness:
    """The state of the database, its schema, the send loops and the scan, in that order."""
    try:
        if not schema.is_current():
            return Readiness(("schema",), 0, None)
        return _work()
    except SQLAlchemyError:
        return Readiness(("database",), 0, None)


def _work() -> Readiness:
    with db.reading() as session:
        now = db.now(session)
        loops = select(func.count(), func.max(Worker.last_scan_at)).where(
            Worker.kind == "loop", Worker.lease_until > now
        )
        alive, scanned = session.exec(loops).one()
    age = (now - scanned).total_seconds() if scanned else None
    late = age is None or age > SCAN_OVERDUE
    failed = [part for part, bad in (("worker", not alive), ("scan", late)) if bad]
    return Readiness(tuple(failed), alive, age)

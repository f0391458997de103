"""Stopping everything: one row, which every claim looks at before it takes anything."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlmodel import Session, col

from core import audit, db, lateness
from core.access import Actor, Role, needs
from core.errors import Invalid, Problem, Refused
from core.models import Installation
from core.wake import wake

LONGEST_REASON = 200


@dataclass(frozen=True)
class Stop:
    """That a person stopped all sending, and has not released it yet."""

    since: datetime
    by: str
    reason: str


def stopped() -> Stop | None:
    """Who stopped everything; None while Outbox sends."""
    with db.reading() as session:
        return _stop(session)


def _stop(session: Session) -> Stop | None:
    return stop_of(session.execute(select(Installation)).scalar_one())


def stop_of(whole: Installation) -> Stop | None:
    """What that row tells of a stop."""
    if whole.stopped_since is None:
        return None
    return Stop(whole.stopped_since, whole.stopped_by or "", whole.stop_reason or "")


@needs(Role.OPERATOR)
def stop_all(reason: str, *, by: Actor) -> None:
    """Let no account send any more; what is under way ends, what is due waits.

    Raises Invalid without a reason, Refused when everything is stopped already: the first stop
    stays, with who and why.
    """
    reason = reason.strip()
    if not reason:
        raise Invalid(Problem("reason", "missing", "Say why: everybody will see it."))
    if len(reason) > LONGEST_REASON:
        told = f"Say it in {LONGEST_REASON} characters: it stands on every page."
        raise Invalid(Problem("reason", "too_long", told))
    with db.writing() as session:
        sends = update(Installation).where(col(Installation.stopped_since).is_(None))
        values = {"stopped_since": db.now(session), "stopped_by": by.name, "stop_reason": reason}
        moved = session.execute(sends.values(**values).returning(col(Installation.id)))
        if moved.first() is None:
            raise Refused("All sending is stopped already.")
        audit.record(session, by, "all sending stopped", after={"reason": reason})


@needs(Role.OPERATOR)
def resume_all(*, by: Actor) -> None:
    """Send again; what is late by now follows its late policy.

    Raises Refused when nothing is stopped.
    """
    with db.writing() as session:
        known = _stop(session)
        values = {"stopped_since": None, "stopped_by": None, "stop_reason": None}
        stopped = update(Installation).where(col(Installation.stopped_since).is_not(None))
        moved = session.execute(stopped.values(**values).returning(col(Installation.id)))
        if known is None or moved.first() is None:
            raise Refused("Sending is not stopped.")
        now = db.now(session)
        lateness.ready_again(session, now, since=known.since)
        before = {"by": known.by, "reason": known.reason, "since": db.stamp(known.since)}
        audit.record(session, by, "all sending resumed", before=before)
    wake(now)

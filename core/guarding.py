"""The restore guard: nothing is claimed until a person says what becomes of the overdue."""

from sqlalchemy import update
from sqlmodel import Session, col

from core import audit, db
from core.models import Installation


def guard(session: Session, why: str) -> None:
    """Let nothing be sent from this database; the first reason stands."""
    free = update(Installation).where(col(Installation.guard_since).is_(None))
    set_ = free.values(guard_since=db.now(session), guard_reason=why)
    if session.execute(set_.returning(col(Installation.id))).first():
        audit.record_engine(session, "restore guard on", after={"reason": why})

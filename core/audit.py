"""Who did what to anything but a message; a trigger keeps the rows as they were written."""

from typing import Any

from sqlmodel import Session

from core import db
from core.access import Actor, Role
from core.models import AuditEvent

ENGINE = Actor("outbox", Role.ADMIN)


def record(
    session: Session,
    by: Actor,
    action: str,
    *,
    target: str | None = None,
    before: Any = None,
    after: Any = None,
    address: str | None = None,
) -> None:
    """Add a row to the caller's transaction; never with a password, a token or a code in it."""
    event = AuditEvent(
        at=db.now(session),
        actor=by.name,
        action=action,
        target=target,
        before=before,
        after=after,
        address=address or by.address,
    )
    session.add(event)


def record_engine(
    session: Session, action: str, *, target: str | None = None, after: Any = None
) -> None:
    """Add a row for what Outbox did by itself."""
    record(session, ENGINE, action, target=target, after=after)

"""Who asked not to be contacted: checked when a message is scheduled, and again in the claim."""

from collections.abc import Iterable
from datetime import datetime

from sqlmodel import Session

from core import messages
from core.meta.codes import ErrorClass
from core.states import Cause, Status

ASKED = "They asked not to be contacted."


def leave_in_peace(session: Session, ids: Iterable[int], actor: str, *, at: datetime) -> set[int]:
    """Cancel pending messages of people who asked for it, at most 1,000; returns which."""
    moved = messages.move(
        session,
        [{"message_id": one} for one in sorted(ids)],
        Status.CANCELLED,
        Cause.CANCEL,
        also=f"hold = NULL, error_class = '{ErrorClass.OPTED_OUT}', error_code = NULL,"
        f" error_text = '{ASKED}'",
    )
    change = {one: ({"status": "pending"}, {"status": "cancelled"}) for one in sorted(moved)}
    messages.record(session, "opted out", actor, change, at=at)
    return moved

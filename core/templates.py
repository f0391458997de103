"""Message templates as Meta last described them, and the hold that stops their messages."""

from collections.abc import Iterable

from sqlalchemy import select, update
from sqlmodel import Session, col

from core import audit, db
from core.meta.answers import Answer
from core.models import Message, Template


def refused(session: Session, message_ids: Iterable[int], answer: Answer) -> None:
    """Hold the templates of these messages because of what Meta answered to a send."""
    used = select(col(Message.template_id)).where(col(Message.id).in_(list(message_ids)))
    now, reason = db.now(session), answer.text or f"refused by Meta ({answer.code})"
    held = session.execute(
        update(Template)
        .where(col(Template.id).in_(used), col(Template.hold).is_(None))
        .values(hold=reason, hold_since=now, hold_by="Meta")
        .returning(col(Template.id), col(Template.name))
    )
    for one in held.all():
        after = {"reason": reason, "code": answer.code}
        audit.record_engine(session, "template held by Meta", target=one.name, after=after)

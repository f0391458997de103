"""Message templates held and released: by people, and by what Meta answers to a send.

A hold is one row, obeyed by the next claim; an operation then holds or lets go the messages.
"""

from collections.abc import Iterable

from sqlalchemy import select, update
from sqlmodel import Session, col

from core import audit, choosing, db, operations, usable
from core.access import Actor, Role, needs
from core.choosing import Choice
from core.errors import Refused
from core.kinds import AMONG, Kind
from core.meta.answers import Answer
from core.models import Message, Template
from core.wake import wake, wake_operations


@needs(Role.OPERATOR)
def hold(template_id: int, *, reason: str = "", by: Actor) -> None:
    """Let nothing leave with a template until a person releases it. Raises Refused when held."""
    with db.writing() as session:
        template = locked(session, template_id)
        if template.hold is not None:
            raise Refused(f"«{named(template)}» is held already.")
        template.hold = reason.strip() or "no reason given"
        template.hold_since, template.hold_by = db.now(session), by.name
        told = {"reason": template.hold}
        audit.record(session, by, "template held", target=named(template), after=told)
        settle_messages(session, template, by=by)
    wake_operations()


@needs(Role.OPERATOR)
def release(template_id: int, *, by: Actor) -> None:
    """Let a template send again, as it is now: what waits with an earlier one is changed to it.

    What cannot be filled as it is now stays held. Raises Refused where Meta does not let it send,
    Outbox cannot fill it, or nothing of it is held.
    """
    with db.writing() as session:
        template = locked(session, template_id)
        if template.status != usable.APPROVED:
            told = f"{usable.said(template)}. Only Meta can let it send again."
            raise Refused(f"«{named(template)}» cannot be released: {told}")
        before, after = {"reason": template.hold}, {"sha256": template.sha256}
        template.hold = template.hold_since = template.hold_by = None
        session.flush()
        accepted = settle_messages(session, template, by=by, accepted=template.sha256)
        if before["reason"] is None and not accepted:
            raise Refused(f"Nothing of «{named(template)}» is held.")
        audit.record(
            session, by, "template released", target=named(template), before=before, after=after
        )
        now = db.now(session)
    wake_operations()
    wake(now)


def refused(session: Session, message_ids: Iterable[int], answer: Answer) -> None:
    """Hold the templates of these messages because of what Meta answered to a send."""
    used = select(col(Message.template_id)).where(col(Message.id).in_(list(message_ids)))
    now, reason = db.now(session), answer.text or f"refused by Meta ({answer.code})"
    held = session.execute(
        update(Template)
        .where(col(Template.id).in_(used), col(Template.hold).is_(None))
        .values(hold=reason, hold_since=now, hold_by=usable.META)
        .returning(col(Template.id), col(Template.name))
    )
    for one in held.all():
        after = {"reason": reason, "code": answer.code}
        audit.record_engine(session, "template held by Meta", target=one.name, after=after)
        # Counted by whoever runs it: this is the send loop.
        choice = Choice(template_id=one.id)
        operations.put(session, Kind.TEMPLATE, choice, by=audit.ENGINE, counted=0)


def settle_messages(
    session: Session, template: Template, *, by: Actor, accepted: str | None = None
) -> bool:
    """Have the holds of its waiting messages follow what was decided; False where none waits.

    The caller wakes the operations after its commit.
    """
    choice = Choice(template_id=template.id)
    waiting = choosing.count(session, choice, AMONG[Kind.TEMPLATE])
    if waiting:
        told = {"accepted": accepted}
        operations.put(session, Kind.TEMPLATE, choice, by=by, counted=waiting, arguments=told)
    return bool(waiting)


def locked(session: Session, template_id: int) -> Template:
    """The template, locked until the transaction ends. Raises Refused when there is none."""
    db.lock(session, "template", [template_id])
    template = session.get(Template, template_id, populate_existing=True)
    if template is None:
        raise Refused("There is no such template.")
    return template


def named(template: Template) -> str:
    """«order_shipped (en_US)»."""
    return f"{template.name} ({template.language})"

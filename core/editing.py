"""Changing a message that has not left: what two people change at once is told to the second."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col

from core import composing, db, drafts, messages
from core.access import Actor, Role, needs
from core.drafts import Composed, Draft
from core.errors import Conflict, Refused
from core.listing import MessageRow
from core.models import Account, Content, Message, Template
from core.states import Status
from core.wake import wake


@needs(Role.OPERATOR)
def edit(
    message_id: int, draft: Draft, *, version: int, by: Actor, confirmed: bool = False
) -> None:
    """Change a pending or failed message; it is pending afterwards, with a new budget of retries.

    Its reference, priority, late policy and a «not after» that is not over stay as they are.
    `version` is the one that the person saw. Raises Conflict with what it holds now when somebody
    changed it first, Refused when it is no longer pending or failed, its batch is cancelled, or its
    outcome is unknown and the risk of sending twice was not `confirmed`, Invalid as `check` does.
    """
    with db.writing() as session:
        row, now = messages.find(session, message_id), db.now(session)
        before = current(session, row)
        _check_editable(session, row, version, before)
        messages.check_confirmed(row, confirmed)
        keeps = row.due_at if row.status == Status.PENDING else now
        composed = composing.check_in(session, kept(draft, row, now), due_before=keeps)
        try:
            _rewrite(session, row, composed, by)
        except IntegrityError:
            raise composing.reference_taken(row.reference) from None
        messages.record(
            session, "edit", by.name, {message_id: (before, drafts.facts(composed))}, at=now
        )
    wake(composed.due_at)


def kept(draft: Draft, row: Message | MessageRow, now: datetime) -> Draft:
    """The draft with what an edit leaves as it is: late policy, a deadline that is not over, and
    where its time is kept, the zone in which that was meant."""
    over = row.not_after is not None and row.not_after <= now
    when = replace(draft.when, zone=row.zone) if draft.when.kind == "keep" else draft.when
    deadline = None if over else row.not_after
    return replace(draft, when=when, not_after=deadline, late_policy=row.late_policy)


def current(session: Session, row: Message) -> dict[str, Any]:
    """What the editable fields of a message hold."""
    account = session.get_one(Account, row.account_id)
    content = session.get_one(Content, row.id)
    chosen = session.get(Template, row.template_id) if row.template_id else None
    return {
        "account": account.name,
        "recipient": row.recipient,
        "text": content.text,
        "due_at": db.stamp(row.due_at),
        "max_retries": row.max_retries,
        **drafts.template_facts(chosen, content.parameters or {}),
    }


def _check_editable(
    session: Session, row: Message, version: int, now_holds: dict[str, Any]
) -> None:
    if row.status not in (Status.PENDING, Status.FAILED):
        raise Refused(messages.too_late(row, "changed"))
    if row.version != version:
        told = "Somebody changed this message while you were editing it."
        raise Conflict(told, current=now_holds)
    messages.check_batch(session, row.id)


def _rewrite(session: Session, row: Message, composed: Composed, by: Actor) -> None:
    if row.status == Status.FAILED:
        messages.begin_anew(session, row, by=by)
    session.execute(
        update(Message)
        .where(col(Message.id) == row.id, col(Message.status) == Status.PENDING)
        .values(
            account_id=composed.account.id,
            recipient=composed.phone.e164,
            due_at=composed.due_at,
            scheduled_at=composed.due_at,
            zone=composed.zone,
            max_retries=composed.max_retries,
            not_after=composed.not_after,
            late_policy=composed.late_policy,
            # At a new time it is no longer late.
            kind="template" if composed.template else "text",
            template_id=composed.template and composed.template.id,
            hold=_hold(row, composed),
            retry_count=0,
            version=col(Message.version) + 1,
        )
    )
    session.execute(
        update(Content)
        .where(col(Content.message_id) == row.id)
        .values(**drafts.words_values(composed))
    )


def _hold(row: Message, composed: Composed) -> str | None:
    """At a new time it is no longer late, and checked anew its template no longer stops it."""
    over = row.hold == "template" or (row.hold == "late" and composed.due_at != row.due_at)
    return None if over else row.hold

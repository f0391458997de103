"""What a person wrote upon a message: the replies to it, and what came before the next one.

A reply that quotes a message belongs to that one, whenever it came. One that quotes none belongs to
the latest that had left, for a week.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlmodel import Session, col

from core.listing import MessageRow
from core.meta.inbound import NOT_WRITTEN
from core.models import Attempt, Content, Inbound, Message, WebhookEvent

FOR = timedelta(days=7)
MOST = 50  # of them that are shown


@dataclass(frozen=True)
class Reply:
    """What they wrote. `answers`: it quotes this very message. `text` is null without words."""

    id: int
    kind: str
    text: str | None
    answers: bool
    at: datetime
    wamid: str
    event_id: int
    received_at: datetime | None  # null where its webhook is not kept any more


def to(session: Session, row: MessageRow, attempts: Sequence[Attempt]) -> list[Reply]:
    """Those to one message, oldest first, at most `MOST`; none before it was posted."""
    posted = [one.posted_at for one in attempts if one.posted_at]
    if not posted:
        return []
    wamids = {one.meta_message_id for one in attempts if one.meta_message_id}
    ours = col(Inbound.account_id) == row.account_id
    quoting = _read(session, ours, col(Inbound.answers).in_(wamids)) if wamids else []
    # Meta tells whole seconds.
    since = min(posted).replace(microsecond=0)
    then = col(Inbound.at).between(since, max(posted) + FOR)
    after = _read(session, ours, col(Inbound.number) == row.recipient, then, _of_none())
    if after and (next_at := _next(session, row, max(posted))):
        after = [one for one in after if one[0].at < next_at.replace(microsecond=0)]
    found = {one.id: _reply(one, at, wamids) for one, at in (*quoting, *after)}
    return sorted(found.values(), key=lambda one: (one.at, one.id))[:MOST]


def bodies(session: Session, replies: Iterable[Reply]) -> dict[int, str]:
    """The SHA-256 of each webhook that told of them, which may tell of other people too."""
    ids = {one.event_id for one in replies}
    told = select(WebhookEvent).where(col(WebhookEvent.id).in_(ids))
    return {
        event.id: sha256(event.body.encode()).hexdigest()
        for event in session.execute(told).scalars()
    }


def _read(session: Session, *conditions: ColumnElement[bool]) -> list[Any]:
    theirs = (
        select(Inbound, col(WebhookEvent.received_at))
        .outerjoin(WebhookEvent, col(WebhookEvent.id) == col(Inbound.webhook_event_id))
        .where(*conditions, col(Inbound.kind).not_in(NOT_WRITTEN))
        .order_by(col(Inbound.at), col(Inbound.id))
    )
    return [tuple(row) for row in session.execute(theirs.limit(MOST))]


def _of_none() -> ColumnElement[bool]:
    """That quotes no message of ours."""
    quoted = select(col(Attempt.id)).where(col(Attempt.meta_message_id) == col(Inbound.answers))
    return ~quoted.exists()


def _next(session: Session, row: MessageRow, after: datetime) -> datetime | None:
    """When the next message of the same number to the same person left."""
    theirs = (
        select(func.min(col(Message.sent_at)))
        .join(Content, col(Content.message_id) == col(Message.id))
        .where(
            col(Content.recipient) == row.recipient,
            col(Message.account_id) == row.account_id,
            col(Message.id) != row.id,
            col(Message.sent_at) > after,
        )
    )
    found: datetime | None = session.execute(theirs).scalar()
    return found


def _reply(one: Inbound, received_at: datetime | None, wamids: Collection[str]) -> Reply:
    return Reply(
        one.id,
        one.kind,
        one.text,
        one.answers in wamids,
        one.at,
        one.wamid,
        one.webhook_event_id,
        received_at,
    )

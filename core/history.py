"""One message with everything that happened to it: what its page and its evidence tell."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlmodel import Session, col

from core import db, listing, replies
from core.listing import MessageRow
from core.meta import statuses
from core.meta.statuses import StatusUpdate
from core.models import (
    Attempt,
    AuditEvent,
    Batch,
    File,
    MessageEvent,
    Operation,
    WebhookEvent,
    WebhookMention,
    Worker,
)
from core.replies import Reply
from core.standing import m
from core.states import Status


class Source(NamedTuple):
    """What a message was read from; `line` as whoever opens the file counts."""

    line: int
    file: str | None
    sha256: str | None


@dataclass(frozen=True)
class Told:
    """One status of a webhook. `said` is Meta's own object, `body_sha256` that of the whole body,
    which may tell of other people too."""

    attempt_id: int
    event_id: int
    received_at: datetime
    update: StatusUpdate
    said: Any
    body_sha256: str


@dataclass(frozen=True)
class History:
    """One message with everything that happened to it, oldest first."""

    row: MessageRow
    attempts: list[Attempt]
    events: list[MessageEvent]
    told: list[Told]
    workers: dict[int, str]  # id to host, of those that still run
    source: Source | None
    replies: list[Reply]
    steered: list[AuditEvent]  # what was done to its whole batch, until it left

    @property
    def zone_guessed(self) -> bool:
        """Whether its time is that of a zone which was guessed from the country of its number."""
        timed = [one.after for one in self.events if "due_at" in (one.after or {})]
        return bool(timed and timed[-1].get("zone_guessed"))

    @property
    def handed_over(self) -> Attempt | None:
        """The attempt that the person has, or may have; None where the next one will say it."""
        row = self.row
        if row.meta_message_id:
            same = [one for one in self.attempts if one.meta_message_id == row.meta_message_id]
            return same[-1] if same else None
        posted = [one for one in self.attempts if one.posted_at]
        waits = row.status in (Status.PENDING, Status.CANCELLED)
        return posted[-1] if posted and not waits else None


def read(message_id: int) -> History | None:
    """The message, deleted or not; None when there never was one."""
    with db.reading() as session:
        found = listing.rows(session, m.id == message_id, limit=1)
        if not found:
            return None
        mine = col(Attempt.message_id) == message_id
        attempts = session.execute(select(Attempt).where(mine).order_by(col(Attempt.id)))
        theirs = col(MessageEvent.message_id) == message_id
        events = session.execute(select(MessageEvent).where(theirs).order_by(col(MessageEvent.id)))
        workers = session.execute(select(col(Worker.id), col(Worker.host)))
        tried, changed = list(attempts.scalars()), list(events.scalars())
        return History(
            found[0],
            tried,
            changed,
            _told(session, tried),
            {worker.id: worker.host for worker in workers},
            _source(session, found[0].batch_id, changed),
            replies.to(session, found[0], tried),
            _steered(session, found[0], tried),
        )


def _told(session: Session, attempts: list[Attempt]) -> list[Told]:
    wamids = {one.id: one.meta_message_id for one in attempts if one.meta_message_id}
    mentioned = (
        select(col(WebhookMention.attempt_id), WebhookEvent)
        .join(WebhookEvent, col(WebhookEvent.id) == col(WebhookMention.webhook_event_id))
        .where(col(WebhookMention.attempt_id).in_(wamids))
        .order_by(col(WebhookEvent.id))
    )
    return [
        Told(
            attempt_id,
            event.id,
            event.received_at,
            update,
            said,
            sha256(event.body.encode()).hexdigest(),
        )
        for attempt_id, event in session.execute(mentioned)
        for update, said in statuses.about(event.body, event.received_at, wamids[attempt_id])
    ]


def _source(session: Session, batch_id: int | None, events: list[MessageEvent]) -> Source | None:
    line = next((one.after["line"] for one in events if "line" in (one.after or {})), None)
    batch = session.get(Batch, batch_id) if batch_id is not None else None
    if line is None or batch is None:
        return None
    loads = select(Operation).where(col(Operation.batch_id) == batch_id)
    named = [(one.arguments or {}).get("file_name") for one in session.execute(loads).scalars()]
    file = session.get(File, batch.file_id) if batch.file_id is not None else None
    name = next((one for one in named if one), file.name if file else None)
    return Source(line, name, batch.source_sha256)


def _steered(session: Session, row: MessageRow, attempts: list[Attempt]) -> list[AuditEvent]:
    """What people did to its batch; what came after it had left did not touch it."""
    batch = session.get(Batch, row.batch_id) if row.batch_id is not None else None
    if batch is None:
        return []
    at = col(AuditEvent.at)
    theirs = select(AuditEvent).where(
        at >= batch.created_at, col(AuditEvent.target) == f"batch {batch.id}"
    )
    if row.ended and attempts:
        theirs = theirs.where(at <= attempts[-1].claimed_at)
    return list(session.execute(theirs.order_by(col(AuditEvent.id))).scalars())

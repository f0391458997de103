"""What Meta tells us: checked, stored before it is answered, applied soon after in sets.

Meta repeats what is not answered with 200 for up to seven days, in any order and more than once
(webhooks/overview), so storing is all that an answer waits for.
"""

import hmac
import json
import logging
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import func
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col, select

from core import db, inbound, optouts, outcomes, sparing, stop_words, vault
from core.audit import ENGINE
from core.inbound import Heard
from core.meta import inbound as messages
from core.meta import preferences, signatures, statuses
from core.meta.inbound import InboundMessage
from core.meta.preferences import Stop
from core.meta.statuses import StatusUpdate, parse
from core.models import Business, WebhookEvent
from core.settings import settings

__all__ = ["apply_stored", "parse", "receive", "verify"]

log = logging.getLogger(__name__)

STRANGER = "a status of a message that is not known"
NO_NUMBER = "a message to a number that is not known"
TRY_AGAIN_FOR = timedelta(minutes=1)
SET = 400_000  # characters in one transaction: about 1,000 statuses as Meta writes them


class Told(NamedTuple):
    """What a stored body tells."""

    event: WebhookEvent
    statuses: list[StatusUpdate]
    messages: list[InboundMessage]
    stops: list[Stop]


def verify(mode: object, token: object, challenge: object) -> str | None:
    """The challenge to answer Meta's verification with; null when it is to be refused."""
    ours = settings().webhook_verify_token
    if mode != "subscribe" or not ours:
        return None
    if not isinstance(token, str) or not isinstance(challenge, str):
        return None
    return challenge if hmac.compare_digest(token.encode(), ours.encode()) else None


def receive(body: bytes, signature: str) -> bool:
    """Store a body as it came; False, and nothing stored, when no secret of ours signed it."""
    if not signatures.is_signed(body, signature, _secrets()):
        return False
    # PostgreSQL's text takes neither broken UTF-8 nor NUL; Meta's own escaped JSON has neither.
    told = body.decode(errors="replace").replace("\0", "\ufffd")
    with db.writing() as session:
        session.add(WebhookEvent(received_at=db.now(session), body=told))
    return True


def apply_stored(limit: int = 500) -> int:
    """Apply the oldest stored bodies in sets; returns how many are done with.

    A set is one transaction and stays small, because no tick can write while it lasts.
    One that cannot be applied is marked with `error` and holds up no other. One about a message
    that nobody knows yet is tried again for a minute: Meta may tell that a message failed before
    its own answer to our POST has reached the database.
    """
    return sum(_apply_set(ids) for ids in _sets(limit))


def _secrets() -> Iterator[str]:
    yield settings().app_secret
    with db.reading() as session:
        stored = session.exec(select(Business.app_secret)).all()
    yield from (vault.decrypt(secret) for secret in stored if secret)


def _sets(limit: int) -> list[list[int]]:
    """The oldest bodies that wait, those that were tried already last, none too large a set."""
    with db.reading() as session:
        fresh_first = col(WebhookEvent.error).is_not(None)
        sized = select(WebhookEvent.id, func.length(col(WebhookEvent.body)))
        unapplied = sized.where(col(WebhookEvent.applied_at).is_(None))
        oldest = unapplied.order_by(fresh_first, col(WebhookEvent.id)).limit(limit)
        waiting = session.exec(oldest).all()
    sets: list[list[int]] = []
    room = 0
    for event_id, size in waiting:
        if not sets or size > room:
            sets.append([])
            room = SET
        sets[-1].append(event_id)
        room -= size
    return sets


def _apply_set(ids: Sequence[int]) -> int:
    try:
        return _apply(ids)
    except OperationalError:
        raise  # the database's trouble, not a body's: the next call tries again
    except Exception as error:
        log.warning("a set of webhooks is applied one by one: %s", type(error).__name__)
        return sum(_apply_alone(event_id) for event_id in ids)


def _apply(ids: Sequence[int]) -> int:
    with db.writing() as session:
        now = db.now(session)
        told = [_read_into(event) for event in _lock(session, ids)]
        _apply_statuses(session, told)
        heard = _keep_messages(session, told)
        stopped = stop_words.heed(session, heard)
        optouts.stopped(session, [stop for one in told for stop in one.stops])
        inbound.open_windows(session, heard)
        for event in (one.event for one in told):
            if event.error != STRANGER or now - event.received_at >= TRY_AGAIN_FOR:
                event.applied_at = now
        applied = sum(one.event.applied_at is not None for one in told)
    for number in stopped:  # until it has come as far, the claim refuses
        sparing.cancel_pending(number, by=ENGINE)
    return applied


def _apply_statuses(session: Session, told: Sequence[Told]) -> None:
    updates = statuses.fold(update for one in told for update in one.statuses)
    strangers = {update.wamid for update in outcomes.apply(session, updates)}
    _mention(session, told)
    for one in told:
        if any(update.wamid in strangers for update in one.statuses):
            one.event.error = STRANGER


def _keep_messages(session: Session, told: Sequence[Told]) -> list[Heard]:
    heard = inbound.keep(session, [(one.event.id, each) for one in told for each in one.messages])
    strangers = inbound.strangers(session, [each for one in told for each in one.messages])
    for one in told:
        if any(each.phone_number_id in strangers for each in one.messages):
            one.event.error = one.event.error or NO_NUMBER
    return heard


def _mention(session: Session, told: Sequence[Told]) -> None:
    """Keep which attempts each body tells of: the page of a message finds it by them."""
    rows = [
        {"event_id": one.event.id, "wamid": wamid}
        for one in told
        for wamid in sorted({update.wamid for update in one.statuses})
    ]
    source = db.rows_sql(session, event_id="bigint", wamid="text")
    if rows:
        session.execute(
            db.sql(
                "INSERT INTO webhook_mention (attempt_id, webhook_event_id)"
                f" SELECT a.id, v.event_id FROM {source}"
                " JOIN attempt a ON a.meta_message_id = v.wamid WHERE true"
                " ON CONFLICT DO NOTHING"
            ),
            {"rows": db.rows(rows)},
        )


def _lock(session: Session, ids: Sequence[int]) -> Sequence[WebhookEvent]:
    """Those of the events that no other gateway is applying."""
    mine = select(WebhookEvent).where(
        col(WebhookEvent.id).in_(ids), col(WebhookEvent.applied_at).is_(None)
    )
    ordered = mine.order_by(col(WebhookEvent.id))
    return session.exec(ordered.with_for_update(skip_locked=True)).all()


def _apply_alone(event_id: int) -> int:
    try:
        return _apply([event_id])
    except OperationalError:
        raise
    except Exception as error:
        log.error("webhook %d cannot be applied: %s", event_id, type(error).__name__)
        with db.writing() as session:
            for event in _lock(session, [event_id]):
                event.applied_at = db.now(session)
                event.error = f"not applied: {type(error).__name__}"
        return 1


def _read_into(event: WebhookEvent) -> Told:
    try:
        document = json.loads(event.body)
        read = [
            *statuses.read(document, event.received_at),
            *messages.read(document, event.received_at),
            *preferences.read(document, event.received_at),
        ]
    except (ValueError, RecursionError) as error:
        event.error = f"not read: {type(error).__name__}"
        return Told(event, [], [], [])
    problems = [problem for problem in read if isinstance(problem, str)]
    event.error = "; ".join(problems)[:500] or None
    return Told(
        event,
        [one for one in read if isinstance(one, StatusUpdate)],
        [one for one in read if isinstance(one, InboundMessage)],
        [one for one in read if isinstance(one, Stop)],
    )

"""Attempts: the evidence of a POST, written before the POST may start."""

from asyncio import Future
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlmodel import Session

from core import db


@dataclass
class Claim:
    """One claimed message with its open attempt; `slot_at` moves when a slot was missed."""

    attempt_id: int
    message_id: int
    account_id: int
    worker_id: int
    recipient: str
    slot_at: datetime
    window: float | None  # seconds after the slot in which the post may start; None: any time
    step: timedelta | None  # from its slot to the next of its account; None: it has none
    url: str
    token: str
    body: str
    retry_count: int
    max_retries: int
    pair_step: int
    posted_at: datetime | None = None  # when its request began to leave
    placed: Future[None] | None = None  # done once it has another slot; its connection waits

    @property
    def started(self) -> bool:
        return self.posted_at is not None


def stray(attempt_id: int, message_id: int, worker_id: int, now: datetime) -> Claim:
    """An open attempt that is in nobody's memory, as far as settling it needs to know."""
    return Claim(
        attempt_id=attempt_id,
        message_id=message_id,
        account_id=0,
        worker_id=worker_id,
        recipient="",
        slot_at=now,
        window=None,
        step=None,
        url="",
        token="",
        body="",
        retry_count=0,
        max_retries=0,
        pair_step=0,
    )


class Strange(Exception):
    """The database may be another than the one that this machine has sent from."""


def expect(session: Session, highest: int) -> None:
    """In this transaction no attempt may have an id that is not above this one."""
    session.info["highest attempt"] = highest


def reserve(session: Session, count: int) -> list[int]:
    """Ids before the rows: the payload that an attempt keeps already names the attempt.

    Raises Strange where an older copy would give ids that were given before (see `expect`).
    """
    if not count:
        return []
    ids = db.reserve(session, "attempt", count, above=session.info.get("highest attempt", 0))
    if not ids:
        raise Strange
    return ids


def insert(
    session: Session, claims: Sequence[Claim], now: datetime, confirmed: Mapping[int, str | None]
) -> None:
    columns = {
        "id": "bigint",
        "message_id": "bigint",
        "account_id": "bigint",
        "worker_id": "bigint",
        "slot_at": "timestamptz",
        "claimed_at": "timestamptz",
        "payload": "text",
        "payload_sha256": "text",
        "confirmed_by": "text",
    }
    rows = [
        {
            "id": one.attempt_id,
            "message_id": one.message_id,
            "account_id": one.account_id,
            "worker_id": one.worker_id,
            "slot_at": one.slot_at,
            "claimed_at": now,
            "payload": one.body,
            "payload_sha256": sha256(one.body.encode()).hexdigest(),
            "confirmed_by": confirmed[one.message_id],
        }
        for one in claims
    ]
    db.insert_rows(session, "attempt", rows, **columns)

"""What must hold of each post: its bytes, its instant, and what Meta allows one recipient."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Row
from sqlmodel import Session

from core import db, pacing
from core.invariants.violation import Violation

EARLY = 0.05  # seconds that a worker's reckoning of the database's clock may be wrong
LATE = (
    3.25  # seconds: connecting (`client.CONNECT_SECONDS`), and a process that the system lets wait
)
_TO = re.compile(r'"to":"([^"]+)"')


@dataclass(slots=True)
class Post:
    """One attempt as the checks over time need it; instants in seconds."""

    attempt_id: int
    message_id: int
    account_id: int
    slot: float
    posted: float | None
    claimed: float
    released: bool
    recipient: str

    @property
    def at(self) -> float:
        """When it was posted, or was to be where the worker did not live to tell."""
        return self.slot if self.posted is None else self.posted


def read(session: Session, first: int, last: int) -> Iterator[tuple[Post, str, str]]:
    """The posts with attempt ids from `first` to `last`, each with its bytes and their SHA-256."""
    instants = {name: db.UtcDateTime() for name in ("slot_at", "posted_at", "claimed_at")}
    found = session.execute(
        db.sql(
            "SELECT id, message_id, account_id, slot_at, posted_at, claimed_at, outcome,"
            " payload, payload_sha256 FROM attempt WHERE id BETWEEN :first AND :last ORDER BY id"
        ).columns(**instants),
        {"first": first, "last": last},
    )
    return ((_post(row), row.payload, row.payload_sha256) for row in found)


def _post(row: Row[Any]) -> Post:
    to = _TO.search(row.payload)
    return Post(
        attempt_id=row.id,
        message_id=row.message_id,
        account_id=row.account_id,
        slot=row.slot_at.timestamp(),
        posted=_seconds(row.posted_at),
        claimed=row.claimed_at.timestamp(),
        released=row.outcome == "released",
        recipient=to[1] if to else "",
    )


def _seconds(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp()


def altered(post: Post, payload: str, digest: str) -> Iterator[Violation]:
    """Its bytes are those whose digest was kept before they left, and they name this attempt."""
    if sha256(payload.encode()).hexdigest() != digest:
        yield _of(post, "bytes altered", "What attempt {} sent of message {} was altered since.")
    elif f':{post.attempt_id}"' not in payload:
        told = "What attempt {} sent of message {} names another attempt."
        yield _of(post, "another's bytes", told)


def mistimed(post: Post, rate: float) -> Iterator[Violation]:
    """It started in its slot, or once it had connected; a `rate` that is infinite is none."""
    late = pacing.jitter(rate) if rate < float("inf") else float("inf")
    if post.at < post.slot - EARLY:
        yield _of(post, "before its slot", "Attempt {} of message {} started before its slot.")
    elif post.at > post.slot + late + LATE:
        yield _of(post, "after its slot", "Attempt {} of message {} started after its slot.")


class Pairs:
    """The pair bucket of each recipient, filled by what was posted: 45 at once, then one in 6 s."""

    _CAPACITY = (pacing.PAIR_CAPACITY - 1) * pacing.PAIR_INTERVAL.total_seconds()
    _INTERVAL = pacing.PAIR_INTERVAL.total_seconds()

    def __init__(self) -> None:
        self._full_until: dict[tuple[int, str], float] = {}

    def see(self, post: Post) -> Iterator[Violation]:
        """Fill the bucket. One interval is tolerated: a missed slot moves a post by seconds."""
        if post.released or not post.recipient:
            return
        pair = (post.account_id, post.recipient)
        full_until = self._full_until.get(pair, post.at)
        if post.at < full_until - self._CAPACITY - self._INTERVAL:
            told = "Attempt {} of message {} came sooner than Meta allows for one recipient."
            yield _of(post, "pair limit", told)
        self._full_until[pair] = max(full_until, post.at) + self._INTERVAL

    def forget_before(self, at: float) -> None:
        """Drop the buckets that have been empty since."""
        self._full_until = {pair: to for pair, to in self._full_until.items() if to > at}


def _of(post: Post, kind: str, what: str) -> Violation:
    told = what.format(post.attempt_id, post.message_id)
    return Violation(kind, told, (post.message_id,), (post.attempt_id,))

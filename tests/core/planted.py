"""Rows as the engine would have left them, put straight into the tables, to be broken."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import count
from typing import Any

from sqlmodel import Session

from core import db
from core.models import Attempt, Message, MessageEvent, Worker
from tests import given

SECOND = timedelta(seconds=1)
CHECKS = ("deleted", "worker", "unconfirmed")
INDEXES = ("uq_message_in_flight", "uq_message_reference")


def unguard(session: Session) -> None:
    """Take away what the database itself forbids, so that it can be broken."""
    for index in INDEXES:
        session.execute(db.sql(f"DROP INDEX {index}"))
    if db.on_postgres(session):
        for check in CHECKS:
            session.execute(db.sql(f"ALTER TABLE message DROP CONSTRAINT ck_message_{check}"))
    else:
        session.execute(db.sql("PRAGMA ignore_check_constraints=ON"))


@dataclass
class Ground:
    """Where to plant: accounts without and with a rate, a living worker, and the time."""

    session: Session
    free: int
    paced: int
    worker: int = 0
    now: datetime = field(init=False)
    _numbers: Any = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.now = db.now(self.session)
        self.worker = self._worker()

    def _worker(self) -> int:
        worker = Worker(
            kind="loop",
            host="here",
            pid=1,
            version="0",
            started_at=self.now,
            lease_until=self.now + 15 * SECOND,
        )
        return self._add(worker)

    def _add(self, row: Any) -> int:
        self.session.add(row)
        self.session.flush()
        return int(row.id)

    def message(self, **columns: Any) -> int:
        """One that waits for its time."""
        at = self.now - timedelta(hours=1)
        usual = {"account_id": self.free, "recipient": given.recipient(next(self._numbers))}
        times = {"scheduled_at": at, "due_at": at, "created_at": at}
        return self._add(Message(**(usual | times | columns)))

    def attempt(self, message_id: int, **columns: Any) -> int:
        """An open one; `to` is whom its bytes name."""
        message = self.session.get_one(Message, message_id)
        message.attempt_count += 1
        usual = {
            "message_id": message_id,
            "account_id": message.account_id,
            "worker_id": self.worker,
            "slot_at": self.now,
            "claimed_at": self.now,
        }
        made = Attempt(**(usual | {"payload": "", "payload_sha256": ""} | columns))
        self._add(made)
        made.payload = f'{{"to":"{message.recipient}","biz_opaque_callback_data":"x:{made.id}"}}'
        made.payload_sha256 = sha256(made.payload.encode()).hexdigest()
        self.session.flush()
        return made.id

    def event(self, message_id: int, before: Any, after: Any) -> None:
        event = MessageEvent(
            message_id=message_id, at=self.now, actor="ana", kind="told", before=before, after=after
        )
        self._add(event)

    def claimed(self, *, attempt: Any = None, **columns: Any) -> int:
        made = self.message(**({"status": "processing", "worker_id": self.worker} | columns))
        self.attempt(made, **(attempt or {}))
        return made

    def unknown(self, *, attempt: Any = None, **columns: Any) -> int:
        since = {"status": "processing", "unconfirmed_since": self.now, "error_class": "unknown"}
        made = self.message(**(since | columns))
        self.attempt(made, **({"outcome": "unknown"} | (attempt or {})))
        return made

    def failed(self, *, attempt: Any = None, **columns: Any) -> int:
        made = self.message(**({"status": "failed", "error_class": "permanent"} | columns))
        self.attempt(made, **({"outcome": "permanent", "error_text": "no"} | (attempt or {})))
        return made

    def sent(self, *, attempt: Any = None, **columns: Any) -> int:
        wamid = f"wamid.{next(self._numbers)}"
        proof = {"sent_at": self.now, "meta_message_id": wamid, "delivery": "accepted"}
        made = self.message(**({"status": "sent"} | proof | columns))
        accepted = {"outcome": "accepted", "meta_message_id": wamid, "delivery": "accepted"}
        self.attempt(made, **(accepted | (attempt or {})))
        return made

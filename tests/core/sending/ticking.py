"""Ticks that a test makes by itself, one at a time; what they claim is never posted."""

from typing import Any

from core import db, workers
from core.models import Account, Attempt, Message
from core.sending import tick
from core.sending.tick import Done
from tests import given


class Ticks:
    """One worker and its ticks."""

    def __init__(self) -> None:
        self.worker = workers.start("loop")
        with db.reading() as session:
            found = session.execute(db.sql("SELECT id FROM installation"))
            self.installation = str(found.scalar_one())

    def run(self, *account_ids: int, **more: Any) -> Done:
        order = tick.Order(self.worker, due=set(account_ids), **({"room": 100} | more))
        return tick.run(order, installation=self.installation, sampled=lambda _: None)

    def claimed(self, *account_ids: int) -> list[int]:
        """The messages that one tick claims, in the order of their slots."""
        claims = self.run(*account_ids).claims
        return [one.message_id for one in sorted(claims, key=lambda one: one.slot_at)]


def change(message_id: int, **columns: Any) -> None:
    """Write columns of a message past every check."""
    with db.writing() as session:
        row = session.get_one(Message, message_id)
        for name, value in columns.items():
            setattr(row, name, value)


def attempted(message_id: int, outcome: str) -> None:
    """An attempt that ended before now, whose message waits again."""
    with db.writing() as session:
        row, now = session.get_one(Message, message_id), db.now(session)
        row.attempt_count += 1
        made = Attempt(
            message_id=row.id,
            account_id=row.account_id,
            worker_id=0,
            slot_at=now,
            claimed_at=now,
            outcome=outcome,
            payload="",
            payload_sha256="",
        )
        session.add(made)


def account(name: str, **columns: Any) -> int:
    """An account without a rate, with columns that no form sets."""
    made = given.account(name, rate=None)
    with db.writing() as session:
        row = session.get_one(Account, made)
        for column, value in columns.items():
            setattr(row, column, value)
    return made

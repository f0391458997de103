"""What a story begins with, in one line each: an account, messages, an actor."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import select
from sqlmodel import col

from core import accounts, composing, db
from core.access import Actor, Role
from core.drafts import Draft, When
from core.models import Attempt, Message, MessageEvent

ANA = Actor("ana", Role.ADMIN)


def account(name: str = "Orders", *, rate: float | None = 1.0, **more: Any) -> int:
    """An account that may send, with a phone-number id of its own."""
    number = str(1_000_000_000 + int(uuid4().hex[:6], 16))  # none begins with 999, as unknown ones
    given = {"name": name, "phone_number_id": number, "token": "token", "rate": rate, "by": ANA}
    return accounts.add(**(given | more))


def recipient(number: int = 0) -> str:
    return f"+62812{number:08d}"


def message(
    account_id: int, *, to: str = recipient(), when: When | None = None, **more: Any
) -> int:
    """A message for now, or for `when`."""
    draft = Draft(account_id, to, more.pop("text", "Hello"), when or When("now"), **more)
    return composing.schedule(draft, key=uuid4().hex, by=ANA)


def in_(**delay: float) -> When:
    """A time from now, exact; more than the minimum lead ahead."""
    with db.reading() as session:
        return When("instant", wall=db.now(session) + timedelta(**delay))


def row(message_id: int) -> Message:
    """The message as it stands in the database now."""
    with db.reading() as session:
        return session.get_one(Message, message_id)


def attempts(message_id: int) -> list[Attempt]:
    with db.reading() as session:
        found = select(Attempt).where(col(Attempt.message_id) == message_id)
        return list(session.execute(found.order_by(col(Attempt.id))).scalars())


def events(message_id: int) -> list[str]:
    with db.reading() as session:
        found = select(col(MessageEvent.kind)).where(col(MessageEvent.message_id) == message_id)
        return list(session.execute(found.order_by(col(MessageEvent.id))).scalars())


def statuses() -> list[str]:
    with db.reading() as session:
        return list(
            session.execute(select(col(Message.status)).order_by(col(Message.id))).scalars()
        )


def arrival(one: dict[str, Any]) -> float:
    """When the sandbox accepted it, in seconds."""
    return datetime.fromisoformat(one["received_at"]).timestamp()

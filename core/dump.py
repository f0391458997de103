"""Messages as plain values, for programs: one dictionary each, read by key in chunks."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, select
from sqlmodel import col

from core import db
from core.models import Account, Content, Installation, Message
from core.states import Status

CHUNK = 1000


def messages(
    *, status: str | None = None, account_id: int | None = None
) -> Iterator[dict[str, Any]]:
    """Every message that is not deleted, by id; times are ISO 8601 in UTC.

    No transaction stays open between chunks, however slowly they are taken.
    """
    after = 0
    while True:
        with db.reading() as session:
            whole = session.execute(select(Installation)).scalar_one()
            stopped = "guard" if whole.guard_since else "stop" if whole.stopped_since else None
            found = session.execute(_after(after, status, account_id)).all()
        yield from (_values(row, stopped) for row in found)
        if len(found) < CHUNK:
            return
        after = found[-1].Message.id


def _after(after: int, status: str | None, account_id: int | None) -> Select[*tuple[Any, ...]]:
    chosen = (
        select(Message, Account, col(Content.text))
        .join(Account, col(Account.id) == col(Message.account_id))
        .join(Content, col(Content.message_id) == col(Message.id))
        .where(col(Message.id) > after, col(Message.deleted_at).is_(None))
        .order_by(col(Message.id))
        .limit(CHUNK)
    )
    if status is not None:
        chosen = chosen.where(col(Message.status) == status)
    if account_id is not None:
        chosen = chosen.where(col(Message.account_id) == account_id)
    return chosen


def _values(row: Row[Any], stopped: str | None) -> dict[str, Any]:
    message, account = row.Message, row.Account
    return {
        "id": message.id,
        "account": account.name,
        "recipient": message.recipient,
        "content": row.text,
        "status": message.status,
        "delivery": message.delivery,
        "hold": message.hold,
        "held_by": _held_by(message, account, stopped),
        "scheduled_at": _iso(message.scheduled_at),
        "due_at": _iso(message.due_at),
        "sent_at": _iso(message.sent_at),
        "retry_count": message.retry_count,
        "max_retries": message.max_retries,
        "error_class": message.error_class,
        "error_code": message.error_code,
        "error_message": message.error_text,
        "meta_message_id": message.meta_message_id,
        "reference": message.reference,
    }


def _held_by(message: Message, account: Account, stopped: str | None) -> str | None:
    """What keeps it back: its own hold, or what holds everything (guard, stop, the account)."""
    if message.status != Status.PENDING:
        return None
    return message.hold or stopped or ("account" if account.state == "paused" else None)


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None

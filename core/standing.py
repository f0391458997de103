"""Where a message stands, as people tell it: the stored status seen with time, hold and proof.

The same rule twice, because a page shows one row and filters a million: `standing` reads a row,
`where` is its SQL. A test holds them together. The words for each are in `ui/words/`.
"""

from datetime import datetime
from enum import StrEnum
from typing import Protocol

from sqlalchemy import ColumnElement, and_, not_, or_, select

from core import models
from core.states import Delivery, Status

m = models.Message.metadata.tables["message"].c
a = models.Message.metadata.tables["account"].c


class Standing(StrEnum):
    """In the order in which a list of choices shows them."""

    SCHEDULED = "scheduled"
    WAITING = "waiting"
    HELD = "held"
    RETRYING = "retrying"
    SENDING = "sending"
    CHECKING = "checking"
    FAILED = "failed"
    UNCONFIRMED = "unconfirmed"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    CANCELLED = "cancelled"


STATUS: dict[Standing, Status] = {
    Standing.SCHEDULED: Status.PENDING,
    Standing.WAITING: Status.PENDING,
    Standing.HELD: Status.PENDING,
    Standing.RETRYING: Status.PENDING,
    Standing.SENDING: Status.PROCESSING,
    Standing.CHECKING: Status.PROCESSING,
    Standing.FAILED: Status.FAILED,
    Standing.UNCONFIRMED: Status.FAILED,
    Standing.SENT: Status.SENT,
    Standing.DELIVERED: Status.SENT,
    Standing.READ: Status.SENT,
    Standing.CANCELLED: Status.CANCELLED,
}


class Row(Protocol):
    """What `standing` looks at; read-only, so that any row with these names will do."""

    @property
    def status(self) -> str: ...
    @property
    def due_at(self) -> datetime: ...
    @property
    def hold(self) -> str | None: ...
    @property
    def retry_count(self) -> int: ...
    @property
    def error_class(self) -> str | None: ...
    @property
    def delivery(self) -> str | None: ...
    @property
    def worker_id(self) -> int | None: ...
    @property
    def account_state(self) -> str: ...


def standing(row: Row, now: datetime) -> Standing:
    """Where this row stands at `now` (engine time)."""
    if row.status == Status.PENDING:
        return _pending(row, now)
    if row.status == Status.PROCESSING:
        return Standing.SENDING if row.worker_id is not None else Standing.CHECKING
    if row.status == Status.FAILED:
        return Standing.UNCONFIRMED if row.error_class == "unknown" else Standing.FAILED
    if row.status == Status.CANCELLED:
        return Standing.CANCELLED
    seen = {Delivery.READ: Standing.READ, Delivery.DELIVERED: Standing.DELIVERED}
    return seen.get(Delivery(row.delivery or Delivery.ACCEPTED), Standing.SENT)


def _pending(row: Row, now: datetime) -> Standing:
    if row.hold or row.account_state != "active":
        return Standing.HELD
    if row.retry_count:
        return Standing.RETRYING
    # Refused without a retry spent (too fast, pair, unreached): it waits, even if due in seconds.
    waits = row.due_at <= now or row.error_class is not None
    return Standing.WAITING if waits else Standing.SCHEDULED


def where(standing: Standing, now: datetime) -> ColumnElement[bool]:
    """The rows that stand so at `now`; to be combined with nothing about the status."""
    return and_(m.status == STATUS[standing].value, _beside(standing, now))


def _beside(standing: Standing, now: datetime) -> ColumnElement[bool]:
    idle = select(a.id).where(a.state != "active")
    held = or_(m.hold.is_not(None), m.account_id.in_(idle))
    waits = or_(m.due_at <= now, m.error_class.is_not(None))
    fresh = and_(not_(held), m.retry_count == 0)
    unknown = and_(m.error_class.is_not(None), m.error_class == "unknown")
    conditions: dict[Standing, ColumnElement[bool]] = {
        Standing.SCHEDULED: and_(fresh, m.due_at > now, m.error_class.is_(None)),
        Standing.WAITING: and_(fresh, waits),
        Standing.HELD: held,
        Standing.RETRYING: and_(not_(held), m.retry_count > 0),
        Standing.SENDING: m.worker_id.is_not(None),
        Standing.CHECKING: m.worker_id.is_(None),
        Standing.FAILED: not_(unknown),
        Standing.UNCONFIRMED: unknown,
        Standing.SENT: or_(m.delivery.is_(None), m.delivery.in_(("accepted", "sent"))),
        Standing.DELIVERED: m.delivery == "delivered",
        Standing.READ: m.delivery == "read",
        Standing.CANCELLED: m.status == "cancelled",
    }
    return conditions[standing]

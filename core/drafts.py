"""A message before it is stored: as it was typed, and as it may go into the tables."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from core import db
from core.access import Actor
from core.models import Account
from core.phone import Phone


@dataclass(frozen=True)
class When:
    """When it is to leave, as it was asked for.

    `now`; `quick`: `delay` from the moment of saving, rounded up to the full minute; `at`: the
    naive `wall` time in `zone`, with `fold` (0 first, 1 second) where that hour happens twice;
    `instant`: an aware `wall`, from a file or the API; `keep`: an edit leaves the time as it is.
    """

    kind: Literal["now", "quick", "at", "instant", "keep"]
    delay: timedelta | None = None
    wall: datetime | None = None
    zone: str = "UTC"
    fold: int | None = None


@dataclass(frozen=True)
class Draft:
    """One message as typed; nothing in it has been checked."""

    account_id: int | None
    recipient: str
    text: str
    when: When
    max_retries: int = 3
    reference: str | None = None
    priority: int = 1
    not_after: datetime | None = None
    late_policy: str | None = None  # send, skip or hold; None: as its account says


@dataclass(frozen=True)
class Composed:
    """A draft that may be stored; `due_at` is UTC. `warning` tells what will make it wait."""

    account: Account
    phone: Phone
    text: str
    due_at: datetime
    zone: str
    max_retries: int
    reference: str | None
    priority: int
    not_after: datetime | None
    late_policy: str | None
    warning: str | None


def message_values(composed: Composed, now: datetime) -> dict[str, Any]:
    """The columns of `message` for a composed message."""
    return {
        "account_id": composed.account.id,
        "recipient": composed.phone.e164,
        "scheduled_at": composed.due_at,
        "due_at": composed.due_at,
        "zone": composed.zone,
        "max_retries": composed.max_retries,
        "reference": composed.reference,
        "priority": composed.priority,
        "not_after": composed.not_after,
        "late_policy": composed.late_policy,
        "created_at": now,
    }


def content_values(composed: Composed, by: Actor) -> dict[str, Any]:
    """The columns of `content` for a composed message."""
    return {
        "text": composed.text,
        "search": search_words(composed.phone.e164, composed.text),
        "created_by": by.name,
    }


def search_words(recipient: str, text: str) -> str:
    """What a search looks through: the recipient's digits and the words."""
    return f"{recipient.removeprefix('+')} {text}"


def facts(composed: Composed) -> dict[str, Any]:
    """What an event records of a message: enough to tell what was changed."""
    return {
        "account": composed.account.name,
        "recipient": composed.phone.e164,
        "text": composed.text,
        "due_at": db.stamp(composed.due_at),
        "max_retries": composed.max_retries,
    }

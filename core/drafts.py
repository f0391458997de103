"""A message before it is stored: as it was typed, and as it may go into the tables."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from core import db
from core.access import Actor
from core.characters import unsendable
from core.errors import Problem
from core.models import Account, Template
from core.phone import Phone

MOST_NAME = 200  # characters of a reference or a label


@dataclass(frozen=True)
class When:
    """When it is to leave, as it was asked for.

    `now`; `quick`: `delay` from the moment of saving, rounded up to the full minute; `at`: the
    naive `wall` time in `zone`, with `fold` (0 first, 1 second) where that hour happens twice;
    `instant`: an aware `wall`, from a file or the API; `keep`: an edit leaves the time as it is.
    `guessed`: the zone is that of the number's country, which nobody said.
    """

    kind: Literal["now", "quick", "at", "instant", "keep"]
    delay: timedelta | None = None
    wall: datetime | None = None
    zone: str = "UTC"
    fold: int | None = None
    guessed: bool = False


@dataclass(frozen=True)
class Draft:
    """One message as typed; nothing in it has been checked."""

    account_id: int | None
    recipient: str
    text: str  # of a text message
    when: When
    max_retries: int = 3
    reference: str | None = None
    priority: int = 1
    not_after: datetime | None = None
    late_policy: str | None = None  # send, skip or hold; None: as its account says
    template: str | None = None  # its name; None: a text message
    language: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)  # as core/templating.py has them
    label: str | None = None  # a branch, a cost centre


@dataclass(frozen=True)
class Composed:
    """A draft that may be stored; `due_at` is UTC. `warning` tells what will make it wait.

    `text` is what the person reads: of a template, its body with the parameters in it.
    """

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
    template: Template | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    label: str | None = None
    zone_guessed: bool = False


def odd_names(draft: Draft) -> Iterator[Problem]:
    """Why its reference or its label cannot be stored, or is longer than a list can show."""
    for where, name in (("reference", draft.reference), ("label", draft.label)):
        if name and len(name.strip()) > MOST_NAME:
            told = f"A {where} has at most {MOST_NAME} characters."
            yield Problem(where, "too_long", told)
        if name and (told_of := unsendable(name)):
            yield Problem(where, "control", f"The {where} holds what cannot be stored: {told_of}.")


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
        "kind": "template" if composed.template else "text",
        "template_id": composed.template and composed.template.id,
        "created_at": now,
    }


def content_values(composed: Composed, by: Actor) -> dict[str, Any]:
    """The columns of `content` for a composed message."""
    return words_values(composed) | {"label": composed.label, "created_by": by.name}


def words_values(composed: Composed) -> dict[str, Any]:
    """Those of them that an edit writes anew."""
    chosen = composed.template
    return {
        "recipient": composed.phone.e164,
        "text": composed.text,
        "search": search_words(composed.phone.e164, composed.text),
        "template": chosen and chosen.name,
        "language": chosen and chosen.language,
        "template_sha256": chosen and chosen.sha256,
        "parameters": dict(composed.parameters) if chosen else None,
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
        **({"zone_guessed": True} if composed.zone_guessed else {}),
        **template_facts(composed.template, composed.parameters),
    }


def template_facts(template: Template | None, parameters: Mapping[str, str]) -> dict[str, Any]:
    """What an event records beside the words; nothing of a text message."""
    if template is None:
        return {}
    return {
        "template": f"{template.name} ({template.language})",
        "parameters": dict(parameters),
    }

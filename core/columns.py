"""The columns that an export may have, by their names, which stay: other programs rely on them.

What a column says decides how each kind of file writes it: `Says`.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement

from core import models
from core.errors import Invalid, Problem
from core.filtering import c
from core.standing import a, m

t = models.Attempt.metadata.tables["attempt"].c
b = models.Batch.metadata.tables["batch"].c


class What(StrEnum):
    """One row for each message, or for each attempt to send one."""

    MESSAGES = "messages"
    ATTEMPTS = "attempts"


class Says(StrEnum):
    TEXT = "text"  # anybody's words: a formula, perhaps
    WORD = "word"  # one of ours, or a number of E.164
    NUMBER = "number"
    UTC = "utc"
    LOCAL = "local"  # the same instant, as the clock of a zone shows it
    JSON = "json"


INSTANTS = (Says.UTC, Says.LOCAL)


@dataclass(frozen=True)
class Column:
    """`usual`: it is there unless columns are chosen."""

    name: str
    of: ColumnElement[Any]
    says: Says = Says.TEXT
    usual: bool = True


def _time(name: str, of: ColumnElement[Any], *, usual: bool = True) -> Iterator[Column]:
    yield Column(name, of, Says.UTC, usual)
    yield Column(f"{name}_local", of, Says.LOCAL, usual)


_WORDS = (
    Column("text", c.text),
    Column("template", c.template),
    Column("language", c.language),
    Column("parameters", c.parameters, Says.JSON),
    Column("label", c.label),
)
_FROM = (Column("batch", b.name), Column("reference", m.reference))
_ADDRESS = (Column("account", a.name), Column("recipient", m.recipient, Says.WORD))
_SELDOM = (
    Column("kind", m.kind, Says.WORD, False),
    Column("batch_id", m.batch_id, Says.NUMBER, False),
)


def _terms(*, usual: bool) -> Iterator[Column]:
    """Without these our importer would take a message's terms from it, and say that it changed."""
    yield Column("priority", m.priority, Says.NUMBER, usual)
    yield Column("zone", m.zone, usual=usual)
    yield from _time("not_after", m.not_after, usual=usual)
    yield Column("late_policy", m.late_policy, Says.WORD, usual)


_MESSAGES = (
    Column("id", m.id, Says.NUMBER),
    *_ADDRESS,
    *_WORDS,
    Column("status", m.status, Says.WORD),
    Column("delivery", m.delivery, Says.WORD),
    Column("hold", m.hold),
    *_time("scheduled_at", m.scheduled_at),
    *_time("due_at", m.due_at),
    *_time("sent_at", m.sent_at),
    *_time("delivery_at", m.delivery_at),
    *_time("created_at", m.created_at),
    Column("retry_count", m.retry_count, Says.NUMBER),
    Column("max_retries", m.max_retries, Says.NUMBER),
    Column("attempt_count", m.attempt_count, Says.NUMBER, False),
    Column("error_class", m.error_class, Says.WORD),
    Column("error_code", m.error_code, Says.NUMBER),
    Column("error_text", m.error_text),
    Column("meta_message_id", m.meta_message_id),
    *_FROM,
    *_terms(usual=True),
    Column("created_by", c.created_by),
    *_SELDOM,
)

_ATTEMPTS = (
    Column("attempt_id", t.id, Says.NUMBER),
    Column("message_id", t.message_id, Says.NUMBER),
    *_ADDRESS,
    *_time("posted_at", t.posted_at),
    *_time("answered_at", t.answered_at),
    Column("outcome", t.outcome, Says.WORD),
    Column("http_status", t.http_status, Says.NUMBER),
    Column("error_code", t.error_code, Says.NUMBER),
    Column("error_subcode", t.error_subcode, Says.NUMBER),
    Column("error_text", t.error_text),
    Column("meta_message_id", t.meta_message_id),
    Column("delivery", t.delivery, Says.WORD),
    *_time("proved_at", t.proved_at, usual=False),
    Column("confirmed_by", t.confirmed_by, usual=False),
    *_WORDS,
    Column("message_status", m.status, Says.WORD),
    Column("message_delivery", m.delivery, Says.WORD),
    *_time("scheduled_at", m.scheduled_at),
    *_FROM,
    Column("created_by", c.created_by),
    *_time("slot_at", t.slot_at, usual=False),
    *_time("claimed_at", t.claimed_at, usual=False),
    Column("worker_id", t.worker_id, Says.NUMBER, False),
    Column("payload", t.payload, usual=False),
    Column("payload_sha256", t.payload_sha256, Says.WORD, False),
    Column("answer", t.answer, usual=False),
    *_terms(usual=False),
    *_SELDOM,
)

COLUMNS: dict[What, dict[str, Column]] = {
    What.MESSAGES: {one.name: one for one in _MESSAGES},
    What.ATTEMPTS: {one.name: one for one in _ATTEMPTS},
}


def usual(what: What) -> list[str]:
    """The names of the columns that an export has when none are chosen."""
    return [one.name for one in COLUMNS[what].values() if one.usual]


def chosen(what: What, names: Collection[str]) -> tuple[Column, ...]:
    """Those columns, each once, in the order of their names. Raises Invalid at `columns`."""
    known = COLUMNS[what]
    if unknown := [name for name in names if name not in known]:
        told = ", ".join(f"«{name[:60]}»" for name in unknown[:5])
        sentence = f"There is no column {told} for {what}; there are {', '.join(known)}."
        raise Invalid(Problem("columns", "unknown", sentence))
    return tuple(known[name] for name in dict.fromkeys(names or usual(what)))

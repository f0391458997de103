"""The state machine as data: which status may follow which, and by what cause.

`core/messages.py` is the only writer of a status and asks this table; the database refuses every
pair that is not in it by a trigger made from the same table.
"""

from enum import StrEnum


class Status(StrEnum):
    PENDING = "pending"
    PROCESSING = "processing"
    SENT = "sent"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Delivery(StrEnum):
    """What WhatsApp told of an accepted message; moves only forward in this order."""

    ACCEPTED = "accepted"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"


class Cause(StrEnum):
    CLAIM = "claim"
    EXPIRE = "expire"
    CANCEL = "cancel"
    ACCEPT = "accept"
    FAIL = "fail"
    RETRY = "retry"
    WAIT = "wait"
    RELEASE = "release"
    UNKNOWN = "unknown"
    FAILED_WEBHOOK = "failed webhook"
    EDIT = "edit"
    RETRY_BY_PERSON = "retry by person"
    PROOF = "proof"
    UNDO = "undo"


P, G, S, F, C = Status  # pending, processing ("going"), sent, failed, cancelled

TRANSITIONS: dict[tuple[Status, Status], frozenset[Cause]] = {
    (P, G): frozenset({Cause.CLAIM}),
    (P, C): frozenset({Cause.CANCEL}),
    (P, F): frozenset({Cause.EXPIRE}),
    (G, S): frozenset({Cause.ACCEPT, Cause.PROOF}),
    (G, F): frozenset({Cause.FAIL, Cause.UNKNOWN}),
    (G, P): frozenset({Cause.RETRY, Cause.WAIT, Cause.RELEASE}),
    (S, F): frozenset({Cause.FAILED_WEBHOOK}),
    (F, P): frozenset({Cause.EDIT, Cause.RETRY_BY_PERSON}),
    (F, S): frozenset({Cause.PROOF}),
    (P, S): frozenset({Cause.PROOF}),
    (C, P): frozenset({Cause.UNDO}),
}


def sources(to: Status, cause: Cause) -> tuple[Status, ...]:
    """The statuses from which `cause` may lead to `to`; what an UPDATE's WHERE names."""
    found = tuple(
        old for (old, new), causes in TRANSITIONS.items() if new == to and cause in causes
    )
    if not found:
        raise ValueError(f"nothing leads to {to} by {cause}")
    return found


RANK = {delivery: rank for rank, delivery in enumerate(Delivery, start=1)}

# What may hold a single message, so that the claim's index skips it.
HOLDS = ("batch", "template", "late", "person")
RELEASABLE = ("late", "person")  # what a person may let go; others end with what caused them

"""What must hold of each attempt beside those before it."""

from core.invariants.violation import Invariant, Judged, listed
from core.meta.codes import ErrorClass

OUTCOMES = ("accepted", "released", *(one for one in ErrorClass if one is not ErrorClass.EXPIRED))
TAKEN = "b.outcome = 'accepted' AND b.error_text IS NULL"  # and did not fail afterwards
UNKNOWN = "b.outcome = 'unknown'"


def _unconfirmed_after(earlier: str) -> str:
    """That an attempt like `earlier` (of `b`) came before, and nobody confirmed any since."""
    return (
        "EXISTS (SELECT 1 FROM attempt b WHERE b.message_id = a.message_id AND b.id < a.id"
        f" AND {earlier} AND NOT EXISTS (SELECT 1 FROM attempt c"
        " WHERE c.message_id = a.message_id AND c.id > b.id AND c.id <= a.id"
        " AND c.confirmed_by IS NOT NULL))"
    )


INVARIANTS = (
    Invariant(
        "accepted twice",
        "WhatsApp took message {message_id} again by attempt {attempt_id}, and nobody confirmed"
        " that it be sent twice.",
        f"a.outcome = 'accepted' AND {_unconfirmed_after(TAKEN)}",
    ),
    Invariant(
        "resent unconfirmed",
        "Attempt {attempt_id} sent message {message_id} again though it may have arrived, and"
        " nobody confirmed that.",
        f"(a.outcome IS NULL OR a.outcome <> 'released') AND {_unconfirmed_after(UNKNOWN)}",
    ),
    Invariant(
        "open without a claim",
        "Attempt {attempt_id} is open, and its worker does not hold message {message_id}.",
        "a.outcome IS NULL AND (m.status <> 'processing' OR m.worker_id IS NULL"
        " OR m.worker_id <> a.worker_id)",
    ),
    Invariant(
        "open too long",
        "Attempt {attempt_id} of message {message_id} is open for longer than any post takes.",
        "a.outcome IS NULL AND a.slot_at < :long_ago AND EXISTS (SELECT 1 FROM worker w"
        " WHERE w.id = a.worker_id AND w.lease_until > :long_ago)",
    ),
    Invariant(
        "before its time",
        "Attempt {attempt_id} sent message {message_id} before its time.",
        "a.slot_at < m.scheduled_at AND NOT EXISTS (SELECT 1 FROM message_event e"
        " WHERE e.message_id = a.message_id AND e.at >= a.claimed_at"
        " AND (e.after ->> 'due_at') IS NOT NULL)",
    ),
    Invariant(
        "unknown outcome's word",
        "Attempt {attempt_id} of message {message_id} has an outcome that nobody knows.",
        f"a.outcome NOT IN ({listed(OUTCOMES)})",
    ),
    Invariant(
        "accepted without an id",
        "WhatsApp took message {message_id} by attempt {attempt_id}, and its id was not kept.",
        "a.outcome = 'accepted' AND a.meta_message_id IS NULL",
    ),
    Invariant(
        "one id twice",
        "Attempt {attempt_id} of message {message_id} has Meta's id of another attempt.",
        "EXISTS (SELECT 1 FROM attempt b"
        " WHERE b.meta_message_id = a.meta_message_id AND b.id < a.id)",
    ),
)

ATTEMPTS = Judged(
    "attempt",
    "attempt a JOIN message m ON m.id = a.message_id",
    "a.id AS attempt_id, a.message_id AS message_id",
    "a.id",
    INVARIANTS,
)

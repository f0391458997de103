"""What must hold of a message and its attempts."""

from core.invariants.violation import Invariant, Judged, listed
from core.meta.codes import ErrorClass
from core.states import HOLDS, RANK, Status

_RANKS = " ".join(f"WHEN '{delivery}' THEN {rank}" for delivery, rank in RANK.items())
_HAS = "EXISTS (SELECT 1 FROM attempt a WHERE a.message_id = m.id AND"
# A message that was sent again tells of the newest that Meta took, also when that one failed.
_TAKEN_LAST = (
    f"{_HAS} a.outcome = 'accepted' AND a.error_text IS NULL AND NOT EXISTS (SELECT 1"
    " FROM attempt f WHERE f.message_id = m.id AND f.id > a.id AND f.outcome = 'accepted'"
    " AND f.error_text IS NOT NULL))"
)
_LIVE = "{0}.reference IS NOT NULL AND {0}.status <> 'cancelled' AND {0}.deleted_at IS NULL"
_TAKEN = f"{_HAS} a.outcome = 'accepted' AND a.error_text IS NULL)"  # and not failed afterwards


def _is(*statuses: Status) -> str:
    """The || keeps SQLite from walking the index over the status instead of the ids."""
    return f"m.status || '' IN ({listed(statuses)})"


def _rank(column: str) -> str:
    return f"(CASE {column} {_RANKS} ELSE 0 END)"


_CLAIMED = f"{_is(Status.PROCESSING)} AND m.worker_id IS NOT NULL"

INVARIANTS = (
    Invariant(
        "no worker",
        "Message {message_id} counts as being sent, and no worker that lives has it.",
        f"{_is(Status.PROCESSING)} AND ((m.worker_id IS NULL AND m.unconfirmed_since IS NULL)"
        " OR (m.worker_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM worker w"
        " WHERE w.id = m.worker_id AND w.lease_until > :long_ago)"
        f" AND {_HAS} a.outcome IS NULL AND a.claimed_at <= :long_ago)))",
    ),
    Invariant(
        "claimed without an attempt",
        "Message {message_id} is held by a worker without one open attempt of that worker's.",
        f"{_CLAIMED} AND (SELECT count(*) FROM attempt a WHERE a.message_id = m.id"
        " AND a.outcome IS NULL AND a.worker_id = m.worker_id) <> 1",
    ),
    Invariant(
        "unconfirmed for nothing",
        "Message {message_id} waits to learn what became of it, and no attempt is unconfirmed.",
        f"m.unconfirmed_since IS NOT NULL AND (NOT {_is(Status.PROCESSING)}"
        f" OR m.worker_id IS NOT NULL OR NOT {_HAS} a.outcome = 'unknown'))",
    ),
    Invariant(
        "two in flight",
        "Message {message_id} is being sent to a recipient to whom another is being sent.",
        f"{_CLAIMED} AND EXISTS (SELECT 1 FROM message o WHERE o.account_id = m.account_id"
        " AND o.recipient = m.recipient AND o.status = 'processing'"
        " AND o.worker_id IS NOT NULL AND o.id < m.id)",
    ),
    Invariant(
        "sent without acceptance",
        "Message {message_id} counts as sent, and no attempt of it was accepted.",
        f"{_is(Status.SENT)} AND NOT {_HAS} a.outcome = 'accepted'"
        " AND a.meta_message_id = coalesce(m.meta_message_id, a.meta_message_id))",
    ),
    Invariant(
        "sent without proof",
        "Message {message_id} counts as sent without the time, Meta's id or a delivery.",
        f"{_is(Status.SENT)}"
        " AND (m.sent_at IS NULL OR m.meta_message_id IS NULL OR m.delivery IS NULL)",
    ),
    Invariant(
        "failed without a reason",
        "Message {message_id} has failed and does not say why.",
        f"{_is(Status.FAILED)} AND m.error_class IS NULL",
    ),
    Invariant(
        "proof ignored",
        "WhatsApp took message {message_id}, and it counts as waiting or failed.",
        f"{_is(Status.PENDING, Status.FAILED)} AND m.deleted_at IS NULL AND {_TAKEN_LAST}",
    ),
    Invariant(
        "left unseen",
        "Message {message_id} left after all, and shows as if it had not.",
        f"({_is(Status.CANCELLED)} OR m.deleted_at IS NOT NULL)"
        f" AND m.meta_message_id IS NULL AND {_TAKEN}",
    ),
    Invariant(
        "waiting though sent",
        "Message {message_id} waits to be sent and has Meta's id already.",
        f"{_is(Status.PENDING)} AND (m.sent_at IS NOT NULL OR m.meta_message_id IS NOT NULL)",
    ),
    Invariant(
        "confirmed for nothing",
        "Somebody confirmed sending message {message_id} again, and nothing of it was unconfirmed.",
        f"{_is(Status.PENDING)} AND m.confirmed_by IS NOT NULL"
        f" AND NOT {_HAS} a.outcome IN ('unknown', 'accepted'))",
    ),
    Invariant(
        "too many retries",
        "Message {message_id} was tried again more often than it may be.",
        "m.retry_count > m.max_retries",
    ),
    Invariant(
        "attempts miscounted",
        "Message {message_id} has another number of attempts than it says.",
        "m.attempt_count <> (SELECT count(*) FROM attempt a WHERE a.message_id = m.id)",
    ),
    Invariant(
        "delivery behind",
        "Message {message_id} shows less than what WhatsApp told of it.",
        f"{_HAS} a.meta_message_id = m.meta_message_id"
        f" AND {_rank('a.delivery')} > {_rank('m.delivery')})",
    ),
    Invariant(
        "deleted and waiting",
        "Message {message_id} was deleted, and may still be sent.",
        f"m.deleted_at IS NOT NULL AND {_is(Status.PENDING, Status.PROCESSING)}",
    ),
    Invariant(
        "reference twice",
        "Message {message_id} has a reference that another message of its account has.",
        f"{_LIVE.format('m')} AND EXISTS (SELECT 1 FROM message o WHERE {_LIVE.format('o')}"
        " AND o.account_id = m.account_id AND o.reference = m.reference AND o.id < m.id)",
    ),
    Invariant(
        "unknown word",
        "Message {message_id} has a hold or a class of failure that nobody knows.",
        f"m.hold NOT IN ({listed(HOLDS)}) OR m.error_class NOT IN ({listed(list(ErrorClass))})",
    ),
)

MESSAGES = Judged("message", "message m", "m.id AS message_id", "m.id", INVARIANTS)

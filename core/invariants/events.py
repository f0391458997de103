"""What must hold of the events: no status ever followed another that may not come before it."""

from core.invariants.violation import Invariant, Judged
from core.states import TRANSITIONS

_NAMED = ", ".join(f"('{old}', '{new}')" for old, new in TRANSITIONS)
_OLD, _NEW = "(e.before ->> 'status')", "(e.after ->> 'status')"

EVENTS = Judged(
    "message_event",
    "message_event e",
    f"e.id AS event_id, e.message_id AS message_id, e.kind AS verb, {_OLD} AS old, {_NEW} AS new",
    "e.id",
    (
        Invariant(
            "illegal transition",
            "Message {message_id} went from {old} to {new} (event {event_id}, «{verb}»), which"
            " nothing may do.",
            f"{_OLD} <> {_NEW} AND ({_OLD}, {_NEW}) NOT IN (VALUES {_NAMED})",
        ),
    ),
)

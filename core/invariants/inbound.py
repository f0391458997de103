"""What must hold of what people wrote: it opened the window that their number counts from."""

from core.invariants.violation import Invariant, Judged, listed
from core.meta.inbound import NOT_WRITTEN

INBOUND = Judged(
    "inbound",
    "inbound i",
    "i.id AS inbound_id, i.number AS number",
    "i.id",
    (
        Invariant(
            "unheard reply",
            "What {number} wrote (inbound {inbound_id}) is not counted as their last.",
            f"i.kind NOT IN ({listed(NOT_WRITTEN)}) AND NOT EXISTS (SELECT 1 FROM recipient r"
            " WHERE r.account_id = i.account_id AND r.number = i.number"
            " AND r.last_inbound_at >= i.at)",
        ),
    ),
)

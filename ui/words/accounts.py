"""The numbers that send, and the templates of their businesses."""

from core.catalogue import Entry
from core.tiers import Used

ACCOUNTS: dict[str, tuple[str, str]] = {
    "active": ("Active", "green"),
    "paused": ("Paused", "orange"),
    "retired": ("Retired", "grey"),
}

# What can be set of an account, by its column.
OF_ACCOUNTS: dict[str, str] = {
    "rate": "Messages a second",
    "quiet_from": "Quiet from",
    "quiet_to": "Quiet until",
    "late_policy": "What is late",
    "late_after": "Late after",
    "zone": "Time zone",
    "country": "Home country",
    "test_number": "Test number",
}

# What a check of an account looked at.
CHECKS: dict[str, str] = {
    "token": "Access token",
    "phone_number_id": "Number",
    "waba_id": "Business",
    "webhook": "Webhook",
}

# What Meta lets a portfolio begin in 24 hours.
LIMITS: dict[str, str] = {
    "TIER_250": "250 people a day",
    "TIER_2K": "2,000 people a day",
    "TIER_10K": "10,000 people a day",
    "TIER_100K": "100,000 people a day",
    "TIER_UNLIMITED": "no limit",
}

# What Meta says of a template; «HELD» is ours.
TEMPLATES: dict[str, tuple[str, str]] = {
    "APPROVED": ("Approved", "green"),
    "PENDING": ("Pending", "amber"),
    "PAUSED": ("Paused", "orange"),
    "DISABLED": ("Disabled", "red"),
    "REJECTED": ("Rejected", "red"),
    "IN_APPEAL": ("In appeal", "amber"),
    "LIMIT_EXCEEDED": ("Beyond the limit", "orange"),
    "ARCHIVED": ("Archived", "grey"),
    "PENDING_DELETION": ("Being deleted", "grey"),
    "DELETED": ("Deleted", "grey"),
    "HELD": ("Held", "violet"),
}

QUALITIES: dict[str, tuple[str, str]] = {
    "GREEN": ("High", "green"),
    "YELLOW": ("Medium", "amber"),
    "RED": ("Low", "red"),
    "UNKNOWN": ("Not rated yet", "grey"),
}


def quality(told: str | None) -> tuple[str, str]:
    """What Meta thinks of a number; None: it was not asked yet."""
    return (
        QUALITIES.get(told or "UNKNOWN", QUALITIES["UNKNOWN"])
        if told
        else ("Not known yet", "grey")
    )


def tier(limit: str | None, used: Used | None) -> str:
    """«1,240 of 2,000 in 24 h»: how many people Meta lets a number begin, and how many it has."""
    if used:
        return f"{used.people:,} of {used.limit:,} people in 24 h"
    if limit is None:
        return "daily limit not known yet"
    return "no daily limit" if limit == "TIER_UNLIMITED" else LIMITS.get(limit, limit)


def template_word(entry: Entry) -> tuple[str, str]:
    """The word and colour of a template: what most needs to be known of it."""
    one = entry.template
    if one.status == "APPROVED" and one.hold:
        return TEMPLATES["HELD"]
    if one.status == "APPROVED" and entry.earlier:
        return "Changed", "amber"
    if one.status == "APPROVED" and entry.refusal:
        return "Cannot be filled", "grey"
    return TEMPLATES.get(one.status, (one.status.replace("_", " ").capitalize(), "grey"))

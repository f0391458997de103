"""What the audit trail tells, in words for stored names and values."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from core import event_words
from core.access import Role
from core.schedule import span
from ui.words.accounts import ACCOUNTS, OF_ACCOUNTS, TEMPLATES
from ui.words.bulk import CORRECTIONS
from ui.words.files import BATCHES
from ui.words.house import HOUSE, OVERDUE, SCOPES
from ui.words.states import FAILURES, KEPT, LATE, WORDS

# What the audit trail has of an event, before or after, by its stored name.
AUDITED: dict[str, str] = {
    **event_words.FIELDS,
    **OF_ACCOUNTS,
    **{name: label for name, (label, _) in HOUSE.items()},
    "test_number": OF_ACCOUNTS["test_number"],
    "counted": "Messages",
    "filter": "Which",
    "confirmed": "Risk that it arrives twice",
    "shift": "New time",
    "first": "From",
    "last": "Until",
    "account_id": "Account",
    "accounts": "Accounts",
    "batch_id": "Batch",
    "template_id": "Template",
    "error_class": "Failed because",
    "error_code": "WhatsApp's code",
    "operation_id": "Changed by operation",
    "code": "WhatsApp's code",
    "phone_number_id": "Phone-number id",
    "waba_id": "WABA id",
    "of": "Of batch",
    "way": "Corrected",
    "read": "Read",
    "sends": "Can be sent",
    "sha256": "Fingerprint",
    "what": "In words",
    "bytes": "Size",
}

# Which messages were meant, where the value says enough.
AMONG: dict[str, str] = dict.fromkeys(("state", "account", "account_id", "recipient", "status"), "")

AMONG |= {"q": "with the words", "class": "failed because", "hold": "held by", "by": "scheduled by"}

# What stored values are called there, by the name that they are stored under.
AUDITED_AS: dict[str, dict[Any, str]] = {
    "priority": event_words.PRIORITIES,
    "role": {role.word: role.title for role in Role},
    "scope": SCOPES,
    "late_policy": LATE,
    "hold": KEPT,
    "error_class": FAILURES,
    "status": {name: word for name, (word, _) in TEMPLATES.items()},
    "state": {str(one): word.word for one, word in WORDS.items()}
    | {name: word for name, (word, _) in ACCOUNTS.items()}
    | {name: one.word for name, one in BATCHES.items()},
    "way": CORRECTIONS,
    "overdue": OVERDUE,
    "confirmed": {True: "taken"},
}

TOLD_AS: dict[str, Callable[[float], str]] = {
    "shift": lambda seconds: f"{span(timedelta(seconds=abs(seconds)))} {_side(seconds)}",
    "late_after": lambda seconds: span(timedelta(seconds=seconds)),
    "bytes": lambda size: f"{size:,.0f} bytes",
}


def _side(seconds: float) -> str:
    return "later" if seconds > 0 else "earlier"

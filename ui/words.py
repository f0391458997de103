"""The vocabulary of Outbox: every status, failure and number as operators read them.

Nowhere else are statuses named or coloured. Which standing a message has is decided in
`core/standing.py`; here stand the word, the colour, and the sentence that says why and what to do.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from core import happened, telling
from core.access import Role
from core.catalogue import Entry
from core.causes import CLASSES, failure
from core.explain import Explanation
from core.listing import CAP, MessageRow
from core.operations import Kind
from core.retry import WINDOW
from core.schedule import span
from core.standing import Standing, standing
from core.tiers import Used
from ui import moments


class Word(NamedTuple):
    word: str
    colour: str  # a class of outbox.css
    icon: str = ""


WORDS: dict[Standing, Word] = {
    Standing.SCHEDULED: Word("Scheduled", "blue"),
    Standing.WAITING: Word("Waiting", "amber"),
    Standing.HELD: Word("Held", "violet"),
    Standing.RETRYING: Word("Retrying", "amber", "↻"),
    Standing.SENDING: Word("Sending", "cyan"),
    Standing.CHECKING: Word("Checking", "orange"),
    Standing.FAILED: Word("Failed", "red"),
    Standing.UNCONFIRMED: Word("Unconfirmed", "orange", "?"),
    Standing.SENT: Word("Sent", "green", "✓"),
    Standing.DELIVERED: Word("Delivered", "green", "✓✓"),
    Standing.READ: Word("Read", "green", "✓✓"),
    Standing.CANCELLED: Word("Cancelled", "grey"),
}


class Bulk(NamedTuple):
    """What is done to many messages at once: `verb` on its buttons, `undone` whether it can be."""

    kind: Kind
    verb: str
    doing: str
    done: str
    undone: str
    button: str = ""  # where the verb alone does not say what


_NOT_BACK = "This cannot be undone."
_BACK = "It can be undone for what has neither left nor been changed by then."
_NEW_TIME = ("Rescheduling", "given a new time", _BACK)
_CHANGE = (Kind.ADJUST, "Change", "Changing", "changed", _BACK)
BULK: dict[str, Bulk] = {
    "now": Bulk(Kind.RESCHEDULE, "Send now", *_NEW_TIME),
    "cancel": Bulk(Kind.CANCEL, "Cancel", "Cancelling", "cancelled", _BACK),
    "reschedule": Bulk(Kind.RESCHEDULE, "Reschedule", *_NEW_TIME),
    "priority": Bulk(*_CHANGE, "Priority"),
    "max_retries": Bulk(*_CHANGE, "Retries"),
    "correct": Bulk(Kind.CORRECT, "Correct", "Correcting", "corrected", _BACK),
    "move": Bulk(Kind.MOVE, "Move", "Moving", "moved", _BACK, "Move to number"),
    "retry": Bulk(
        Kind.RETRY,
        *("Send again", "Sending again", "to be sent again"),
        f"They leave as soon as their turn comes. {_NOT_BACK}",
    ),
    "hold": Bulk(
        Kind.HOLD, "Hold", "Holding", "held", "«Undo» or «Release» lets them go, however late."
    ),
    "release": Bulk(
        Kind.RELEASE,
        *("Release", "Releasing", "released"),
        f"They leave however late it is. {_NOT_BACK}",
    ),
    "delete": Bulk(
        Kind.DELETE,
        *("Delete", "Deleting", "deleted"),
        f"They leave every list, and what waits is not sent. {_NOT_BACK}",
    ),
}
_LET_GO = Bulk(Kind.UNHOLD, "Undo", "Letting go", "let go again", _NOT_BACK)
_BROUGHT_BACK = Bulk(Kind.UNDO, "Undo", "Bringing back", "brought back", _NOT_BACK)


def bulk_of(kind: str) -> Bulk:
    """The words for an operation that has begun."""
    return next((one for one in (*BULK.values(), _LET_GO) if one.kind == kind), _BROUGHT_BACK)


# The views that everybody needs: what stands so.
_ENDED = {Standing.SENT, Standing.DELIVERED, Standing.READ, Standing.CANCELLED}
_FAILED = {Standing.FAILED, Standing.UNCONFIRMED}
VIEWS: dict[str, frozenset[Standing]] = {
    "All": frozenset(),
    "Queue": frozenset(set(Standing) - _ENDED - _FAILED),
    "Failed": frozenset({Standing.FAILED}),
    "Unconfirmed": frozenset({Standing.UNCONFIRMED}),
    "History": frozenset(_ENDED | _FAILED),
}

# What others did since somebody was last here, by its audit event.
SINCE: dict[str, str] = {
    "account added": "added",
    "account paused by Meta": "paused by Meta",
    "account paused": "paused",
    "account resumed": "resumed",
    "account resumed by itself": "resumed by itself",
    "all sending stopped": "all sending stopped",
    "all sending resumed": "all sending resumed",
    "restore guard answered": "restore guard answered",
    "batch released": "released",
    "batch first released": "released for the first few",
    "batch paused": "paused",
    "batch resumed": "resumed",
    "batch cancelled": "cancelled",
    "batch corrected": "corrected",
    "batch finished": "finished",
    "template held": "held",
}

# The parts of the queue, from the bottom of a drawing up: the word and its colour there.
PARTS: dict[str, tuple[str, str]] = {
    "sending": ("Sending", "#22a3b8"),
    "waiting": ("Waiting", "#d9a021"),
    "retrying": ("Retrying", "#eec95c"),
    "checking": ("Checking", "#e07b39"),
    "held": ("Held", "#8f6bd6"),
    "scheduled": ("Scheduled", "#4f8fe0"),
}
REASONS: dict[str, str] = {str(reason): name for reason, name in telling.NAMES.items()}
REASONS |= {"sending": "being sent", "checking": "awaiting WhatsApp's word"}
BEYOND = "others"

OPTED_OUT = "opted_out"  # the class of what was cancelled because somebody had asked for it
LATE = {"send": "send it all the same", "skip": "let it expire", "hold": "hold it for a person"}


@dataclass(frozen=True)
class State:
    """Where a message stands: `sentence` says why or until when, `advice` what to do about it."""

    standing: Standing
    sentence: str
    advice: str = ""

    @property
    def word(self) -> str:
        return WORDS[self.standing].word

    @property
    def colour(self) -> str:
        return WORDS[self.standing].colour

    @property
    def icon(self) -> str:
        return WORDS[self.standing].icon


def state_of(
    row: MessageRow, now: datetime, zone: str = "UTC", *, why: Explanation | None = None
) -> State:
    """The state of a message at `now`, told with the times of `zone`.

    `why` says of one that waits what it waits for.
    """
    where = standing(row, now)
    if where is Standing.FAILED:
        return State(where, *failure(row))
    if where is Standing.UNCONFIRMED:
        return State(
            where,
            _unclear(row) + " It may have arrived.",
            "Ask the recipient before sending again.",
        )
    if where in _SENTENCES:
        return State(where, _SENTENCES[where](row, now, zone))
    if why is None:
        return State(where, "")
    return State(where, telling.sentence(why, now, zone), telling.advice(why))


BROKE = "The connection broke after we handed it over."
UNCLEAR = "WhatsApp's answer did not tell whether it took the message."
RISK = "It may have arrived. Sending again may send it twice."


def _unclear(row: MessageRow) -> str:
    """Why nobody can tell: no answer came, or one that does not say."""
    return UNCLEAR if (row.error_text or "").startswith("HTTP ") else BROKE


def _sending(row: MessageRow, now: datetime, zone: str) -> str:
    return "Being handed to WhatsApp."


def _checking(row: MessageRow, now: datetime, zone: str) -> str:
    since = row.unconfirmed_since or now
    until = moments.clock(since + WINDOW, zone, now)
    return f"{_unclear(row)} Waiting for WhatsApp's word until {until} at least."


def _sent(row: MessageRow, now: datetime, zone: str) -> str:
    if row.sent_at is None:
        return "WhatsApp accepted it."
    at = moments.clock(row.sent_at, zone, now, seconds=True)
    late = row.sent_at - row.scheduled_at
    return f"WhatsApp took it {at}, {span(late)} after its time."


def _delivered(row: MessageRow, now: datetime, zone: str) -> str:
    at = row.delivery_at or row.sent_at or row.due_at
    what = "Read" if row.delivery == "read" else "On the phone"
    return f"{what} {moments.clock(at, zone, now, seconds=True)}."


def _cancelled(row: MessageRow, now: datetime, zone: str) -> str:
    if row.delivery:
        return "Left after all: WhatsApp had it already."
    if row.error_class == OPTED_OUT:
        return f"{CLASSES[OPTED_OUT].sentence} It will not be sent."
    return "Will not be sent."


_SENTENCES = {
    Standing.SENDING: _sending,
    Standing.CHECKING: _checking,
    Standing.SENT: _sent,
    Standing.DELIVERED: _delivered,
    Standing.READ: _delivered,
    Standing.CANCELLED: _cancelled,
}


def count(number: int, *, cap: int = CAP) -> str:
    """«1,204», or «10,000+» for a count that stopped at the cap."""
    return f"{number:,}" if number <= cap else f"{cap:,}+"


def brief(delta: timedelta) -> str:
    """A duration in its largest unit: «20 min»."""
    return " ".join(span(delta).split()[:2])


def plural(number: int, one: str, many: str | None = None, *, cap: int = CAP) -> str:
    """«1 message», «1,204 messages»."""
    return f"{count(number, cap=cap)} {one if number == 1 else many or one + 's'}"


# Why it failed or is to be tried again, by the class of the failure.
FAILURES: dict[str, str] = {
    "unknown": "Nobody can tell whether it arrived",
    **{name: cause.sentence.rstrip(".") for name, cause in CLASSES.items()},
}
# What keeps a single message back.
KEPT: dict[str, str] = {
    "batch": "Its batch",
    "template": "Its template",
    "late": "Its lateness: a person is to decide",
    "person": "A person",
}

# What somebody may ask not to get.
SCOPES: dict[str, str] = {"everything": "Everything", "marketing": "Marketing only"}

# What a column of a file can be, as `core/sheets/plan.py` names it.
COLUMNS: dict[str, str] = {
    "recipient": "Phone number",
    "when": "Date and time",
    "clock": "Time of day",
    "content": "Text",
    "reference": "Reference",
    "zone": "Time zone",
    "label": "Label",
    "priority": "Priority",
    "not_after": "Not after",
    "account": "From which number",
    "template": "Template",
    "language": "Language",
    "parameters": "All parameters",
    "late_policy": "If late",
    "max_retries": "Retries",
}

# What a check finds of a row: the word, its colour, what it means.
CHECKED: dict[str, tuple[str, str, str]] = {
    "wrong": ("wrong", "red", "not loaded"),
    "changed": ("changed", "blue", "wait already, and will be changed"),
    "same": ("unchanged", "grey", "wait already as they are"),
    "kept": ("kept", "amber", "changed here since, and not changed"),
    "already": ("done before", "grey", "their reference has left or failed"),
    "double": ("double", "amber", "not loaded twice"),
    "opted_out": ("opted out", "violet", "asked not to be contacted"),
}

# What is wrong with many cells of a file, where the reason of one would tell too much of it.
FLAWS: dict[str, str] = {
    "too_short": "has too few digits",
    "too_long": "is too long",
    "national": "could be of several countries: the country code is missing",
    "no_country_code": "is without its country code",
    "empty": "is empty",
    "repeated": "stands in the file more than once",
    "unfilled": "looks as if nobody filled it in",
    "impossible": "is no day and time that exists",
    "mixed": "is written otherwise than the others",
    "past": "has passed",
    "too_soon": "is too soon",
}

PRIORITIES = happened.PRIORITIES | {2: "Campaign, behind the others"}
# What waits can be given many at once, by its column: what is asked, and the answers.
ADJUSTED: dict[str, tuple[str, dict[int, str]]] = {
    "priority": ("Which goes first where many are due", PRIORITIES),
    "max_retries": ("Retries if WhatsApp is busy", {number: str(number) for number in range(6)}),
}

# The columns of Edit mode, by the field that a problem of a message is at.
EDITED: dict[str, str] = {
    "recipient": "Recipient",
    "text": "Message",
    "account_id": "Account",
    "due_at": "Leaves",
    "max_retries": "Retries",
    "account": "Account",
    "reference": "Account",  # by which it is unique
    "template": "Account",  # whose business has the templates
    "when": "Leaves",
    "zone": "Leaves",
    "not_after": "Leaves",
}

# How a batch starts when all of it is in.
STARTS: dict[str, str] = {
    "hold": "Hold all until I say go",
    "trial": "Release the first {first}, hold the rest",
    "release": "Release all: each leaves at its time",
}

# What may become of the overdue when the restore guard is answered.
OVERDUE: dict[str, str] = {
    "hold": "Hold them: somebody looks at each, or releases them together",
    "cancel": "Cancel them: they left, or are worthless by now",
    "send": "Send them: none of them has left",
}

ACCOUNTS: dict[str, tuple[str, str]] = {
    "active": ("Active", "green"),
    "paused": ("Paused", "orange"),
    "retired": ("Retired", "grey"),
}

ROLES: dict[Role, str] = {
    Role.VIEWER: f"{Role.VIEWER.title}: looks and exports, changes nothing",
    Role.OPERATOR: f"{Role.OPERATOR.title}: schedules, cancels, pauses, releases",
    Role.ADMIN: f"{Role.ADMIN.title}: also numbers, people and settings",
}

# What each setting of the environment means.
SETTINGS: dict[str, str] = {
    "data_dir": "where everything is kept that has no other place",
    "database_url": "the database",
    "queue_url": "the queue of the workers",
    "api_url": "the Cloud API; on this machine Outbox is in training",
    "api_version": "the Graph version in every address",
    "secret_key": "encrypts the access tokens; not set: the file secret.key does",
    "app_secret": "Meta's app secret, which signs webhooks",
    "webhook_verify_token": "what Meta repeats when the webhook is set up",
    "public_url": "how browsers reach the dashboard",
    "dashboard_port": "where the dashboard listens",
    "sandbox_port": "where the sandbox listens",
    "session_hours": "how long somebody stays signed in without a visit",
    "min_lead_seconds": "how far ahead a typed time must be",
    "undelivered_hours": "after how many hours without delivery somebody counts as not reached",
    "retry_delays": "seconds before the first, second, … automatic retry",
    "stop_words": "what somebody writes who wants no more messages",
    "test_number": "a number of our own that tests go to",
    "worker_max_hours": "after how many hours a worker begins anew",
    "worker_max_megabytes": "from how much memory on a worker begins anew",
    "test_clock": "for tests",
}

# What an administrator settles for everybody: its name, and what it means.
HOUSE: dict[str, tuple[str, str]] = {
    "retry_delays": (
        "Retries after",
        "Where WhatsApp is busy: before the first, second, … retry. The last serves for the rest.",
    ),
    "min_lead_seconds": (
        "A typed time lies ahead by",
        "At least, in s, min or h. «Now» can always be chosen.",
    ),
    "undelivered_hours": (
        "Not reached after, in hours",
        "What WhatsApp took and has not delivered by then is on the list «Not reached».",
    ),
    "session_hours": (
        "Stays signed in, in hours",
        "Without a visit. A shorter one counts from somebody's next click on.",
    ),
    "stop_words": (
        "Stop words",
        "Whoever answers with one of these alone wants no more messages; in capitals or not.",
    ),
    "test_number": (
        "Test number",
        "One of your own. The first row of a file goes there unless a person or the number has"
        " another.",
    ),
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


# A batch, by its state as core/batch_reports.py tells it.
BATCHES: dict[str, Word] = {
    "loading": Word("Loading", "cyan"),
    "held": Word("Waiting for release", "violet"),
    "trial": Word("On trial", "violet"),
    "released": Word("Sending", "blue"),
    "paused": Word("Paused", "orange"),
    "cancelled": Word("Cancelled", "grey"),
    "finished": Word("Finished", "green", "✓"),
}

# What was done to a batch, by its audit event.
STEERED: dict[str, str] = {
    "batch released": "Released",
    "batch first released": "First ones released",
    "batch paused": "Paused",
    "batch resumed": "Resumed",
    "batch cancelled": "Cancelled",
    "batch removed": "Removed",
    "batch corrected": "Corrected",
    "batch correction sent": "Correction prepared",
    "not reached tried again": "Prepared for those who were not reached",
    "batch finished": "Finished",
    "batch failed sent again": "What failed sent again",
    "batch loading taken up again": "Loading taken up again",
}

# What ui/shortcuts.js does, for the list that «?» opens.
SHORTCUTS: dict[str, str] = {
    "/": "Search",
    "n": "Schedule a new message",
    "e": "Edit what is shown",
    "Ctrl S": "Save",
    "?": "This list",
    "Esc": "Close",
}

CORRECTIONS: dict[str, str] = {
    "text": "The whole text",
    "replace": "Words in the text",
    "parameter": "One parameter",
    "template": "The template",
}


def finished(failed: int) -> str:
    """«finished, 12 failed»."""
    return f"finished, {failed:,} failed" if failed else "finished, none failed"


# What the audit trail has of an event, before or after, by its stored name.
AUDITED: dict[str, str] = {
    **happened.FIELDS,
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
    "priority": happened.PRIORITIES,
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

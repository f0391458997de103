"""The vocabulary of Outbox: every status, failure and number as operators read them.

Nowhere else are statuses named or coloured. Which standing a message has is decided in
`core/standing.py`; here stand the word, the colour, and the sentence that says why and what to do.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from core.holding import RELEASABLE
from core.listing import CAP, MessageRow
from core.meta.codes import TABLE
from core.schedule import ago, span, within
from core.standing import Standing, standing
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

HOLDS = {
    "batch": "Its batch has not been released.",
    "template": "Its template is paused or changed at Meta.",
    "late": "It could not leave at its time, and it is for a person to say whether it still shall.",
    "person": "Somebody keeps it back.",
}


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


def state_of(row: MessageRow, now: datetime, zone: str = "UTC") -> State:
    """The state of a message at `now`, told with the times of `zone`."""
    where = standing(row, now)
    if where is Standing.FAILED:
        return State(where, *failure(row))
    if where is Standing.UNCONFIRMED:
        return State(
            where,
            _unclear(row) + " It may have arrived.",
            "Ask the recipient before sending again.",
        )
    advice = (RELEASE if row.hold in RELEASABLE else "") if row.hold else RESUME
    sentence = _SENTENCES[where](row, now, zone)
    return State(where, sentence, advice if where is Standing.HELD else "")


BROKE = "The connection broke after we handed it over."
UNCLEAR = "WhatsApp's answer did not tell whether it took the message."
RESUME = "It is resumed on the Overview."
RELEASE = "Release it, give it a new time, or cancel it."
RISK = "It may have arrived. Sending again may send it twice."


def _unclear(row: MessageRow) -> str:
    """Why nobody can tell: no answer came, or one that does not say."""
    return UNCLEAR if (row.error_text or "").startswith("HTTP ") else BROKE


def _scheduled(row: MessageRow, now: datetime, zone: str) -> str:
    return f"Leaves {moments.clock(row.due_at, zone, now)} ({within(row.due_at - now)})."


def _waiting(row: MessageRow, now: datetime, zone: str) -> str:
    if row.due_at > now:
        why = CLASSES.get(row.error_class or "", Reason("Put back.", "")).sentence
        return f"{why} Goes on {moments.clock(row.due_at, zone, now, seconds=True)}."
    return f"Due {ago(now - row.due_at)}; leaves when its turn comes."


def _held(row: MessageRow, now: datetime, zone: str) -> str:
    if row.hold:
        return HOLDS.get(row.hold, f"Held: {row.hold}.")
    reason = f": {row.account_reason.rstrip('.')}" if row.account_reason else ""
    return f"{row.account} is {row.account_state}{reason}."


def _retrying(row: MessageRow, now: datetime, zone: str) -> str:
    turn = f"Try {row.retry_count + 1} of {row.max_retries + 1}"
    at = moments.clock(row.due_at, zone, now, seconds=True)
    when = f"{at} ({within(row.due_at - now)})" if row.due_at > now else "as soon as its turn comes"
    return f"{turn}: {when}. {failure(row)[0]}"


def _sending(row: MessageRow, now: datetime, zone: str) -> str:
    return "Being handed to WhatsApp."


def _checking(row: MessageRow, now: datetime, zone: str) -> str:
    since = row.unconfirmed_since or now
    return f"{_unclear(row)} Waiting for WhatsApp's word since {moments.clock(since, zone, now)}."


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
    return "Left after all: WhatsApp had it already." if row.delivery else "Will not be sent."


_SENTENCES = {
    Standing.SCHEDULED: _scheduled,
    Standing.WAITING: _waiting,
    Standing.HELD: _held,
    Standing.RETRYING: _retrying,
    Standing.SENDING: _sending,
    Standing.CHECKING: _checking,
    Standing.SENT: _sent,
    Standing.DELIVERED: _delivered,
    Standing.READ: _delivered,
    Standing.CANCELLED: _cancelled,
}


class Reason(NamedTuple):
    sentence: str
    advice: str


CLASSES: dict[str, Reason] = {
    "unreached": Reason("WhatsApp cannot be reached.", "Check this machine's connection."),
    "transient": Reason("WhatsApp's service was busy.", "Try again later."),
    "throttled": Reason("WhatsApp asked us to send more slowly.", "Nothing to do: it goes on."),
    "pair": Reason("Too many messages to this person in a short time.", "Nothing to do."),
    "account": Reason("WhatsApp refused the sending number.", "Look at the account."),
    "template": Reason("WhatsApp refused the template.", "Look at the template at Meta."),
    "recipient": Reason("WhatsApp cannot reach this person.", "Reach them another way."),
    "permanent": Reason("WhatsApp refused the message as it is.", "Correct it and send it again."),
    "expired": Reason("Its time was over before it could leave.", "Give it a new time."),
}

# Meta's page support/error-codes, in an operator's words.
CODES: dict[int, Reason] = {
    100: Reason("WhatsApp did not accept a value in it.", "Correct it and send it again."),
    130472: Reason("Meta left this person out of marketing.", "Reach them another way."),
    130497: Reason("Your account may not write to that country.", "Ask Meta to allow it."),
    131008: Reason("Something that WhatsApp requires is missing.", "Correct it and send it again."),
    131009: Reason("WhatsApp did not accept a value in it.", "Correct it and send it again."),
    131021: Reason("Sender and recipient are the same number.", "Change the recipient."),
    131026: Reason(
        "This number cannot be reached on WhatsApp.",
        "Check the number; if it is right, reach the person another way.",
    ),
    131030: Reason(
        "A test number may write only to people on its list.", "Add them to the list at Meta."
    ),
    131047: Reason(
        "They last wrote more than 24 hours ago, so plain text is not allowed.",
        "Send an approved template, or wait until they write.",
    ),
    131049: Reason("Meta withheld it: too much marketing lately.", "Wait a day before trying."),
    131050: Reason("They stopped your marketing messages.", "Do not write to them again."),
    132001: Reason("The template does not exist in this language.", "Look at it at Meta."),
    137000: Reason("The person's phone has changed.", "Make sure it is still them."),
    130403: Reason("Your business blocked this person.", "Unblock them first."),
}


def failure(row: MessageRow) -> tuple[str, str]:
    """What went wrong and what to do. A code that Outbox does not know is shown as new."""
    code = row.error_code
    known = CODES.get(code or -1) or CLASSES.get(row.error_class or "", CLASSES["permanent"])
    if code is not None and code not in TABLE:
        said = f" Meta says: {row.error_text.rstrip('.')}." if row.error_text else ""
        return f"New code {code}, which Outbox does not know yet.{said}", "Tell your administrator."
    if row.error_class == "expired" and row.error_text:
        return row.error_text, known.advice
    number = f" ({code})" if code is not None else ""
    return f"{known.sentence.rstrip('.')}{number}.", known.advice


def turn(ahead: int, rate: float | None, now: datetime, zone: str) -> str:
    """How long the line before a waiting message is."""
    if not ahead:
        return "It is next."
    about = ""
    if rate and ahead <= CAP:
        leaves = now + timedelta(seconds=ahead / rate)
        about = f", leaves about {moments.clock(leaves, zone, now)}"
    return f"{plural(ahead, 'message')} ahead of it{about}."


def count(number: int, *, cap: int = CAP) -> str:
    """«1,204», or «10,000+» for a count that stopped at the cap."""
    return f"{number:,}" if number <= cap else f"{cap:,}+"


def brief(delta: timedelta) -> str:
    """A duration in its largest unit: «20 min»."""
    return " ".join(span(delta).split()[:2])


def plural(number: int, one: str, many: str | None = None, *, cap: int = CAP) -> str:
    """«1 message», «1,204 messages»."""
    return f"{count(number, cap=cap)} {one if number == 1 else many or one + 's'}"


# What an attempt came to, by its stored outcome; anything else is a class of refusal.
ATTEMPTS: dict[str, tuple[str, str]] = {
    "": ("under way", "blue"),
    "accepted": ("WhatsApp took it", "green"),
    "unknown": ("outcome unknown", "orange"),
    "released": ("not sent, given back", "grey"),
    "unreached": ("WhatsApp not reached", "amber"),
    "transient": ("WhatsApp was busy", "amber"),
    "throttled": ("asked to send more slowly", "amber"),
    "pair": ("too many to this person at once", "amber"),
    "account": ("the account was refused", "red"),
    "template": ("the template was refused", "red"),
    "recipient": ("WhatsApp cannot reach this person", "red"),
    "permanent": ("refused", "red"),
}

EVENTS: dict[str, tuple[str, str]] = {
    "scheduled": ("Scheduled", "blue"),
    "imported": ("Imported", "blue"),
    "unconfirmed": ("Outcome unknown", "orange"),
    "failed by webhook": ("Failed", "red"),
    "edit": ("Edited", "blue"),
    "cancel": ("Cancelled", "grey"),
    "retry": ("To be sent again, asked", "blue"),
    "delete": ("Deleted", "grey"),
    "undo": ("Brought back", "blue"),
    "expired": ("Expired", "red"),
    "hold": ("Held", "amber"),
    "release": ("Released", "blue"),
}

FIELDS: dict[str, str] = {
    "account": "Account",
    "account_id": "Account",
    "recipient": "Recipient",
    "text": "Text",
    "scheduled_at": "Time",
    "due_at": "Leaves",
    "zone": "Zone",
    "max_retries": "Max retries",
    "hold": "Kept back",
    "reference": "Reference",
}

ACCOUNTS: dict[str, tuple[str, str]] = {
    "active": ("Active", "green"),
    "paused": ("Paused", "orange"),
    "retired": ("Retired", "grey"),
}

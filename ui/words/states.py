"""Every status and failure as operators read them.

Nowhere else are statuses named or coloured; `core/event_words.py` calls what led to one by the same
word, in the same colour. Which standing a message has is decided in `core/standing.py`; here stand
the word, the colour, and the sentence that says why and what to do.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from core import telling
from core.causes import CLASSES, failure
from core.explain import Explanation
from core.listing import MessageRow
from core.retry import WINDOW
from core.schedule import span
from core.standing import Standing, standing
from core.telling import Clock


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

# The parts of the queue, from the bottom of a drawing up.
PARTS = (
    Standing.SENDING,
    Standing.WAITING,
    Standing.RETRYING,
    Standing.CHECKING,
    Standing.HELD,
    Standing.SCHEDULED,
)

REASONS: dict[str, str] = {str(reason): name for reason, name in telling.NAMES.items()}

REASONS |= {"sending": "being sent", "checking": "awaiting WhatsApp's word"}

BEYOND = "others"

OPTED_OUT = "opted_out"  # the class of what was cancelled because somebody had asked for it

LATE = {"send": "send it all the same", "skip": "let it expire", "hold": "hold it for a person"}


@dataclass(frozen=True)
class State:
    """Where a message stands: `sentence` says why or until when, `advice` what to do about it.

    `times` are those of the sentence, as `moments.marked` takes them.
    """

    standing: Standing
    sentence: str
    advice: str = ""
    times: tuple[tuple[str, datetime], ...] = ()

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
    where, at = standing(row, now), Clock(now, zone)
    if where is Standing.FAILED:
        return State(where, *failure(row))
    if where is Standing.UNCONFIRMED:
        return State(
            where,
            _unclear(row) + " It may have arrived.",
            "Ask the recipient before sending again.",
        )
    if where in _SENTENCES:
        return State(where, _SENTENCES[where](row, at), times=tuple(at.told))
    if why is None:
        return State(where, "")
    return State(where, telling.told(why, at), telling.advice(why), tuple(at.told))


BROKE = "The connection broke after we handed it over."

UNCLEAR = "WhatsApp's answer did not tell whether it took the message."

RISK = "It may have arrived. Sending again may send it twice."


def _unclear(row: MessageRow) -> str:
    """Why nobody can tell: no answer came, or one that does not say."""
    return UNCLEAR if (row.error_text or "").startswith("HTTP ") else BROKE


def _sending(row: MessageRow, at: Clock) -> str:
    return "Being handed to WhatsApp."


def _checking(row: MessageRow, at: Clock) -> str:
    until = at((row.unconfirmed_since or at.now) + WINDOW)
    return f"{_unclear(row)} Waiting for WhatsApp's word until {until} at least."


def _sent(row: MessageRow, at: Clock) -> str:
    if row.sent_at is None:
        return "WhatsApp accepted it."
    late = row.sent_at - row.scheduled_at
    return f"WhatsApp took it {at(row.sent_at, seconds=True)}, {span(late)} after its time."


def _delivered(row: MessageRow, at: Clock) -> str:
    when = row.delivery_at or row.sent_at or row.due_at
    what = "Read" if row.delivery == "read" else "On the phone"
    return f"{what} {at(when, seconds=True)}."


def _cancelled(row: MessageRow, at: Clock) -> str:
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

# What a list can be narrowed to that waits.
KEPT_BY: dict[str, str] = KEPT | {
    "held": "A person, its template or its lateness",
    "retry": "A refusal: it is to be tried again",
    "paused": "Its account: it is paused",
    "retired": "Its account: it is retired",
    "quiet": "Quiet hours, now",
    "throttled": "WhatsApp: its account is told to wait",
    "slowed": "WhatsApp: its account sends more slowly",
    "due": "Only its turn: it is due",
}

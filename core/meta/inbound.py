"""What people write to our numbers, freed from Meta's envelope.

It is read as loosely as webhooks/reference/messages describes it: kinds that nobody knows yet are
kept by their name, and one bad item does not drop the rest.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.meta import envelope
from core.meta.envelope import part, text

# What WhatsApp tells of a person by itself: they wrote nothing, and it opens no window.
NOT_WRITTEN = ("system", "request_welcome")


@dataclass(frozen=True)
class InboundMessage:
    """What one person wrote to one of our numbers.

    `text`: their words, the button that they pressed, a caption, a place; null without words.
    `answers`: Meta's id of the message that it answers; null where they only wrote.
    """

    wamid: str
    phone_number_id: str
    sender: str  # E.164 with +
    kind: str
    text: str | None
    answers: str | None
    at: datetime


def read(document: Any, received_at: datetime) -> Iterator[InboundMessage | str]:
    """Each message of a body, or why it could not be read (never with a value of it)."""
    for value in envelope.values(document):
        ours = part(value, "metadata").get("phone_number_id")
        for message in envelope.items(value, "messages"):
            try:
                yield _message(message, ours, received_at)
            except (AttributeError, LookupError, TypeError, ValueError) as error:
                yield f"a message was not read: {type(error).__name__}"


def _message(message: dict[str, Any], ours: Any, received_at: datetime) -> InboundMessage:
    kind = _kind(message.get("type"))
    body = message.get("contacts") if kind == "contacts" else part(message, kind)
    return InboundMessage(
        wamid=envelope.identity(message["id"]),
        phone_number_id=envelope.identity(ours),
        sender=envelope.number(message["from"]),
        kind=kind,
        text=_WORDS.get(kind, _caption)(body) or None,
        answers=_answers(message, kind),
        # Not after it came: a clock that is ahead would keep the window open for too long.
        at=min(envelope.instant(message.get("timestamp"), received_at), received_at),
    )


def _kind(value: Any) -> str:
    return value if isinstance(value, str) and re.fullmatch(r"[a-z_]{1,40}", value) else "unknown"


def _answers(message: dict[str, Any], kind: str) -> str | None:
    if kind == "reaction":
        return text(part(message, "reaction").get("message_id")) or None
    return text(part(message, "context").get("id")) or None


def _interactive(body: Any) -> str | None:
    pressed = part(body, "button_reply") or part(body, "list_reply")
    return text(pressed.get("title")) or text(part(body, "nfm_reply").get("body"))


def _place(body: Any) -> str | None:
    named = [found for key in ("name", "address") if (found := text(body.get(key)))]
    point = [str(body[key]) for key in ("latitude", "longitude") if _is_number(body.get(key))]
    return ", ".join(named or point)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) <= 180


def _people(body: Any) -> str | None:
    cards = body if isinstance(body, list) else []
    return ", ".join(filter(None, (text(part(one, "name").get("formatted_name")) for one in cards)))


def _caption(body: Any) -> str | None:
    return text(body.get("caption")) or text(body.get("filename"))


_WORDS: dict[str, Callable[[Any], str | None]] = {
    "text": lambda body: text(body.get("body")),
    "button": lambda body: text(body.get("text")) or text(body.get("payload")),
    "interactive": _interactive,
    "reaction": lambda body: text(body.get("emoji")),
    "location": _place,
    "contacts": _people,
    "order": lambda body: text(body.get("text")),
    "system": lambda body: text(body.get("body")),
}

"""Who stopped marketing messages in WhatsApp itself, freed from Meta's envelope.

See webhooks/reference/user_preferences: `stop` and `resume`, by number of ours.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.meta import envelope

_MARKETING = "marketing_messages"


@dataclass(frozen=True)
class Stop:
    """That a person wants no marketing messages of one of our numbers; `said` in Meta's words."""

    phone_number_id: str
    sender: str  # E.164 with +
    at: datetime
    said: str | None


def read(document: Any, received_at: datetime) -> Iterator[Stop | str]:
    """Each `stop` of a body, or why it could not be read (never with a value of it).

    A `resume` tells nothing: people come off the list by a person of ours.
    """
    for value in envelope.values(document):
        ours = envelope.part(value, "metadata").get("phone_number_id")
        for told in envelope.items(value, "user_preferences"):
            try:
                if (told["category"], told["value"]) == (_MARKETING, "stop"):
                    yield _stop(told, ours, received_at)
            except (AttributeError, LookupError, TypeError, ValueError) as error:
                yield f"a preference was not read: {type(error).__name__}"


def _stop(told: dict[str, Any], ours: Any, received_at: datetime) -> Stop:
    return Stop(
        phone_number_id=envelope.identity(ours),
        sender=envelope.number(told["wa_id"]),
        at=min(envelope.instant(told.get("timestamp"), received_at), received_at),
        said=envelope.text(told.get("detail")),
    )

"""What people write to us, as Meta tells it."""

import json
from datetime import datetime
from itertools import count
from typing import Any

from core import clock, webhooks
from core.meta.signatures import sign
from core.settings import settings

_NUMBERS = count(1)


def message(text: str = "Yes", *, sender: str, at: datetime | None = None, **more: Any) -> Any:
    """Meta's object of a text; `more` replaces or adds, such as `context` or another type."""
    when = at or clock.wall()
    return {
        "from": sender.lstrip("+"),
        "id": f"wamid.in.{next(_NUMBERS)}",
        "timestamp": str(int(when.timestamp())),
        "type": "text",
        "text": {"body": text},
    } | more


def body(*messages: Any, to: str = "id of Orders", **value: Any) -> str:
    """One webhook with them, written to the number with Meta's id `to`."""
    metadata = {"display_phone_number": "62811", "phone_number_id": to}
    carried = {"messaging_product": "whatsapp", "metadata": metadata, "messages": messages} | value
    change = {"field": "messages", "value": carried}
    entry = {"id": "1", "changes": [change]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]})


def receive(*messages: Any, to: str = "id of Orders") -> None:
    raw = body(*messages, to=to).encode()
    assert webhooks.receive(raw, sign(raw, settings().app_secret))


def write(text: str = "Yes", *, sender: str, to: str = "id of Orders", **more: Any) -> str:
    """One person writes, and it is applied; returns the id of what they wrote."""
    told = message(text, sender=sender, **more)
    receive(told, to=to)
    assert webhooks.apply_stored()
    return str(told["id"])

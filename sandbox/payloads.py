"""The JSON of Meta's webhooks, as from Graph version 24 on: no `conversation`, string times."""

import hashlib
import hmac
import json
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from sandbox.errors import webhook_error
from sandbox.ledger import Accepted
from sandbox.numbers import Number


def encode(changes: list[tuple[Number, dict[str, Any]]]) -> bytes:
    """One POST body: a change for each (number, value), in one entry for each account.

    Non-ASCII is escaped as Meta does it, so that only the bytes received can be verified.
    """
    entries = [
        {"id": waba, "changes": [{"field": "messages", "value": value} for _, value in group]}
        for waba, group in groupby(changes, key=lambda change: change[0].waba_id)
    ]
    return json.dumps({"object": "whatsapp_business_account", "entry": entries}).encode()


def signature(body: bytes, secret: str) -> str:
    """The value of `X-Hub-Signature-256`."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def statuses(number: Number, items: list[dict[str, Any]]) -> dict[str, Any]:
    """The value of a change that carries status objects of one number."""
    return _value(number) | {"statuses": items}


def inbound(
    number: Number,
    *,
    sender: str,
    text: str,
    wamid: str,
    at: datetime,
    quotes: str | None = None,
    pressed: bool = False,
) -> dict[str, Any]:
    """The value of a change that carries one text from a person, or the button that they pressed;
    `sender` is digits, `quotes` the id of the message that it answers."""
    said = {"button": {"payload": text, "text": text}} if pressed else {"text": {"body": text}}
    context = {"context": {"from": number.digits, "id": quotes}} if quotes else {}
    return _value(number) | {
        "contacts": [{"profile": {"name": f"Person {sender[-4:]}"}, "wa_id": sender}],
        "messages": [
            {
                "from": sender,
                "id": wamid,
                "timestamp": str(int(at.timestamp())),
                "type": "button" if pressed else "text",
                **said,
                **context,
            }
        ],
    }


def status(message: Accepted, name: str) -> dict[str, Any]:
    """One status object; the callback data is echoed, `pricing` comes with sent and one more."""
    at = message.received_at + timedelta(seconds=dict(message.plan)[name])
    item: dict[str, Any] = {
        "id": message.id,
        "status": name,
        "timestamp": str(int(at.timestamp())),
        "recipient_id": message.to.lstrip("+"),
    }
    if message.biz_opaque_callback_data is not None:
        item["biz_opaque_callback_data"] = message.biz_opaque_callback_data
    if name == "failed" and message.fails is not None:
        item["errors"] = [webhook_error(message.fails)]
    elif name in _priced(message):
        item["pricing"] = _pricing(message.pricing)
    return item


def _priced(message: Accepted) -> list[str]:
    return [name for name, _ in message.plan if name != "failed"][:2]


def _pricing(category: str) -> dict[str, Any]:
    free = category == "service"
    return {
        "billable": not free,
        "pricing_model": "PMP",
        "type": "free_customer_service" if free else "regular",
        "category": category,
    }


def _value(number: Number) -> dict[str, Any]:
    metadata = {"display_phone_number": number.digits, "phone_number_id": number.id}
    return {"messaging_product": "whatsapp", "metadata": metadata}

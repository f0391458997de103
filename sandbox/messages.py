"""What Meta checks before it accepts a message: the envelope and the text.

Rules and literal texts are those of Meta's guides «Send messages», «Text messages» and «Error
codes»; a body that fails raises GraphError.
"""

import re
from dataclasses import dataclass
from typing import Any

from sandbox import components
from sandbox.errors import GraphError
from sandbox.numbers import Number
from sandbox.params import optional, required
from sandbox.templates import Templates

MAX_TEXT = 4096
MAX_CALLBACK_DATA = 512
IMITATED = ("text", "template")
TYPES = (
    *IMITATED,
    *("audio", "contacts", "document", "image", "interactive", "location", "reaction"),
    *("sticker", "video"),
)
_SEPARATORS = re.compile(r"[\s()-]")
_PHONE = re.compile(r"\+?[0-9]{4,15}")


@dataclass(frozen=True, slots=True)
class Send:
    """A request that passed every check. `wa_id` is digits; `content` is what the ledger shows."""

    input: str
    wa_id: str
    content: dict[str, Any]
    callback_data: str | None
    pricing: str
    type: str


def read_send(body: Any, *, number: Number, templates: Templates, version: float) -> Send:
    """Checks a body of `POST /messages`. Raises GraphError with the code that Meta uses."""
    if not isinstance(body, dict):
        raise GraphError(100, "The request body is not a JSON object.")
    _product(body)
    shown, wa_id = _recipient(body, number)
    callback_data = _callback_data(body)
    _context(body)
    content, pricing = _content(body, templates, version)
    return Send(shown, wa_id, content, callback_data, pricing, body["type"])


def _content(body: dict[str, Any], templates: Templates, version: float) -> tuple[Any, str]:
    kind = required(body, "type", str)
    if kind not in TYPES:
        raise GraphError(100, _one_of("type", TYPES))
    if kind not in IMITATED:
        raise GraphError(131051, f"This sandbox accepts text and template, not {kind}.")
    value = required(body, kind, dict)
    if kind == "text":
        return {"text": _text(value)}, "service"
    template = components.check(value, templates, version=version)
    return {"template": value}, template.category.lower()


def _product(body: dict[str, Any]) -> None:
    if required(body, "messaging_product", str) != "whatsapp":
        raise GraphError(100, _one_of("messaging_product", ["whatsapp"]))
    kind = body.get("recipient_type", "individual")
    if kind not in ("individual", "group"):
        raise GraphError(100, _one_of("recipient_type", ["individual", "group"]))
    if kind == "group":
        raise GraphError(131009, "This sandbox has no groups.")


def _recipient(body: dict[str, Any], number: Number) -> tuple[str, str]:
    if "recipient" in body and "to" not in body:
        raise GraphError(131062, "This sandbox reaches people by phone number only.")
    shown: str = required(body, "to", str)
    bare = _SEPARATORS.sub("", shown)
    if not _PHONE.fullmatch(bare):
        raise GraphError(131009, "The parameter to is not a phone number.")
    # Meta's table: without a plus the business number's own calling code is put in front, even
    # when the digits already begin with a calling code.
    wa_id = bare[1:] if bare.startswith("+") else number.country + bare
    if len(wa_id) > 15 or wa_id.startswith("0"):
        raise GraphError(131009, "The parameter to is not a phone number.")
    if wa_id == number.digits:
        raise GraphError(131021, "Recipient phone number cannot be the sender's.")
    return shown, wa_id


def _callback_data(body: dict[str, Any]) -> str | None:
    value: str | None = optional(body, "biz_opaque_callback_data", str)
    if value is not None and len(value) > MAX_CALLBACK_DATA:
        raise GraphError(100, _too_long("biz_opaque_callback_data", MAX_CALLBACK_DATA))
    return value


def _context(body: dict[str, Any]) -> None:
    context = optional(body, "context", dict)
    if context is not None:
        required(context, "message_id", str, within="context")


def _text(text: dict[str, Any]) -> str:
    for key in text:
        if key not in ("body", "preview_url"):
            raise GraphError(100, f'Unexpected key "{key}" on param "text".')
    optional(text, "preview_url", bool, within="text")
    body: str = required(text, "body", str, within="text")
    if not body.strip():
        raise GraphError(100, "Param text['body'] must be at least 1 characters long.")
    if len(body) > MAX_TEXT:
        raise GraphError(100, _too_long("text['body']", MAX_TEXT))
    return body


def _too_long(name: str, limit: int) -> str:
    return f"Param {name} must be at most {limit} characters long."


def _one_of(name: str, allowed: Any) -> str:
    return f"Param {name} must be one of {{{', '.join(value.upper() for value in allowed)}}}."

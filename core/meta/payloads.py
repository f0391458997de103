"""What we send to `/{version}/{phone-number-id}/messages`; pure, shared by engine and tests."""

import json
from typing import Any

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def text(*, to: str, body: str, reference: str) -> dict[str, Any]:
    """A text message. `to` is E.164 with its +: without it Meta prepends the sender's country.

    `reference` comes back on the status webhooks as `biz_opaque_callback_data` (at most 512
    characters); the Messages API has no idempotency key, so it is the only thread to an answer
    that never came.
    """
    return {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": to,
        "type": "text",
        "text": {"preview_url": False, "body": body},
        "biz_opaque_callback_data": reference,
    }


def template(
    *, to: str, name: str, language: str, components: list[dict[str, Any]], reference: str
) -> dict[str, Any]:
    """A template message; `components` as `templating.filled` makes them, left out where empty."""
    chosen: dict[str, Any] = {"name": name, "language": {"code": language}}
    if components:
        chosen["components"] = components
    return {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": to,
        "type": "template",
        "template": chosen,
        "biz_opaque_callback_data": reference,
    }


def encode(payload: dict[str, Any]) -> str:
    """The JSON text whose UTF-8 bytes are posted, and whose SHA-256 the attempt keeps."""
    return _ENCODER.encode(payload)


def reference(installation: str, attempt_id: int) -> str:
    """The callback reference of one attempt: `<installation>:<attempt>`."""
    return f"{installation}:{attempt_id}"


def read_reference(value: str) -> tuple[str, int] | None:
    """The installation and attempt of a callback reference, or None where it is not ours."""
    installation, _, attempt = value.rpartition(":")
    return (installation, int(attempt)) if installation and attempt.isdecimal() else None

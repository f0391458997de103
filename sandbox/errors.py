"""Graph's error bodies: which HTTP status and which title belong to a code.

Meta promises codes and details only. The HTTP statuses are those of its older table and of its
OpenAPI description; a client that branches on them is wrong.
"""

import secrets
from dataclasses import dataclass
from typing import Any

HREF = "/documentation/business-messaging/whatsapp/support/error-codes"

# code: HTTP status, title
CODES: dict[int, tuple[int, str]] = {
    1: (400, "API Unknown"),
    2: (503, "API Service"),
    4: (429, "API Too Many Calls"),
    100: (400, "Invalid parameter"),
    104: (401, "An access token is required to request this resource."),
    190: (401, "Access token has expired"),
    80007: (429, "Rate limit issues"),
    130429: (429, "Rate limit hit"),
    130472: (400, "User's number is part of an experiment"),
    131000: (500, "Something went wrong"),
    131008: (400, "Required parameter is missing"),
    131009: (400, "Parameter value is not valid"),
    131016: (500, "Service unavailable"),
    131021: (400, "Recipient cannot be sender"),
    131026: (400, "Message undeliverable"),
    131030: (400, "Recipient phone number not in allowed list"),
    131031: (403, "Account has been locked"),
    131042: (400, "Business eligibility payment issue"),
    131047: (400, "Re-engagement message"),
    131048: (429, "Spam rate limit hit"),
    131049: (400, "This message was not delivered to maintain healthy ecosystem engagement."),
    131050: (400, "Unable to deliver the message: the recipient stopped marketing messages."),
    131051: (400, "Unsupported message type"),
    131056: (429, "(Business Account, Consumer Account) pair rate limit hit"),
    131057: (500, "Account in maintenance mode"),
    131059: (400, "Invalid cursor"),
    131062: (400, "Business-scoped user ID recipients are not supported for this message"),
    132000: (400, "Number of parameters does not match the expected number of params"),
    132001: (404, "Template name does not exist in the translation"),
    132005: (400, "Translated text too long"),
    132012: (400, "Parameter format does not match format in the created template"),
    132015: (400, "Template is paused"),
    132016: (400, "Template is disabled"),
    132018: (400, "Template validation error"),
    133004: (503, "Server temporarily unavailable"),
    133010: (400, "Account not registered"),
}
DETAILS: dict[int, str] = {
    4: "Application request limit reached.",
    80007: "The WhatsApp Business Account has reached its rate limit.",
    130429: "Cloud API message throughput has been reached.",
    131000: "Message failed to send due to an unknown error.",
    131016: "A service is temporarily unavailable.",
    131026: "Message Undeliverable.",
    131031: "The business account has been locked.",
    131047: "Message failed to send because more than 24 hours have passed since the customer "
    "last replied to this number.",
    131049: "In order to maintain a healthy ecosystem engagement, the message failed to be "
    "delivered.",
    131056: "Too many messages sent from this phone number to the same phone number in a short "
    "period of time.",
    131057: "The account is in maintenance mode, possibly because of a throughput upgrade.",
}


@dataclass(slots=True)
class GraphError(Exception):
    """An answer in Graph's error shape; `status` defaults to the code's usual HTTP status."""

    code: int
    details: str = ""
    status: int | None = None
    subcode: int | None = None
    is_transient: bool | None = None
    type: str = "OAuthException"
    message: str = ""

    @property
    def http_status(self) -> int:
        return self.status or CODES.get(self.code, (400, ""))[0]

    def body(self) -> dict[str, Any]:
        """The JSON object that Graph answers with."""
        error: dict[str, Any] = {
            "message": self.message or f"(#{self.code}) {title(self.code)}",
            "type": self.type,
            "code": self.code,
        }
        details = self.details or DETAILS.get(self.code, "")
        if details:
            error["error_data"] = {"messaging_product": "whatsapp", "details": details}
        if self.subcode is not None:
            error["error_subcode"] = self.subcode
        if self.is_transient is not None:
            error["is_transient"] = self.is_transient
        error["fbtrace_id"] = "A" + secrets.token_urlsafe(16)
        return {"error": error}


def title(code: int) -> str:
    """Meta's title of a code; a code that Meta's page does not list has a plain one."""
    return CODES.get(code, (400, "Unlisted error"))[1]


def webhook_error(code: int) -> dict[str, Any]:
    """The error object inside a `failed` status webhook."""
    return {
        "code": code,
        "title": title(code),
        "message": title(code),
        "error_data": {"details": DETAILS.get(code, title(code))},
        "href": HREF,
    }


def not_found(method: str, node: str) -> GraphError:
    """Code 100 with subcode 33: the object does not exist or the token may not see it."""
    return GraphError(
        100,
        subcode=33,
        type="GraphMethodException",
        message=f"Unsupported {method.lower()} request. Object with ID '{node}' does not exist, "
        "cannot be loaded due to missing permissions, or does not support this operation.",
    )


def expired_token() -> GraphError:
    """Code 190 with subcode 463, as when a session token has run out."""
    return GraphError(
        190,
        subcode=463,
        message="Error validating access token: Session has expired on Monday, 23-Nov-26 "
        "10:00:00 PST. The current time is Tuesday, 24-Nov-26 08:00:00 PST.",
    )

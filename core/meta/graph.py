"""The control plane: what a business has at Meta, asked with `requests`; nothing is sent by it.

Blocking, page after page: never inside a transaction, never in the send loop.
Source: Meta's pages templates/template-management and phone-numbers.
"""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Any, NamedTuple

import requests

from core.errors import Unanswered
from core.meta import answers
from core.meta.answers import Answer, storable
from core.meta.client import without_token
from core.meta.codes import OBJECT_NOT_FOUND, ErrorClass
from core.settings import settings

SECONDS = (3, 30)  # until it is connected; between two pieces of an answer
PAGE = 100
MOST_PAGES = 100  # Meta allows 6,000 templates to a business
EXPIRED_CURSOR = 131059
BEGINS = 4  # how often a list is begun whose cursor expires on the way

_TEMPLATE = (
    "name,language,status,category,components,parameter_format,quality_score,rejected_reason,id"
)
_NUMBER = "display_phone_number,quality_rating,throughput,whatsapp_business_manager_messaging_limit"
_CONNECTION = f"{_NUMBER},status,webhook_configuration"


class Number(NamedTuple):
    """What Meta says of a number that sends; None where it does not say."""

    display_phone: str | None
    quality: str | None
    throughput: str | None
    messaging_limit: str | None


class Connection(NamedTuple):
    """Whether a number can send, and the address that its webhooks go to."""

    number: Number
    status: str | None
    webhook: str | None


class Clock(NamedTuple):
    """What Meta's clock showed (whole seconds, so half a second is added), and when that was."""

    date: datetime
    on_monotonic: float


_clock: Clock | None = None


def clock() -> Clock | None:
    """As the newest answer in this process told it; None before the first."""
    return _clock


def _note_date(date: str | None, on_monotonic: float) -> None:
    global _clock
    try:
        told = parsedate_to_datetime(date or "")
    except ValueError:
        return
    if told.tzinfo:
        _clock = Clock(told + timedelta(seconds=0.5), on_monotonic)


_NEAREST_FIRST = ("phone_number", "whatsapp_business_account", "application")


def templates(waba_id: str, token: str) -> list[dict[str, Any]]:
    """Every message template of a WABA with Meta's field names, in Meta's order.

    A cursor that expires on the way has the list begun anew, a few times. Raises Unanswered.
    """
    with _session(token) as session:
        for _ in range(BEGINS):
            try:
                path = f"{waba_id}/message_templates"
                return list(_nodes(session, token, path, fields=_TEMPLATE))
            except Unanswered as refused:
                if refused.code != EXPIRED_CURSOR:
                    raise
    raise Unanswered("Meta's list of templates changed while it was read. Try again.")


def _nodes(
    session: requests.Session, token: str, path: str, *, fields: str
) -> Iterator[dict[str, Any]]:
    query = {"fields": fields, "limit": str(PAGE)}
    for _ in range(MOST_PAGES):
        page = _get(session, token, path, query)
        yield from (node for node in page.get("data", ()) if isinstance(node, dict))
        paging = page.get("paging", {})
        after = paging.get("cursors", {}).get("after")
        if not paging.get("next") or not after:
            return
        query = query | {"after": str(after)}
    raise Unanswered("Meta's list does not end.")


def number(phone_number_id: str, token: str) -> Number:
    """What Meta says of one number. Raises Unanswered."""
    with _session(token) as session:
        return _number(_get(session, token, phone_number_id, {"fields": _NUMBER}))


def connection(phone_number_id: str, token: str) -> Connection:
    """The same, with whether it is connected and where it reports to. Raises Unanswered."""
    with _session(token) as session:
        node = _get(session, token, phone_number_id, {"fields": _CONNECTION})
    told = node.get("webhook_configuration")
    addresses = told if isinstance(told, dict) else {}
    return Connection(
        _number(node),
        _text(node.get("status")),
        next(filter(None, (_text(addresses.get(whose)) for whose in _NEAREST_FIRST)), None),
    )


def belongs(waba_id: str, phone_number_id: str, token: str) -> bool:
    """Whether the number is one of the WABA. Raises Unanswered."""
    with _session(token) as session:
        numbers = _nodes(session, token, f"{waba_id}/phone_numbers", fields="id")
        return any(node.get("id") == phone_number_id for node in numbers)


def subscribed(waba_id: str, token: str) -> bool:
    """Whether an app hears what happens in the WABA. Raises Unanswered."""
    with _session(token) as session:
        return bool(_get(session, token, f"{waba_id}/subscribed_apps", {}).get("data"))


def _number(node: dict[str, Any]) -> Number:
    level = node.get("throughput")
    return Number(
        _text(node.get("display_phone_number")),
        _text(node.get("quality_rating")),
        _text(level.get("level") if isinstance(level, dict) else None),
        _text(node.get("whatsapp_business_manager_messaging_limit")),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _session(token: str) -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # a .netrc would put its own password in the token's place
    session.headers["Authorization"] = f"Bearer {token}"
    return session


def _get(session: requests.Session, token: str, path: str, query: dict[str, str]) -> dict[str, Any]:
    chosen = settings()
    address = f"{chosen.api_url}/{chosen.api_version}/{path}"
    asked = monotonic()
    try:
        answered = session.get(address, params=query, timeout=SECONDS, allow_redirects=False)
        body = without_token(token, answered.content)
    except requests.RequestException as error:
        # The name of the error only: its text may hold what stands in the address.
        told = f"Meta could not be reached ({type(error).__name__})"
        raise Unanswered(f"{told}. Check this machine's connection.") from None
    _note_date(answered.headers.get("Date"), asked + answered.elapsed.total_seconds() / 2)
    answer = answers.read(answered.status_code, body)
    if answer.code is not None:
        raise Unanswered(_refusal(answer, path.split("/")[0]), code=answer.code)
    return _object(answered.status_code, body)


def _object(status: int, body: bytes) -> dict[str, Any]:
    try:
        read = storable(json.loads(body)) if status == 200 else None
    except (ValueError, RecursionError):  # RecursionError: thousands of brackets
        read = None
    if not isinstance(read, dict):
        raise Unanswered(f"Meta did not answer as it should (HTTP {status}). Try again later.")
    return read


def _refusal(answer: Answer, node: str) -> str:
    assert answer.verdict is not None
    kind = answer.verdict.error_class
    if (answer.code, answer.subcode) == OBJECT_NOT_FOUND:
        return f"Meta knows nothing with the id {node}, or the access token may not see it."
    if kind is ErrorClass.THROTTLED:
        return f"Meta wants to be asked less often ({answer.code}). Try again in an hour."
    if kind is ErrorClass.ACCOUNT:
        return (
            f"Meta did not accept the access token, or it may not read this ({answer.code}:"
            f" {answer.text}). Another one: python manage.py account token NAME"
        )
    if kind is ErrorClass.TRANSIENT:
        return f"Meta was busy ({answer.code}). Try again later."
    return f"Meta refused to answer ({answer.code}): {answer.text}"

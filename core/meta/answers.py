"""What an answer of the Cloud API means; pure, so that every kind of answer can be tried.

Only a parsed Graph error refuses a message: a 502 or 504 can come after Meta accepted it.
"""

import json
from dataclasses import dataclass
from typing import Any

from core.meta.codes import ErrorClass, Verdict, classify

EXCERPT = 2000  # characters of an answer that the attempt keeps


@dataclass(frozen=True)
class Answer:
    """The result of one POST. `verdict` is None when Meta accepted, and then `wamid` is set."""

    verdict: Verdict | None
    wamid: str | None = None
    http_status: int | None = None
    code: int | None = None
    subcode: int | None = None
    text: str | None = None
    excerpt: str | None = None

    @property
    def accepted(self) -> bool:
        return self.verdict is None


def read(status: int, body: bytes) -> Answer:
    """Read the answer to a POST of a message: accepted, refused with a class, or unknown."""
    excerpt = body[:EXCERPT].decode("utf-8", "replace").replace("\x00", "")
    parsed = _json(body)
    error = parsed.get("error")
    if isinstance(error, dict) and isinstance(error.get("code"), int):
        return _refused(status, error, excerpt)
    wamid = _message_id(parsed)
    if status == 200 and wamid:
        return Answer(None, wamid=wamid, http_status=status, excerpt=excerpt)
    return unknown(f"HTTP {status} without a message id or a Graph error", status, excerpt)


def unknown(text: str, status: int | None = None, excerpt: str | None = None) -> Answer:
    """Nobody can tell whether Meta took the message: never sent again by itself."""
    return Answer(Verdict(ErrorClass.UNKNOWN), http_status=status, text=text, excerpt=excerpt)


def unreached(text: str) -> Answer:
    """The request was never written: the message waits and spends no retry."""
    return Answer(Verdict(ErrorClass.UNREACHED), text=text)


def _refused(status: int, error: dict[str, Any], excerpt: str) -> Answer:
    subcode = error.get("error_subcode")
    subcode = subcode if isinstance(subcode, int) else None
    code: int = error["code"]
    verdict = classify(code, subcode=subcode, is_transient=error.get("is_transient") is True)
    return Answer(verdict, None, status, code, subcode, _words(error), excerpt)


def _words(error: dict[str, Any]) -> str:
    """Meta's words: the message, and the details, which may be an object or a plain string."""
    data = error.get("error_data")
    details = data.get("details") if isinstance(data, dict) else data
    parts = [p for p in (error.get("message"), details) if isinstance(p, str) and p]
    return ": ".join(dict.fromkeys(parts)) or f"(#{error['code']})"


def _message_id(parsed: dict[str, Any]) -> str | None:
    messages = parsed.get("messages")
    first = messages[0] if isinstance(messages, list) and messages else None
    found = first.get("id") if isinstance(first, dict) else None
    return found if isinstance(found, str) and found else None


def _json(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}

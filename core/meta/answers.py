"""What an answer of the Cloud API means; pure, so that every kind of answer can be tried.

Only a parsed Graph error refuses a message: a 502 or 504 can come after Meta accepted it.
"""

import json
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from core.meta.codes import ErrorClass, Verdict, classify

T = TypeVar("T")
EXCERPT = 2000  # characters of an answer that the attempt keeps
LONGEST_ID = 512  # Meta's have about 60; a longer one would not fit the index over them


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
    excerpt = storable(body[:EXCERPT].decode("utf-8", "replace"))
    parsed = _json(body)
    error = parsed.get("error")
    if isinstance(error, dict) and (code := _number(error.get("code"))) is not None:
        return _refused(status, code, error, excerpt)
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


def _refused(status: int, code: int, error: dict[str, Any], excerpt: str) -> Answer:
    subcode = _number(error.get("error_subcode"))
    verdict = classify(code, subcode=subcode, is_transient=error.get("is_transient") is True)
    return Answer(verdict, None, status, code, subcode, _words(code, error), excerpt)


def _number(value: object) -> int | None:
    """A code as the database can keep it; JSON's true is no 1."""
    return value if type(value) is int and abs(value) < 2**31 else None


def _words(code: int, error: dict[str, Any]) -> str:
    """Meta's words: the message, and the details, which may be an object or a plain string."""
    data = error.get("error_data")
    details = data.get("details") if isinstance(data, dict) else data
    parts = [p for p in (error.get("message"), details) if isinstance(p, str) and p]
    return storable(": ".join(dict.fromkeys(parts)))[:EXCERPT] or f"(#{code})"


def _message_id(parsed: dict[str, Any]) -> str | None:
    messages = parsed.get("messages")
    first = messages[0] if isinstance(messages, list) and messages else None
    found = first.get("id") if isinstance(first, dict) else None
    if not isinstance(found, str) or len(found) > LONGEST_ID:
        return None
    return storable(found) or None


def storable(value: T) -> T:
    """Without what JSON may hold and a database refuses: NUL, and halves of surrogate pairs."""
    made: Any = value
    if isinstance(value, str):
        made = value.encode("utf-8", "replace").decode().replace("\x00", "")
    elif isinstance(value, list):
        made = [storable(one) for one in value]
    elif isinstance(value, dict):
        made = {storable(name): storable(one) for name, one in value.items()}
    return cast(T, made)


def _json(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):  # RecursionError: thousands of brackets
        return {}
    return parsed if isinstance(parsed, dict) else {}

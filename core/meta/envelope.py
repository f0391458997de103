"""The envelope of Meta's webhooks, read loosely: whatever is missing or of another form tells
nothing."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any


def values(document: Any) -> Iterator[Any]:
    """What each change of each entry of a body carries."""
    for entry in items(document, "entry"):
        for change in items(entry, "changes"):
            yield part(change, "value")


def items(holder: Any, key: str) -> list[Any]:
    """The list at `key`; an empty one where there is none."""
    found = holder.get(key) if isinstance(holder, dict) else None
    return found if isinstance(found, list) else []


def part(holder: Any, key: str) -> dict[str, Any]:
    """The object at `key`; an empty one where there is none."""
    found = holder.get(key) if isinstance(holder, dict) else None
    return found if isinstance(found, dict) else {}


def instant(timestamp: Any, received_at: datetime) -> datetime:
    """Seconds since 1970, text or number; when it was received where that is no time."""
    try:
        return datetime.fromtimestamp(int(timestamp), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return received_at


def identity(value: Any) -> str:
    """An id. Raises ValueError where it is missing."""
    clean = text(value)
    if not clean:
        raise ValueError("an id is missing")
    return clean


def number(value: Any) -> str:
    """A person's number as E.164. Raises TypeError or ValueError where it is none."""
    found = re.fullmatch(r"\+?([1-9][0-9]{4,14})", value, re.ASCII)
    if not found:
        raise ValueError("from no number")
    return f"+{found[1]}"


def text(value: Any) -> str | None:
    """Text as both databases take it: no NUL, no half of a pair."""
    if not isinstance(value, str):
        return None
    return value.encode(errors="replace").decode().replace("\0", "")

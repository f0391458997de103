"""What a status webhook tells of one message, freed from Meta's envelope.

It is read as loosely as webhooks/reference/messages/status describes it: everything but the id and
the status may be missing, and one bad item does not drop the rest.
"""

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, cast, get_args

from core import clock
from core.meta import envelope
from core.states import RANK, Delivery

Told = Literal["sent", "delivered", "read", "failed"]


@dataclass(frozen=True)
class StatusUpdate:
    """One status of one message; `code`, `title` and `details` only where it failed.

    `installation` and `attempt_id` come from our callback reference `<installation>:<attempt>`,
    which Meta echoes in `biz_opaque_callback_data`: null where it is absent or not of that form.
    """

    attempt_id: int | None
    installation: str | None
    wamid: str
    status: Told
    at: datetime
    code: int | None
    title: str | None
    details: str | None


def parse(body: str, *, received_at: datetime | None = None) -> list[StatusUpdate]:
    """Every status that can be read, in the order told; raises ValueError when it is no JSON.

    A status without a usable time counts as told when it was received.
    """
    found = read(json.loads(body), received_at or clock.wall())
    return [status for status in found if isinstance(status, StatusUpdate)]


def fold(updates: Iterable[StatusUpdate]) -> list[StatusUpdate]:
    """For each message the furthest delivery, and its failure beside it, as first told."""
    furthest: dict[tuple[str, bool], StatusUpdate] = {}
    for told in updates:
        key = (told.wamid, told.status == "failed")
        known = furthest.get(key)
        if known is None or _rank(told) > _rank(known):
            furthest[key] = _with_reference(told, known)
    return list(furthest.values())


def read(document: Any, received_at: datetime) -> Iterator[StatusUpdate | str]:
    """Each status of a body, or why it could not be read (never with a value of it)."""
    for status in _statuses(document):
        try:
            yield _status(status, received_at)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            yield f"a status was not read: {type(error).__name__}"


def about(body: str, received_at: datetime, wamid: str) -> Iterator[tuple[StatusUpdate, Any]]:
    """Each status of one message, beside Meta's own object: a body may tell of other people too."""
    with suppress(ValueError, RecursionError):
        for status in _statuses(json.loads(body)):
            with suppress(AttributeError, LookupError, TypeError, ValueError):
                update = _status(status, received_at)
                if update.wamid == wamid:
                    yield update, status


def _statuses(document: Any) -> Iterator[Any]:
    for value in envelope.values(document):
        yield from envelope.items(value, "statuses")


def _status(status: dict[str, Any], received_at: datetime) -> StatusUpdate:
    installation, attempt_id = _reference(status.get("biz_opaque_callback_data"))
    error = next((e for e in envelope.items(status, "errors") if isinstance(e, dict)), {})
    error_data = error.get("error_data")  # Meta's template APIs make it a plain string
    details = error_data.get("details") if isinstance(error_data, dict) else error_data
    return StatusUpdate(
        attempt_id=attempt_id,
        installation=installation,
        wamid=envelope.identity(status["id"]),
        status=_told(status["status"]),
        at=envelope.instant(status.get("timestamp"), received_at),
        code=_code(error.get("code")),
        title=envelope.text(error.get("title")),
        details=envelope.text(details),
    )


def _told(status: Any) -> Told:
    if status == "played":  # a voice message, heard
        return "read"
    if status not in get_args(Told):
        raise ValueError("an unknown status")
    return cast(Told, status)


def _reference(callback: Any) -> tuple[str, int] | tuple[None, None]:
    found = re.fullmatch(r"(\S+):([0-9]{1,18})", callback) if isinstance(callback, str) else None
    return (found[1], int(found[2])) if found else (None, None)


def _code(value: Any) -> int | None:
    told = str(value)
    return int(told) if told.isascii() and told.isdigit() and len(told) < 10 else None


def _with_reference(told: StatusUpdate, known: StatusUpdate | None) -> StatusUpdate:
    if known is None or told.attempt_id is not None:
        return told
    return replace(told, attempt_id=known.attempt_id, installation=known.installation)


def _rank(told: StatusUpdate) -> int:
    return 0 if told.status == "failed" else RANK[Delivery(told.status)]

"""Messages as CSV for a spreadsheet, read by key so that any number of them costs no memory.

Rows come in the order of their ids, each once, however long the download takes: the list's own
order moves while messages leave. No transaction is open while the client reads.
"""

import csv
import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, func, or_, select

from core import db, listing
from core.listing import Filter, MessageRow
from core.standing import m

CHUNK = 1_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def neutral(text: str | None) -> str:
    """The text with a `'` before it where a spreadsheet would take it for a formula (OWASP)."""
    return f"'{text}" if text and text.startswith(_FORMULA) else text or ""


def csv_rows(wanted: Filter, *, zone: str = "UTC") -> Iterator[str]:
    """The file in pieces, its first with a BOM, so that Excel reads UTF-8; times ISO 8601.

    Each time is there in UTC and in `zone`. The recipient is bare E.164, never quoted: it is
    digits after its `+`, which no formula can be made of, and other programs can read it.
    """
    place = ZoneInfo(zone)
    columns = _columns(place)
    yield "\ufeff" + _line(list(columns))
    last = 0
    while True:
        rows, last = _chunk(wanted, last)
        if rows:
            yield "".join(_line([read(row) for read in columns.values()]) for row in rows)
        if not last:
            return


def _chunk(wanted: Filter, last: int) -> tuple[list[MessageRow], int]:
    """The next messages that match, and the id up to which everything has been seen; 0: the end.

    The ids are read in windows of the primary key: left to itself, a planner prefers the status
    index and sorts the whole table anew for each chunk.
    """
    with db.reading() as session:
        now = db.now(session)
        window = select(m.id).where(m.id > last).order_by(m.id).limit(CHUNK).subquery()
        end = session.execute(select(func.max(window.c.id))).scalar()
        if end is None:
            return [], 0
        status: ColumnElement[bool] = or_(
            *(wanted.standing_of(status, now) for status in sorted(wanted.statuses()))
        )
        here = and_(m.id > last, m.id <= end)
        return listing.rows(session, here, status, wanted.conditions(session, now)), int(end)


def _columns(place: ZoneInfo) -> dict[str, Callable[[MessageRow], Any]]:
    return {
        "id": lambda row: row.id,
        "account": lambda row: neutral(row.account),
        "recipient": lambda row: row.recipient,
        "text": lambda row: neutral(row.text),
        "status": lambda row: row.status,
        "delivery": lambda row: row.delivery,
        "hold": lambda row: neutral(row.hold),
        **_times(place),
        "retry_count": lambda row: row.retry_count,
        "max_retries": lambda row: row.max_retries,
        "error_class": lambda row: row.error_class,
        "error_code": lambda row: row.error_code,
        "error_text": lambda row: neutral(row.error_text),
        "meta_message_id": lambda row: neutral(row.meta_message_id),
        "reference": lambda row: neutral(row.reference),
        "created_by": lambda row: neutral(row.created_by),
    }


def _times(place: ZoneInfo) -> dict[str, Callable[[MessageRow], str]]:
    stored = ("scheduled_at", "due_at", "sent_at", "delivery_at", "created_at")
    return {
        f"{name}{suffix}": _time(name, where)
        for name in stored
        for suffix, where in (("", UTC), ("_local", place))
    }


def _time(name: str, place: tzinfo) -> Callable[[MessageRow], str]:
    def read(row: MessageRow) -> str:
        at: datetime | None = getattr(row, name)
        return at.astimezone(place).isoformat() if at else ""

    return read


def _line(values: list[Any]) -> str:
    written = io.StringIO()
    csv.writer(written).writerow(values)
    return written.getvalue()

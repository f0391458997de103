"""Who was not reached, for the telephone: failed, unconfirmed, or taken and not delivered in time.

Read by (status, due_at, id), the window first: what was delivered in it is looked at and left out,
so the window is what a page costs.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Self
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, func, select
from sqlmodel import Session

from core import db, house_rules, listing, plenty, schedule
from core.causes import failure
from core.filtering import Filter
from core.formulas import neutral
from core.listing import Cursor, MessageRow
from core.standing import Standing, m, where
from core.states import Status

PAGE = 50
CHUNK = 500
WINDOWS = (1, 3, 7, 30)  # days back
COLUMNS = (
    *("recipient", "reference", "reason", "what_to_do", "state", "account", "due_at_local"),
    *("text", "message_id"),
)


@dataclass(frozen=True)
class Missed:
    """Which: due in the last `days`, of one account (its name) or of all."""

    days: int = 3
    account: str | None = None

    @classmethod
    def read(cls, parameters: Mapping[str, Sequence[str]]) -> Self:
        """From an address; what makes no sense there is left out."""
        last = {name: values[-1].replace("\0", "") for name, values in parameters.items() if values}
        days = next((one for one in WINDOWS if str(one) == last.get("days")), cls.days)
        return cls(days, last.get("account") or None)


class Why(NamedTuple):
    reason: str
    advice: str


def why(row: MessageRow, now: datetime) -> Why:
    """Why this person is on the list, and what can be done."""
    if row.status == Status.SENT:
        hours = (now - (row.sent_at or row.due_at)) // timedelta(hours=1)
        said = f"WhatsApp took it {hours:,} hours ago and has not delivered it."
        return Why(said, "The phone may be off, or the number no longer in use.")
    if row.error_class == "unknown":
        return Why("Nobody knows whether it arrived.", "Ask before sending it again.")
    return Why(*failure(row))


class Page(NamedTuple):
    """Latest due first; `after` where more follow."""

    rows: list[MessageRow]
    after: Cursor | None


def page(wanted: Missed, *, now: datetime, after: Cursor | None = None, size: int = PAGE) -> Page:
    with db.reading() as session:
        found = _read(session, wanted, now, after, size + 1)
    rows = found[:size]
    return Page(rows, Cursor.of(rows[-1]) if len(found) > size else None)


def count(wanted: Missed, *, now: datetime) -> int:
    """How many; `listing.CAP` + 1 stands for more than `listing.CAP`, and may be some seconds
    old."""
    return plenty.counted(wanted, lambda: _count(wanted, now), cap=listing.CAP)


def _count(wanted: Missed, now: datetime) -> int:
    total = 0
    with db.reading() as session:
        for condition in _conditions(session, wanted, now):
            few = select(m.id).where(condition).limit(listing.CAP + 1 - total)
            total += session.execute(select(func.count()).select_from(few.subquery())).scalar_one()
    return total


def ids(
    session: Session, wanted: Missed, such: ColumnElement[bool], *, now: datetime, most: int
) -> list[int]:
    """Such of those on the list, at most so many, the latest due first."""
    latest = (m.due_at.desc(), m.id.desc())
    found = [
        tuple(row)
        for condition in _conditions(session, wanted, now)
        for row in session.execute(
            select(m.due_at, m.id).where(condition, such).order_by(*latest).limit(most)
        )
    ]
    return [one for _, one in sorted(found, reverse=True)[:most]]


def _read(
    session: Session, wanted: Missed, now: datetime, after: Cursor | None, limit: int
) -> list[MessageRow]:
    by: Any = (m.due_at.desc(), m.id.desc())
    beyond = [listing.beyond(after, up=False)] if after else []
    found = [
        row
        for condition in _conditions(session, wanted, now)
        for row in listing.rows(session, condition, *beyond, by=by, limit=limit)
    ]
    return sorted(found, key=lambda row: (row.due_at, row.id), reverse=True)[:limit]


def _conditions(
    session: Session, wanted: Missed, now: datetime
) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """What failed, and what was taken only: one probe of the index for each status."""
    days, hours = timedelta(days=wanted.days), house_rules.undelivered()
    theirs = Filter(account=wanted.account).conditions(session, now)
    failed = and_(m.status == Status.FAILED.value, m.due_at >= now - days)
    # As many days of what is late already: else those hours would be the first to go.
    until = now - hours
    late = and_(
        where(Standing.SENT, now), m.due_at.between(until - days, until), m.sent_at <= until
    )
    return and_(failed, theirs), and_(late, theirs)


def csv_pieces(wanted: Missed, *, zone: str) -> Iterator[tuple[str, int]]:
    """The list as CSV in pieces, each with how many rows it has; `zone` is an IANA name.

    Raises Invalid at `zone`.
    """
    schedule.check_zone(zone)
    return _pieces(wanted, ZoneInfo(zone))


def _pieces(wanted: Missed, place: ZoneInfo) -> Iterator[tuple[str, int]]:
    with db.reading() as session:
        now = db.now(session)
    yield "\ufeff" + _line(COLUMNS), 0
    after: Cursor | None = None
    while True:
        found = page(wanted, now=now, after=after, size=CHUNK)
        yield "".join(_line(_cells(row, now, place)) for row in found.rows), len(found.rows)
        after = found.after
        if after is None:
            return


def _cells(row: MessageRow, now: datetime, place: ZoneInfo) -> tuple[str, ...]:
    reason, advice = why(row, now)
    state = {Status.SENT: "not delivered"}.get(Status(row.status), "failed")
    due = row.due_at.astimezone(place).isoformat(timespec="seconds")
    words = (row.reference or "", reason, advice)
    return (
        row.recipient,
        *map(neutral, words),
        "unconfirmed" if row.error_class == "unknown" else state,
        neutral(row.account),
        due,
        neutral(row.text or ""),
        str(row.id),
    )


def _line(cells: Sequence[str]) -> str:
    made = io.StringIO()
    csv.writer(made).writerow(cells)
    return made.getvalue()

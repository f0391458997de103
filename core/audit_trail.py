"""The audit trail: who did what to anything but a message, read page by page by key, and as CSV.

A search looks at `WINDOW` ids at a time, so that a word which nobody used does not read a million
rows for one page: the next page goes on from where it stopped.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, cast, func, or_, select
from sqlmodel import col

from core import acts, covering, db
from core.formulas import neutral
from core.models import AuditEvent

PAGE = 50
CHUNK = 1_000
WINDOW = 100_000
MOST_WORDS = 30  # of a search that count; of some hundreds SQLite makes no expression
COLUMNS = ("id", "at", "actor", "action", "target", "before", "after", "address")
_SEARCHED = (AuditEvent.actor, AuditEvent.action, AuditEvent.target, AuditEvent.address)
_SEARCHED_JSON = (AuditEvent.before, AuditEvent.after)


@dataclass(frozen=True)
class Trail:
    """Events, latest first; `before`/`after`: ids to go on from, None where nothing is there.

    `searched_to` is set where a search stopped before the end: the oldest that it has looked at.
    """

    rows: list[AuditEvent]
    before: int | None
    after: int | None
    searched_to: AuditEvent | None = None
    accounts: Mapping[int, str] = field(default_factory=dict)  # the names of those of the rows


def page(
    search: str = "", *, after: int | None = None, before: int | None = None, size: int = PAGE
) -> Trail:
    """What is older than the id `after`, or newer than `before`, and has every word of `search`,
    of more than `MOST_WORDS` the first ones, in who, what, to what, from where, before or after."""
    key = col(AuditEvent.id)
    order: Any = key
    with db.reading() as session:
        # Two questions: of both at once SQLite would read every row.
        first, last = (
            int(session.execute(select(end(key))).scalar_one() or 0) for end in (func.min, func.max)
        )
        if before is not None:
            low, high = before + 1, min(last, before + WINDOW)
        else:
            high = last if after is None else min(last, after - 1)
            low, order = max(first, high - WINDOW + 1), key.desc()
        some = select(AuditEvent).where(key.between(low, high), _has(search))
        rows = list(session.execute(some.order_by(order).limit(size + 1)).scalars())
        more, rows = len(rows) > size, rows[:size]
        names = covering.names(session)
        if before is not None:
            rows.reverse()
            newer = rows[0].id if more else (high if high < last else None)
            older = rows[-1].id if rows else before + 1
            return Trail(rows, newer, older, accounts=names)
        unread = low > first
        oldest = rows[-1].id if more else (low if unread else None)
        stopped = None
        if unread and not more:
            there = select(AuditEvent).where(key >= low).order_by(key).limit(1)
            stopped = session.execute(there).scalar_one_or_none()
        newer = None if after is None else (rows[0].id if rows else after - 1)
    return Trail(rows, newer, oldest, stopped, names)


def _has(search: str) -> ColumnElement[bool]:
    """Each of its first words; the page tells when there are more."""
    return and_(True, *map(_has_word, dict.fromkeys(search.split()[:MOST_WORDS])))


def _has_word(word: str) -> ColumnElement[bool]:
    """As it is stored, or in the words that an act is told with."""
    # SQLite keeps JSON with every letter beyond ASCII escaped, PostgreSQL as it is.
    spelled = {json.dumps(word, ensure_ascii=ascii_)[1:-1] for ascii_ in (True, False)}
    return or_(
        *(col(one).icontains(word, autoescape=True) for one in _SEARCHED),
        *(
            cast(col(one), Text).icontains(each, autoescape=True)
            for one in _SEARCHED_JSON
            for each in spelled
        ),
        col(AuditEvent.action).in_(acts.called(word)),
    )


def csv_pieces(search: str = "") -> Iterator[tuple[str, int]]:
    """What has every word of `search` as CSV, oldest first, in pieces, each with how many rows.

    Of what there is when it is called. Begins with a BOM, so that Excel reads UTF-8; before and
    after are JSON.
    """
    with db.reading() as session:
        last = session.execute(select(func.max(col(AuditEvent.id)))).scalar_one()
    return _pieces(search, int(last or 0))


def _pieces(search: str, last: int) -> Iterator[tuple[str, int]]:
    yield "\ufeff" + _line(COLUMNS), 0
    done, key = 0, col(AuditEvent.id)
    while done < last:
        with db.reading() as session:
            some = select(AuditEvent).where(key > done, key <= last, _has(search))
            rows = list(session.execute(some.order_by(key).limit(CHUNK)).scalars())
        yield "".join(_line(_cells(one)) for one in rows), len(rows)
        done = rows[-1].id if len(rows) == CHUNK else last


def _cells(one: AuditEvent) -> tuple[str, ...]:
    at = one.at.astimezone(UTC).isoformat(timespec="milliseconds")
    words = (one.actor, one.action, one.target or "")
    return (
        str(one.id),
        at,
        *(neutral(word) for word in words),
        _json(one.before),
        _json(one.after),
        neutral(one.address or ""),
    )


def _json(value: Any) -> str:
    return "" if value is None else neutral(json.dumps(value, ensure_ascii=False))


def _line(values: tuple[str, ...]) -> str:
    written = io.StringIO()
    csv.writer(written).writerow(values)
    return written.getvalue()

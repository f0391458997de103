"""The lists of messages: filtered, and read page by page by key.

What has not ended comes first, soonest first; then what has, latest first. Both are read by
(status, due_at, id), one probe for each status, so a page costs the same at any depth.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Self

from sqlalchemy import ColumnElement, Select, and_, false, func, literal, or_, select, true, tuple_
from sqlmodel import Session

from core import db, plenty
from core.filtering import Filter, c
from core.standing import a, m
from core.states import Status

CAP = 10_000
PAGE = 50
OPEN = (Status.PROCESSING, Status.PENDING)
ENDED = (Status.SENT, Status.FAILED, Status.CANCELLED)
# The most frequent first: a count that begins with them soon has as many as it counts.
LIKELY = (Status.SENT, Status.PENDING, Status.FAILED, Status.CANCELLED, Status.PROCESSING)


@dataclass(frozen=True)
class MessageRow:
    """One message as lists, its page and exports show it."""

    id: int
    account_id: int
    batch_id: int | None
    account: str
    account_state: str
    account_reason: str | None
    recipient: str
    text: str | None
    kind: str
    template: str | None
    status: str
    priority: int
    scheduled_at: datetime
    zone: str
    due_at: datetime
    not_after: datetime | None
    late_policy: str | None
    hold: str | None
    retry_count: int
    max_retries: int
    attempt_count: int
    error_class: str | None
    error_code: int | None
    error_text: str | None
    sent_at: datetime | None
    meta_message_id: str | None
    delivery: str | None
    delivery_at: datetime | None
    reference: str | None
    version: int
    worker_id: int | None
    unconfirmed_since: datetime | None
    created_at: datetime
    created_by: str
    deleted_at: datetime | None
    deleted_by: str | None
    template_id: int | None
    language: str | None
    parameters: dict[str, str] | None
    template_sha256: str | None

    @property
    def ended(self) -> bool:
        return self.status in ENDED


_ELSEWHERE: dict[str, ColumnElement[Any]] = {
    "account": a.name.label("account"),
    "account_state": a.state.label("account_state"),
    "account_reason": a.state_reason.label("account_reason"),
    "text": c.text.label("text"),
    "template": c.template.label("template"),
    "language": c.language.label("language"),
    "parameters": c.parameters.label("parameters"),
    "template_sha256": c.template_sha256.label("template_sha256"),
    "created_by": c.created_by.label("created_by"),
}


def rows(session: Session, *conditions: ColumnElement[bool], **order: Any) -> list[MessageRow]:
    """Messages with their account and content; `order`: `by` (columns), `limit`, `sorts`.

    Where no index has the order, which `sorts` says, all that match are read: only the few that are
    wanted of them are joined with what they say.
    """
    by, limit = order.get("by", (m.id,)), order.get("limit")
    chosen: Sequence[ColumnElement[bool]] = conditions
    if order.get("sorts"):
        few = select(m.id).join(a.id.table, a.id == m.account_id).where(*conditions)
        chosen = [m.id.in_(few.order_by(*by).limit(limit))]
    found = session.execute(_selected().where(*chosen).order_by(*by).limit(limit)).all()
    return [MessageRow(*row) for row in found]


@lru_cache
def _selected() -> Select[Any]:
    columns = [_ELSEWHERE.get(f.name, m.get(f.name)) for f in fields(MessageRow)]
    joined = select(*[column for column in columns if column is not None])
    return (
        joined.select_from(m.id.table)
        .join(a.id.table, a.id == m.account_id)
        .join(c.message_id.table, c.message_id == m.id)
    )


@dataclass(frozen=True)
class Cursor:
    """A place in the list: after (or before) this row."""

    ended: bool
    due_at: datetime
    id: int

    @classmethod
    def of(cls, row: MessageRow) -> Self:
        return cls(row.ended, row.due_at, row.id)

    @classmethod
    def read(cls, text: str) -> Self:
        """From an address. Raises ValueError when it is none."""
        kind, micros, id_ = text.split("-")
        at = datetime.fromtimestamp(int(micros) / 1e6, UTC)
        return cls(kind == "ended", at, int(id_))

    def __str__(self) -> str:
        micros = round(self.due_at.timestamp() * 1e6)
        return f"{'ended' if self.ended else 'open'}-{micros}-{self.id}"


@dataclass(frozen=True)
class Page:
    """Rows in the list's order; the cursors are None where nothing lies beyond."""

    rows: list[MessageRow]
    before: Cursor | None
    after: Cursor | None


def page(
    wanted: Filter,
    *,
    now: datetime,
    after: Cursor | None = None,
    before: Cursor | None = None,
    size: int = PAGE,
) -> Page:
    """The page that follows `after`, or precedes `before`, or the first."""
    with db.reading() as session:
        found = list(_read(session, wanted, now, after or before, size + 1, back=bool(before)))
    more, found = len(found) > size, found[:size]
    if before:
        found.reverse()
    if not found:
        return Page([], None, None)
    first, last = Cursor.of(found[0]), Cursor.of(found[-1])
    if before:
        return Page(found, first if more else None, last)
    return Page(found, first if after else None, last if more else None)


def _read(
    session: Session, wanted: Filter, now: datetime, start: Cursor | None, limit: int, *, back: bool
) -> Iterator[MessageRow]:
    for ended in (True, False) if back else (False, True):
        if start and start.ended != ended and start.ended != back:
            continue
        here = start if start and start.ended == ended else None
        found = _merged(session, wanted, now, here, limit, ended=ended, up=ended == back)
        yield from found
        limit -= len(found)
        if limit <= 0:
            return


def _merged(
    session: Session,
    wanted: Filter,
    now: datetime,
    start: Cursor | None,
    limit: int,
    *,
    ended: bool,
    up: bool,
) -> list[MessageRow]:
    """The next rows of one half of the list, over its statuses."""
    further = beyond(start, up=up) if start else true()
    conditions = and_(wanted.conditions(session, now), further)
    by = (m.due_at, m.id) if up else (m.due_at.desc(), m.id.desc())
    chosen = [s for s in (ENDED if ended else OPEN) if s in wanted.statuses()]
    standings = [wanted.standing_of(status, now) for status in chosen]
    if wanted.gathered:  # their ids are gone through once
        every = or_(false(), *standings)
        return rows(session, every, conditions, by=by, limit=limit, sorts=True)
    probes: Iterable[list[MessageRow]] = (
        rows(session, one, conditions, by=by, limit=limit) for one in standings
    )
    merged = [row for probe in probes for row in probe]
    return sorted(merged, key=lambda row: (row.due_at, row.id), reverse=not up)[:limit]


def beyond(start: Cursor, *, up: bool) -> ColumnElement[bool]:
    """What comes after that place, in a list by (due_at, id)."""
    here = tuple_(m.due_at, m.id)
    key = tuple_(literal(start.due_at, m.due_at.type), literal(start.id, m.id.type))
    return here > key if up else here < key


def count(wanted: Filter, *, now: datetime, asked: Filter | None = None, anew: bool = False) -> int:
    """How many match; `CAP` + 1 stands for more than `CAP`, and may be some seconds old.

    `asked`: the filter before it was narrowed. `anew`: it is known that few do.
    """
    return plenty.counted(asked or wanted, lambda: _count(wanted, now), cap=CAP, anew=anew)


def _count(wanted: Filter, now: datetime) -> int:
    total = 0
    with db.reading() as session:
        likely = (one for one in LIKELY if one in wanted.statuses())
        standings = [wanted.standing_of(one, now) for one in likely]
        for standing_ in [or_(false(), *standings)] if wanted.gathered else standings:
            few = select(m.id).where(standing_, wanted.conditions(session, now))
            counted = select(func.count()).select_from(few.limit(CAP + 1 - total).subquery())
            total += session.execute(counted).scalar_one()
    return min(total, CAP + 1)


def capped(session: Session, *conditions: ColumnElement[bool]) -> int:
    """How many messages meet the conditions; `CAP` + 1 stands for more than `CAP`."""
    few = select(m.id).where(*conditions).limit(CAP + 1)
    return int(session.execute(select(func.count()).select_from(few.subquery())).scalar_one())


@dataclass(frozen=True)
class Seen:
    """A page as somebody looked at it: how many matched (capped), and the newest id there was."""

    at: datetime
    page: Page
    matching: int
    newest: int


def seen(
    wanted: Filter, *, now: datetime, after: Cursor | None = None, before: Cursor | None = None
) -> Seen:
    """The page, and what `news` compares it with."""
    with db.reading() as session:
        newest = int(session.execute(select(func.coalesce(func.max(m.id), 0))).scalar_one())
        few = wanted.narrowed(session, now)
    found = page(few, now=now, after=after, before=before)
    matching = count(few, now=now, asked=wanted, anew=found.after is None)
    return Seen(now, found, matching, newest)


def news(wanted: Filter, then: Seen, *, now: datetime) -> tuple[int, int]:
    """How many match that did not, and how many of the rows are not as they were."""
    versions = {row.id: row.version for row in then.page.rows}
    with db.reading() as session:
        asked = select(m.id, m.version).where(m.id.in_(versions), m.deleted_at.is_(None))
        are = {row.id: row.version for row in session.execute(asked)}
        if then.matching > CAP:  # beyond it only what was written since can be told
            since = and_(wanted.standing(now), wanted.conditions(session, now))
            more = capped(session, m.id > then.newest, since)
        else:
            few = wanted.narrowed(session, now)
            more = max(count(few, now=now, asked=wanted) - then.matching, 0)
    return more, sum(are.get(one) != version for one, version in versions.items())

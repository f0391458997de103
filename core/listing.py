"""The lists of messages: filtered, and read page by page by key.

What has not ended comes first, soonest first; then what has, latest first. Both are read by
(status, due_at, id), one probe for each status, so a page costs the same at any depth.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Self
from urllib.parse import urlencode

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    column,
    func,
    literal,
    or_,
    select,
    table,
    true,
    tuple_,
)
from sqlmodel import Session

from core import choosing, db, models, phone
from core.standing import STATUS, Standing, a, m, where
from core.states import Status

c = models.Content.metadata.tables["content"].c

_INDEX = table("content_search", column("rowid"), column("content_search"))  # FTS5, in SQLite

CAP = 10_000
PAGE = 50
OPEN = (Status.PROCESSING, Status.PENDING)
ENDED = (Status.SENT, Status.FAILED, Status.CANCELLED)


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


def _selected() -> Select[Any]:
    columns = [_ELSEWHERE.get(f.name, m.get(f.name)) for f in fields(MessageRow)]
    joined = select(*[column for column in columns if column is not None])
    return (
        joined.select_from(m.id.table)
        .join(a.id.table, a.id == m.account_id)
        .join(c.message_id.table, c.message_id == m.id)
    )


@dataclass(frozen=True)
class Filter:
    """Which messages; nothing chosen means all. `search`: part of a number, or of the text."""

    standings: frozenset[Standing] = frozenset()
    account: str | None = None
    search: str = ""
    batch: int | None = None
    template: int | None = None  # its id

    @classmethod
    def read(cls, parameters: Mapping[str, Sequence[str]]) -> Self:
        """From an address: `state` (often), `account` (name), `q`, `batch` and `template` (ids)."""
        known = {s.value for s in Standing}
        states = [s.lower() for s in parameters.get("state", ())]
        names = ("account", "q", "batch", "template")
        last = {name: (parameters.get(name) or [""])[-1] for name in names}
        chosen = frozenset(Standing(s) for s in states if s in known)
        numbers = (last["batch"], last["template"])
        batch, template = (int(n) if re.fullmatch(r"[0-9]{1,18}", n) else None for n in numbers)
        return cls(chosen, last["account"] or None, last["q"], batch, template)

    @cached_property
    def query(self) -> str:
        """The same filter as an address carries it."""
        pairs = [("state", s.value) for s in Standing if s in self.standings]
        pairs += [("account", self.account or ""), ("q", self.search.strip())]
        numbers = (("batch", self.batch), ("template", self.template))
        pairs += [(name, "" if number is None else str(number)) for name, number in numbers]
        return urlencode([pair for pair in pairs if pair[1]])

    def statuses(self) -> set[Status]:
        return {STATUS[s] for s in self.standings or Standing}

    def conditions(
        self, session: Session, now: datetime, *, among: tuple[int, int] | None = None
    ) -> ColumnElement[bool]:
        """All but the status, which decides the index and is asked one by one.

        `among`: the first and last id of those that are asked about, where it is a few of many;
        what is searched for is looked up among them alone.
        """
        found: list[ColumnElement[bool]] = [m.deleted_at.is_(None)]
        if self.batch is not None:
            found.append(choosing.of_batch(self.batch))
        if self.account:
            found.append(
                m.account_id == select(a.id).where(a.name == self.account).scalar_subquery()
            )
        if self.template is not None:
            found.append(m.template_id == self.template)
        if words := self.search.replace("\0", "").strip():
            found.append(or_(*(_containing(session, part, among) for part in _parts(words))))
        return and_(*found)

    def standing_of(self, status: Status, now: datetime) -> ColumnElement[bool]:
        """The chosen standings of one status; without a choice, or with all, just the status."""
        every = [s for s in Standing if STATUS[s] == status]
        chosen = [s for s in every if s in self.standings]
        if not self.standings or chosen == every:
            return m.status == status.value
        return or_(*(where(s, now) for s in chosen))


def _parts(words: str) -> set[str]:
    """What to look for: the words as typed, and the digits if they can be part of a number."""
    number = "" if any(letter.isalpha() for letter in words) else phone.fragment(words)
    return {words, number} - {""}


def _containing(session: Session, part: str, among: tuple[int, int] | None) -> ColumnElement[bool]:
    def within(id_: ColumnElement[Any]) -> ColumnElement[bool]:
        return id_.between(*among) if among else true()

    escaped = part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    if not db.on_postgres(session) and len(part) >= 3:
        quoted = '"' + part.replace('"', '""') + '"'
        indexed = _INDEX.c.content_search.op("MATCH")(quoted)
        return m.id.in_(select(_INDEX.c.rowid).where(indexed, within(_INDEX.c.rowid)))
    alike = c.search.ilike(f"%{escaped}%", escape="\\")
    return m.id.in_(select(c.message_id).where(alike, within(c.message_id)))


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
    beyond = _beyond(start, up=up) if start else true()
    conditions = and_(wanted.conditions(session, now), beyond)
    by = (m.due_at, m.id) if up else (m.due_at.desc(), m.id.desc())
    sorts = wanted.batch is not None
    chosen = [s for s in (ENDED if ended else OPEN) if s in wanted.statuses()]
    probes: Iterable[list[MessageRow]] = (
        rows(session, wanted.standing_of(status, now), conditions, by=by, limit=limit, sorts=sorts)
        for status in chosen
    )
    merged = [row for probe in probes for row in probe]
    return sorted(merged, key=lambda row: (row.due_at, row.id), reverse=not up)[:limit]


def _beyond(start: Cursor, *, up: bool) -> ColumnElement[bool]:
    here = tuple_(m.due_at, m.id)
    key = tuple_(literal(start.due_at, m.due_at.type), literal(start.id, m.id.type))
    return here > key if up else here < key


def count(wanted: Filter, *, now: datetime) -> int:
    """How many match; `CAP` + 1 stands for more than `CAP`."""
    total = 0
    with db.reading() as session:
        for status in wanted.statuses():
            few = select(m.id).where(
                wanted.standing_of(status, now), wanted.conditions(session, now)
            )
            counted = select(func.count()).select_from(few.limit(CAP + 1 - total).subquery())
            total += session.execute(counted).scalar_one()
    return min(total, CAP + 1)


def capped(session: Session, *conditions: ColumnElement[bool]) -> int:
    """How many messages meet the conditions; `CAP` + 1 stands for more than `CAP`."""
    few = select(m.id).where(*conditions).limit(CAP + 1)
    return int(session.execute(select(func.count()).select_from(few.subquery())).scalar_one())

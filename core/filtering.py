"""Which messages a list, an export or a bulk action means, as an address carries it."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Self
from urllib.parse import urlencode

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    and_,
    case,
    column,
    false,
    func,
    literal,
    or_,
    select,
    table,
    true,
    union,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Session, col

from core import db, models, phone, waits
from core.meta.codes import ErrorClass
from core.models import Batch
from core.standing import STATUS, Standing, a, m, where
from core.states import Status

c = models.Content.metadata.tables["content"].c
t = models.Template.metadata.tables["template"].c

_INDEX = table("content_search", column("rowid"), column("content_search"))  # FTS5, in SQLite
_ANY = 2**62  # beyond all ids
FEW = 30_000  # messages that a word may find for its list to be made of them, not looked through
_EARLY = timedelta(minutes=1)  # that clocks may differ: nothing leaves before its time


def of_batch(batch_id: int) -> ColumnElement[bool]:
    """The messages of a batch, found by the ids between which they lie."""
    mine = col(Batch.id) == batch_id
    begins = select(func.coalesce(col(Batch.after_id), 0)).where(mine).scalar_subquery()
    ends = select(func.coalesce(col(Batch.until_id), _ANY)).where(mine).scalar_subquery()
    return and_(m.id > begins, m.id <= ends, m.batch_id == batch_id)


def judged(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """The same for rows that are found by their ids: asked of each, where a planner that has no
    figures would begin with its status."""
    return case((condition, true()), else_=false())


@dataclass(frozen=True)
class Filter:
    """Which messages; nothing chosen means all. `search`: part of a number, or of the text.

    Instants: from the first on, and before the second. No address has what `narrowed` adds: `ids`,
    of these alone; `frequent`, that the search finds so many that each row is best asked for it.
    """

    standings: frozenset[Standing] = frozenset()
    account: str | None = None
    search: str = ""
    batch: int | None = None
    template: int | None = None  # its id
    error: str | None = None  # the class of its failure
    hold: str | None = None  # what keeps it back, of `waits.CHOICES`
    label: str | None = None
    by: str | None = None  # who scheduled it
    due_from: datetime | None = None
    due_until: datetime | None = None
    sent_from: datetime | None = None
    sent_until: datetime | None = None
    ids: tuple[int, ...] | None = field(default=None, kw_only=True)
    frequent: bool = field(default=False, kw_only=True)

    @classmethod
    def read(cls, parameters: Mapping[str, Sequence[str]]) -> Self:
        """From an address, as `query` writes it; what makes no sense there is left out."""
        known = {s.value for s in Standing}
        states = [s.lower() for s in parameters.get("state", ())]
        # PostgreSQL takes no NUL in any text.
        last = {name: values[-1].replace("\0", "") for name, values in parameters.items() if values}
        return cls(
            frozenset(Standing(s) for s in states if s in known),
            last.get("account") or None,
            last.get("q", ""),
            _number(last.get("batch", "")),
            _number(last.get("template", "")),
            last["class"] if last.get("class") in [*ErrorClass] else None,
            last["hold"] if last.get("hold") in waits.CHOICES else None,
            last.get("label") or None,
            last.get("by") or None,
            *(_instant(last.get(name, "")) for name in _INSTANTS),
        )

    @property
    def query(self) -> str:
        """The same filter as an address carries it."""
        return urlencode(self.pairs)

    @cached_property
    def pairs(self) -> list[tuple[str, str]]:
        """Names and values of `query`."""
        pairs = [("state", s.value) for s in Standing if s in self.standings]
        said = {
            "account": self.account,
            "q": self.search.strip(),
            "batch": self.batch,
            "template": self.template,
            "class": self.error,
            "hold": self.hold,
            "label": self.label,
            "by": self.by,
        }
        instants = {name: getattr(self, name) for name in _INSTANTS}
        said |= {name: at and at.astimezone(UTC).isoformat() for name, at in instants.items()}
        return pairs + [
            (name, str(value)) for name, value in said.items() if value not in (None, "")
        ]

    def narrowed(self, session: Session, now: datetime) -> Self:
        """The same with the ids of all that one of its words finds, where these are few.

        Looked for once, where the list would do it for each status and each count anew; or would
        go through all messages for one that is not there.
        """
        told = self
        for found, looked_for in self._finders(session, now):
            ids = session.execute(found.limit(FEW + 1)).scalars().all()
            if len(ids) <= FEW:
                rest = {"search": ""} if looked_for == "search" else {looked_for: None}
                return replace(told, ids=tuple(ids), **({} if looked_for in _STAY else rest))
            told = replace(told, frequent=told.frequent or looked_for == "search")
        return told

    def _finders(self, session: Session, now: datetime) -> Iterator[tuple[Select[Any], str]]:
        """What each word finds, and where it stands."""
        if words := self.search.replace("\0", "").strip():
            # Each by itself to its limit: of a frequent word not all need be gathered to tell so.
            parts = [_found(session, one).limit(FEW + 1) for one in sorted(_parts(words))]
            ids = union(*(select(one.subquery()) for one in parts)).subquery()
            yield select(ids), "search"
        if self.label is not None:
            yield select(c.message_id).where(c.label == self.label), "label"
        if self.by is not None:
            yield select(c.message_id).where(c.created_by == self.by), "by"
        if self.template is not None:
            named = select(t.name).where(t.id == self.template).scalar_subquery()
            yield select(c.message_id).where(c.template == named), "template"
        if self.hold is not None:
            yield waits.ids(session, self.hold, now), "hold"

    @property
    def gathered(self) -> bool:
        """Whether ids tell where its messages are: no index then has their order."""
        return self.batch is not None or self.ids is not None

    def statuses(self) -> set[Status]:
        """Those that a message that matches may have."""
        found = {STATUS[s] for s in self.standings or Standing}
        if self.hold:
            found &= {Status.PENDING}
        if self.sent_from or self.sent_until:
            found &= {Status.SENT, Status.FAILED}  # which may fail on the phone
        return found

    def standing(self, now: datetime) -> ColumnElement[bool]:
        """Its standings, of any status."""
        return or_(false(), *(self.standing_of(one, now) for one in sorted(self.statuses())))

    def standing_of(self, status: Status, now: datetime) -> ColumnElement[bool]:
        """The chosen standings of one status; without a choice, or with all, just the status.

        Where ids tell which messages, it is asked of each: SQLite would begin with the status.
        """
        every = [s for s in Standing if STATUS[s] == status]
        chosen = [s for s in every if s in self.standings]
        whole = not self.standings or chosen == every
        found = m.status == status.value if whole else or_(*(where(s, now) for s in chosen))
        return judged(found) if self.gathered else found

    def conditions(
        self, session: Session, now: datetime, *, among: tuple[int, int] | None = None
    ) -> ColumnElement[bool]:
        """All but the status, which decides the index and is asked one by one.

        `among`: the first and last id of those that are asked about, where it is a few of many;
        what is searched for is looked up among them alone.
        """
        found: list[ColumnElement[bool]] = [m.deleted_at.is_(None)]
        if self.ids is not None:
            found.append(m.id.in_(listed(session, self.ids)))
        if self.batch is not None:
            found.append(of_batch(self.batch))
        if self.account:
            found.append(
                m.account_id == select(a.id).where(a.name == self.account).scalar_subquery()
            )
        exactly = {m.template_id: self.template, m.error_class: self.error}
        found += [column == value for column, value in exactly.items() if value is not None]
        if self.hold is not None:
            found.append(waits.condition(session, self.hold, now))
        found += self._times()
        # Asked of each message that the list comes by: no index is over them.
        said = {c.label: self.label, c.created_by: self.by}
        for column_, value in said.items():
            if value is not None:
                of_it = select(column_).where(c.message_id == m.id).correlate(m.id.table)
                found.append(of_it.scalar_subquery() == value)
        if words := self.search.replace("\0", "").strip():
            parts = sorted(_parts(words))
            found.append(or_(*(self._contains(session, one, among) for one in parts)))
        return and_(*found)

    def _contains(
        self, session: Session, part: str, among: tuple[int, int] | None
    ) -> ColumnElement[bool]:
        # Of other letters SQLite's index knows both cases, but its LIKE does not.
        if self.frequent and (db.on_postgres(session) or part.isascii()):
            of_it = select(c.search).where(c.message_id == m.id).correlate(m.id.table)
            return of_it.scalar_subquery().ilike(_around(part), escape="\\")
        return m.id.in_(_found(session, part, among))

    def _times(self) -> Iterator[ColumnElement[bool]]:
        if self.due_from is not None:
            yield m.due_at >= self.due_from
        if self.due_until is not None:
            yield m.due_at < self.due_until
        if self.sent_from is not None:
            yield m.sent_at >= self.sent_from
        if self.sent_until is not None:
            yield m.sent_at < self.sent_until
            # The lists are by the time that was due: they begin with those that can match.
            yield m.due_at < self.sent_until + _EARLY


_STAY = ("template", "hold")  # asked of their ids all the same: other languages, and what left
_INSTANTS = ("due_from", "due_until", "sent_from", "sent_until")


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None


def _instant(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text.replace(" ", "+"))  # an address that was typed by hand
        return at.astimezone(UTC) if at.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def fragments(search: str) -> tuple[str, str]:
    """What is looked for in texts and numbers, and the digits of it that are in numbers alone;
    «0812-34» finds +62 812-34…"""
    words = search.replace("\0", "").strip()
    number = "" if any(letter.isalpha() for letter in words) else phone.fragment(words)
    return words, number


def _parts(words: str) -> set[str]:
    """What to look for: the words as typed, and the digits if they can be part of a number."""
    return {*fragments(words)} - {""}


def _found(session: Session, part: str, among: tuple[int, int] | None = None) -> Select[Any]:
    """The ids of the messages that contain it."""

    def within(id_: ColumnElement[Any]) -> ColumnElement[bool]:
        return id_.between(*among) if among else true()

    if not db.on_postgres(session) and len(part) >= 3:
        quoted = '"' + part.replace('"', '""') + '"'
        indexed = _INDEX.c.content_search.op("MATCH")(quoted)
        return select(_INDEX.c.rowid).where(indexed, within(_INDEX.c.rowid))
    alike = c.search.ilike(_around(part), escape="\\")
    return select(c.message_id).where(alike, within(c.message_id))


def _around(part: str) -> str:
    """The pattern of what contains it."""
    escaped = part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def listed(session: Session, ids: Sequence[int]) -> Select[Any]:
    """Many ids as one parameter."""
    if db.on_postgres(session):
        return select(func.unnest(literal(list(ids), ARRAY(BigInteger))))
    return select(func.json_each(json.dumps(ids)).table_valued("value").c.value)

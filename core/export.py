"""Messages or attempts for a file, read by key so that any number of them costs no memory.

Rows come in the order of their ids, each once, however long it takes: the list's own order moves
while messages leave. No transaction is open while a file is written or a client reads.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo, available_timezones

from sqlalchemy import ColumnElement, Select, and_, case, func, select
from sqlmodel import Session

from core import columns, db
from core.columns import INSTANTS, Column, What, b, t
from core.errors import Invalid, Problem
from core.filtering import Filter, c
from core.standing import a, m

CHUNK = 500  # rows
WINDOW = 20_000  # ids looked at in one transaction, where few of them match
_KEY: dict[What, ColumnElement[int]] = {What.MESSAGES: m.id, What.ATTEMPTS: t.id}

Values = Sequence[Any]  # of one column, a row each


@dataclass(frozen=True)
class Order:
    """What is to be exported: which rows, which columns of them, and whose clock they show."""

    what: What = What.MESSAGES
    wanted: Filter = field(default_factory=Filter)
    columns: tuple[Column, ...] = columns.chosen(What.MESSAGES, ())
    zone: str = "UTC"

    @classmethod
    def of(
        cls, what: What, wanted: Filter, *, names: Collection[str] = (), zone: str = "UTC"
    ) -> Self:
        """Checked: no `names` means the usual columns. Raises Invalid at `columns` or `zone`."""
        if zone not in available_timezones():
            raise Invalid(Problem("zone", "unknown", f"There is no time zone {zone[:60]}."))
        return cls(what, wanted, columns.chosen(what, names), zone)

    @property
    def names(self) -> list[str]:
        return [one.name for one in self.columns]

    def file_name(self, at: datetime, ending: str) -> str:
        """«messages-2026-11-26-0843.csv», by the clock of the order's zone."""
        return f"{self.what}-{at.astimezone(ZoneInfo(self.zone)):%Y-%m-%d-%H%M}.{ending}"

    def stored(self) -> dict[str, Any]:
        """As JSON, for `read`."""
        query = self.wanted.query
        return {"what": self.what, "query": query, "columns": self.names, "zone": self.zone}

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        wanted = Filter.read(parse_qs(stored["query"]))
        what = What(stored["what"])
        return cls.of(what, wanted, names=stored["columns"], zone=stored["zone"])


def chunks(order: Order) -> Iterator[list[Values]]:
    """The rows that there are now, some thousand at a time: for each column its values.

    Instants come as text (`db.stamp`), JSON as what it says, everything else as it is stored.
    """
    with db.reading() as session:
        until = session.execute(select(func.max(_KEY[order.what]))).scalar() or 0
    last, width = 0, CHUNK
    while last < until:
        rows, last = _chunk(order, last, until, width)
        width = min(width * 4, WINDOW) if len(rows) * 4 < CHUNK else CHUNK
        if rows:
            yield _by_column(order, rows)


def count(order: Order, *, most: int) -> int:
    """How many rows it has; `most` + 1 stands for more than `most`."""
    wanted = order.wanted
    with db.reading() as session:
        now = db.now(session)
        few = _from(order, select(_KEY[order.what])).where(
            wanted.standing(now), wanted.conditions(session, now)
        )
        counted = select(func.count()).select_from(few.limit(most + 1).subquery())
        return int(session.execute(counted).scalar_one())


def _by_column(order: Order, rows: Sequence[Values]) -> list[Values]:
    """A million rows have thirty million cells: what is done to each, is done a column at a time.

    What two columns show was read once; the key of each row, which comes last, is not shown.
    """
    *values, _ = zip(*rows, strict=True)
    read = dict(zip(_sources(order), values, strict=True))
    return [read[one.of] for one in order.columns]


def _chunk(order: Order, last: int, until: int, width: int) -> tuple[Sequence[Values], int]:
    """The next rows that match among so many, and the id up to which everything has been seen.

    The ids are read in windows of the primary key, and nothing else about a message is given to
    the planner to begin with: it would walk the status index and sort the table for each chunk.
    """
    with db.reading() as session:
        end, among = _window(session, order, last, until, width)
        if end is None:
            return [], until
        now, key = db.now(session), _KEY[order.what]
        here = and_(key > last, key <= end, c.message_id.between(*among))
        judged = case((order.wanted.standing(now), True), else_=False)
        read = [_read(session, *one) for one in _sources(order).items()]
        rows = (
            _from(order, select(*read, key.label("row_key")))
            .join(a.id.table, a.id == m.account_id)
            .join(c.message_id.table, c.message_id == m.id)
            .outerjoin(b.id.table, b.id == m.batch_id)
            .where(here, judged, order.wanted.conditions(session, now, among=among))
        )
        found = session.execute(rows.order_by(key).limit(CHUNK)).all()
        return found, found[-1][-1] if len(found) == CHUNK else end


def _window(
    session: Session, order: Order, last: int, until: int, width: int
) -> tuple[int | None, tuple[int, int]]:
    """The last of the next ids, None at the end; the first and last message among them."""
    key, of = _KEY[order.what], t.message_id if order.what is What.ATTEMPTS else m.id
    ids = select(key, of.label("message")).where(key > last, key <= until)
    window = ids.order_by(key).limit(width).subquery()
    ends = func.max(window.c.id), func.min(window.c.message), func.max(window.c.message)
    end, first, final = session.execute(select(*ends)).one()
    return end, (first or 0, final or 0)


def _sources(order: Order) -> dict[ColumnElement[Any], Column]:
    return {one.of: one for one in order.columns}


def _read(session: Session, of: ColumnElement[Any], one: Column) -> ColumnElement[Any]:
    return db.stamped(session, of) if one.says in INSTANTS else of


def _from(order: Order, rows: Select[Any]) -> Select[Any]:
    if order.what is What.MESSAGES:
        return rows.select_from(m.id.table)
    return rows.select_from(t.id.table).join(m.id.table, m.id == t.message_id)

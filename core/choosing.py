"""Which messages a bulk action means: named one by one, or all that it can touch, less a filter.

They are read in the order of their ids, a chunk at a time, so that an action that was cut off goes
on where it was, and what is written meanwhile neither comes twice nor is left out.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self
from urllib.parse import parse_qs

from sqlalchemy import ColumnElement, Select, and_, case, func, select
from sqlmodel import Session, col

from core import db, models
from core.errors import Invalid, Problem
from core.filtering import Filter, listed
from core.meta.codes import ErrorClass
from core.models import Account, Batch
from core.standing import m
from core.states import Status

CHUNK = 1000
CHANGED = 500  # that are given other columns or words: about 50 ms of a lock that others wait for
WINDOW = 20_000  # ids looked at in one transaction, where few of them match
KEYS = ("account", "class", "code", "status", "batch", "hold")

HOLDS = ("late", "person", "batch", "template")

e = models.MessageEvent.metadata.tables["message_event"].c
c = models.Content.metadata.tables["content"].c


@dataclass(frozen=True)
class Choice:
    """Which messages; what is None does not matter."""

    ids: tuple[int, ...] | None = None
    account_id: int | None = None
    error_class: str | None = None
    error_code: int | None = None
    status: str | None = None
    batch_id: int | None = None
    template_id: int | None = None
    hold: str | None = None
    recipient: str | None = None  # E.164
    operation_id: int | None = None  # those that this operation changed
    query: str | None = None  # a list's filter, as its address has it
    at: str | None = None  # when the filter was looked at, as `db.stamp` writes it
    newest: int | None = None  # the newest message then: what was written since is not meant

    def stored(self) -> dict[str, Any]:
        """As `operation.filter` keeps it."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def read(cls, stored: dict[str, Any]) -> Self:
        ids = stored.get("ids")
        return cls(**(stored | {"ids": None if ids is None else tuple(ids)}))

    def matches(self, among: Collection[Status], *, by_id: bool = False) -> ColumnElement[bool]:
        """All that is asked of a message but its id; `among` are the statuses that may change.

        `by_id` keeps both planners to the primary key: they would take the index over status, and
        sort what it has anew for each chunk.
        """
        columns = {
            m.account_id: self.account_id,
            m.error_class: self.error_class,
            m.error_code: self.error_code,
            m.batch_id: self.batch_id,
            m.template_id: self.template_id,
            m.hold: self.hold,
        }
        found = [column == value for column, value in columns.items() if value is not None]
        statuses = [one.value for one in among if self.status in (None, one.value)]
        status = m.status.concat("") if by_id else m.status
        return and_(status.in_(statuses), m.deleted_at.is_(None), *found)


def of_filter(wanted: Filter, *, now: datetime) -> Choice:
    """All that match a list's filter at this instant; a few of them by their ids."""
    asked: dict[str, Any] = {"query": wanted.query, "error_class": wanted.error}
    with db.reading() as session:
        newest = last_id(session)
        matching = and_(wanted.standing(now), wanted.conditions(session, now))
        few = list(session.execute(select(m.id).where(matching).limit(CHUNK + 1)).scalars())
    if len(few) <= CHUNK:
        return Choice(ids=tuple(sorted(few)), **asked)
    return Choice(at=db.stamp(now), newest=newest, batch_id=wanted.batch, **asked)


def matching(
    session: Session,
    choice: Choice,
    among: Collection[Status],
    *,
    within: tuple[int, int] | None = None,
) -> ColumnElement[bool]:
    """As `Choice.matches`, and what its filter asks. `within`: the first and last of some ids, by
    which they are read."""
    found = choice.matches(among, by_id=within is not None)
    if choice.query is None or choice.at is None:
        return found
    wanted, at = Filter.read(parse_qs(choice.query)), datetime.fromisoformat(choice.at)
    stands = wanted.standing(at)
    judged = case((stands, True), else_=False) if within else stands
    if choice.newest is not None:  # + 0: no planner shall walk the ids for it
        judged = and_(judged, m.id + 0 <= choice.newest)
    return and_(found, judged, wanted.conditions(session, at, among=within))


def those(session: Session, choice: Choice, among: Collection[Status]) -> ColumnElement[bool]:
    """All of them in one condition, however many; to be counted, not to be changed."""
    if choice.ids is None:
        return matching(session, choice, among)
    statuses = [one.value for one in among]
    return and_(
        m.id.in_(listed(session, choice.ids)), m.status.in_(statuses), m.deleted_at.is_(None)
    )


def flag(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """As a column to group by, never null. PostgreSQL knows that a boolean has two values: so it
    counts without sorting first."""
    return case((condition, True), else_=False)


def parse(session: Session, typed: Sequence[str]) -> Choice:
    """A filter as people type it: `class=transient,account=Orders`.

    Raises Invalid naming what is wrong and what there is.
    """
    given = dict(_pairs(",".join(typed)))
    account = given.get("account")
    checks = {"class": [*ErrorClass], "status": [*Status], "hold": HOLDS}
    for key, known in checks.items():
        if key in given and given[key] not in known:
            raise _wrong(f"«{given[key]}» is no {key}: {', '.join(known)}.")
    return Choice(
        account_id=_account(session, account) if account is not None else None,
        error_class=given.get("class"),
        error_code=_number(given, "code"),
        status=given.get("status"),
        batch_id=_number(given, "batch"),
        hold=given.get("hold"),
    )


def _pairs(typed: str) -> list[tuple[str, str]]:
    """Commas separate where a key follows: a name may have one in it."""
    pairs = []
    for part in re.split(rf",(?=\s*(?:{'|'.join(KEYS)})\s*=)", typed):
        key, equals, value = (one.strip() for one in part.partition("="))
        if key not in KEYS or not equals or not value:
            raise _wrong(f"«{part.strip()}» is no filter: KEY=VALUE, of {', '.join(KEYS)}.")
        pairs.append((key, value))
    return pairs


def _account(session: Session, name: str) -> int:
    chosen = select(col(Account.id)).where(func.lower(col(Account.name)) == name.lower())
    found: int | None = session.execute(chosen).scalar()
    if found is None:
        raise _wrong(f"There is no account «{name}».")
    return found


def _number(given: dict[str, str], key: str) -> int | None:
    try:
        return int(given[key]) if key in given else None
    except ValueError:
        raise _wrong(f"«{given[key]}» is no {key}: a number.") from None


def _wrong(sentence: str) -> Invalid:
    return Invalid(Problem("filter", "invalid", sentence))


def count(session: Session, choice: Choice, among: Collection[Status]) -> int:
    """How many there are now; of those named by id, all that were named."""
    if choice.ids is not None:
        return len(set(choice.ids))
    if choice.operation_id is not None:
        counted = select(func.count()).where(e.operation_id == choice.operation_id)
    elif choice.recipient is not None:
        counted = select(func.count()).select_from(_to(choice, among, 0).subquery())
    else:
        within = reach(session, choice) if choice.batch_id is not None else None
        asked = matching(session, choice, among, within=within)
        if within:
            asked = and_(m.id > within[0], m.id <= within[1], asked)
        counted = select(func.count()).select_from(m.id.table).where(asked)
    return int(session.execute(counted).scalar_one())


def reach(session: Session, choice: Choice) -> tuple[int, int]:
    """After which id, and up to which, the messages lie that are meant now.

    Of what an operation changed, after which event.
    """
    if choice.operation_id is not None:
        # + 0: PostgreSQL would walk all events, from the first on, until it meets one of these.
        first = select(func.min(e.id + 0)).where(e.operation_id == choice.operation_id)
        return (session.execute(first).scalar() or 1) - 1, last_id(session)
    if choice.batch_id is None:
        return 0, last_id(session)
    ends = select(col(Batch.after_id), col(Batch.until_id)).where(col(Batch.id) == choice.batch_id)
    after, until = session.execute(ends).one_or_none() or (0, 0)
    return after or 0, last_id(session) if until is None else until


def chunk(
    session: Session,
    choice: Choice,
    among: Collection[Status],
    *,
    after: int,
    until: int,
    most: int | None = None,
) -> tuple[list[int], int | None]:
    """The next ids after `after`, ascending, at most 1,000 or `most`; and where to go on, None:
    nowhere.

    Of what an operation changed, in the order in which it did, and at most 500.
    """
    most = min(most or CHUNK, CHUNK)
    if choice.ids is not None:
        ids = sorted({one for one in choice.ids if one > after})[:most]
        return ids, ids[-1] if len(ids) == most else None
    if choice.operation_id is not None:
        return _changed_by(session, choice.operation_id, after)
    if choice.recipient is not None:
        theirs = _to(choice, among, after).where(c.message_id <= until).order_by(c.message_id)
        return _read(session, theirs, None, most)
    end = after + WINDOW
    within = after + 1, min(end, until)
    here = and_(m.id.between(*within), matching(session, choice, among, within=within))
    found = select(m.id).where(here).order_by(m.id)
    return _read(session, found, end if end < until else None, most)


def _to(choice: Choice, among: Collection[Status], after: int) -> Select[int]:
    """By the index over the recipient, however many others there are."""
    theirs = and_(c.recipient == choice.recipient, c.message_id > after)
    matching = choice.matches(among, by_id=True)
    return select(c.message_id).join(m.id.table, m.id == c.message_id).where(theirs, matching)


def _changed_by(session: Session, operation_id: int, after: int) -> tuple[list[int], int | None]:
    """By its events: SQLite's index has them in the order of their ids, so that nothing is sorted
    for each chunk. `after` is one of them."""
    mine = and_(e.operation_id == operation_id, e.id > after)
    asked = select(e.id, e.message_id).where(mine).order_by(e.id).limit(CHANGED)
    found = session.execute(asked).all()
    return [one.message_id for one in found], found[-1].id if len(found) == CHANGED else None


def _read(
    session: Session, query: Select[int], end: int | None, most: int
) -> tuple[list[int], int | None]:
    ids = list(session.execute(query.limit(most)).scalars())
    return ids, ids[-1] if len(ids) == most else end


def last_id(session: Session) -> int:
    """The newest message: what is written later is not meant."""
    return int(session.execute(select(func.coalesce(func.max(m.id), 0))).scalar_one())


def last_given(session: Session) -> int:
    """The highest id that any message may have by now, also one that is not committed yet."""
    return int(session.execute(db.sql(f"SELECT {db.given(session, 'message')}")).scalar_one())

"""Who is at an operation now: it is taken for a turn, on a lease, a chunk at a time.

A chunk and its progress are one commit, made only while the turn is still the one that was taken:
after a kill somebody else has the next, and nothing is done twice.
"""

from collections.abc import Callable, Collection, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Subquery, and_, exists, func, or_, select, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from core import db, operations
from core.choosing import Choice
from core.kinds import CHANGING, LAST_COUNTS, OPEN, UNDONE_BY, Kind
from core.models import Operation
from core.operations import LEASE
from core.wake import wake_operations

MOST_LOST = 5  # processes that may die at one place of an operation, for want of memory say
LATELY = 500  # operations among which somebody's last turn is looked for
GAVE_UP = f"{MOST_LOST} processes ended before their time at it"


@dataclass(frozen=True)
class Taken:
    """An operation that this process runs, as long as nobody else has had a turn since."""

    id: int
    kind: Kind
    choice: Choice
    by: str
    confirmed: bool
    until: int
    turn: int
    after: int = 0
    done: int = 0
    why: dict[str, int] = field(default_factory=dict)  # reason for skipping → how many
    counted: int | None = None
    arguments: dict[str, Any] = field(default_factory=dict)
    result: dict[str, Any] = field(default_factory=dict)


def take(kinds: Collection[Kind] = tuple(Kind), *, fair: bool = False) -> Taken | None:
    """Take up the oldest of these kinds that nobody runs; None when there is none.

    Where it is `fair`, that of whose last one of these kinds was taken up longest ago. What depends
    on the order waits for what was asked for before it, though that was cut off.
    One at which too many processes have died, without getting further, is failed instead.
    """
    with db.writing() as session:
        now = db.now(session)
        while (row := _oldest(session, now, kinds, fair)) is not None:
            lost = _lost(row) + (row.state == "running")
            if lost < MOST_LOST:
                row.state, row.started_at = "running", row.started_at or now
                row.lease_until, row.turn = now + LEASE, row.turn + 1
                row.cursor = row.cursor | {"lost": lost}
                return _taken(row, row.turn)
            row.state, row.error, row.finished_at = "failed", GAVE_UP, now
            session.flush()
    return None


def _oldest(
    session: Session, now: datetime, kinds: Collection[Kind], fair: bool
) -> Operation | None:
    no_lease = or_(col(Operation.lease_until).is_(None), col(Operation.lease_until) <= now)
    free = and_(col(Operation.state).in_(OPEN), no_lease, col(Operation.kind).in_(kinds))
    oldest = select(col(Operation.id)).where(free, _is_next())
    if fair:
        turns = _turns(session, kinds)
        oldest = oldest.outerjoin(turns, turns.c.created_by == col(Operation.created_by))
        oldest = oldest.order_by(turns.c.last.nulls_first())
    oldest = oldest.order_by(col(Operation.id)).limit(1)
    if db.on_postgres(session):
        oldest = oldest.with_for_update(of=Operation, skip_locked=True)
    found = session.execute(oldest).scalar()
    return None if found is None else session.get_one(Operation, found)


def _turns(session: Session, kinds: Collection[Kind]) -> Subquery:
    """When somebody's operation was last taken up; who is not among the latest has long waited."""
    newest = session.execute(select(func.max(col(Operation.id)))).scalar() or 0
    lately = (col(Operation.id) > newest - LATELY, col(Operation.kind).in_(kinds))
    last = func.max(col(Operation.started_at)).label("last")
    by_person = select(col(Operation.created_by), last).where(*lately)
    return by_person.group_by(col(Operation.created_by)).subquery()


def _is_next() -> ColumnElement[bool]:
    """Two corrections of a batch mean something else in another order; what is of none may be of
    any. Of what one person asks for the last word counts, and nobody waits for another's."""
    other = aliased(Operation)
    mine, its = col(Operation.batch_id), col(other.batch_id)
    one_batch = or_(mine == its, mine.is_(None), its.is_(None))
    of_words = and_(col(Operation.kind).in_(CHANGING), col(other.kind).in_(CHANGING), one_batch)
    of_waiting = and_(
        col(Operation.kind).in_(LAST_COUNTS),
        col(other.kind).in_({*LAST_COUNTS, Kind.HOLD}),  # itself it waits for nothing
        col(Operation.created_by) == col(other.created_by),
    )
    before = and_(col(other.id) < col(Operation.id), col(other.state).in_(OPEN))
    return ~exists().where(before, or_(of_words, of_waiting))


def _lost(row: Operation) -> int:
    return int(row.cursor.get("lost", 0))


def held(operation_id: int, turn: int = 1) -> Taken:
    """One that another process took for this one; the first turn: created to be run here."""
    return _taken(operations.state(operation_id), turn)


def _taken(row: Operation, turn: int) -> Taken:
    arguments: dict[str, Any] = row.arguments
    return Taken(
        row.id,
        Kind(row.kind),
        Choice.read(row.filter),
        row.created_by,
        bool(arguments["confirmed"]),
        int(arguments["until"]),
        turn,
        int(row.cursor["after"]),
        row.done,
        dict(row.cursor["why"]),
        row.counted,
        arguments,
        deepcopy(row.result or {}),  # what is changed in it must differ from what is stored
    )


def _is_ours(mine: Taken) -> ColumnElement[bool]:
    ours = and_(col(Operation.id) == mine.id, col(Operation.turn) == mine.turn)
    return and_(ours, col(Operation.state) == "running")


def renew(session: Session, mine: Taken) -> Taken | None:
    """At the beginning of a chunk: prolong the lease; None when it was lost, or all was called off.

    The row stays locked until the chunk's commit.
    """
    until = db.now(session) + LEASE
    kept = session.execute(
        update(Operation)
        .where(_is_ours(mine))
        .values(lease_until=until)
        .returning(col(Operation.id))
    )
    if kept.first() is None:
        return None
    return _taken(session.get_one(Operation, mine.id, populate_existing=True), mine.turn)


def progress(session: Session, mine: Taken, *, ended: bool) -> None:
    """In the same transaction as the chunk: how far it is now."""
    row = session.get_one(Operation, mine.id)
    # Who got further did not die of what is there; who begins anew each time may well.
    lost = _lost(row) if mine.after == row.cursor["after"] else 0
    row.cursor = {"after": mine.after, "why": mine.why, "lost": lost}
    row.done, row.counted, row.result = mine.done, mine.counted, mine.result
    row.skipped = sum(mine.why.values())
    if ended:
        row.state, row.finished_at, row.lease_until = "finished", db.now(session), None
    session.flush()
    if ended and mine.kind in UNDONE_BY.values():
        undone = and_(
            col(Operation.id) == (mine.choice.operation_id or 0), col(Operation.state) != "undone"
        )
        session.execute(update(Operation).where(undone).values(state="undone"))


def in_chunks(mine: Taken, chunk: Callable[[Taken], tuple[Taken, bool]]) -> Iterator[Taken]:
    """One transaction after another, until `chunk` says that there is no more to do for us."""
    going = True
    while going:
        mine, going = chunk(mine)
        yield mine


def put_back(mine: Taken) -> None:
    """Leave it to others at once: this process stops."""
    _end(mine, state="queued", lease_until=None)
    wake_operations()


def leave(mine: Taken) -> None:
    """Leave it to others when the lease has ended: the database has trouble, which may be over."""
    _end(mine, state="queued")


def fail(mine: Taken, error: str) -> None:
    """Give up an operation that our own fault keeps from going on."""
    _end(mine, state="failed", error=error)


def _end(mine: Taken, **values: Any) -> None:
    with db.writing() as session:
        if values["state"] == "failed":
            values |= {"finished_at": db.now(session)}
        session.execute(update(Operation).where(_is_ours(mine)).values(**values))

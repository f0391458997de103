"""Operations as rows: who asked for what, how far it is, who is at it now.

Whoever runs one holds a lease. A chunk and its progress are one commit, made only while the lease
is still the one that was taken: after a kill somebody else goes on, and nothing is done twice.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlmodel import Session, col

from core import audit, choosing, db
from core.access import Actor, Role, needs, require
from core.choosing import Choice
from core.errors import Refused
from core.models import Operation
from core.states import Status
from core.wake import wake_operations

LEASE = timedelta(seconds=30)


class Kind(StrEnum):
    RETRY = "retry"
    CANCEL = "cancel"
    DELETE = "delete"
    UNDO = "undo"  # of a cancel
    HOLD = "hold"
    RELEASE = "release"
    CHECK = "check"  # a file before it is loaded
    LOAD = "load"
    EXPORT = "export"
    LEAVE = "leave"  # in peace, who asked for it
    BATCH_RELEASE = "batch release"
    BATCH_PAUSE = "batch pause"
    BATCH_CANCEL = "batch cancel"
    BATCH_REMOVE = "batch remove"  # what was stored of one that was never full
    CORRECT = "correct"  # what the messages of a batch say
    UNCORRECT = "undo correct"
    FOLLOW_UP = "follow up"  # a correction to those who got the old words
    TEMPLATE = "template"  # its waiting messages held or let go, as it now stands


UNDONE_BY = {Kind.CANCEL: Kind.UNDO, Kind.CORRECT: Kind.UNCORRECT}
OF_BATCHES = {Kind.BATCH_RELEASE, Kind.BATCH_PAUSE, Kind.BATCH_CANCEL, Kind.BATCH_REMOVE}
FILLS = {Kind.LOAD, Kind.FOLLOW_UP}
AMONG: dict[Kind, tuple[Status, ...]] = {
    Kind.RETRY: (Status.FAILED,),
    Kind.CANCEL: (Status.PENDING,),
    Kind.DELETE: (Status.PENDING, Status.SENT, Status.FAILED, Status.CANCELLED),
    Kind.UNDO: (Status.CANCELLED,),
    Kind.HOLD: (Status.PENDING,),
    Kind.RELEASE: (Status.PENDING,),
    **dict.fromkeys(OF_BATCHES, (Status.PENDING,)),
    Kind.CORRECT: (Status.PENDING, Status.PROCESSING, Status.FAILED),
    Kind.UNCORRECT: (Status.PENDING, Status.FAILED),
    Kind.FOLLOW_UP: (Status.SENT,),
    Kind.TEMPLATE: (Status.PENDING,),
}
OPEN = ("queued", "running")
# Much Python: each in a process of its own.
APART = {Kind.CHECK, Kind.LOAD, Kind.EXPORT, Kind.CORRECT, Kind.UNCORRECT, Kind.FOLLOW_UP}


@dataclass(frozen=True)
class Taken:
    """An operation that this process runs, as long as nobody else's lease has followed."""

    id: int
    kind: Kind
    choice: Choice
    by: str
    confirmed: bool
    until: int
    lease: datetime
    after: int = 0
    done: int = 0
    why: dict[str, int] = field(default_factory=dict)  # reason for skipping → how many
    counted: int | None = None
    arguments: dict[str, Any] = field(default_factory=dict)
    result: dict[str, Any] = field(default_factory=dict)


@needs(Role.OPERATOR)
def create(
    kind: Kind,
    choice: Choice,
    *,
    by: Actor,
    confirmed: bool = False,
    here: bool = False,
    batch_id: int | None = None,
    counted: int | None = None,
    **arguments: Any,
) -> int:
    """Store an operation and return its id; workers run it, unless this process does so `here`.

    It means the messages that there are now. `confirmed`: a person accepts that those whose outcome
    is unknown may arrive twice. `arguments` are what its kind needs beside, as JSON.
    """
    with db.writing() as session:
        operation_id = put(
            session,
            kind,
            choice,
            by=by,
            confirmed=confirmed,
            here=here,
            batch_id=batch_id,
            counted=counted,
            **arguments,
        )
    if not here:
        wake_operations()
    return operation_id


def put(
    session: Session,
    kind: Kind,
    choice: Choice,
    *,
    by: Actor,
    confirmed: bool = False,
    here: bool = False,
    batch_id: int | None = None,
    counted: int | None = None,
    **arguments: Any,
) -> int:
    """As `create`, in the caller's transaction: who calls wakes the workers after it."""
    now = db.now(session)
    if counted is None and kind in AMONG:
        counted = choosing.count(session, choice, AMONG[kind])
    after, until = choosing.reach(session, choice)
    made = Operation(
        kind=kind,
        state="running" if here else "queued",
        filter=choice.stored(),
        arguments=arguments | {"confirmed": confirmed, "until": until},
        cursor={"after": after, "why": {}},
        counted=counted,
        batch_id=batch_id,
        created_at=now,
        created_by=by.name,
        started_at=now if here else None,
        lease_until=now + LEASE if here else None,
    )
    session.add(made)
    session.flush()
    facts = {"filter": made.filter, "counted": made.counted, "confirmed": confirmed}
    audit.record(session, by, f"bulk {kind}", target=f"operation {made.id}", after=facts)
    return made.id


@needs(Role.OPERATOR)
def undo(operation_id: int, *, by: Actor, here: bool = False) -> int:
    """Bring back what a bulk cancel cancelled or a correction changed; returns the operation.

    Raises Refused for anything else, and where it has not ended or was undone.
    """
    row = state(operation_id)
    if row.kind not in UNDONE_BY or row.state not in ("finished", "cancelled"):
        raise Refused(
            f"Operation {row.id} is a {row.kind} ({row.state}): there is nothing to undo."
        )
    back = UNDONE_BY[Kind(row.kind)]
    return create(back, Choice(operation_id=row.id), by=by, here=here, batch_id=row.batch_id)


@needs(Role.VIEWER)
def cancel(operation_id: int, *, by: Actor) -> None:
    """Stop an operation after the chunk that is under way. Raises Refused when it has ended.

    Who asked for it may; of somebody else's, operators.
    """
    with db.writing() as session:
        row = session.get(Operation, operation_id)
        if row is None or row.created_by != by.name:
            require(Role.OPERATOR, by)
        open_ = and_(col(Operation.id) == operation_id, col(Operation.state).in_(OPEN))
        values = {"state": "cancelled", "finished_at": db.now(session)}
        moved = session.execute(
            update(Operation).where(open_).values(**values).returning(col(Operation.id))
        )
        if moved.first() is None:
            raise Refused(f"Operation {operation_id} has ended, or never was.")
        audit.record(session, by, "bulk action cancelled", target=f"operation {operation_id}")


def call_off(session: Session, batch_id: int, kinds: Collection[Kind]) -> None:
    """End what is under way for a batch, in the caller's transaction: it has been overruled."""
    open_ = and_(
        col(Operation.batch_id) == batch_id,
        col(Operation.kind).in_(kinds),
        col(Operation.state).in_(("queued", "running")),
    )
    values = {"state": "cancelled", "finished_at": db.now(session)}
    session.execute(update(Operation).where(open_).values(**values))


def fills_again(row: Operation) -> bool:
    """Whether it ended before its batch was full, and can go on; a load that was called off is
    taken away."""
    return row.state == "failed" or (row.state == "cancelled" and row.kind == Kind.FOLLOW_UP)


def again(session: Session, batch_id: int) -> int | None:
    """Queue again what has not filled a batch to its end; None: nothing can go on."""
    newest = (
        select(Operation)
        .where(col(Operation.batch_id) == batch_id, col(Operation.kind).in_(FILLS))
        .order_by(col(Operation.id).desc())
        .limit(1)
    )
    row = session.execute(newest).scalar()
    if row is None or not fills_again(row):
        return None
    row.state, row.error, row.finished_at, row.lease_until = "queued", None, None, None
    return int(row.id)


def state(operation_id: int) -> Operation:
    """The row as it stands now. Raises Refused when there is none."""
    with db.reading() as session:
        row = session.get(Operation, operation_id)
    if row is None:
        raise Refused(f"There is no operation {operation_id}.")
    return row


def of(person: Actor, kinds: Collection[Kind], *, since: datetime) -> list[Operation]:
    """Those that this person asked for since then, newest first."""
    with db.reading() as session:
        theirs = and_(
            col(Operation.created_by) == person.name,
            col(Operation.kind).in_(kinds),
            col(Operation.created_at) >= since,
        )
        newest = session.execute(select(Operation).where(theirs).order_by(col(Operation.id).desc()))
        return list(newest.scalars())


def remaining(row: Operation, now: datetime) -> timedelta | None:
    """How long it still takes at its rate so far; None where that is not known yet, or any more."""
    so_far = row.done + row.skipped
    if row.state != "running" or not row.counted or not so_far or row.started_at is None:
        return None
    return (now - row.started_at) * max(row.counted - so_far, 0) / so_far


def latest(limit: int) -> list[Operation]:
    """The latest bulk actions, newest first."""
    with db.reading() as session:
        ours = select(Operation).where(col(Operation.kind).in_(Kind))
        newest = session.execute(ours.order_by(col(Operation.id).desc()).limit(limit))
        return list(newest.scalars())


def take(kinds: Collection[Kind] = tuple(Kind)) -> Taken | None:
    """Take up the oldest of these kinds that nobody runs; None when there is none."""
    with db.writing() as session:
        now = db.now(session)
        oldest = (
            select(col(Operation.id)).where(_free(now, kinds)).order_by(col(Operation.id)).limit(1)
        )
        if db.on_postgres(session):
            oldest = oldest.with_for_update(skip_locked=True)
        found = session.execute(oldest).scalar()
        if found is None:
            return None
        row = session.get_one(Operation, found)
        row.state, row.started_at, row.lease_until = "running", row.started_at or now, now + LEASE
        return _taken(row)


def held(operation_id: int) -> Taken:
    """One that was created to be run here, with the lease that it was created with."""
    return _taken(state(operation_id))


def _is(operation_id: int) -> ColumnElement[bool]:
    return col(Operation.id) == operation_id


def _free(now: datetime, kinds: Collection[Kind]) -> ColumnElement[bool]:
    left = and_(col(Operation.state) == "running", col(Operation.lease_until) <= now)
    return and_(or_(col(Operation.state) == "queued", left), col(Operation.kind).in_(kinds))


def _taken(row: Operation) -> Taken:
    assert row.lease_until is not None
    arguments: dict[str, Any] = row.arguments
    return Taken(
        row.id,
        Kind(row.kind),
        Choice.read(row.filter),
        row.created_by,
        bool(arguments["confirmed"]),
        int(arguments["until"]),
        row.lease_until,
        int(row.cursor["after"]),
        row.done,
        dict(row.cursor["why"]),
        row.counted,
        arguments,
        dict(row.result or {}),
    )


def renew(session: Session, mine: Taken) -> Taken | None:
    """At the beginning of a chunk: prolong the lease; None when it was lost, or all was called off.

    The row stays locked until the chunk's commit.
    """
    until = db.now(session) + LEASE
    held = and_(_is(mine.id), col(Operation.state) == "running", _lease_is(mine))
    kept = session.execute(
        update(Operation).where(held).values(lease_until=until).returning(col(Operation.id))
    )
    if kept.first() is None:
        return None
    return _taken(session.get_one(Operation, mine.id, populate_existing=True))


def _lease_is(mine: Taken) -> ColumnElement[bool]:
    return col(Operation.lease_until) == mine.lease


def progress(session: Session, mine: Taken, *, ended: bool) -> None:
    """In the same transaction as the chunk: how far it is now."""
    values: dict[str, Any] = {
        "cursor": {"after": mine.after, "why": mine.why},
        "done": mine.done,
        "counted": mine.counted,
        "result": mine.result,
        "skipped": sum(mine.why.values()),
    }
    if ended:
        values |= {"state": "finished", "finished_at": db.now(session), "lease_until": None}
    session.execute(update(Operation).where(_is(mine.id)).values(**values))
    if ended and mine.kind in UNDONE_BY.values():
        undone = and_(_is(mine.choice.operation_id or 0), col(Operation.state) != "undone")
        session.execute(update(Operation).where(undone).values(state="undone"))


def in_chunks(mine: Taken, chunk: Callable[[Taken], tuple[Taken, bool]]) -> Iterator[Taken]:
    """One transaction after another, until `chunk` says that there is no more to do for us."""
    going = True
    while going:
        mine, going = chunk(mine)
        yield mine


def put_back(mine: Taken) -> None:
    """Leave it to others at once: this process stops."""
    with db.writing() as session:
        held = and_(_is(mine.id), col(Operation.state) == "running", _lease_is(mine))
        session.execute(update(Operation).where(held).values(state="queued", lease_until=None))
    wake_operations()


def fail(mine: Taken, error: str) -> None:
    """Give up an operation that our own fault keeps from going on."""
    with db.writing() as session:
        held = and_(_is(mine.id), _lease_is(mine))
        values = {"state": "failed", "error": error, "finished_at": db.now(session)}
        session.execute(update(Operation).where(held).values(**values))

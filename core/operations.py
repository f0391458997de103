"""Operations as rows: who asked for what, and how far it is. Who is at it: core/leasing.py."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, TypedDict, Unpack

from sqlalchemy import and_, select, update
from sqlmodel import Session, col

from core import audit, choosing, db, overruling
from core.access import Actor, Role, needs, require
from core.choosing import Choice
from core.errors import Refused
from core.kinds import AMONG, FILLS, OPEN, UNDONE_BY, Kind
from core.models import Batch, Operation
from core.wake import wake_operations

LEASE = timedelta(seconds=30)
QUIET = timedelta(seconds=10)  # a chunk takes one or two


# Who stops something never waits, and what sends would pass by it: see core/overruling.py.
_OVERRULES: dict[Kind, set[Kind]] = {
    Kind.CANCEL: {Kind.RETRY, Kind.UNDO},
    Kind.DELETE: {Kind.RETRY, Kind.UNDO},
    Kind.HOLD: {Kind.RETRY, Kind.UNDO, Kind.RELEASE, Kind.UNHOLD},
}
_ON_RECORD = {
    "shift",
    "first",
    "last",
    "to",
    "account",
    "way",
    "called_off",
}  # of the arguments: what became of many


class Asked(TypedDict, total=False):
    """What may be said of an operation beside its kind and its messages, as `put` takes it."""

    confirmed: bool
    here: bool
    batch_id: int | None
    counted: int | None
    arguments: Mapping[str, Any]


@needs(Role.OPERATOR)
def create(kind: Kind, choice: Choice, *, by: Actor, **asked: Unpack[Asked]) -> int:
    """Store an operation, as `put` does, in a transaction of its own; returns its id."""
    with db.writing() as session:
        operation_id = put(session, kind, choice, by=by, **asked)
    if not asked.get("here"):
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
    arguments: Mapping[str, Any] = MappingProxyType({}),
) -> int:
    """Store an operation and return its id; workers run it, unless this process does so `here`.

    It means the messages that there are now. `confirmed`: a person accepts that those whose outcome
    is unknown may arrive twice. `arguments` are what its kind needs beside, as JSON. The caller
    wakes the workers after its commit.
    """
    now = db.now(session)
    if beaten := overrule(session, kind, choice, by):
        arguments = {**arguments, "called_off": beaten}
    if counted is None and kind in AMONG:
        counted = choosing.count(session, choice, AMONG[kind])
    after, until = choosing.reach(session, choice)
    made = Operation(
        kind=kind,
        state="running" if here else "queued",
        filter=choice.stored(),
        arguments={**arguments, "confirmed": confirmed, "until": until},
        cursor={"after": after, "why": {}},
        turn=1 if here else 0,
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
    facts |= {name: value for name, value in arguments.items() if name in _ON_RECORD}
    audit.record(session, by, f"bulk {kind}", target=f"operation {made.id}", after=facts)
    return made.id


def overrule(session: Session, kind: Kind, choice: Choice, by: Actor) -> list[int]:
    """Let a stop win over what is under way, as core/overruling.py has it, before any message is
    locked; returns those that it has called off."""
    if kind not in _OVERRULES:
        return []
    open_ = (col(Operation.kind).in_(_OVERRULES[kind]), col(Operation.state).in_(OPEN))
    ids = session.execute(select(col(Operation.id)).where(*open_)).scalars().all()
    return overruling.overrule(session, ids, choice, by=by) if ids else []


@needs(Role.OPERATOR)
def undo(operation_id: int, *, by: Actor, here: bool = False) -> int:
    """Bring back what one of a kind in `UNDONE_BY` changed; returns the operation that does.

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

    Who asked for it may; of somebody else's, operators. Of a load nothing stays: see `take_away`.
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
        if row is not None and row.kind == Kind.LOAD and row.batch_id is not None:
            take_away(session, row.batch_id, by=by)
    wake_operations()


def take_away(session: Session, batch_id: int, *, by: Actor) -> bool:
    """Have removed what the load of a batch stored, and put back what it changed; whether there was
    anything to remove: a batch that is full stays.

    Also what a load changed whose place it took: see core/load_orders.py.
    """
    db.lock(session, "batch", [batch_id])
    batch = session.get_one(Batch, batch_id, populate_existing=True)
    if batch.state != "loading":
        return False
    for one in changers(session, batch_id):
        put(session, Kind.UNLOAD, Choice(operation_id=one), by=by, batch_id=batch_id)
    remove(session, batch, by=by)
    return True


def remove(session: Session, batch: Batch, *, by: Actor) -> None:
    """Cancel a batch that is not full, whose lock the caller holds, and have its rows removed."""
    batch.state, batch.until_id = "cancelled", choosing.last_given(session)
    session.flush()
    put(session, Kind.BATCH_REMOVE, Choice(batch_id=batch.id), by=by, batch_id=batch.id)


def changers(session: Session, batch_id: int) -> list[int]:
    """The loads that have changed messages for a batch, the newest first: its own, and those whose
    place it took."""
    ours = select(Operation).where(
        col(Operation.batch_id) == batch_id, col(Operation.kind) == Kind.LOAD
    )
    found = list[int]()
    for load in session.execute(ours.execution_options(populate_existing=True)).scalars():
        found += [load.id] if (load.result or {}).get("changed") else []
        found += load.arguments.get("instead_of", ())
    return found


def is_put_back(load: Operation) -> bool:
    """Whether what a load changed is put back, or was: it was called off before it was full."""
    with db.reading() as session:
        mine = (col(Operation.batch_id) == load.batch_id, col(Operation.kind) == Kind.UNLOAD)
        return session.execute(select(col(Operation.id)).where(*mine).limit(1)).first() is not None


def call_off(session: Session, batch_id: int, kinds: Collection[Kind]) -> None:
    """End what is under way for a batch, in the caller's transaction: it has been overruled."""
    open_ = and_(
        col(Operation.batch_id) == batch_id,
        col(Operation.kind).in_(kinds),
        col(Operation.state).in_(OPEN),
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
    row.cursor = row.cursor | {"lost": 0}
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


def quiet(row: Operation, now: datetime) -> timedelta | None:
    """How long nothing was heard of who is at it; None where that is no reason to wonder."""
    if row.state != "running" or row.lease_until is None:
        return None
    since = now - (row.lease_until - LEASE)
    return since if since > QUIET else None


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

"""Bulk actions as a person asks for them: what one would do, the doing, and its undo."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, null, or_, select
from sqlmodel import Session, col

from core import (
    changing,
    choosing,
    correcting,
    db,
    leasing,
    operating,
    operations,
    page_clock,
    rescheduling,
)
from core.access import Actor, Role, needs
from core.choosing import CHUNK, Choice
from core.corrections import Correction
from core.kinds import AMONG, OPEN, UNDONE_BY, Kind
from core.models import Operation
from core.standing import m
from core.states import Status

NOTHING: Mapping[str, Any] = MappingProxyType({})
LATELY = timedelta(minutes=15)  # for which the page tells somebody what became of theirs
DAY = timedelta(days=1)  # for which it offers to undo them
LOOKED_AT = 500  # operations, the newest: no index is over who asked for them
MOST = 20
ASKED = (
    *(Kind.CANCEL, Kind.RETRY, Kind.HOLD, Kind.RELEASE, Kind.DELETE),
    *(Kind.RESCHEDULE, Kind.ADJUST, Kind.MOVE),
)
_DONE = (*ASKED, Kind.CORRECT)
KINDS = {*_DONE, *(UNDONE_BY[one] for one in _DONE if one in UNDONE_BY)}


@dataclass(frozen=True)
class Foreseen:
    """What a bulk action would do: how many it touches, and how many not, by `REASONS`.

    `counted`: how many the operation would look at; `accounts`: how many it touches of each, where
    that matters.
    """

    able: int
    why: Mapping[str, int]
    counted: int
    accounts: Mapping[Any, int] = field(default_factory=dict)

    @property
    def meant(self) -> int:
        return self.able + sum(self.why.values())


def foresee(
    kind: Kind,
    choice: Choice,
    *,
    confirmed: bool = False,
    arguments: Mapping[str, Any] = NOTHING,
) -> Foreseen:
    """Count what it would touch if it were done now; it may be fewer by then.

    `arguments` as `begin` has them.
    """
    able, counted, why, accounts = 0, 0, Counter[str](), Counter[Any]()
    with db.reading() as session:
        for group in _groups(session, choice, kind, arguments):
            reason = operating.why_not(kind, choice, group, sure=confirmed)
            if reason is None and kind in changing.RULES:
                reason = changing.RULES[kind].why_not(group, arguments)
            if reason is None:
                able += group.n
                accounts[getattr(group, "account_id", None)] += group.n
            else:
                why[reason] += group.n
            counted += group.n if group.status in AMONG[kind] else 0
    if choice.ids is not None:
        counted = len(set(choice.ids))
        if gone := counted - able - sum(why.values()):
            why["gone"] += gone
    return Foreseen(able, dict(why.most_common()), counted, accounts)


def _groups(
    session: Session, choice: Choice, kind: Kind, arguments: Mapping[str, Any]
) -> Iterator[Any]:
    """One row for each sort of message, as `operating.why_not` and the rule of its kind judge."""
    # Few columns: of each PostgreSQL may expect many values, and then it sorts all to count them.
    flags = {one.name: one for one in (*_JUDGED, *operating.keeps(kind))}
    if kind in changing.RULES:
        flags = changing.RULES[kind].looks_at(arguments, db.now(session))
    # Of the many that have ended nothing else is asked: each of these may be a look elsewhere.
    asked = m.status.in_([one.value for one in AMONG[kind]])
    columns = [m.status, *(case((asked, one)).label(name) for name, one in flags.items())]
    none = (null().label("deleted_at"), null().label("meta_message_id"))
    for these in _these(session, choice):
        few = select(*columns).where(these, m.deleted_at.is_(None)).subquery()
        counted = select(few, *none, func.count().label("n")).group_by(*few.c)
        yield from session.execute(counted)


_JUDGED = (m.hold, m.error_class, m.kind)


def _these(session: Session, choice: Choice) -> Iterator[ColumnElement[bool]]:
    if choice.ids is None:
        yield choosing.matching(session, choice, tuple(Status))
    for start in range(0, len(choice.ids or ()), CHUNK):
        yield m.id.in_((choice.ids or ())[start : start + CHUNK])


@needs(Role.OPERATOR)
def begin(
    kind: Kind,
    choice: Choice,
    *,
    counted: int,
    confirmed: bool = False,
    arguments: Mapping[str, Any] = NOTHING,
    by: Actor,
) -> Operation:
    """A few are done here and now, many by a worker; returns the operation.

    `counted` as `foresee` has it; `arguments` as the rule of its kind makes them: see
    core/changing.py.
    """
    here = choice.ids is not None and counted <= CHUNK
    asked = operations.Asked(confirmed=confirmed, here=here, counted=counted)
    asked["arguments"] = rescheduling.in_order(arguments, choice)
    return _run(operations.create(kind, choice, by=by, **asked), here)


@needs(Role.OPERATOR)
def correct(choice: Choice, wanted: Correction, *, by: Actor) -> Operation:
    """Correct what of these has not left, as `begin`. Raises Invalid as `correcting.correct`."""
    here = choice.ids is not None and len(choice.ids) <= CHUNK
    return _run(correcting.correct_chosen(choice, wanted, by=by, here=here), here)


@needs(Role.OPERATOR)
def undo(operation_id: int, *, by: Actor) -> Operation:
    """Bring back what it changed, a few here and now; returns the operation that does.

    Raises Refused as `operations.undo` does.
    """
    here = operations.state(operation_id).done <= CHUNK
    return _run(operations.undo(operation_id, by=by, here=here), here)


def _run(operation_id: int, here: bool) -> Operation:
    if here:
        operating.run(leasing.held(operation_id))
    return operations.state(operation_id)


@dataclass(frozen=True)
class Lately:
    """Bulk actions, the newest first: what is under way, whoever asked for it, and what became of
    one person's.

    `told`: their last that ended, and what failed, as long as it is not long over; `undoable`:
    theirs of a day that can still be undone.
    """

    under_way: list[Operation]
    told: list[Operation]
    undoable: list[Operation]


def lately(person: Actor) -> Lately:
    """What is done to many messages, and what this person may want to know of theirs."""
    now = page_clock.now()
    with db.reading() as session:
        found = session.execute(_lately(person, since=now - LATELY, undone_since=now - DAY))
        rows = list(found.scalars())
    under_way = [row for row in rows if row.state in OPEN]
    ended = [row for row in rows if row.state not in OPEN]
    told = [row for row in ended if row is ended[0] or row.state == "failed"]
    told = [row for row in told if row.finished_at and row.finished_at >= now - LATELY]
    undoing = {Choice.read(row.filter).operation_id for row in under_way}
    return Lately(
        under_way, told, [row for row in ended if can_be_undone(row) and row.id not in undoing]
    )


def _lately(person: Actor, *, since: datetime, undone_since: datetime) -> Select[Any]:
    newest = select(func.max(col(Operation.id))).scalar_subquery()
    open_, kind = col(Operation.state).in_(OPEN), col(Operation.kind)
    back = and_(kind.in_(UNDONE_BY), col(Operation.finished_at) >= undone_since)
    theirs = and_(
        col(Operation.id) > newest - LOOKED_AT,
        col(Operation.created_by) == person.name,
        col(Operation.state) != "undone",
        or_(col(Operation.finished_at) >= since, back),
    )
    asked = and_(kind.in_(KINDS), col(Operation.batch_id).is_(None), or_(open_, theirs))
    found = select(Operation).where(asked)
    return found.order_by(open_.desc(), col(Operation.id).desc()).limit(MOST)


def can_be_undone(row: Operation) -> bool:
    """Whether it has ended, and has changed something that an undo may bring back."""
    return row.kind in UNDONE_BY and row.done > 0 and row.state in ("finished", "cancelled")

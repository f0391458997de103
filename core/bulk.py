"""Bulk actions as a person asks for them: what one would do, the doing, and its undo."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, case, func, null, select
from sqlmodel import Session

from core import (
    changing,
    choosing,
    correcting,
    db,
    leasing,
    operating,
    operations,
    rescheduling,
)
from core.access import Actor, Role, needs
from core.choosing import CHUNK, Choice
from core.corrections import Correction
from core.models import Operation
from core.operations import AMONG, UNDONE_BY, Kind
from core.standing import m
from core.states import Status

NOTHING: Mapping[str, Any] = MappingProxyType({})
LATELY = timedelta(minutes=15)  # for which the page tells somebody what became of theirs
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


def latest(person: Actor) -> Operation | None:
    """The last that this person asked for, as long as it runs or is not long over."""
    with db.reading() as session:
        since = db.now(session) - LATELY
    found = operations.of(person, KINDS, since=since)
    return next((one for one in found if one.batch_id is None), None)

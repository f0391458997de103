"""Bulk actions as a person asks for them: what one would do, the doing, and its undo."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, null, or_, select
from sqlmodel import Session, col

from core import adjusting, choosing, covering, db, leasing, operating, operations, rescheduling
from core.access import Actor, Role, needs
from core.choosing import CHUNK, Choice
from core.models import Batch, Operation, Template
from core.operations import AMONG, UNDONE_BY, Kind
from core.standing import a, m
from core.states import Status

NOTHING: Mapping[str, int] = MappingProxyType({})
LATELY = timedelta(minutes=15)  # for which the page tells somebody what became of theirs
ASKED = (
    *(Kind.CANCEL, Kind.RETRY, Kind.HOLD, Kind.RELEASE, Kind.DELETE),
    *(Kind.RESCHEDULE, Kind.ADJUST),
)
KINDS = {*ASKED, *(UNDONE_BY[one] for one in ASKED if one in UNDONE_BY)}


@dataclass(frozen=True)
class Foreseen:
    """What a bulk action would do: how many it touches, and how many not, by `REASONS`.

    `counted`: how many the operation would look at.
    """

    able: int
    why: Mapping[str, int]
    counted: int

    @property
    def meant(self) -> int:
        return self.able + sum(self.why.values())


def foresee(
    kind: Kind,
    choice: Choice,
    *,
    confirmed: bool = False,
    shift: timedelta | None = None,
    to: Mapping[str, int] = NOTHING,
) -> Foreseen:
    """Count what it would touch if it were done now; it may be fewer by then.

    `shift` and `to` as `begin` has them.
    """
    able, counted, why = 0, 0, Counter[str]()
    with db.reading() as session:
        soon = db.now(session) - (shift or timedelta())
        for group in _groups(session, choice, soon, kind):
            reason = operating.why_not(kind, choice, group, sure=confirmed)
            if reason is None and kind in operating.SENDS:
                reason = _kept_from_leaving(group)
            if reason is None and kind is Kind.RESCHEDULE:
                reason = _no_new_time(group, now=shift is None)
            if reason is None and kind is Kind.ADJUST:
                reason = adjusting.why_not(group, to)
            if reason is None:
                able += group.n
            else:
                why[reason] += group.n
            counted += group.n if group.status in AMONG[kind] else 0
    if choice.ids is not None:
        counted = len(set(choice.ids))
        if gone := counted - able - sum(why.values()):
            why["gone"] += gone
    return Foreseen(able, dict(why.most_common()), counted)


def _kept_from_leaving(group: Any) -> str | None:
    """In the order in which core/operating.py has the last word."""
    if group.retired:
        return "retired"
    return "by_batch" if group.over else "opted_out" if group.covered else None


def _no_new_time(group: Any, *, now: bool) -> str | None:
    """As core/rescheduling.py judges each, but for what has a last time."""
    if now and group.hold:
        return "kept_back"
    return ("due" if now else "over") if group.soon else None


def _groups(session: Session, choice: Choice, soon: datetime, kind: Kind) -> Iterator[Any]:
    """One row for each sort of message, as `operating.why_not` judges them."""
    flags: dict[str, ColumnElement[Any]] = {
        "status": m.status,
        "hold": m.hold,
        "error_class": m.error_class,
        "kind": m.kind,
        "soon": _flag(m.due_at <= soon),
    }
    if kind is Kind.ADJUST:
        flags |= {name: m[name] for name in ("priority", "max_retries", "retry_count")}
    if kind in operating.SENDS:
        cancelled = select(col(Batch.id)).where(col(Batch.state) == "cancelled")
        retired = select(a.id).where(a.state == "retired")
        flags |= {"covered": _flag(_covered()), "over": _flag(m.batch_id.in_(cancelled))}
        flags["retired"] = _flag(m.account_id.in_(retired))
    columns = [one.label(name) for name, one in flags.items()]
    none = (null().label("deleted_at"), null().label("meta_message_id"))
    for these in _these(session, choice):
        few = select(*columns).where(these, m.deleted_at.is_(None)).subquery()
        counted = select(few, *none, func.count().label("n")).group_by(*few.c)
        yield from session.execute(counted)


def _these(session: Session, choice: Choice) -> Iterator[ColumnElement[bool]]:
    if choice.ids is None:
        yield choosing.matching(session, choice, tuple(Status))
    for start in range(0, len(choice.ids or ()), CHUNK):
        yield m.id.in_((choice.ids or ())[start : start + CHUNK])


def _covered() -> ColumnElement[bool]:
    marketing = select(col(Template.id)).where(
        col(Template.category) == covering.MARKETING_CATEGORY
    )
    of_marketing = and_(m.template_id.in_(marketing), covering.covers_message(marketing=True))
    return or_(covering.covers_message(marketing=False), of_marketing)


def _flag(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return case((condition, 1), else_=0)


@needs(Role.OPERATOR)
def begin(
    kind: Kind,
    choice: Choice,
    *,
    counted: int,
    confirmed: bool = False,
    shift: timedelta | None = None,
    to: Mapping[str, int] = NOTHING,
    by: Actor,
) -> Operation:
    """A few are done here and now, many by a worker; returns the operation.

    `counted` as `foresee` has it; `shift`: by how much to reschedule, None: to now; `to`:
    what to adjust, column → value.
    """
    here = choice.ids is not None and counted <= CHUNK
    asked = operations.Asked(confirmed=confirmed, here=here, counted=counted)
    if kind is Kind.RESCHEDULE:
        asked["arguments"] = rescheduling.arguments(shift)
    if kind is Kind.ADJUST:
        asked["arguments"] = adjusting.arguments(to)
    return _run(operations.create(kind, choice, by=by, **asked), here)


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

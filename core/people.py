"""One person by number: what they asked, what is pending for them, what was sent; and cancelling.

Everything is read by (recipient, message id), so that it costs the same beside a million others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlmodel import Session, col

from core import choosing, covering, db, leasing, listing, operating, operations, phone
from core.access import Actor, Role, needs
from core.choosing import CHUNK, Choice
from core.errors import Invalid, Refused
from core.filtering import c
from core.kinds import AMONG, Kind
from core.listing import CAP, ENDED, OPEN, MessageRow
from core.meta.inbound import NOT_WRITTEN
from core.models import Account, Inbound, Operation, OptOut, Recipient
from core.phone import Phone
from core.standing import m
from core.states import Status

PAGE = 25
SHOWN = 50  # of what is pending


@dataclass(frozen=True)
class Person:
    """What is known of one number. `opt_outs`: latest first, lifted ones too; `ended`: a page.

    `counts` has messages by status, and stops at `listing.CAP` + 1 over all of them.
    """

    phone: Phone
    opt_outs: list[OptOut]
    accounts: Mapping[int, str]
    counts: Mapping[str, int]
    open: list[MessageRow]
    ended: list[MessageRow]
    before: int | None
    after: int | None
    last_inbound_at: datetime | None
    wrote: Inbound | None  # the last that they wrote, to whichever number

    @property
    def in_force(self) -> list[OptOut]:
        return [one for one in self.opt_outs if one.lifted_at is None]

    @property
    def lifted(self) -> list[OptOut]:
        return [one for one in self.opt_outs if one.lifted_at is not None]

    @property
    def pending(self) -> int:
        return self.counts.get(Status.PENDING, 0)


def read(typed: str) -> list[Phone]:
    """The numbers that are meant: one, or what 0812… is in each of the accounts' countries.

    Raises Invalid where it is none.
    """
    try:
        return [phone.read(typed, home=None)]
    except Invalid as invalid:
        if {problem.code for problem in invalid.problems} != {"national"}:
            raise
        found = {one.e164: one for home in countries() if (one := _at_home(typed, home))}
        if not found:
            raise
    return list(found.values())


def _at_home(typed: str, home: str) -> Phone | None:
    try:
        return phone.read(typed, home=home)
    except Invalid:
        return None


def countries() -> list[str]:
    """The countries of the accounts, each once."""
    with db.reading() as session:
        known = select(col(Account.country)).where(col(Account.country).is_not(None)).distinct()
        return sorted(session.execute(known).scalars())


def find(who: Phone, *, after: int | None = None, before: int | None = None) -> Person:
    """All about a number; of what has ended the page after (or before) that message id."""
    number = who.e164
    with db.reading() as session:
        theirs = select(OptOut).where(col(OptOut.number) == number).order_by(col(OptOut.id).desc())
        wrote = select(func.max(col(Recipient.last_inbound_at))).where(
            col(Recipient.number) == number,
            col(Recipient.account_id).in_(select(col(Account.id))),
        )
        rows, newer, older = _ended(session, number, after, before)
        return Person(
            who,
            list(session.execute(theirs).scalars()),
            covering.names(session),
            _counts(session, number),
            listing.rows(session, *_to(number, OPEN), by=(m.due_at, m.id), limit=SHOWN),
            rows,
            newer,
            older,
            session.execute(wrote).scalar(),
            _wrote(session, number),
        )


def _wrote(session: Session, number: str) -> Inbound | None:
    theirs = select(Inbound).where(
        col(Inbound.account_id).in_(select(col(Account.id))),
        col(Inbound.number) == number,
        col(Inbound.kind).not_in(NOT_WRITTEN),
    )
    found: Inbound | None = (
        session.execute(theirs.order_by(col(Inbound.at).desc()).limit(1)).scalars().first()
    )
    return found


def _to(number: str, statuses: tuple[Status, ...]) -> tuple[ColumnElement[bool], ...]:
    """The concat keeps planners to the index over the recipient."""
    among = m.status.concat("").in_([one.value for one in statuses])
    return c.recipient == number, among, m.deleted_at.is_(None)


def _ended(
    session: Session, number: str, after: int | None, before: int | None
) -> tuple[list[MessageRow], int | None, int | None]:
    """A page of what has ended, latest first, and the ids to go on from: newer, older."""
    conditions = [*_to(number, ENDED)]
    if before is not None:
        conditions.append(c.message_id > before)
    elif after is not None:
        conditions.append(c.message_id < after)
    by = c.message_id if before is not None else c.message_id.desc()
    rows = listing.rows(session, *conditions, by=(by,), limit=PAGE + 1)
    more, rows = len(rows) > PAGE, rows[:PAGE]
    if before is not None:
        rows.reverse()
    if not rows:
        return [], None, None
    newer = more if before is not None else after is not None
    older = more if before is None else True
    return rows, rows[0].id if newer else None, rows[-1].id if older else None


def _counts(session: Session, number: str) -> dict[str, int]:
    few = (
        select(m.status)
        .join_from(c.message_id.table, m.id.table, m.id == c.message_id)
        .where(c.recipient == number, m.deleted_at.is_(None))
        .limit(CAP + 1)
        .subquery()
    )
    counted = select(few.c.status, func.count().label("n")).group_by(few.c.status)
    return {row.status: row.n for row in session.execute(counted)}


@needs(Role.OPERATOR)
def cancel_all(number: str, *, by: Actor) -> Operation:
    """Cancel all that is pending for a number, as an operation that can be undone; returns it.

    A few are cancelled here and now, many by a worker. Raises Refused when nothing is pending.
    """
    choice = Choice(recipient=number)
    with db.reading() as session:
        waiting = choosing.count(session, choice, AMONG[Kind.CANCEL])
    if not waiting:
        raise Refused("Nothing is pending for this number any more.")
    here = waiting <= CHUNK
    operation = operations.create(Kind.CANCEL, choice, by=by, here=here, counted=waiting)
    if here:
        operating.run(leasing.held(operation))
    return operations.state(operation)


def asked_before(message_id: int, at: datetime, *, zone: str) -> str | None:
    """What had been asked when a message was cancelled for it: «since …, by …, covers …»."""
    with db.reading() as session:
        one = covering.at_the_time(session, message_id, at)
        if one is None:
            return None
        return covering.told_of(one, covering.names(session), zone=zone, now=db.now(session))

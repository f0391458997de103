"""The restore guard: nothing is claimed until a person says what becomes of the overdue.

What a restored or cloned database holds as pending may have left long ago, and only a person can
know. Everything here works while the guard is on, so it may be begun again after a crash.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlmodel import Session, col

from core import audit, db, holding, installation, lateness, messages
from core.access import Actor, Role, needs
from core.errors import Refused
from core.installation import Stop
from core.listing import capped
from core.models import Installation, Message, Worker
from core.states import Cause, Status
from core.wake import wake

CHUNK = 1000
SPARE_IDS = 1_000_000  # attempts that other machines may have made beyond what this one knows of


class Overdue(StrEnum):
    """What a person may decide about what came due until now."""

    SEND = "send"
    HOLD = "hold"
    CANCEL = "cancel"


@dataclass(frozen=True)
class Guard:
    """That the restore guard is on: since when, and why, a sentence for each machine's reason."""

    since: datetime
    reason: str


def guarded() -> Guard | None:
    """Whether and why nothing is sent; None while the guard is off."""
    with db.reading() as session:
        return _guard(session)


@dataclass(frozen=True)
class Halt:
    """What keeps everything from being sent, each None while it does not."""

    stop: Stop | None
    guard: Guard | None


def halt() -> Halt:
    """The stop and the guard by one question: every open page asks it every few seconds."""
    with db.reading() as session:
        whole = session.execute(select(Installation)).scalar_one()
        return Halt(installation.stop_of(whole), _guard_of(whole))


def _guard(session: Session, *, locked: bool = False) -> Guard | None:
    asked = select(Installation).with_for_update() if locked else select(Installation)
    return _guard_of(session.execute(asked).scalar_one())


def _guard_of(whole: Installation) -> Guard | None:
    return Guard(whole.guard_since, whole.guard_reason or "") if whole.guard_since else None


def reason(session: Session) -> str | None:
    """Why the guard is on, in a transaction that keeps it so; None while it is off."""
    known = _guard(session, locked=True)
    return known.reason if known else None


def guard(session: Session, why: str, *, beyond: int = 0) -> None:
    """Let nothing be sent from this database; what else is wrong is added to the first reason.

    `beyond`: the newest attempt that is known to have been made. No attempt gets an id again that
    a lost one may have had: its webhooks would be taken for the new one's.
    """
    known = _guard(session, locked=True)  # two machines may come at once
    if known and why in known.reason:
        return
    on = {
        "guard_since": known.since if known else db.now(session),
        "guard_reason": f"{known.reason}\n{why}" if known else why,
    }
    session.execute(update(Installation).values(**on))
    # Start marks tell of the database that was lost: in this one they prove nothing.
    session.execute(update(Worker).values(boot_id=None))
    db.skip_ids(session, "attempt", beyond + SPARE_IDS)
    audit.record_engine(session, "restore guard on", after={"reason": why})


def overdue() -> int:
    """How many messages came due and wait; stops at `listing.CAP` + 1."""
    with db.reading() as session:
        return capped(session, *_due_before(db.now(session)))


@needs(Role.ADMIN)
def answer(what: Overdue, *, by: Actor) -> int:
    """Turn the guard off, after doing to the overdue what a person decided; returns to how many.

    What is sent is sent however late it is. Raises Refused when the guard is not on.
    """
    with db.reading() as session:
        if _guard(session) is None:
            raise Refused("The restore guard is not on.")
        now = db.now(session)
    touched = 0 if what is Overdue.SEND else sum(_do(what, ids, by) for ids in _chunks(now))
    with db.writing() as session:
        lift(session, by, after={"overdue": what, "messages": touched})
        lateness.forget(session)
    wake(now)
    return touched


def lift(session: Session, by: Actor, *, after: dict[str, object]) -> None:
    """Turn the guard off. Raises Refused when it is off already."""
    known = _guard(session, locked=True)
    if known is None:
        raise Refused("The restore guard is not on.")
    session.execute(update(Installation).values(guard_since=None, guard_reason=None))
    before = {"reason": known.reason, "since": db.stamp(known.since)}
    audit.record(session, by, "restore guard answered", before=before, after=after)


def _due_before(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Those that nothing else holds."""
    return (
        col(Message.status) == Status.PENDING,
        col(Message.due_at) <= now,
        col(Message.hold).is_(None),
    )


def _chunks(now: datetime) -> Iterator[Sequence[int]]:
    """Ids of what was due at `now`, by (due_at, id), read on from where the last chunk ended."""
    due, last = col(Message.due_at), col(Message.id)
    after = None
    while True:
        query = select(last, due).where(*_due_before(now)).order_by(due, last)
        if after:
            query = query.where(or_(due > after[0], and_(due == after[0], last > after[1])))
        with db.reading() as session:
            found = session.execute(query.limit(CHUNK)).all()
        if not found:
            return
        yield sorted(row[0] for row in found)
        after = (found[-1][1], found[-1][0])


def _do(what: Overdue, ids: Sequence[int], by: Actor) -> int:
    with db.writing() as session:
        now = db.now(session)
        if what is Overdue.HOLD:
            return len(holding.hold_in(session, ids, "late", by.name, at=now))
        change = [{"message_id": one} for one in ids]
        moved = messages.move(session, change, Status.CANCELLED, Cause.CANCEL)
        told = {one: ({"status": "pending"}, {"status": "cancelled"}) for one in sorted(moved)}
        messages.record(session, "cancel", by.name, told, at=now)
        return len(moved)

"""Messages that wait moved to another number of ours, where they fit as they are.

A template goes with them where the other number's business has one of the same name, language and
content as it was scheduled with: they say the very same. Any other is Meta's to approve first.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, and_, case, exists, false, func, not_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlmodel import Session, col

from core import choosing, covering, db, models, outlook, usable
from core.choosing import Choice, c, flag
from core.errors import Invalid, Problem
from core.leasing import Taken
from core.models import Account, Attempt, Pace, Recipient, Template
from core.outlook import DAY, Finish, Passing
from core.sending.sieve import late_after
from core.standing import a, m
from core.states import Status
from core.untouched import Former

_FITS_NOT = (
    *("retired_there", "at_it", "reference_there", "opted_out", "other_template"),
    *("window_lost", "late_there"),
)
other = models.Message.metadata.tables["message"].alias("other").c
_LIVE = and_(other.status != "cancelled", other.deleted_at.is_(None))


def to(account_id: int) -> dict[str, Any]:
    """The arguments for this number. Raises Invalid at `account` where it is retired, or is not."""
    with db.reading() as session:
        found = session.get(Account, account_id)
    if found is None or found.state == "retired":
        told = f"«{found.name}» is retired." if found else "There is no such number."
        raise Invalid(Problem("account", "unusable", told))
    return {"account_id": found.id, "account": found.name, "business_id": found.business_id}


def looks_at(arguments: Mapping[str, Any], now: datetime) -> dict[str, ColumnElement[Any]]:
    """What keeps it where it is, each by its reason."""
    there = arguments["account_id"]
    taken = exists().where(
        other.account_id == there,
        other.reference == m.reference,
        other.reference.is_not(None),  # for SQL it goes without saying; the index asks for it
        _LIVE,
    )
    found = {
        # Since somebody asked for it: there they would wait for ever.
        "retired_there": exists().where(a.id == there, a.state == "retired"),
        "at_it": m.account_id == there,
        "reference_there": and_(m.reference.is_not(None), taken),
        "opted_out": covering.covers_messages(account_id=there),
        "other_template": and_(m.template_id.is_not(None), _twin(arguments).is_(None)),
        "window_lost": and_(m.kind == "text", m.due_at < now + DAY, _loses(there, now)),
        "late_there": _expires(there, now),
    }
    return {name: flag(found[name]) for name in _FITS_NOT}


def reads(arguments: Mapping[str, Any]) -> dict[str, ColumnElement[Any]]:
    """The template that it has there."""
    return {"twin": _twin(arguments)}


def _twin(arguments: Mapping[str, Any]) -> ColumnElement[Any]:
    """The template that says the same there: its own, or the one that its business has alike."""
    business_id = arguments["business_id"]
    near = m.account_id.in_(select(a.id).where(a.business_id == business_id))
    alike = select(col(Template.id)).where(
        col(Template.business_id) == business_id,
        col(Template.name) == c.template,
        col(Template.language) == c.language,
        col(Template.sha256) == c.template_sha256,
        col(Template.status) == usable.APPROVED,
        col(Template.hold).is_(None),
        c.message_id == m.id,
    )
    return case((near, m.template_id), else_=alike.correlate(m.id.table).scalar_subquery())


def _loses(there: int, now: datetime) -> ColumnElement[bool]:
    """Whether a free text that reaches its recipient when it is due would not, from there."""
    wrote = col(Recipient.last_inbound_at)
    # What is known of now is asked of all at once; of the few whose window is open, when it ends.
    lately, ends = wrote > now - DAY, and_(wrote > now - DAY, _DayAfter(wrote) > m.due_at)
    known, reached = _writes(m.account_id, lately), _writes(m.account_id, ends)
    return and_(known, reached, not_(_writes(there, ends)))


def _expires(there: int, now: datetime) -> ColumnElement[bool]:
    """Whether it is late by that number's last outage, and worthless by it: it would never leave.

    One for its quiet hours may yet be in time there; it stays all the same.
    """
    with db.reading() as session:
        number = select(col(Account.late_after), col(Account.late_policy), col(Pace.ready_since))
        mine = number.join(Pace, col(Pace.account_id) == col(Account.id))
        found = session.execute(mine.where(col(Account.id) == there)).one_or_none()
    if found is None or found.ready_since is None:
        return false()
    posted = col(Attempt.outcome).not_in(("released", "unreached"))
    tried = exists().where(col(Attempt.message_id) == m.id, posted)
    return and_(
        m.scheduled_at < found.ready_since - late_after(found.late_after),
        func.coalesce(m.late_policy, found.late_policy) == "skip",
        func.coalesce(m.hold, "") != "late",  # a person who lets it go beats every policy
        not_(and_(m.attempt_count > 0, tried)),
    )


def _writes(account_id: Any, when: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether the recipient has written to that number, and when."""
    theirs = (col(Recipient.account_id) == account_id, col(Recipient.number) == m.recipient)
    return exists().where(*theirs, when)


class _DayAfter(FunctionElement[Any]):
    """24 hours after an instant: until then free texts reach who wrote."""

    inherit_cache = True


@compiles(_DayAfter)
def _on_postgres(element: _DayAfter, compiler: SQLCompiler, **more: Any) -> str:
    return f"({compiler.process(element.clauses, **more)} + interval '24 hours')"


@compiles(_DayAfter, "sqlite")
def _on_sqlite(element: _DayAfter, compiler: SQLCompiler, **more: Any) -> str:
    at = compiler.process(element.clauses, **more)
    return f"(strftime('%Y-%m-%d %H:%M:%f', {at}, '+24 hours') || '000+00:00')"


def why_not(row: Any, arguments: Mapping[str, Any]) -> str | None:
    return next((reason for reason in _FITS_NOT if getattr(row, reason)), None)


def changes(
    rows: Sequence[Row[Any]], mine: Taken, now: datetime
) -> Iterator[Mapping[str, Any] | str]:
    taken = set[str]()  # by those before, which may come from several numbers
    for row in rows:
        if row.reference in taken:
            yield "reference_there"
            continue
        taken |= {row.reference} - {None}
        change: dict[str, Any] = {name: mine.arguments[name] for name in ("account_id", "account")}
        if row.template_id is not None and row.twin != row.template_id:
            change["template_id"] = row.twin
            change |= {"hold": None} if row.hold == "template" else {}
        yield change


def stays(session: Session, found: Mapping[int, Former]) -> dict[int, str]:
    """Nothing goes back to a number that is retired, or where its reference is in use again."""
    was = {i: one.columns["account_id"] for i, one in found.items()}
    asked = select(other.account_id, other.reference).where(
        other.account_id.in_(set(was.values())),
        other.reference.in_({one.row.reference for one in found.values()} - {None}),
        _LIVE,
    )
    taken = {tuple(row) for row in session.execute(asked)}
    retired = select(a.id).where(a.id.in_(set(was.values())), a.state == "retired")
    gone = set(session.execute(retired).scalars())
    return {
        i: "retired" if was[i] in gone else "changed"
        for i, one in found.items()
        if was[i] in gone or (was[i], one.row.reference) in taken
    }


class There(NamedTuple):
    """When those that fit would have left, behind what waits there; and when there would be more
    people in 24 hours than Meta allows."""

    finish: Finish
    passings: list[Passing]


def foretold(choice: Choice, arguments: Mapping[str, Any]) -> There | None:
    """What becomes of those that fit, of more than 100,000 the first ones; None: none is free to
    leave, or the number is paused."""
    with db.reading() as session:
        account, now = session.get_one(Account, arguments["account_id"]), db.now(session)
        if account.state != "active":
            return None
        waits = choosing.those(session, choice, (Status.PENDING,))
        looks = [one.label(name) for name, one in looks_at(arguments, now).items()]
        free = select(m.due_at, m.recipient, *looks).where(waits, m.hold.is_(None))
        first = free.order_by(m.due_at).limit(outlook.MOST_AHEAD).subquery().c
        fits = (not_(first[name]) for name in _FITS_NOT)
        dues = session.execute(select(first.due_at, first.recipient).where(*fits)).all()
        leaves = outlook.leaving(session, account, [(at, who) for at, who in dues], now)
        finish = outlook.finish(account, leaves)
        return finish and There(finish, outlook.passings(session, {account.id: leaves}, now))

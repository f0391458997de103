"""Those who were not reached, tried once more with a template: a batch of its own, held.

Nobody is tried so twice while a batch with them stands: what a message was prepared for is an event
of it, written with the message that follows it.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, and_, not_, or_, select
from sqlmodel import Session, col

from core import audit, batches, composing, db, messages, not_reached, operations, wording
from core.access import Actor, Role, needs
from core.choosing import Choice
from core.corrections import Form
from core.errors import Invalid, Problem, Refused
from core.filtering import listed
from core.kinds import OPEN, Kind
from core.models import Account, Batch, MessageEvent, Operation, Template
from core.not_reached import Missed
from core.quoting import quoted
from core.standing import Standing, m, where
from core.states import Cause, Status
from core.wake import wake_operations

MOST = 5_000  # that are tried at once
EVENT = "second try"
_BATCH = col(MessageEvent.after)["batch_id"].as_integer()
_FOLLOWS = col(MessageEvent.after)["message_id"].as_integer()


@dataclass(frozen=True)
class Try:
    """A template, with values where a message has none of that name.

    `confirmed`: a person accepts that those whose outcome is unknown may get both.
    """

    template_id: int | None
    parameters: Mapping[str, str] = field(default_factory=dict)
    confirmed: bool = False

    @classmethod
    def read(cls, arguments: Mapping[str, Any]) -> "Try":
        """From the arguments of an operation."""
        return cls(arguments["template_id"], arguments["parameters"], arguments["confirmed"])


class Sifted(NamedTuple):
    """Messages that may be tried again, as `wording.rows` reads them; why others may not; and the
    `doubles` of one that may: they would say the very same to the same person."""

    rows: list[Row[Any]]
    why: Counter[str]
    doubles: list[int]


class Outlook(NamedTuple):
    """How many would be `prepared`, of them `taken` by WhatsApp and maybe still to arrive; the
    others by why they are left out."""

    prepared: int
    taken: int
    why: Mapping[str, int]

    @property
    def looked_at(self) -> int:
        """Of those that were not tried yet; at most `MOST`."""
        return self.prepared + sum(n for why, n in self.why.items() if why != "in_batch")


def forms(wanted: Missed) -> list[Form]:
    """The templates that can be sent by the accounts that are asked about, by name."""
    with db.reading() as session:
        theirs = select(col(Account.business_id)).where(col(Account.state) != "retired")
        if wanted.account is not None:
            theirs = theirs.where(col(Account.name) == wanted.account)
        found = select(Template).where(col(Template.business_id).in_(theirs))
        able = [wording.form_of(one) for one in session.execute(found).scalars()]
    return sorted((one for one in able if not one.stopped), key=lambda one: one.name)


def preview(wanted: Missed, what: Try, *, now: datetime) -> Outlook:
    """What becomes of those on the list when they are tried so."""
    with db.reading() as session:
        sifted = sift(session, _listed(session, wanted, ~_tried(), now), what, now)
        tried = len(_listed(session, wanted, _tried(), now))
    taken = sum(row.status == Status.SENT for row in sifted.rows)
    return Outlook(len(sifted.rows), taken, dict(sifted.why + Counter(in_batch=tried)))


def _listed(
    session: Session, wanted: Missed, such: ColumnElement[bool], now: datetime
) -> list[int]:
    return not_reached.ids(session, wanted, such, now=now, most=MOST)


def _tried() -> ColumnElement[bool]:
    """That it was tried in a batch that stands: a condition on messages."""
    standing = select(col(Batch.id)).where(col(Batch.id) == _BATCH, col(Batch.state) != "cancelled")
    told = select(col(MessageEvent.id)).where(
        col(MessageEvent.message_id) == m.id, col(MessageEvent.kind) == EVENT, standing.exists()
    )
    return told.exists()


def sift(session: Session, ids: Sequence[int], what: Try, now: datetime) -> Sifted:
    """Who of these is still not reached, and may be tried."""
    template = session.get(Template, what.template_id) if what.template_id else None
    missed = _is_missed(now)
    few = [ids[start : start + 1000] for start in range(0, len(ids), 1000)]
    rows = [
        row
        for some in few
        for row in wording.rows(session, and_(m.id.in_(some), m.deleted_at.is_(None), missed), None)
    ]
    asked, tried = wording.opted_out(session, rows, template), tried_in(session, ids)
    asks = composing.shape_of(template).asks if template else ()
    open_ = [one.key for one in asks if not what.parameters.get(one.key, "").strip()]

    def why_not(row: Row[Any]) -> str | None:
        if row.id in tried:
            return "in_batch"
        if row.id in asked:
            return "opted_out"
        if row.error_class == "unknown" and not what.confirmed:
            return "unconfirmed"
        if template is not None and row.business_id != template.business_id:
            return "other_business"
        lacks = any(not (row.parameters or {}).get(key) for key in open_)
        return "does_not_fit" if lacks else None

    out = {row.id: reason for row in rows if (reason := why_not(row))}
    doubles = _doubles([row for row in rows if row.id not in out], what, [one.key for one in asks])
    out |= dict.fromkeys(doubles, "twice")
    why = Counter(out.values()) + Counter(reached=len(set(ids)) - len(rows))
    return Sifted([row for row in rows if row.id not in out], why, doubles)


def _is_missed(now: datetime) -> ColumnElement[bool]:
    return or_(m.status == Status.FAILED.value, where(Standing.SENT, now))


def _doubles(rows: Sequence[Row[Any]], what: Try, keys: Sequence[str]) -> list[int]:
    said, found = set[Any](), list[int]()
    for row in rows:
        own = row.parameters or {}
        words = tuple(own.get(key) or what.parameters.get(key) for key in keys)
        if (row.account_id, row.recipient, words) in said:
            found.append(row.id)
        said.add((row.account_id, row.recipient, words))
    return found


def tried_in(session: Session, ids: Collection[int]) -> dict[int, Batch]:
    """Those that were tried in a batch that was not cancelled: message → the batch."""
    found: dict[int, Batch] = {}
    ordered = sorted(ids)
    for start in range(0, len(ordered), 1000):
        theirs = (
            select(col(MessageEvent.message_id), Batch)
            .join(Batch, col(Batch.id) == _BATCH)
            .where(
                col(MessageEvent.message_id).in_(ordered[start : start + 1000]),
                col(MessageEvent.kind) == EVENT,
                col(Batch.state) != "cancelled",
            )
        )
        found |= {row.message_id: row.Batch for row in session.execute(theirs)}
    return found


def where_tried(ids: Collection[int]) -> dict[int, Batch]:
    """As `tried_in`, for a page."""
    with db.reading() as session:
        return tried_in(session, ids)


def record(session: Session, follows: Mapping[int, int | None], batch_id: int, by: str) -> None:
    """Keep on each message that it is tried again, and by which (None: by that of another), in the
    transaction that stores what follows."""
    told = {one: {"batch_id": batch_id, "message_id": made} for one, made in follows.items()}
    change = {one: (None, after) for one, after in told.items()}
    messages.record(session, EVENT, by, change, at=db.now(session))


def leave_reached(session: Session, batch_id: int, *, by: Actor) -> None:
    """Cancel what waits in such a batch for whom the message before has reached since, or is to be
    sent again. The caller has locked the batch."""
    at = db.now(session)
    ids = _reached(session, batch_id, at)
    for start in range(0, len(ids), 1000):
        rows = [{"message_id": one} for one in ids[start : start + 1000]]
        moved = messages.move(session, rows, Status.CANCELLED, Cause.CANCEL, also="hold = NULL")
        told = {one: ({"status": "pending"}, {"status": "cancelled"}) for one in sorted(moved)}
        messages.record(session, "reached", by.name, told, at=at)


def _reached(session: Session, batch_id: int, now: datetime) -> list[int]:
    filled = select(Operation).where(
        col(Operation.batch_id) == batch_id, col(Operation.kind) == Kind.FOLLOW_UP
    )
    for fill in session.execute(filled).scalars():
        if EVENT in fill.arguments:
            before = listed(session, fill.filter["ids"])
            asked = select(_FOLLOWS).join(m.id.table, m.id == col(MessageEvent.message_id))
            here = (col(MessageEvent.kind) == EVENT, _BATCH.in_((batch_id,)), _FOLLOWS.is_not(None))
            such = (col(MessageEvent.message_id).in_(before), not_(_is_missed(now)))
            return sorted(session.execute(asked.where(*such, *here)).scalars())
    return []


@needs(Role.OPERATOR)
def prepare(wanted: Missed, what: Try, *, by: Actor) -> int:
    """Have a held batch filled with the template for those on the list; returns it.

    Raises Invalid at `template`; Refused where nobody is left to be tried, or where somebody has
    just asked for the same.
    """
    with db.writing() as session:
        db.alone(session, EVENT)
        now = db.now(session)
        template = _template(session, what)
        ids = _listed(session, wanted, ~_tried(), now)
        _check_free(session, ids)
        rows, _, doubles = sift(session, ids, what, now)
        if not rows:
            raise Refused("Nobody is left to be tried with it.")
        accounts = {row.account_id for row in rows}
        new = batches.begin(
            session,
            name=f"Not reached: {template.name}",
            account_id=accounts.pop() if len(accounts) == 1 else None,
            digest=None,
            total=0,
            by=by,
        )
        record(session, dict.fromkeys(doubles), new, by.name)
        _fill_later(session, new, [row.id for row in rows], what, by)
        after = {"template": template.name, "messages": len(rows), "batch": new}
        audit.record(session, by, "not reached tried again", target=f"batch {new}", after=after)
    wake_operations()
    return new


def _template(session: Session, what: Try) -> Template:
    found = session.get(Template, what.template_id) if what.template_id else None
    told = wording.form_of(found).stopped if found else "Choose the template."
    if found is None or told:
        raise Invalid(Problem("template", "unusable", told or ""))
    return found


def _check_free(session: Session, ids: Sequence[int]) -> None:
    """What a worker has not come to yet has no event of it."""
    open_ = select(Operation).where(
        col(Operation.kind) == Kind.FOLLOW_UP, col(Operation.state).in_(OPEN)
    )
    for one in session.execute(open_).scalars():
        if EVENT in (one.arguments or {}) and set(ids) & set(one.filter["ids"]):
            there = session.get_one(Batch, one.batch_id)
            raise Refused(f"They are being put into the batch {quoted(there.name)} already.")


def _fill_later(session: Session, new: int, ids: list[int], what: Try, by: Actor) -> None:
    operations.put(
        session,
        Kind.FOLLOW_UP,
        Choice(ids=tuple(sorted(ids))),
        by=by,
        batch_id=new,
        confirmed=what.confirmed,
        arguments={
            EVENT: True,
            "text": "",
            "template_id": what.template_id,
            "parameters": dict(what.parameters),
        },
    )

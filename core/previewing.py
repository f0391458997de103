"""What a correction would do: three real messages before and after, and how many it touches."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, case, false, func, or_, select
from sqlmodel import Session, col

from core import choosing, composing, covering, db, wording
from core.choosing import Choice
from core.corrections import Correction, Form, Left, Said, corrected
from core.filtering import c, of_batch
from core.models import Batch, Operation, Template
from core.standing import a, m
from core.states import Status

LOOKED_AT = 20_000  # rows that wait
SHOWN = 3


Of = int | Choice  # the batch of this id, or any messages


def _those(session: Session, of: Of, among: Sequence[Status]) -> ColumnElement[bool]:
    if isinstance(of, Choice):
        return choosing.those(session, of, among)
    return and_(of_batch(of), m.deleted_at.is_(None), m.status.in_(among))


def _batch(session: Session, of: Of) -> Batch | None:
    return wording.batch_of(session, of if isinstance(of, Choice) else Choice(batch_id=of))


@dataclass(frozen=True)
class Sample:
    """One real message, before and after."""

    id: int
    recipient: str
    before: str
    after: str


@dataclass(frozen=True)
class Preview:
    """What a correction would do now. `more`: there are further rows that were not looked at;
    `left` and `sending` are counted all the same."""

    samples: list[Sample]
    touches: int
    left: int  # went with the old words
    sending: int
    skipped: dict[str, int] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)  # reason → the first one's sentence
    more: bool = False


def preview(of: Of, wanted: Correction) -> Preview:
    """Look at these messages; changes nothing. Raises Invalid as `Correction.check` does."""
    wanted.check()
    with db.reading() as session:
        forms = wording.forms_of(session, _batch(session, of), wanted)
        waits = _those(session, of, (Status.PENDING, Status.FAILED))
        rows = wording.rows(session, waits, LOOKED_AT + 1)
        gone = _gone(session, of, wanted)
    counts: Counter[str] = Counter()
    problems: dict[str, str] = {}
    samples: list[Sample] = []
    for row in rows[:LOOKED_AT]:
        before = wording.said(row, forms)
        after = corrected(wanted, before, forms, business_id=row.business_id)
        what = _counts_as(row, after)
        counts[what] += 1
        if isinstance(after, Left):
            problems.setdefault(what, after.sentence)
        elif what == "touches" and len(samples) < SHOWN:
            samples.append(Sample(row.id, row.recipient, before.text, after.text))
    return Preview(
        samples,
        counts.pop("touches", 0),
        gone.get(Status.SENT, 0),
        gone.get(Status.PROCESSING, 0),
        dict(counts),
        {reason: told for reason, told in problems.items() if told and reason in counts},
        len(rows) > LOOKED_AT,
    )


def left(made: Operation) -> int:
    """How many went with the old words of the batch that this operation corrected."""
    wanted = Correction.read(made.arguments["correction"])
    with db.reading() as session:
        gone = _gone(session, made.batch_id or 0, wanted, operation_id=made.id)
    return gone.get(Status.SENT, 0)


def followed(
    made: Operation, template_id: int | None, parameters: Mapping[str, str]
) -> dict[str, int]:
    """What becomes of those who got the old words when this correction of them is prepared: how
    many are `prepared`, the others by why they are left out (as core/operating.py has the words).

    `template_id` is None for a text; of a template what lacks a parameter does not fit.
    """
    wanted = Correction.read(made.arguments["correction"])
    with db.reading() as session:
        template = session.get(Template, template_id) if template_id is not None else None
        marketing = template is not None and template.category == covering.MARKETING_CATEGORY
        asked = covering.covers_message(marketing=marketing)
        asks = composing.shape_of(template).asks if template else ()
        open_ = [one.key for one in asks if not parameters.get(one.key, "").strip()]
        lacks = or_(false(), *(func.coalesce(c.parameters[k].as_string(), "") == "" for k in open_))
        why = case((asked, "opted_out"), (lacks, "does_not_fit"), else_="prepared").label("why")
        counted = (
            select(why, func.count().label("n"))
            .join(c.message_id.table, c.message_id == m.id)
            .where(
                of_batch(made.batch_id or 0),
                m.deleted_at.is_(None),
                m.status == Status.SENT,
                wording.has_old_words(session, wanted, made.id),
            )
            .group_by(why)
        )
        return {row.why: row.n for row in session.execute(counted)}


def _gone(
    session: Session, of: Of, wanted: Correction, *, operation_id: int | None = None
) -> dict[str, int]:
    """Those with the old words that cannot be corrected any more, by their status."""
    counted = (
        select(m.status, func.count().label("n"))
        .join(c.message_id.table, c.message_id == m.id)
        .where(
            _those(session, of, (Status.SENT, Status.PROCESSING)),
            wording.has_old_words(session, wanted, operation_id),
        )
        .group_by(m.status)
    )
    return {row.status: row.n for row in session.execute(counted)}


def _counts_as(row: Row[Any], after: Said | Left) -> str:
    if isinstance(after, Left):
        return after.why.value
    return wording.why_not(row) or "touches"


def keys(of: Of) -> list[str]:
    """The parameters that the templates of these messages ask for."""
    with db.reading() as session:
        every = _those(session, of, tuple(Status))
        used = select(m.template_id).where(every, m.template_id.is_not(None))
        found = session.execute(select(Template).where(col(Template.id).in_(used.distinct())))
        shapes = [composing.shape_of(one) for one in found.scalars()]
    return list(dict.fromkeys(one.key for shape in shapes for one in shape.asks))


def forms(of: Of) -> list[Form]:
    """The templates of their businesses that can be sent, by name."""
    with db.reading() as session:
        found = wording.forms_of(session, _batch(session, of), None).values()
        used = select(m.account_id).where(_those(session, of, tuple(Status))).distinct()
        businesses = set(session.execute(select(a.business_id).where(a.id.in_(used))).scalars())
    able = (one for one in found if not one.stopped and one.business_id in businesses)
    return sorted(able, key=lambda one: one.name)

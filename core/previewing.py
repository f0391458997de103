"""What a correction would do: three real messages before and after, and how many it touches."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, and_, select
from sqlmodel import col

from core import choosing, composing, db, wording
from core.corrections import Correction, Form, Left, Said, corrected
from core.models import Template
from core.standing import m
from core.states import Status

LOOKED_AT = 20_000  # rows
SHOWN = 3


@dataclass(frozen=True)
class Sample:
    """One real message, before and after."""

    id: int
    recipient: str
    before: str
    after: str


@dataclass(frozen=True)
class Preview:
    """What a correction would do now. `more`: there are further rows that were not looked at."""

    samples: list[Sample]
    touches: int
    left: int  # went with the old words
    sending: int
    skipped: dict[str, int] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)  # reason → the first one's sentence
    more: bool = False


def preview(batch_id: int, wanted: Correction) -> Preview:
    """Look at the batch's messages; changes nothing. Raises Invalid as `Correction.check` does."""
    wanted.check()
    with db.reading() as session:
        batch = wording.batch(session, batch_id)
        forms = wording.forms_of(session, batch, wanted)
        found = and_(choosing.of_batch(batch_id), m.deleted_at.is_(None))
        rows = wording.rows(session, found, LOOKED_AT + 1)
    counts: Counter[str] = Counter()
    problems: dict[str, str] = {}
    samples: list[Sample] = []
    for row in rows[:LOOKED_AT]:
        before = wording.said(row, forms)
        after = corrected(wanted, before, forms)
        what = _counts_as(row, after)
        counts[what] += 1
        if isinstance(after, Left):
            problems.setdefault(what, after.sentence)
        elif what == "touches" and len(samples) < SHOWN:
            samples.append(Sample(row.id, row.recipient, before.text, after.text))
    return Preview(
        samples,
        counts.pop("touches", 0),
        counts.pop("left", 0),
        counts.pop("processing", 0),
        {reason: n for reason, n in counts.items() if reason != "over"},
        {reason: told for reason, told in problems.items() if told and reason in counts},
        len(rows) > LOOKED_AT,
    )


def _counts_as(row: Row[Any], after: Said | Left) -> str:
    if row.status == Status.CANCELLED:
        return "over"
    if row.status == Status.SENT:
        return "left" if isinstance(after, Said) else "over"
    if isinstance(after, Left):
        return after.why.value
    return wording.why_not(row) or "touches"


def keys(batch_id: int) -> list[str]:
    """The parameters that the templates of a batch's messages ask for."""
    with db.reading() as session:
        used = select(m.template_id).where(choosing.of_batch(batch_id), m.template_id.is_not(None))
        found = session.execute(select(Template).where(col(Template.id).in_(used.distinct())))
        shapes = [composing.shape_of(one) for one in found.scalars()]
    return list(dict.fromkeys(one.key for shape in shapes for one in shape.asks))


def forms(batch_id: int) -> list[Form]:
    """The templates of the batch's business that can be sent, by name."""
    with db.reading() as session:
        found = wording.forms_of(session, wording.batch(session, batch_id), None).values()
    return sorted((one for one in found if not one.stopped), key=lambda one: one.name)

"""A held batch for people that a message went to already, filled in chunks, until its release.

A correction for those who were sent the old words; another template for those who were not reached
(core/second_try.py).
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Row, and_, select
from sqlmodel import Session, col

from core import (
    audit,
    batches,
    choosing,
    composing,
    db,
    filling,
    leasing,
    operations,
    rendering,
    second_try,
    wording,
)
from core.access import Actor, Role, needs
from core.choosing import Choice
from core.corrections import Correction
from core.drafts import Composed, Draft, When
from core.errors import Invalid, Problem, Refused
from core.kinds import Kind
from core.leasing import Taken
from core.models import Account, Batch, Operation, Template
from core.quoting import quoted
from core.second_try import Try
from core.standing import m
from core.states import Status
from core.wake import wake_operations


@dataclass(frozen=True)
class Words:
    """What the correction says: a text, or a template whose parameters each may have of its own."""

    text: str = ""
    template_id: int | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)


@needs(Role.OPERATOR)
def send_correction(batch_id: int, operation_id: int, words: Words, *, by: Actor) -> int:
    """Fill a held batch for those of a batch who got the old words; returns the new batch.

    `operation_id` is the correction that says which words are old. Raises Invalid for words that
    cannot be sent (fields text, template), Refused when that was no correction of this batch, or
    they are in such a batch already that was not cancelled.
    """
    with db.writing() as session:
        db.lock(session, "batch", [batch_id])
        old = wording.batch(session, batch_id)
        made = session.get(Operation, operation_id)
        if made is None or made.kind != Kind.CORRECT or made.batch_id != batch_id:
            raise Refused(f"Operation {operation_id} did not correct the batch «{old.name}».")
        if there := _following(session, made):
            raise Refused(f"They are in the batch {quoted(there.name)} already.")
        _check(session, old, words)
        new = batches.begin(
            session,
            name=f"{old.name}: correction",
            account_id=old.account_id,
            digest=None,
            total=0,
            by=by,
        )
        operations.put(
            session,
            Kind.FOLLOW_UP,
            Choice(batch_id=batch_id, status=Status.SENT),
            by=by,
            batch_id=new,
            arguments={
                "correction": made.arguments["correction"],
                "of": made.id,
                "text": words.text,
                "template_id": words.template_id,
                "parameters": dict(words.parameters),
            },
        )
        after = {"of": batch_id, "operation": operation_id, "batch": new}
        audit.record(session, by, "batch correction sent", target=f"batch {batch_id}", after=after)
    wake_operations()
    return new


def following(operation_id: int) -> Batch | None:
    """The batch for those who got the words that this correction calls old; None: there is none."""
    with db.reading() as session:
        return _following(session, session.get_one(Operation, operation_id))


def _following(session: Session, made: Operation) -> Batch | None:
    """The same correction made twice means the same people."""
    theirs = (
        select(Operation, Batch)
        .join(Batch, col(Batch.id) == col(Operation.batch_id))
        .where(
            col(Operation.kind) == Kind.FOLLOW_UP,
            col(Operation.filter)["batch_id"].as_integer() == made.batch_id,
            col(Batch.state) != "cancelled",
        )
    )
    same = made.arguments["correction"]
    found = (
        batch for one, batch in session.execute(theirs) if one.arguments.get("correction") == same
    )
    there: Batch | None = next(found, None)
    return there


def _check(session: Session, old: Batch, words: Words) -> None:
    if words.template_id is None:
        rendering.check_text(words.text)
        return
    template = session.get(Template, words.template_id)
    account = session.get(Account, old.account_id) if old.account_id else None
    if template is None or account is None or template.business_id != account.business_id:
        told: str | None = "There is no such template for its number."
    else:
        told = wording.form_of(template).stopped
    if told:
        raise Invalid(Problem("template", "unusable", told))


def work(mine: Taken) -> Iterator[Taken]:
    """The operation: those who got the old words, a chunk at a time."""
    return leasing.in_chunks(mine, _chunk)


def _chunk(mine: Taken) -> tuple[Taken, bool]:
    with db.writing() as session:
        held = leasing.renew(session, mine)
        if held is None:
            return mine, False
        new = operations.state(held.id).batch_id
        assert new is not None
        batches.check_loading(session, new)
        ids, reached = choosing.chunk(
            session,
            held.choice,
            (Status.SENT,),
            after=held.after,
            until=held.until,
            most=choosing.CHANGED,
        )
        done, why = _store_some(session, held, new, ids)
        made = replace(
            held,
            after=held.after if reached is None else reached,
            done=held.done + done,
            why=dict(Counter(held.why) + why),
        )
        leasing.progress(session, made, ended=reached is None)
        if reached is None:
            batches.leave_loading(session, new, state="held", total=made.done)
    return made, reached is not None


def _store_some(
    session: Session, mine: Taken, new: int, ids: list[int]
) -> tuple[int, Counter[str]]:
    template = _template(session, mine.arguments)
    again = second_try.EVENT in mine.arguments
    rows, why = _missed(session, mine, ids) if again else _wrong(session, mine, ids, template)
    composed: dict[int, Composed] = {}
    now = db.now(session)
    asked = {one.key for one in composing.shape_of(template).asks} if template else set()
    for row in rows:
        account = session.get_one(Account, row.account_id)
        draft = _draft(mine.arguments, template, asked, row)
        try:
            composed[row.id] = composing.compose(draft, account=account, template=template, now=now)
        except Invalid:
            why["does_not_fit"] += 1
    made = list[int]()
    if composed:
        by = Actor(mine.by, Role.OPERATOR)
        made = filling.fill(session, new, list(composed.values()), by=by, event="scheduled")
    if again:
        second_try.record(session, dict(zip(composed, made, strict=True)), new, mine.by)
    return len(composed), +why


def _missed(session: Session, mine: Taken, ids: list[int]) -> tuple[list[Row[Any]], Counter[str]]:
    """Those who were not reached, and still are not."""
    rows, why, _ = second_try.sift(session, ids, Try.read(mine.arguments), db.now(session))
    return rows, why


def _wrong(
    session: Session, mine: Taken, ids: list[int], template: Template | None
) -> tuple[list[Row[Any]], Counter[str]]:
    """Those who got the old words."""
    wanted = Correction.read(mine.arguments["correction"])
    old = wording.has_old_words(session, wanted, mine.arguments.get("of"))
    wrong = wording.rows(session, and_(m.id.in_(ids), old), None)
    asked = wording.opted_out(session, wrong, template)
    why = Counter(right=len(ids) - len(wrong), opted_out=len(asked))
    return [row for row in wrong if row.id not in asked], why


def _template(session: Session, words: Mapping[str, Any]) -> Template | None:
    chosen = words["template_id"]
    return session.get(Template, chosen) if chosen is not None else None


def _draft(
    words: Mapping[str, Any], template: Template | None, asked: Collection[str], row: Row[Any]
) -> Draft:
    """What this person is to get; of what they got before, the parameters that are `asked` for."""
    draft = Draft(row.account_id, row.recipient, words["text"], When("now"))
    if template is None:
        return draft
    theirs = (row.parameters or {}).items()
    own = {key: value for key, value in theirs if key in asked and value.strip()}
    return replace(
        draft,
        template=template.name,
        language=template.language,
        parameters=words["parameters"] | own,
    )

"""Correcting what messages say that have not left: as an operation in chunks, to be undone.

Beside a loop that sends: a message is rewritten under its lock while it waits, or it was claimed
before and leaves with the old words. What is being sent when it is met is looked at again at the
end, because it may come back to wait.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from time import sleep
from typing import Any

from sqlalchemy import Row, select
from sqlmodel import Session

from core import audit, choosing, db, leasing, messages, operations, shapes, wording
from core.access import Actor, Role, needs
from core.choosing import Choice, e
from core.corrections import Correction, Form, Said, corrected
from core.errors import Refused
from core.kinds import Kind
from core.leasing import Taken
from core.operations import Asked
from core.standing import m
from core.states import Status
from core.wake import wake_operations

LOOKS_AGAIN = 20  # times at what was being sent,
EVERY = 0.25  # seconds
NOT_LEFT = (Status.PENDING, Status.PROCESSING, Status.FAILED)


@needs(Role.OPERATOR)
def correct(batch_id: int, wanted: Correction, *, by: Actor, here: bool = False) -> int:
    """Correct all of a batch that has not left; returns the operation.

    Raises Invalid for a correction that says nothing or a template that cannot be sent, Refused
    for a batch that is being loaded or was cancelled.
    """
    wanted.check()
    with db.writing() as session:
        batch = wording.batch(session, batch_id)
        if batch.state in ("loading", "cancelled"):
            told = {"loading": "is still being loaded", "cancelled": "is cancelled"}[batch.state]
            raise Refused(f"The batch «{batch.name}» {told}: there is nothing to correct.")
        wording.forms_of(session, batch, wanted)
        asked = Asked(here=here, batch_id=batch_id, arguments=_arguments(wanted))
        made = operations.put(session, Kind.CORRECT, Choice(batch_id=batch_id), by=by, **asked)
        after = {"name": batch.name, "way": wanted.way, "operation": made}
        audit.record(session, by, "batch corrected", target=f"batch {batch_id}", after=after)
    if not here:
        wake_operations()
    return made


@needs(Role.OPERATOR)
def correct_chosen(choice: Choice, wanted: Correction, *, by: Actor, here: bool = False) -> int:
    """Correct what of these has not left; returns the operation. Raises Invalid as `correct`."""
    wanted.check()
    with db.reading() as session:
        wording.forms_of(session, wording.batch_of(session, choice), wanted)
        counted = choosing.count(session, choice, NOT_LEFT)
    asked = Asked(here=here, counted=counted, arguments=_arguments(wanted))
    return operations.create(Kind.CORRECT, choice, by=by, **asked)


def _arguments(wanted: Correction) -> dict[str, Any]:
    return {"correction": wanted.stored(), "way": wanted.way}


def work(mine: Taken) -> Iterator[Taken]:
    """The operation: chunk by chunk, and then those again that were being sent."""
    for done in leasing.in_chunks(mine, _chunk):
        mine = done
        yield mine
    for _ in range(LOOKS_AGAIN):
        if not mine.result.get("sending"):
            return
        sleep(EVERY)
        mine, going = _again(mine)
        yield mine
        if not going:
            return


def _chunk(mine: Taken) -> tuple[Taken, bool]:
    with db.writing() as session:
        held = leasing.renew(session, mine)
        if held is None:
            return replace(mine, result={}), False
        ids, reached = choosing.chunk(
            session, held.choice, NOT_LEFT, after=held.after, until=held.until
        )
        done, why = _correct_some(session, held, ids)
        sending = [*held.result.get("sending", ()), *why.pop("processing", ())]
        made = replace(
            held,
            after=held.after if reached is None else reached,
            done=held.done + done,
            why=_added(held.why, why),
            result={"sending": sending},
        )
        leasing.progress(session, made, ended=reached is None and not sending)
    return made, reached is not None


def _again(mine: Taken) -> tuple[Taken, bool]:
    """Those that came back to wait are corrected; those that are still on their way, next time."""
    with db.writing() as session:
        held = leasing.renew(session, mine)
        if held is None:
            return mine, False
        some: list[int] = held.result["sending"]
        done, why = _correct_some(session, held, some[: choosing.CHUNK])
        still = [*why.pop("processing", ()), *some[choosing.CHUNK :]]
        looks = held.result.get("looks", 0) + 1
        over = not still or looks >= LOOKS_AGAIN
        why = why | ({"processing": still} if over and still else {})
        made = replace(
            held,
            done=held.done + done,
            why=_added(held.why, why),
            result={} if over else {"sending": still, "looks": looks},
        )
        leasing.progress(session, made, ended=over)
    return made, not over


def _added(why: Mapping[str, int], ids: Mapping[str, Collection[int]]) -> dict[str, int]:
    return dict(Counter(why) + Counter({reason: len(one) for reason, one in ids.items()}))


def _correct_some(
    session: Session, mine: Taken, ids: Sequence[int]
) -> tuple[int, dict[str, list[int]]]:
    """Correct those of these that wait; returns how many, and the others by the reason."""
    wanted = Correction.read(mine.arguments["correction"])
    db.lock(session, "message", ids)
    batch = wording.batch_of(session, mine.choice)
    forms = wording.forms_of(session, batch, wanted, check=False)
    rows = {row.id: row for row in wording.rows(session, m.id.in_(list(ids)), None)}
    changes: dict[int, tuple[Said, Said]] = {}
    why: dict[str, list[int]] = {}
    for one in ids:
        row = rows.get(one)
        skipped = wording.why_not(row)
        if row is not None and skipped is None:
            before = wording.said(row, forms)
            after = corrected(wanted, before, forms, business_id=row.business_id)
            if isinstance(after, Said):
                changes[one] = before, after
                continue
            skipped = after.why.value
        why.setdefault(skipped or "gone", []).append(one)
    _write(session, mine, rows, changes)
    return len(changes), why


def _write(
    session: Session,
    mine: Taken,
    rows: Mapping[int, Row[Any]],
    changes: Mapping[int, tuple[Said, Said]],
) -> None:
    wording.write(session, [wording.columns(rows[i], after) for i, (_, after) in changes.items()])
    events = {
        i: (
            before.facts() | _kept(rows[i]),
            after.facts() | {"version": rows[i].version + 1},
        )
        for i, (before, after) in changes.items()
    }
    at = db.now(session)
    messages.record(session, "correct", mine.by, events, at=at, operation_id=mine.id)


def _kept(row: Row[Any]) -> dict[str, Any]:
    """What an undo needs beside the words."""
    return {
        "version": row.version,
        "kept": {
            "template_id": row.template_id,
            "name": row.template,
            "language": row.language,
            "template_sha256": row.template_sha256,
        },
    }


def bring_back(session: Session, mine: Taken, ids: list[int]) -> tuple[int, Counter[str]]:
    """Undo a correction, of what was neither claimed nor changed since."""
    db.lock(session, "message", ids)
    made = select(e.message_id, e.before, e.after).where(
        e.operation_id == mine.choice.operation_id, e.message_id.in_(ids), e.kind == "correct"
    )
    was = {row.message_id: row for row in session.execute(made)}
    rows = {row.id: row for row in wording.rows(session, m.id.in_(ids), None)}
    values, why = [], Counter[str]()
    for one in ids:
        skipped = wording.why_not(rows.get(one)) or _changed(rows[one], was[one].after)
        if skipped:
            why[skipped] += 1
        else:
            values.append(_former(rows[one], was[one].before))
    wording.write(session, values)
    back = [one["message_id"] for one in values]
    events = {i: (_words(was[i].after), _words(was[i].before)) for i in back}
    at = db.now(session)
    messages.record(session, "undo correct", mine.by, events, at=at, operation_id=mine.id)
    return len(back), why


def _changed(row: Row[Any], after: Mapping[str, Any]) -> str | None:
    return None if row.version == after["version"] else "changed"


def _words(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if name not in ("version", "kept")}


def _former(row: Row[Any], before: Mapping[str, Any]) -> dict[str, Any]:
    kept = before["kept"]
    template = Form(
        kept["template_id"],
        kept["name"],
        kept["language"],
        kept["template_sha256"],
        shapes.shape((), None),  # only written back: nothing is filled in
        None,
    )
    form = template if kept["template_id"] is not None else None
    return wording.columns(row, Said(before["text"], form, before.get("parameters", {})))

"""Having a checked file loaded: the batch and the operation that fills it (core/loading.py)."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from core import batches, db, files, operations
from core.access import Actor, Role, needs
from core.choosing import Choice
from core.errors import Refused
from core.judging import Is
from core.kinds import Kind
from core.loading import HOLDS, Then
from core.models import Batch, File, Operation
from core.sheets.plan import Plan
from core.wake import wake_operations


@needs(Role.OPERATOR)
def order(
    check_id: int,
    *,
    name: str,
    by: Actor,
    then: Then = Then.HOLD,
    first: int = 20,
    again: bool = False,
    here: bool = False,
) -> int:
    """Have the good rows of a checked file stored; returns the operation, which has its batch.

    What loading the same file left unfinished is removed. What it changed stays until this load is
    called off as well: the same file comes again. Raises Refused when the check has not ended well
    or is over an hour old, when it found nothing to load, or, unless `again`, when the same file
    was loaded before.
    """
    check = operations.state(check_id)
    result: Mapping[str, Any] = check.result or {}
    if check.kind != Kind.CHECK or check.state != "finished" or "good" not in result:
        raise Refused("This file has not been checked to its end.")
    if not result["good"]:
        raise Refused("Nothing in this file is to be loaded.")
    plan, file = Plan.read(check.arguments["plan"]), files.find(check.arguments["file_id"])
    with db.writing() as session:
        if db.now(session) - datetime.fromisoformat(result["checked_at"]) > HOLDS:
            raise Refused("The file was checked over an hour ago: check it again, then load it.")
        db.alone(session, f"begin {file.sha256}")
        instead_of = _give_way(session, plan.account_id, file.sha256, by)
        _check_before(session, file.sha256, again)  # now nobody is about to end
        asked = {"then": then, "first": first, "checked_at": result["checked_at"]}
        asked |= {"instead_of": instead_of, "file_name": file.name}
        made = _begin(session, file, plan, result, name=name, by=by, here=here, **asked)
    wake_operations()
    return made


def _give_way(session: Session, account_id: int | None, sha256: str, by: Actor) -> list[int]:
    """Stop whoever loads the same file, and have removed what they stored; returns the loads that
    had changed something."""
    changers: list[int] = []
    for batch_id in batches.unfinished(session, account_id, sha256):
        loads = select(col(Operation.id)).where(
            col(Operation.batch_id) == batch_id, col(Operation.kind) == Kind.LOAD
        )
        db.lock(session, "operation", session.execute(loads).scalars())
        db.lock(session, "batch", [batch_id])
        batch = session.get_one(Batch, batch_id, populate_existing=True)
        if batch.state == "loading":  # else it was about to be full, and is
            operations.call_off(session, batch_id, {Kind.LOAD})
            changers += operations.changers(session, batch_id)
            operations.remove(session, batch, by=by)
    return changers


def _begin(
    session: Session,
    file: File,
    plan: Plan,
    found: Mapping[str, Any],
    *,
    name: str,
    by: Actor,
    here: bool,
    **asked: Any,
) -> int:
    """The batch and the operation that fills it, in one transaction: neither is without the
    other."""
    batch_id = batches.begin(
        session,
        name=name,
        account_id=plan.account_id,
        digest=file.sha256,
        total=found["new"],
        by=by,
        file_id=file.id,
        arguments=plan.stored(),
    )
    return operations.put(
        session,
        Kind.LOAD,
        Choice(),
        by=by,
        here=here,
        batch_id=batch_id,
        counted=found["total"],
        arguments={
            "file_id": file.id,
            "plan": plan.stored(),
            "batch": batch_id,
            "good": found["good"],
            "left_out": {k: found[k] for k in Is if k in found} | {Is.WRONG: found["wrong_rows"]},
            **asked,
        },
    )


def lost(load: Operation) -> tuple[int, list[str]]:
    """How many rows were good when they were checked and were not loaded, and what they are now, of
    the kinds of core/judging.py."""
    stored = sum((load.result or {}).get(kind, 0) for kind in (Is.NEW, Is.CHANGED))
    more = Counter(load.cursor["why"]) - Counter(load.arguments["left_out"])
    return load.arguments["good"] - stored, sorted(more)


def told_of(earlier: files.Earlier) -> str:
    """Who loaded the same file, and when."""
    return (
        f"The same file was loaded on {earlier.at:%Y-%m-%d at %H:%M} UTC by {earlier.by}, as"
        f" «{earlier.name}»."
    )


def _check_before(session: Session, sha256: str, again: bool) -> None:
    earlier = files.loaded_before(session, sha256)
    if earlier and not again:
        raise Refused(f"{told_of(earlier)} Check it again to load it all the same.")

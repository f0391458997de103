"""A checked file becomes messages: stored in chunks under the hold of a batch, then let go.

A chunk and how far it is are one commit, so that whoever takes the operation up goes on behind the
last row that was stored. Nothing leaves before the whole file is in.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import TextClause
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from core import batches, db, holding, leasing, preflight, steering
from core.access import Actor, Role
from core.judging import Is, Judge, Judged
from core.leasing import Taken
from core.models import Batch
from core.sheets.table import Table
from core.storing import change_rows, insert_new
from core.wake import wake

CHUNK = 250  # rows a transaction: some 25 ms of a lock that others wait for
HOLDS = timedelta(hours=1)  # how long a check speaks for the times in a file
TRIES = 3  # of a chunk into which somebody else's reference came


class Then(StrEnum):
    """What becomes of a batch when all of it is in."""

    HOLD = "hold"
    TRIAL = "trial"  # its first leave, the rest is held
    RELEASE = "release"


def load(mine: Taken) -> Iterator[Taken]:
    """Store the rows that nobody has stored yet, then do with the batch what was asked for."""
    table, plan, sha256 = preflight.read(mine)
    batch_id = int(mine.arguments["batch"])
    judge = Judge(plan, table, sha256, batch_id)
    judge.pass_over(0, table.rows[: mine.after])
    for first in range(mine.after, len(table.rows), CHUNK):
        kept = _chunk(mine, judge, table, first)
        if kept is None:
            return
        mine = kept
        yield mine
    yield from _end(mine, batch_id)


def _chunk(mine: Taken, judge: Judge, table: Table, first: int) -> Taken | None:
    """One transaction; None where the operation is not ours any more."""
    for turn in range(TRIES):
        with db.reading() as session:
            now = db.now(session)
        rows = table.rows[first : first + CHUNK]
        judged = judge.composed(first, rows, now)
        with db.reading() as session:
            judge.look_back(session, judged, _checked_at(mine, now))
        try:
            return _stored(mine, judge, judged, first + len(rows), now)
        except IntegrityError:  # a reference that somebody took in this moment: now it is seen
            if turn == TRIES - 1:
                raise
    return None


def _stored(
    mine: Taken, judge: Judge, judged: Sequence[Judged], after: int, now: datetime
) -> Taken | None:
    batch_id, by = int(mine.arguments["batch"]), Actor(mine.by, Role.OPERATOR)
    with db.writing() as session:
        held = leasing.renew(session, mine)
        if held is None or not _is_loading(session, batch_id):
            return None
        # Until our commit no other file's rows come in, which would be compared with what is there
        # now and not with ours: of a row that two files have, the second is a double.
        accounts = {one.drafted.draft.account_id for one in judged}
        db.alone(session, *(f"load {one}" for one in accounts if one is not None))
        judge.compare(session, judged, _checked_at(mine, now))
        new = [one for one in judged if one.kind is Is.NEW]
        insert_new(session, batch_id, new, by)
        changing = [one for one in judged if one.kind is Is.CHANGED]
        changed = change_rows(session, judge, changing, by=by, at=now, operation_id=mine.id)
        why = Counter(one.kind for one in judged if one.kind not in (Is.NEW, Is.CHANGED))
        why[Is.ALREADY] += len(changing) - changed
        counts = Counter(held.result) + Counter(new=len(new), changed=changed)
        mine = replace(
            held,
            after=after,
            done=held.done + len(new) + changed,
            why=dict(Counter(held.why) + Counter({str(kind): n for kind, n in why.items()})),
            result=dict(counts),
        )
        leasing.progress(session, mine, ended=False)
    return mine


def _is_loading(session: Session, batch_id: int) -> bool:
    db.lock(session, "batch", [batch_id])
    return session.get_one(Batch, batch_id).state == "loading"


def _checked_at(mine: Taken, now: datetime) -> datetime:
    """The time that a typed one is compared with: what a person has just seen as good stays so."""
    then = datetime.fromisoformat(mine.arguments["checked_at"])
    return then if now - then < HOLDS else now


def _end(mine: Taken, batch_id: int) -> Iterator[Taken]:
    """Let the batch go as it was asked for. Each step may be done twice: a kill repeats it."""
    then, by = Then(mine.arguments["then"]), Actor(mine.by, Role.OPERATOR)
    held = _filled(mine, batch_id, then)
    if held is None:
        return
    mine = held
    if then is Then.RELEASE:
        for kept in _let_go(mine, batch_id):
            mine = kept
            yield mine
    elif then is Then.TRIAL and mine.result.get("new"):
        _begin_trial(batch_id, int(mine.arguments["first"]), by)
    with db.writing() as session:
        held, now = leasing.renew(session, mine), db.now(session)
        if held is None:
            return
        leasing.progress(session, held, ended=True)
    wake(now)
    yield held


def _filled(mine: Taken, batch_id: int, then: Then) -> Taken | None:
    """End the filling of the batch; None where the operation is not ours any more."""
    with db.writing() as session:
        held = leasing.renew(session, mine)
        if held is not None:
            state = "released" if then is Then.RELEASE else "held"
            more = {"released_at": db.now(session)} if then is Then.RELEASE else {}
            stored = int(held.result.get("new", 0))
            batches.leave_loading(session, batch_id, state=state, total=stored, **more)
    return held


def _let_go(mine: Taken, batch_id: int) -> Iterator[Taken]:
    """Clear the holds by walking over the batch's ids; until then each claim asks its row."""
    with db.reading() as session:
        batch = session.get_one(Batch, batch_id)
    last, until = batch.after_id or 0, batch.until_id or 0
    waits = db.judged("m.status = 'pending' AND m.hold = 'batch'")
    next_ones = db.sql(
        "SELECT m.id FROM message m WHERE m.id > :last AND m.id <= :until AND m.batch_id = :batch"
        f" AND {waits} ORDER BY m.id LIMIT {CHUNK}"
    )
    values = {"last": last, "until": until, "batch": batch_id}
    while ids := _next(next_ones, values):
        with db.writing() as session:
            held = leasing.renew(session, mine)
            db.lock(session, "batch", [batch_id])
            if held is None or session.get_one(Batch, batch_id).state != "released":
                return
            holding.lift(session, ids, "batch")
        mine, values["last"] = held, ids[-1]
        yield mine


def _next(statement: TextClause, values: Mapping[str, Any]) -> list[int]:
    with db.reading() as session:
        return list(session.execute(statement, values).scalars())


def _begin_trial(batch_id: int, first: int, by: Actor) -> None:
    with db.reading() as session:
        batch = session.get_one(Batch, batch_id)
    if batch.state == "held" and batch.trial_since is None:
        steering.release_first(batch_id, first, by=by)

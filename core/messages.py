"""The only writer of a message's status: each change a compare-and-set with its row of evidence.

`move` is the one UPDATE; everything else here is a person's action built on it. The engine's own
moves (claim, settle, prove, reap) call `move` from their modules.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, select, update
from sqlmodel import Session, col

from core import covering, db
from core.access import Actor, Role, needs
from core.errors import Refused
from core.models import Account, Batch, Message
from core.quoting import quoted
from core.states import Cause, Status, sources
from core.wake import wake

# A person's retry is a new life: the budget starts anew, the attempts keep what happened before.
NEW_LIFE = (
    "retry_count = 0, hold = NULL, error_class = NULL, error_code = NULL, error_text = NULL,"
    # What was never tried may have failed because it was late: this time it is to leave.
    " late_policy = 'send',"
    " sent_at = NULL, meta_message_id = NULL, delivery = NULL, delivery_at = NULL"
)

# What acceptance by Meta makes of a message; `v` has `wamid` and `at`.
PROVED = (
    "worker_id = NULL, unconfirmed_since = NULL, confirmed_by = NULL, hold = NULL,"
    " sent_at = v.at, meta_message_id = v.wamid, delivery = 'accepted',"
    " delivery_at = v.at, error_class = NULL, error_code = NULL, error_text = NULL"
)


def failed_as(error_class: str) -> str:
    """SQL for the class of a failure, itself SQL over `m` and `v`.

    While any attempt may have arrived the message stays `unknown`, whatever became of later ones:
    late proof still closes it, and nobody sends it again without a confirmation.
    """
    return (
        "CASE WHEN EXISTS (SELECT 1 FROM attempt lost WHERE lost.message_id = m.id"
        f" AND lost.outcome = 'unknown') THEN 'unknown' ELSE {error_class} END"
    )


def move(
    session: Session,
    rows: Sequence[Mapping[str, Any]],
    to: Status,
    cause: Cause,
    *,
    also: str = "",
    where: str = "",
    **columns: str,
) -> set[int]:
    """Move messages to another status, and return the ids of those that were moved.

    `rows` have `message_id` and whatever `columns` name (with PostgreSQL types), to be used as
    `v.…` in `also` (further assignments) and `where` (further conditions on `m`). Only rows in a
    status from which the cause may lead there are touched: losing a race is a normal return.
    """
    if not rows:
        return set()
    db.lock(session, "message", [row["message_id"] for row in rows])
    froms = ", ".join(f"'{status}'" for status in sources(to, cause))
    also_asked = [where] if where else []
    if cause in _BRINGS_BACK:
        also_asked.append(_OPEN_BATCH)
    may = " AND ".join((f"m.status IN ({froms}) AND m.deleted_at IS NULL", *also_asked))
    moved = session.execute(
        db.sql(
            f"UPDATE message AS m SET status = '{to}', version = m.version + 1"
            f"{', ' + also if also else ''}"
            f" FROM {db.rows_sql(session, message_id='bigint', **columns)}"
            f" WHERE m.id = v.message_id AND {db.judged(may)} RETURNING id"
        ),
        {"rows": db.rows(rows)},
    )
    ids = set(moved.scalars())
    if cause in _BRINGS_BACK:
        _reopen_batches(session, ids)
    return ids


_BRINGS_BACK = (Cause.EDIT, Cause.RETRY_BY_PERSON, Cause.UNDO)
# Of a cancelled batch nothing leaves any more: what came back to wait would wait for ever.
_OPEN_BATCH = (
    "NOT EXISTS (SELECT 1 FROM batch WHERE batch.id = m.batch_id AND batch.state = 'cancelled')"
)


def _reopen_batches(session: Session, ids: Iterable[int]) -> None:
    """A batch is no longer finished when something of it waits again; of one that was cancelled in
    this moment the scan cancels that too."""
    theirs = select(col(Message.batch_id)).where(col(Message.id).in_(list(ids)))
    for state, values in (("finished", {"state": "released"}), ("cancelled", {})):
        ended = and_(col(Batch.id).in_(theirs), col(Batch.state) == state)
        reopened = update(Batch).where(ended).values(**values, finished_at=None)
        session.execute(reopened.execution_options(synchronize_session=False))


def of_cancelled_batches(session: Session, ids: Iterable[int]) -> dict[int, str]:
    """Those of these messages that their batch keeps from waiting again: id → its name."""
    found = (
        select(col(Message.id), col(Batch.name))
        .join(Batch, col(Batch.id) == col(Message.batch_id))
        .where(col(Message.id).in_(list(ids)), col(Batch.state) == "cancelled")
    )
    return {row.id: row.name for row in session.execute(found)}


def of_retired_accounts(session: Session, ids: Iterable[int]) -> dict[int, str]:
    """Those of these messages whose number is out of use: id → its name."""
    found = (
        select(col(Message.id), col(Account.name))
        .join(Account, col(Account.id) == col(Message.account_id))
        .where(col(Message.id).in_(list(ids)), col(Account.state) == "retired")
    )
    return {row.id: row.name for row in session.execute(found)}


def check_account(session: Session, message_id: int) -> None:
    """Raise Refused for a message whose number is retired: it would wait for ever."""
    if name := of_retired_accounts(session, [message_id]).get(message_id):
        raise Refused(f"Its number {quoted(name)} is retired. Schedule it anew from another one.")


def check_batch(session: Session, message_id: int) -> None:
    """Raise Refused for a message whose batch was cancelled: it would never leave."""
    if name := of_cancelled_batches(session, [message_id]).get(message_id):
        raise Refused(
            f"Its batch {quoted(name)} is cancelled: nothing of it leaves. Schedule it anew."
        )


def record(
    session: Session,
    kind: str,
    actor: str,
    changes: Mapping[int, tuple[Any, Any]],
    *,
    at: datetime,
    operation_id: int | None = None,
) -> None:
    """Append one event for each message: id → (before, after)."""
    same = {"at": at, "actor": actor, "kind": kind, "operation_id": operation_id}
    values = [
        {"message_id": message_id, "before": before, "after": after, **same}
        for message_id, (before, after) in changes.items()
    ]
    if values:
        db.insert_rows(session, "message_event", values, **_EVENT)


_EVENT = {
    **{"message_id": "bigint", "at": "timestamptz", "actor": "text", "kind": "text"},
    **{"before": "jsonb", "after": "jsonb", "operation_id": "bigint"},
}


@needs(Role.OPERATOR)
def cancel(message_id: int, *, by: Actor) -> None:
    """Cancel a message that has not been claimed. Raises Refused when it is too late."""
    with db.writing() as session:
        row = find(session, message_id)
        change = [{"message_id": message_id}]
        if not move(session, change, Status.CANCELLED, Cause.CANCEL, also="hold = NULL"):
            raise Refused(too_late(row, "cancelled"))
        _record_status(session, "cancel", row, Status.CANCELLED, by)


@needs(Role.OPERATOR)
def retry(message_id: int, *, by: Actor, confirmed: bool = False) -> None:
    """Send a failed message again, now, with a new budget of retries.

    One whose outcome is unknown may have arrived: it needs `confirmed`, which is recorded and
    kept on the new attempt. Raises Refused without it, or when the message has not failed.
    """
    with db.writing() as session:
        row, now = find(session, message_id), db.now(session)
        check_batch(session, message_id)
        check_account(session, message_id)
        check_confirmed(row, confirmed)
        if asked := covering.why_refused(session, message_id):
            raise Refused(asked)
        if not revive(session, [message_id], Cause.RETRY_BY_PERSON, by.name, at=now):
            raise Refused(too_late(row, "sent again"))
        before = {"status": row.status} | limits(row.not_after, row.late_policy)
        after = {"status": Status.PENDING, "confirmed": confirmed}
        record(session, "retry", by.name, {row.id: (before, after)}, at=now)
    wake(now)


def limits(not_after: datetime | None, late_policy: str | None) -> dict[str, Any]:
    """What a retry takes away so that it can leave late, for its event."""
    found = {"not_after": not_after and db.stamp(not_after), "late_policy": late_policy}
    return {name: value for name, value in found.items() if value is not None}


def check_confirmed(row: Message, confirmed: bool) -> None:
    """Raise Refused for one that may have arrived, unless a person takes the risk."""
    if row.status == Status.FAILED and row.error_class == "unknown" and not confirmed:
        raise Refused("It may have arrived. Sending it again needs your confirmation.")


def begin_anew(session: Session, row: Message, *, by: Actor) -> None:
    """Make a failed message pending again because it is edited. Raises Refused if it is not."""
    if not revive(session, [row.id], Cause.EDIT, by.name, at=db.now(session)):
        raise Refused(too_late(row, "changed"))


def revive(
    session: Session, ids: Iterable[int], cause: Cause, actor: str, *, at: datetime
) -> set[int]:
    """Make failed messages pending again, due now; returns those that were failed.

    Whoever asks has made sure of the risk: on those whose outcome is unknown the actor is kept.
    """
    return move(
        session,
        [{"message_id": one, "due_at": at, "actor": actor} for one in sorted(ids)],
        Status.PENDING,
        cause,
        also=(
            f"{NEW_LIFE}, due_at = v.due_at,"
            " confirmed_by = CASE WHEN m.error_class = 'unknown' THEN v.actor END,"
            " not_after = CASE WHEN m.not_after > v.due_at THEN m.not_after END"
        ),
        due_at="timestamptz",
        actor="text",
    )


@needs(Role.OPERATOR)
def delete(message_id: int, *, by: Actor) -> None:
    """Hide a message; a pending one is cancelled in the same step. Raises Refused while sending."""
    with db.writing() as session:
        row, now = find(session, message_id), db.now(session)
        if not remove(session, [message_id], by.name, at=now):
            raise Refused(too_late(row, "deleted"))
        after = Status.CANCELLED if row.status == Status.PENDING else Status(row.status)
        _record_status(session, "delete", row, after, by)


def remove(session: Session, ids: Sequence[int], actor: str, *, at: datetime) -> set[int]:
    """Hide messages, those that are pending cancelled with it; returns those not being sent."""
    cancelled = remove_waiting(session, ids, actor, at=at)
    finished = (Status.SENT, Status.FAILED, Status.CANCELLED)
    hidden = session.execute(
        update(Message)
        .where(
            col(Message.id).in_(ids),
            col(Message.status).in_(finished),
            col(Message.deleted_at).is_(None),
        )
        .values(deleted_at=at, deleted_by=actor, version=col(Message.version) + 1)
        .returning(col(Message.id))
    )
    return cancelled | set(hidden.scalars())


def remove_waiting(session: Session, ids: Sequence[int], actor: str, *, at: datetime) -> set[int]:
    """Cancel and hide those of these messages that are pending; returns which."""
    return move(
        session,
        [{"message_id": one, "at": at, "by": actor} for one in ids],
        Status.CANCELLED,
        Cause.CANCEL,
        also="hold = NULL, deleted_at = v.at, deleted_by = v.by",
        at="timestamptz",
        by="text",
    )


def find(session: Session, message_id: int) -> Message:
    """The message, locked until the transaction ends. Raises Refused when it does not exist."""
    db.lock(session, "message", [message_id])
    row = session.get(Message, message_id)
    if row is None or row.deleted_at is not None:
        raise Refused(f"Message {message_id} does not exist, or was deleted.")
    return row


def too_late(row: Message, verb: str) -> str:
    """The sentence for an action that came too late."""
    told = {
        Status.PENDING: "is waiting to be sent",
        Status.PROCESSING: "is being sent",
        Status.SENT: "has been sent",
        Status.FAILED: "has failed",
        Status.CANCELLED: "is cancelled",
    }
    return f"Message {row.id} {told[Status(row.status)]}, so it cannot be {verb}."


def _record_status(
    session: Session, kind: str, row: Message, after: Status, by: Actor, **facts: Any
) -> None:
    change = {row.id: ({"status": row.status}, {"status": after, **facts})}
    record(session, kind, by.name, change, at=db.now(session))

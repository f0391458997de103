"""What pages and the command line show of batches: how far each is, why it waits, what failed.

A batch's messages are counted by one statement over the ids between which they lie.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, case, func, select
from sqlmodel import Session, col

from core import batch_bars, blocking, db, explain
from core.batch_forecast import LetGo, Outlook, let_go, outlook
from core.blocking import Reason
from core.filtering import of_batch
from core.meta.codes import ErrorClass
from core.models import Account, AuditEvent, Batch, File, Operation
from core.standing import Standing, m, standing
from core.states import Status

PAGE = 20
FIRST_FAILED = 20  # kinds of failure that are told


@dataclass(frozen=True)
class Failed:
    """How many failed alike; what `core.causes.failure` tells it from."""

    error_class: str | None
    error_code: int | None
    error_text: str | None
    count: int


@dataclass(frozen=True)
class Progress:
    """A batch's messages, by where they stand and what keeps those that wait."""

    standings: dict[Standing, int] = field(default_factory=dict)
    reasons: dict[Reason, int] = field(default_factory=dict)
    failures: list[Failed] = field(default_factory=list)
    opted_out: int = 0
    held: int = 0  # by the batch itself

    def __getitem__(self, one: Standing) -> int:
        return self.standings.get(one, 0)

    @property
    def total(self) -> int:
        return sum(self.standings.values())

    @property
    def left(self) -> int:
        """Those that WhatsApp took."""
        return self[Standing.SENT] + self[Standing.DELIVERED] + self[Standing.READ]

    @property
    def failed(self) -> int:
        return self[Standing.FAILED] + self[Standing.UNCONFIRMED]

    @property
    def waiting(self) -> int:
        waits = (Standing.SCHEDULED, Standing.WAITING, Standing.HELD, Standing.RETRYING)
        return sum(self[one] for one in waits)

    @property
    def open(self) -> int:
        return self.waiting + self[Standing.SENDING] + self[Standing.CHECKING]


@dataclass(frozen=True)
class Line:
    """One batch in the list. `account` is None where it has messages of several."""

    batch: Batch
    account: str | None
    progress: Progress

    @property
    def state(self) -> str:
        """Its state as people tell it: a trial is not just held, and what has ended is finished."""
        stored = self.batch.state
        if stored == "held" and self.batch.trial_since:
            return "trial"
        if stored in ("released", "finished"):
            return "released" if self.progress.open else "finished"
        return stored


@dataclass(frozen=True)
class Whole(Line):
    """One batch with what was done to it. `outlook` is None where it is not leaving, `let_go`
    where it is, or nobody can let it go."""

    at: datetime
    outlook: Outlook | None
    let_go: LetGo | None
    file: File | None
    record: Sequence[AuditEvent]
    operations: Sequence[Operation]  # newest first


def latest(
    *,
    before: int | None = None,
    size: int = PAGE,
    counted: Callable[[Session, Batch], Progress] | None = None,
) -> list[Line]:
    """The batches, newest first; those before a batch's id. `counted` may know counts already."""
    count = counted or progress
    with db.reading() as session:
        asked = select(Batch, col(Account.name)).outerjoin(
            Account, col(Account.id) == col(Batch.account_id)
        )
        if before is not None:
            asked = asked.where(col(Batch.id) < before)
        found = session.execute(asked.order_by(col(Batch.id).desc()).limit(size)).all()
        return [Line(batch, name, count(session, batch)) for batch, name in found]


def name(batch_id: int) -> str | None:
    """What a batch is called; None when there is none."""
    with db.reading() as session:
        found = select(col(Batch.name)).where(col(Batch.id) == batch_id)
        called: str | None = session.execute(found).scalar()
    return called


def names(*, most: int = 200, also: int | None = None) -> dict[int, str]:
    """The newest batches by their ids, and one more that is meant already."""
    with db.reading() as session:
        asked = select(col(Batch.id), col(Batch.name)).order_by(col(Batch.id).desc())
        found = [
            *session.execute(asked.limit(most)),
            *session.execute(asked.where(col(Batch.id) == also)),
        ]
        return {one.id: one.name for one in found}


def state(batch_id: int) -> str | None:
    """Its stored state, without counting anything; None when there is none."""
    with db.reading() as session:
        found = select(col(Batch.state)).where(col(Batch.id) == batch_id)
        stored: str | None = session.execute(found).scalar()
    return stored


def named(session: Session, name_or_id: str) -> Batch | None:
    """The batch of that id, or the newest of that name."""
    asked = select(Batch).where(func.lower(col(Batch.name)) == name_or_id.lower())
    if name_or_id.isdecimal() and len(name_or_id) < 19:
        asked = select(Batch).where(col(Batch.id) == int(name_or_id))
    return session.execute(asked.order_by(col(Batch.id).desc()).limit(1)).scalars().first()


class Foreseen(NamedTuple):
    """Of a batch; both are None where nothing of it leaves or could."""

    outlook: Outlook | None
    let_go: LetGo | None


Foresee = Callable[[Session, Batch, Progress, datetime], Foreseen]


def foreseen(session: Session, batch: Batch, counted: Progress, now: datetime) -> Foreseen:
    """When a batch ends that leaves, or what would become of one that is let go now."""
    leaving = batch.state == "released" and counted.open > 0
    # A paused trial goes on with its first alone.
    waits = batch.state == "held" or (batch.state == "paused" and batch.released_at)
    return Foreseen(
        outlook(session, batch, now) if leaving else None,
        let_go(session, batch, now) if waits else None,
    )


def one(batch_id: int, *, foresee: Foresee = foreseen) -> Whole | None:
    """A batch as it stands now; None when there is none. `foresee` may know its end already."""
    with db.reading() as session:
        batch, now = session.get(Batch, batch_id), db.now(session)
        if batch is None:
            return None
        account = session.get(Account, batch.account_id) if batch.account_id else None
        counted = progress(session, batch)
        return Whole(
            batch,
            account.name if account else None,
            counted,
            now,
            *foresee(session, batch, counted, now),
            session.get(File, batch.file_id) if batch.file_id else None,
            _record(session, batch),
            _operations(session, batch),
        )


def _record(session: Session, batch: Batch) -> list[AuditEvent]:
    theirs = select(AuditEvent).where(
        col(AuditEvent.at) >= batch.created_at, col(AuditEvent.target) == f"batch {batch.id}"
    )
    return list(session.execute(theirs.order_by(col(AuditEvent.id))).scalars())


def _operations(session: Session, batch: Batch) -> list[Operation]:
    theirs = select(Operation).where(col(Operation.batch_id) == batch.id)
    return list(session.execute(theirs.order_by(col(Operation.id).desc()).limit(20)).scalars())


def counted(batch: Batch) -> Progress:
    """How far a batch that was read before is now."""
    with db.reading() as session:
        return progress(session, batch)


def progress(session: Session, batch: Batch) -> Progress:
    """Count a batch's messages; what was deleted is not there any more."""
    now = db.now(session)
    rows = _counted(session, batch, now)
    engine = blocking.read(session, {row.account_id for row in rows})
    bars = batch_bars.read(session, {batch.id})
    standings: Counter[Standing] = Counter()
    reasons: Counter[Reason] = Counter()
    for row in rows:
        seen = _Seen(row, batch.id, engine.numbers[row.account_id].state)
        standings[standing(seen, now)] += row.n
        if row.status in (Status.PENDING, Status.PROCESSING):
            reasons[explain.reason(seen, engine, bars).reason] += row.n
    asked = [row for row in rows if row.error_class == ErrorClass.OPTED_OUT]
    return Progress(
        {one: standings[one] for one in Standing if standings[one]},
        {one: reasons[one] for one in Reason if reasons[one]},
        _failures(rows),
        sum(row.n for row in asked if row.status == Status.CANCELLED),
        sum(row.n for row in rows if row.hold == "batch"),
    )


class _Seen:
    """A group of messages as if it were one of them."""

    def __init__(self, row: Row[Any], batch_id: int, account_state: str) -> None:
        self.status, self.hold, self.error_class = row.status, row.hold, row.error_class
        self.retry_count, self.delivery = int(row.retried), row.delivery
        self.worker_id = 0 if row.worked else None
        self.due_at, self.scheduled_at = row.due_at, row.scheduled_at
        self.unconfirmed_since = row.due_at
        self.account_id, self.batch_id, self.account_state = row.account_id, batch_id, account_state


def _flag(condition: Any) -> Any:
    return case((condition, 1), else_=0)


def _counted(session: Session, batch: Batch, now: datetime) -> list[Row[Any]]:
    """One row for each sort of message; of the times in a sort the earliest."""
    waits = m.status == Status.PENDING.value
    groups = {
        "account_id": m.account_id,
        "status": m.status,
        "hold": m.hold,
        "error_class": m.error_class,
        "error_code": m.error_code,
        "delivery": m.delivery,
        "retried": _flag(waits & (m.retry_count > 0)),
        "worked": _flag(m.worker_id.is_not(None)),
        "due": _flag(waits & (m.due_at <= now)),
        "pushed": _flag(waits & (m.scheduled_at <= now)),
    }
    asked = (
        select(
            *(one.label(name) for name, one in groups.items()),
            func.min(m.due_at).label("due_at"),
            func.min(m.scheduled_at).label("scheduled_at"),
            func.max(m.error_text).label("error_text"),
            func.count().label("n"),
        )
        .where(of_batch(batch.id), m.deleted_at.is_(None))
        .group_by(*groups.values())
    )
    return list(session.execute(asked).all())


def _failures(rows: Iterable[Row[Any]]) -> list[Failed]:
    """The kinds of failure, the most frequent first."""
    counts: Counter[tuple[str | None, int | None]] = Counter()
    texts: dict[tuple[str | None, int | None], str | None] = {}
    for row in rows:
        if row.status == Status.FAILED:
            counts[row.error_class, row.error_code] += row.n
            texts[row.error_class, row.error_code] = row.error_text
    common = counts.most_common(FIRST_FAILED)
    return [Failed(*kind, texts[kind], count) for kind, count in common]

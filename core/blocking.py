"""What keeps whole accounts back: the facts that every «why not yet?» begins with.

Asked in the order in which the engine meets them. `bars` concerns all that waits on an account,
`stalls` only what is due.
"""

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlmodel import Session, col

from core import db, pacing
from core.models import Account, Installation, Pace, Worker
from core.quiet import quiet_until


class Reason(StrEnum):
    """Why a message has not left; in the engine's own order."""

    GUARD = "guard"
    STOPPED = "stopped"
    PAUSED = "paused"
    RETIRED = "retired"
    HELD = "held"
    BATCH = "batch"  # its batch, before or after the hold is written on the message
    RETRY = "retry"  # refused or not reached; again at a time of its own
    QUIET = "quiet"
    RECIPIENT = "recipient"  # one at a time for each person, and 45 in a burst
    SCHEDULED = "scheduled"
    NO_WORKER = "no_worker"
    UNREACHED = "unreached"
    THROTTLED = "throttled"  # Meta told the account to wait
    SLOWED = "slowed"  # its turn, at a rate that Meta lowered
    TURN = "turn"
    SENDING = "sending"
    CHECKING = "checking"
    ENDED = "ended"


@dataclass(frozen=True)
class Why:
    """A reason with what tells more of it; `until` where its end is known."""

    reason: Reason
    until: datetime | None = None
    since: datetime | None = None
    by: str | None = None
    detail: str | None = None


@dataclass(frozen=True)
class Number:
    """An account as the claim sees it. `rate` and `rate_now` are messages a second; None: any."""

    id: int
    name: str
    state: str
    state_reason: str | None
    state_by: str | None
    state_since: datetime | None
    rate: float | None
    rate_now: float | None
    slowed_at: datetime | None
    next_slot_at: datetime | None
    resume_at: datetime | None
    zone: str
    quiet_from: str | None
    quiet_to: str | None
    late_policy: str
    late_after: int | None
    ready_since: datetime | None

    def rate_at(self, now: datetime) -> float | None:
        """What it may send a second at `now`, below its rate while Meta's refusal is fresh."""
        if self.rate is None:
            return None
        return pacing.rate_at(self.rate, rate_now=self.rate_now, slowed_at=self.slowed_at, now=now)

    def quiet_until(self, at: datetime) -> datetime | None:
        return quiet_until(at, zone=self.zone, quiet_from=self.quiet_from, quiet_to=self.quiet_to)


@dataclass(frozen=True)
class Engine:
    """What holds for all accounts at `now`. `seen_at`: when the last loop still renewed itself."""

    now: datetime
    guard: Why | None
    stopped: Why | None
    workers: int
    seen_at: datetime | None
    unreached_since: datetime | None
    numbers: dict[int, Number]

    def bars(self, account_id: int) -> Why | None:
        """What keeps everything of an account back, due or not; None: nothing does."""
        number = self.numbers[account_id]
        return self.guard or self.stopped or _not_active(number)

    def stalls(self, account_id: int) -> Why:
        """Why what is due on an account has not left; at last, because its turn has not come."""
        number = self.numbers[account_id]
        if not self.workers:
            return Why(Reason.NO_WORKER, since=self.seen_at)
        if self.unreached_since:
            return Why(Reason.UNREACHED, since=self.unreached_since)
        if number.resume_at and number.resume_at > self.now:
            return Why(Reason.THROTTLED, until=number.resume_at)
        rate = number.rate_at(self.now)
        if rate is not None and number.rate is not None and rate < number.rate:
            return Why(Reason.SLOWED, until=_recovered_at(number))
        return Why(Reason.TURN)


def _not_active(number: Number) -> Why | None:
    if number.state == "active":
        return None
    paused = number.state == "paused"
    return Why(
        Reason.PAUSED if paused else Reason.RETIRED,
        until=number.resume_at if paused else None,
        since=number.state_since,
        by=number.state_by,
        detail=number.state_reason,
    )


def _recovered_at(number: Number) -> datetime | None:
    """When a slowed account has its whole rate again, if it meets no further refusal."""
    if number.rate is None or number.rate_now is None or number.slowed_at is None:
        return None
    missing = (number.rate - number.rate_now) / (pacing.RECOVERY * number.rate)
    return number.slowed_at + timedelta(seconds=-(-missing // 1))


def read(session: Session, account_ids: set[int] | None = None) -> Engine:
    """The facts now; of all accounts, or of those named."""
    now = db.now(session)
    whole = session.execute(select(Installation)).scalar_one()
    loops = select(col(Worker.lease_until), col(Worker.unreached_since))
    known = session.execute(loops.where(col(Worker.kind) == "loop")).all()
    alive = [one for one in known if one.lease_until > now]
    unreached = [one.unreached_since for one in alive if one.unreached_since]
    return Engine(
        now=now,
        guard=whole.guard_since
        and Why(Reason.GUARD, since=whole.guard_since, detail=whole.guard_reason),
        stopped=whole.stopped_since
        and Why(
            Reason.STOPPED,
            since=whole.stopped_since,
            by=whole.stopped_by,
            detail=whole.stop_reason,
        ),
        workers=len(alive),
        seen_at=max(
            filter(None, [whole.lived_until, *(one.lease_until for one in known)]), default=None
        ),
        unreached_since=max(unreached) if alive and len(unreached) == len(alive) else None,
        numbers=_numbers(session, account_ids),
    )


def _numbers(session: Session, account_ids: set[int] | None) -> dict[int, Number]:
    paced = ("rate_now", "slowed_at", "next_slot_at", "resume_at", "ready_since")
    found = select(
        *[getattr(Pace if one.name in paced else Account, one.name) for one in fields(Number)]
    ).outerjoin(Pace, col(Pace.account_id) == col(Account.id))
    if account_ids is not None:
        found = found.where(col(Account.id).in_(account_ids))
    rows = session.execute(found.order_by(col(Account.name))).mappings()
    return {row["id"]: Number(**row) for row in rows}

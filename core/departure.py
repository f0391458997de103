"""When a message would leave that is not stored yet, and what would keep it beyond its time."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlmodel import Session, col

from core import blocking, db, pacing
from core.blocking import Engine, Reason, Why
from core.drafts import Composed
from core.explain import Explanation
from core.models import Message, Recipient
from core.outlook import DAY
from core.states import Status

SOON = timedelta(minutes=1)  # within which what stalls an account now still does
COUNTED_AHEAD = 10_000  # counting stops here; the forecast then says «at least»


@dataclass(frozen=True)
class Forecast:
    """When it would leave and how many leave before it; `at_least` where counting stopped.

    `why`: what will keep it beyond its time, so that nobody can say when; None: nothing does.
    `answers_until`: until when WhatsApp takes free text to them; None: they never wrote to us.
    """

    leaves_at: datetime
    ahead: int
    at_least: bool
    why: Explanation | None = None
    answers_until: datetime | None = None

    @property
    def outside(self) -> bool:
        """Whether a free text would leave outside of the 24 hours after they wrote (131047)."""
        return self.answers_until is None or self.leaves_at >= self.answers_until


def forecast(composed: Composed) -> Forecast:
    """When it leaves at the account's rate, and how many that leave first it has to wait behind.

    Those that will have left by its time are not in its way, however many they are.
    """
    with db.reading() as session:
        now, dues = db.now(session), _dues_ahead(session, composed)
        engine = blocking.read(session, {composed.account.id})
        who = session.get(Recipient, (composed.account.id, composed.phone.e164))
    rate = composed.account.rate
    step = timedelta(seconds=pacing.period(rate)) if rate else timedelta()
    leaves, ahead = pacing.queue(dues, now=now, due_at=composed.due_at, step=step)
    why = _kept(engine, composed, leaves)
    until = who.last_inbound_at + DAY if who and who.last_inbound_at else None
    return Forecast(leaves, ahead, len(dues) >= COUNTED_AHEAD, why, until)


def _kept(engine: Engine, composed: Composed, leaves: datetime) -> Explanation | None:
    """What keeps its account from sending at that time, as far as anybody knows now."""
    number = engine.numbers[composed.account.id]
    quiet = number.quiet_until(leaves)
    why = engine.bars(number.id) or (Why(Reason.QUIET, until=quiet) if quiet else None)
    if why is None and leaves - engine.now < SOON:
        stall = engine.stalls(number.id)
        why = stall if stall.reason is not Reason.TURN else None
    if why is None:
        return None
    return Explanation(
        message_id=0,
        reason=why.reason,
        account=number.name,
        due_at=composed.due_at,
        until=why.until,
        leaves_at=quiet,
        since=why.since,
        by=why.by,
        detail=why.detail,
        rate=number.rate_at(engine.now),
    )


def _dues_ahead(session: Session, composed: Composed) -> list[datetime]:
    """When those are due that go first: as urgent or more, and due by then."""
    waiting = (
        select(col(Message.due_at))
        .where(
            col(Message.account_id) == composed.account.id,
            col(Message.status) == Status.PENDING,
            col(Message.hold).is_(None),
            col(Message.priority) <= composed.priority,
            col(Message.due_at) <= composed.due_at,
        )
        .order_by(col(Message.due_at))
        .limit(COUNTED_AHEAD)
    )
    return list(session.execute(waiting).scalars())

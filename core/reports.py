"""What the pages show beside the lists: the accounts, the pulse.

Nothing here keeps a transaction open while a page is read.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlmodel import Session, col

from core import clock, db, listing, models, page_clock, plenty
from core.depth import Depth, Queue, depth_in
from core.filtering import judged
from core.meta.codes import classify
from core.models import Account
from core.standing import Standing, m, where
from core.states import Status

t = models.Message.metadata.tables["attempt"].c
e = models.Message.metadata.tables["message_event"].c


def now() -> datetime:
    """Engine time, for everything that one page shows."""
    return page_clock.now()


def accounts() -> list[Account]:
    """Every account that is not retired, by name."""
    with db.reading() as session:
        active = select(Account).where(col(Account.state) != "retired")
        return list(session.execute(active.order_by(col(Account.name))).scalars())


@dataclass(frozen=True)
class AccountLoad:
    """One account with what lies before it."""

    account: Account
    depth: Depth

    @property
    def due(self) -> int:
        """What could leave now; where the account does not send, all of that is held."""
        return self.depth.due if self.account.state == "active" else 0

    @property
    def oldest_due_at(self) -> datetime | None:
        return self.depth.oldest_due_at if self.due else None

    @property
    def held(self) -> int:
        """All of it, where the account does not send."""
        return self.depth.held if self.account.state == "active" else self.depth.waiting

    @property
    def retrying(self) -> int:
        return self.depth.retrying if self.account.state == "active" else 0


@dataclass(frozen=True)
class Pulse:
    """All is well, or what is not, at `at`. Counts stop at `listing.CAP` + 1, except today's."""

    at: datetime
    skew: timedelta  # of this machine's clock: how far the database's is ahead of it
    due: int
    retrying: int
    next_day: int
    sending: int
    held: int
    late: int  # of the held: those that a person is to decide about
    checking: int
    unconfirmed: int
    sent_today: int
    failed_today: int
    new_codes: dict[int, int]
    oldest_due_at: datetime | None
    workers: int
    queue: Queue
    accounts: list[AccountLoad]


LATEST = 5_000  # attempts that each pulse looks at


@dataclass(frozen=True)
class Earlier:
    """How many messages today's attempts before `until` (an id) sent and failed, and how many that
    left on a day before failed today. `first`: the first of today's."""

    first: int
    until: int = 0
    sent: int = 0
    failed: int = 0


def earlier(*, midnight: datetime) -> Earlier:
    """All of today but its latest attempts: little of that moves, and on a busy day it is much."""
    with db.reading() as session:
        first = first_attempt_since(session, midnight - _EARLY)
        told = _told_later(session, midnight, first)
        until = int(session.execute(select(func.max(t.id))).scalar() or 0) + 1 - LATEST
        if until <= first:
            return Earlier(first, failed=told)
        latest = m.id.not_in(select(t.message_id).where(t.id >= until))
        found = _ended(session, midnight, t.id.between(first, until - 1), latest)
        failed = found.get(Status.FAILED, 0) + told
        return Earlier(first, until, found.get(Status.SENT, 0), failed)


def pulse(*, midnight: datetime, before: Earlier | None = None) -> Pulse:
    """The state of everything; `midnight` is where the operator's day began.

    `before`: what is known of that day, some seconds old; without it all of the day is counted.
    """
    with db.reading() as session:
        at = db.now(session)
        skew = at - clock.wall()
        queue = depth_in(session)
        today = _today(session, midnight, before)
        accounts = _loads(session, queue)
        return Pulse(
            at=at,
            skew=skew,
            due=min(listing.CAP + 1, sum(load.due for load in accounts)),
            retrying=min(listing.CAP + 1, sum(load.retrying for load in accounts)),
            next_day=_next_day(session, at),
            sending=_capped(session, where(Standing.SENDING, at)),
            held=min(listing.CAP + 1, sum(load.held for load in accounts)),
            late=min(listing.CAP + 1, sum(load.depth.holds.get("late", 0) for load in accounts)),
            checking=_capped(session, where(Standing.CHECKING, at)),
            unconfirmed=_capped(session, where(Standing.UNCONFIRMED, at)),
            sent_today=today[Status.SENT],
            failed_today=today[Status.FAILED],
            new_codes=_new_codes(session, midnight),
            oldest_due_at=min(filter(None, (one.oldest_due_at for one in accounts)), default=None),
            workers=queue.engine.workers,
            queue=queue,
            accounts=accounts,
        )


def new_codes(*, since: datetime) -> dict[int, int]:
    """Codes of Meta's that Outbox does not know, with how many attempts since then got each."""
    with db.reading() as session:
        return _new_codes(session, since)


def _new_codes(session: Session, since: datetime) -> dict[int, int]:
    hint = "" if db.on_postgres(session) else "INDEXED BY ix_attempt_refused"
    found = session.execute(
        db.sql(
            f"SELECT error_code, count(*) FROM attempt {hint} WHERE id >= :first"
            " AND error_code IS NOT NULL GROUP BY error_code ORDER BY error_code"
        ),
        {"first": first_attempt_since(session, since)},
    )
    return {code: count for code, count in found if not classify(code).listed}


def _capped(session: Session, condition: ColumnElement[bool]) -> int:
    return listing.capped(session, condition, m.deleted_at.is_(None))


def _next_day(session: Session, at: datetime) -> int:
    ahead = m.due_at.between(at, at + timedelta(hours=24))
    such = and_(where(Standing.SCHEDULED, at), ahead)
    return plenty.counted("next day", lambda: _capped(session, such), cap=listing.CAP)


def _loads(session: Session, queue: Queue) -> list[AccountLoad]:
    found = select(Account).where(col(Account.state) != "retired").order_by(col(Account.name))
    depths = {depth.number.id: depth for depth in queue.accounts}
    return [
        AccountLoad(account, depths[account.id]) for account in session.execute(found).scalars()
    ]


_EARLY = timedelta(hours=1)  # an attempt may begin so long before the midnight after which it ends
_LATER = timedelta(days=2)  # within which Meta tells that it could not deliver


def _today(session: Session, midnight: datetime, before: Earlier | None) -> dict[Status, int]:
    """Messages that today's attempts sent or failed, and those that expired today or that Meta
    took on a day before and told today that they failed.

    Read through the attempts, whose ids grow with time: `message` has no index on when it ended,
    and shall not have one.
    """
    if before is None:
        first = first_attempt_since(session, midnight - _EARLY)
        before = Earlier(first, failed=_told_later(session, midnight, first))
    first = before.first
    found = _ended(session, midnight, t.id >= max(first, before.until))
    expired = and_(
        m.status == Status.FAILED.value, m.error_class == "expired", m.due_at >= midnight
    )
    tried = select(t.id).where(t.message_id == m.id, t.id >= first).correlate(m.id.table)
    missed = session.execute(select(func.count()).where(expired, ~tried.exists())).scalar_one()
    return {
        Status.SENT: before.sent + found.get(Status.SENT, 0),
        Status.FAILED: before.failed + found.get(Status.FAILED, 0) + int(missed),
    }


def _ended(
    session: Session, midnight: datetime, attempts: ColumnElement[bool], *more: ColumnElement[bool]
) -> dict[str, int]:
    """How many that these attempts were of have been sent and failed since midnight."""
    # Asked of each message that they tell of: as a condition it would be where SQLite begins.
    ended = case(
        (and_(m.status == Status.SENT.value, m.sent_at >= midnight), Status.SENT.value),
        (and_(m.status == Status.FAILED.value, _since(midnight)), Status.FAILED.value),
    ).label("ended")
    tried = m.id.in_(select(t.message_id).where(attempts))
    counted = select(ended, func.count().label("n")).where(tried, *more).group_by(ended)
    return {row.ended: row.n for row in session.execute(counted)}


def _since(midnight: datetime) -> ColumnElement[bool]:
    """That a failed message was tried since then, or told to have failed."""
    tried = select(t.id).where(t.message_id == m.id, t.claimed_at >= midnight)
    return or_(tried.correlate(m.id.table).exists(), _told_since(midnight))


def _told_since(midnight: datetime) -> ColumnElement[bool]:
    told = e.kind.in_(("failed by webhook", "unconfirmed"))
    mine = select(e.id).where(e.message_id == m.id, told, e.at >= midnight)
    return mine.correlate(m.id.table).exists()


def _told_later(session: Session, midnight: datetime, first: int) -> int:
    """How many had left before the attempt `first` and failed since midnight."""
    left = m.sent_at.is_not(None) & m.due_at.between(midnight - _LATER, midnight)
    again = select(t.id).where(t.message_id == m.id, t.id >= first).correlate(m.id.table)
    told = judged(_told_since(midnight))  # of each that failed, not of all that was ever told
    mine = (m.status == Status.FAILED.value, left, told, ~again.exists())
    return int(session.execute(select(func.count()).where(*mine)).scalar_one())


def first_attempt_since(session: Session, since: datetime) -> int:
    """The lowest attempt id claimed at or after `since`, by halving: times have no index."""
    low, high = 1, int(session.execute(select(func.max(t.id))).scalar() or 0) + 1
    while low < high:
        middle = (low + high) // 2
        probe = select(t.id, t.claimed_at).where(t.id >= middle).order_by(t.id).limit(1)
        found: Any = session.execute(probe).first()
        if found is None or found.claimed_at >= since:
            high = middle
        else:
            low = found.id + 1
    return low

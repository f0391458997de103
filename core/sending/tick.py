"""One tick: settle, re-slot, claim and renew in a single transaction.

The tick is the only code of the loop that touches the database. It may be run again whole after
any error, because nothing of its state changes before COMMIT has answered.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlmodel import Session

from core import db, house_rules, workers
from core.sending import attempts
from core.sending import lanes as lanes_of
from core.sending.attempts import Claim
from core.sending.claim import claim
from core.sending.lanes import Lane
from core.sending.recognising import Known
from core.sending.results import Effects, Result
from core.sending.settle import settle

MISSED_FOR = timedelta(seconds=2)  # then a claim that found no slot goes back


class LeaseLost(Exception):
    """Others took this worker for dead and gave its claims away: it must start as a new one."""


@dataclass
class Order:
    """What the loop asks of a tick. `due` are accounts that may have something due."""

    worker_id: int
    known: Known | None = None  # None: whatever the database is
    highest: int = 0  # attempt that is known to be committed
    due: set[int] = field(default_factory=set)
    results: list[Result] = field(default_factory=list)
    missed: list[Claim] = field(default_factory=list)
    in_flight: Counter[int] = field(default_factory=Counter)
    effects: Effects = field(default_factory=Effects)  # of the last tick's results
    held: dict[int, Claim] = field(default_factory=dict)  # attempt → claim, all in memory
    room: int = 0
    lead: float = 0.02
    after: float = 0.0  # seconds in which the worker is busy starting what it has
    unreached_since: datetime | None = None
    reached_after: datetime | None = None  # the API answers again, which it did not since then
    renew: bool = False
    probe: bool = False
    read_back: bool = False


@dataclass
class Outlook:
    """When an account next has something to do: its earliest due time, and its next free slot."""

    due_at: datetime
    next_slot_at: datetime

    @property
    def at(self) -> datetime:
        return max(self.due_at, self.next_slot_at)


@dataclass
class Done:
    """What a committed tick did. `outlook` is None when it did not probe."""

    now: datetime
    claims: list[Claim] = field(default_factory=list)
    reslotted: list[Claim] = field(default_factory=list)
    effects: Effects = field(default_factory=Effects)
    lanes: dict[int, Lane] = field(default_factory=dict)
    outlook: dict[int, Outlook] | None = None
    not_mine: set[int] = field(default_factory=set)
    highest: int | None = None  # attempt for the twin; None: nothing new, or guarded


def run(order: Order, *, installation: str, sampled: Callable[[datetime], None]) -> Done:
    """Run one tick and commit it. `sampled` is told the database's time as soon as it is known.

    Raises Strange when the database may be another than the one in `order.known`, LeaseLost when
    the worker's row is gone, and the database's errors as they come.
    """
    with db.writing() as session:
        now = db.now(session)
        sampled(now)
        if order.known:
            order.known.expect(session, order.highest, thoroughly=order.renew)
        done = Done(now)
        if order.renew and not workers.renew_in(
            session, order.worker_id, unreached_since=order.unreached_since
        ):
            raise LeaseLost
        if order.reached_after:
            workers.reached_again(session, order.worker_id, now, since=order.reached_after)
        done.lanes = _lock(session, order, now)
        if order.read_back:
            done.not_mine = _read_back(session, order, now)
        overdue = [one for one in order.missed if one.slot_at < now - MISSED_FOR]
        returned = [Result(one, None, None, now) for one in overdue]
        delays = house_rules.retry_delays(session)
        done.effects = settle(session, order.results + returned, now=now, delays=delays)
        done.reslotted = _reslot(session, order, done, overdue)
        done.claims = claim(
            session,
            {a: lane for a, lane in done.lanes.items() if a not in done.effects},
            now=now,
            lead=order.lead,
            room=order.room,
            worker_id=order.worker_id,
            installation=installation,
        )
        lanes_of.keep_pace(session, done.lanes)
        if order.probe:
            done.outlook = _probe(session, now)
        if order.renew:
            done.highest = _highest(session)
        elif done.claims:
            done.highest = done.claims[-1].attempt_id
    return done


def _highest(session: Session) -> int | None:
    """The newest attempt; None while the guard is on, when no twin may be brought up to date."""
    newest = "SELECT coalesce(max(id), 0) FROM attempt"
    asked = db.sql(f"SELECT CASE WHEN guard_since IS NULL THEN ({newest}) END FROM installation")
    highest: int | None = session.execute(asked).scalar_one()
    return highest


def _lock(session: Session, order: Order, now: datetime) -> dict[int, Lane]:
    missed = {one.account_id for one in order.missed}
    wanted = order.due | missed
    _apply(session, order.effects, now)
    if not wanted:
        return {}
    return lanes_of.lock_lanes(
        session,
        wanted,
        unused=lanes_of.unused(order.missed),
        now=now,
        lead=order.lead,
        in_flight=order.in_flight,
        most=order.room + len(missed),
        after=order.after,
    )


def _apply(session: Session, effects: Effects, now: datetime) -> None:
    """A tick after they were learnt, because the pace is locked before any message."""
    for account_id in sorted({*effects.waits, *effects.slowed}):
        if account_id in effects.waits:
            lanes_of.wait_until(session, account_id, effects.waits[account_id])
        if account_id in effects.slowed:
            lanes_of.slow_down(session, account_id, effects.slowed[account_id], now)


def _reslot(session: Session, order: Order, done: Done, overdue: list[Claim]) -> list[Claim]:
    late = [
        one
        for one in sorted(order.missed, key=lambda one: one.attempt_id)
        if one not in overdue and one.account_id in done.lanes
    ]
    lanes_of.reslot(session, done.lanes, late, done.now)
    return late


def _read_back(session: Session, order: Order, now: datetime) -> set[int]:
    """After an error: release what a lost COMMIT claimed for us, and name what is ours no more."""
    rows = session.execute(
        db.sql(
            "SELECT id, message_id FROM attempt WHERE worker_id = :me AND outcome IS NULL"
            " ORDER BY message_id"
        ),
        {"me": order.worker_id},
    ).all()
    lost = [
        Result(attempts.stray(row.id, row.message_id, order.worker_id, now), None, None, now)
        for row in rows
        if row.id not in order.held
    ]
    settle(session, lost, now=now, delays=house_rules.retry_delays(session))
    return set(order.held) - {row.id for row in rows}


def _probe(session: Session, now: datetime) -> dict[int, Outlook]:
    """For each account that may send, when it next has something due, by one index probe each."""
    instant = db.UtcDateTime()
    found = session.execute(
        db.sql(
            "SELECT a.id, p.next_slot_at, p.resume_at, min((SELECT m.due_at FROM message m"
            f" WHERE {db.only('m.account_id', 'a.id')} AND m.priority = l.p"
            " AND m.status = 'pending' AND m.hold IS NULL ORDER BY m.due_at LIMIT 1)) AS due_at"
            " FROM account a"
            " JOIN pace p ON p.account_id = a.id"
            " CROSS JOIN (SELECT 0 AS p UNION ALL SELECT 1 UNION ALL SELECT 2) AS l"
            " WHERE a.state = 'active' AND NOT EXISTS (SELECT 1 FROM installation"
            " WHERE stopped_since IS NOT NULL OR guard_since IS NOT NULL)"
            " GROUP BY a.id, p.next_slot_at, p.resume_at"
        ).columns(next_slot_at=instant, resume_at=instant, due_at=instant)
    )
    return {
        row.id: Outlook(
            max(row.due_at, row.resume_at or row.due_at),
            row.next_slot_at if row.next_slot_at < now + lanes_of.NEVER_SO_FAR else now,
        )
        for row in found
        if row.due_at is not None
    }


def end(order: Order) -> None:
    """The last act of a loop: settle what is left, then, with it, remove the worker's row."""
    with db.writing() as session:
        now = db.now(session)
        _apply(session, order.effects, now)
        delays = house_rules.retry_delays(session)
        effects = settle(session, order.results, now=now, delays=delays)
        _apply(session, effects, now)
        workers.end_in(session, order.worker_id, now)

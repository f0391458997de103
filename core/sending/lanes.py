"""Lanes: the accounts that a tick has locked, and their free slots.

The pace rows are locked before any message; those that another worker holds are skipped, so that
no tick ever waits for an account. This is where an account's rate is held, over all workers.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row
from sqlmodel import Session

from core import accounts, db, pacing, retry, vault
from core.errors import Misconfigured
from core.meta import client
from core.sending.attempts import Claim
from core.sending.sieve import Rules, rules_of

MOST_ACCOUNTS, LEAST_ACCOUNTS = 500, 50  # in one tick
UNPACED_IN_FLIGHT = 1000
# A next slot further ahead than this comes from a clock that has gone back since. Slower accounts
# may really be so far ahead.
NEVER_SO_FAR = timedelta(seconds=60)
SLOWEST_HEALED = 0.1
# Seconds from one account's first slot to the next one's: posts start one after another, and the
# thousandth of a thousand accounts that are due at once would miss a slot that all share.
APART = 0.0005


@dataclass
class Lane:
    """One account that this tick has locked, with the slots that are still free in it."""

    account_id: int
    rate: float | None
    url: str
    token: str
    slots: pacing.Slots | None
    room: int
    filled: bool = False  # far enough for now: the slots that come next have been given out
    pulled_in: bool = False  # its next slot lay where only another clock can have put it
    used: int = 0
    places: int = 0  # how many it was offered of the room that the process has
    rules: Rules = field(default_factory=Rules)
    crowded: bool = False  # much was in the way: what is behind it is worth a look at once

    @property
    def free(self) -> int:
        return 0 if self.filled else max(0, self.room - self.used)

    @property
    def step(self) -> timedelta | None:
        return self.slots.step if self.slots else None

    def take(self, earliest: datetime) -> datetime:
        """The next free slot; an account without a rate has none, and posts at `earliest`."""
        self.used += 1
        return self.slots[self.used - 1] if self.slots else earliest


def in_flight_limit(rate: float | None) -> int:
    """How many posts of one account may be open at once."""
    return UNPACED_IN_FLIGHT if rate is None else max(50, int(5 * rate))


@dataclass(frozen=True)
class Unused:
    """The last slots of an account that went by without a post: the first, and the one after."""

    first: datetime
    after: datetime


def unused(missed: Iterable[Claim]) -> dict[int, Unused]:
    """By account, the slots that were missed one right after another, up to the latest missed."""
    runs: dict[int, Unused] = {}
    for one in sorted(missed, key=lambda one: one.slot_at, reverse=True):
        if one.step is None:
            continue
        after, run = one.slot_at + one.step, runs.get(one.account_id)
        if run is None or after == run.first:
            runs[one.account_id] = Unused(one.slot_at, run.after if run else after)
    return runs


def lock_lanes(
    session: Session,
    account_ids: Iterable[int],
    *,
    unused: Mapping[int, Unused],
    now: datetime,
    lead: float,
    in_flight: Counter[int],
    most: int = MOST_ACCOUNTS,
    after: float = 0.0,
) -> dict[int, Lane]:
    """Lock the pace of accounts that may send now, and work out their free slots.

    `most` is how many could get a place at all: those whose slots come first. First slots lie
    `after` seconds beyond the lead, while the worker starts what it has claimed before.

    Slots that went by `unused` are given again where nobody has one after them: an account that
    sends once a second would else pay with a second for each that a busy moment made it miss.
    """
    most = min(MOST_ACCOUNTS, max(LEAST_ACCOUNTS, most))
    horizon = now + timedelta(seconds=lead + pacing.AHEAD)
    skip = "FOR NO KEY UPDATE OF p SKIP LOCKED" if db.on_postgres(session) else ""
    found = session.execute(
        db.sql(
            f"SELECT p.account_id, {_NEXT} AS next_slot_at, a.rate, p.rate_now, p.slowed_at,"
            " p.ready_since, a.late_policy, a.late_after, a.zone, a.quiet_from, a.quiet_to,"
            " a.phone_number_id, b.token"
            f" FROM {db.rows_sql(session, **_ASKED)}"
            " JOIN pace p ON p.account_id = v.account_id"
            " JOIN account a ON a.id = p.account_id JOIN business b ON b.id = a.business_id"
            f" WHERE a.state = 'active' AND (a.rate IS NULL OR {_NEXT} < :horizon"
            f" OR (p.next_slot_at > :far AND a.rate >= {SLOWEST_HEALED}))"
            " AND (p.resume_at IS NULL OR p.resume_at <= :now) AND NOT EXISTS (SELECT 1 FROM"
            " installation WHERE stopped_since IS NOT NULL OR guard_since IS NOT NULL)"
            f" ORDER BY {_NEXT} LIMIT :most {skip}",
            "horizon",
            "far",
            "now",
        ).columns(
            next_slot_at=db.UtcDateTime(),
            slowed_at=db.UtcDateTime(),
            ready_since=db.UtcDateTime(),
        ),
        {
            "rows": db.rows([_asked(one, unused.get(one)) for one in sorted(account_ids)]),
            "horizon": horizon,
            "far": now + NEVER_SO_FAR,
            "now": now,
            "most": most,
        },
    )
    lanes: dict[int, Lane] = {}
    for index, row in enumerate(found.all()):
        try:
            lanes[row.account_id] = _lane(row, now, lead + after + index * APART, in_flight)
        except Misconfigured as error:
            # Its messages wait with the reason; every other account goes on.
            accounts.pause_by_itself(session, row.account_id, str(error))
    return lanes


_ASKED = {"account_id": "bigint", "first": "timestamptz", "after": "timestamptz"}
_NEXT = "CASE WHEN p.next_slot_at <= v.after THEN v.first ELSE p.next_slot_at END"


def _asked(account_id: int, run: Unused | None) -> dict[str, Any]:
    return {"account_id": account_id} | ({"first": run.first, "after": run.after} if run else {})


def _lane(row: Row[Any], now: datetime, lead: float, in_flight: Counter[int]) -> Lane:
    room = in_flight_limit(row.rate) - in_flight[row.account_id]
    rate, slots, pulled_in, filled = row.rate, None, False, False
    if row.rate is not None:
        rate = pacing.rate_at(row.rate, rate_now=row.rate_now, slowed_at=row.slowed_at, now=now)
        slots = pacing.slots(now=now, next_slot_at=row.next_slot_at, rate=rate, lead=lead)
        room = min(room, slots.count)
        pulled_in = slots.first < row.next_slot_at
        # Two workers on one account would else fill half a window each, at the price of a whole.
        filled = not pulled_in and row.next_slot_at > now + timedelta(
            seconds=lead + pacing.AHEAD / 2
        )
    url = client.messages_url(row.phone_number_id)
    token, room = vault.decrypt(row.token), max(0, room)
    rules = rules_of(row, now)
    return Lane(row.account_id, rate, url, token, slots, room, filled, pulled_in, rules=rules)


def reslot(
    session: Session, lanes: dict[int, Lane], missed: Sequence[Claim], now: datetime
) -> None:
    """Give claims that missed their slot the next ones of their account, before any new claim."""
    rows = []
    for claim in missed:
        lane = lanes[claim.account_id]
        claim.slot_at, claim.step = lane.take(now), lane.step
        rows.append({"attempt_id": claim.attempt_id, "slot_at": claim.slot_at})
    if rows:
        shape = db.rows_sql(session, attempt_id="bigint", slot_at="timestamptz")
        session.execute(
            db.sql(
                f"UPDATE attempt AS a SET slot_at = v.slot_at FROM {shape}"
                " WHERE a.id = v.attempt_id AND a.outcome IS NULL"
            ),
            {"rows": db.rows(rows)},
        )


def wait_until(session: Session, account_id: int, until: datetime) -> None:
    """Hold back a whole account until Meta wants to hear from it again; never shortens a wait."""
    session.execute(
        db.sql(
            "UPDATE pace SET resume_at = :until WHERE account_id = :account"
            " AND (resume_at IS NULL OR resume_at < :until) AND EXISTS (SELECT 1"
            # On a paused account the same column says when the pause ends by itself.
            " FROM account a WHERE a.id = pace.account_id AND a.state = 'active')",
            "until",
        ),
        {"until": until, "account": account_id},
    )


def slow_down(session: Session, account_id: int, slot_at: datetime, now: datetime) -> None:
    """Halve the rate of an account whose limit Meta told us; once for all that was under way then.

    `slot_at` is the newest slot that was refused. Slots that were given out before the halving tell
    nothing new, also those that still lie ahead. An account without a rate has nothing to halve,
    and waits a moment.
    """
    row = session.execute(
        db.sql(
            "SELECT a.rate, p.rate_now, p.slowed_at, p.next_slot_at FROM pace p JOIN account a"
            " ON a.id = p.account_id WHERE p.account_id = :account"
            f"{' FOR NO KEY UPDATE OF p' if db.on_postgres(session) else ''}"
        ).columns(slowed_at=db.UtcDateTime(), next_slot_at=db.UtcDateTime()),
        {"account": account_id},
    ).one()
    if row.rate is None:
        wait_until(session, account_id, now + retry.SLOWED_WAIT)
    elif row.slowed_at is None or row.slowed_at <= slot_at:
        since = max(now, min(row.next_slot_at, now + timedelta(seconds=1)))
        half = pacing.halved(row.rate, row.rate_now, row.slowed_at, now)
        session.execute(
            db.sql(
                "UPDATE pace SET rate_now = :half, slowed_at = :at WHERE account_id = :id", "at"
            ),
            {"half": half, "at": since, "id": account_id},
        )


def keep_pace(session: Session, lanes: dict[int, Lane]) -> None:
    """Write where the next slot of each account lies, for whichever worker comes next."""
    rows = [
        {"account_id": lane.account_id, "next_slot_at": lane.slots.after(lane.used)}
        for lane in lanes.values()
        if lane.slots and (lane.used or lane.pulled_in)
    ]
    if rows:
        shape = db.rows_sql(session, account_id="bigint", next_slot_at="timestamptz")
        session.execute(
            db.sql(
                f"UPDATE pace AS p SET next_slot_at = v.next_slot_at FROM {shape}"
                " WHERE p.account_id = v.account_id"
            ),
            {"rows": db.rows(rows)},
        )

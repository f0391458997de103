"""When posts may start: slots that keep an account's rate, and the pair bucket of a recipient.

Pure arithmetic over seconds and instants; the tick keeps `next_slot_at` and `pair_tat` under a
lock, which makes both hold over all workers together.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

AHEAD = 0.15  # seconds that a tick claims beyond its lead
SHORTEST_LEAD, LONGEST_LEAD = 0.005, 0.1
RECOVERY = 0.05  # of an account's limit, given back in each clean second after 130429

# Meta: one message in 6 s to the same user, with a burst of up to 45 borrowed from the future
# (about-the-platform, pair rate limits).
PAIR_CAPACITY = 45
PAIR_INTERVAL = timedelta(seconds=6)
PAIR_STEPS = tuple(timedelta(seconds=4**step) for step in range(5))  # after 131056: 4^X seconds


def jitter(rate: float) -> float:
    """How late after its slot a post may still start, in seconds."""
    return 0.005 if rate >= 10 else 0.05


def period(rate: float) -> float:
    """Seconds between two slots: long enough that rate + 1 posts always span a full second.

    A post starts anywhere in [slot, slot + jitter]; spacing slots by (1 + jitter) / rate keeps
    every sliding second at `rate` or below even when the first is late and the last is punctual.
    """
    return (1 + jitter(rate)) / rate


@dataclass(frozen=True)
class Slots:
    """The free slots of one account in one tick, and where the next one lies after using some."""

    first: datetime
    step: timedelta
    count: int

    def __getitem__(self, index: int) -> datetime:
        return self.first + index * self.step

    def after(self, used: int) -> datetime:
        """`next_slot_at` once the first `used` slots are taken."""
        return self.first + used * self.step


def slots(*, now: datetime, next_slot_at: datetime, rate: float, lead: float) -> Slots:
    """The slots that a tick at `now` may fill: those before now + lead + AHEAD.

    `lead` is how long the tick itself may take, in seconds; a slot before now + lead would be
    missed. A `next_slot_at` far ahead (a clock that went back) is pulled in.
    """
    # Up to the next microsecond: rounded down, the last of `rate` steps would come too early.
    step = timedelta(microseconds=math.ceil(round(period(rate) * 1_000_000, 3)))
    horizon = now + timedelta(seconds=lead + AHEAD)
    first = max(now + timedelta(seconds=lead), min(next_slot_at, horizon + step))
    return Slots(first, step, max(0, -((first - horizon) // step)))


def rate_at(
    rate: float, *, rate_now: float | None, slowed_at: datetime | None, now: datetime
) -> float:
    """What an account may send a second at `now`, after Meta slowed it down.

    `rate` is its limit and `rate_now` what was left of it at `slowed_at` (None: never slowed).
    Each whole second since then gives back a twentieth of the limit.
    """
    if rate_now is None or slowed_at is None:
        return rate
    clean = max(0, (now - slowed_at) // timedelta(seconds=1))
    return min(rate, rate_now + clean * RECOVERY * rate)


def halved(rate: float, rate_now: float | None, slowed_at: datetime | None, now: datetime) -> float:
    """What is left of an account's rate after 130429; never so little that it seems to stand."""
    return max(RECOVERY * rate, rate_at(rate, rate_now=rate_now, slowed_at=slowed_at, now=now) / 2)


def pair_free_at(tat: datetime | None, now: datetime) -> datetime:
    """When the pair bucket next has room: `now`, or later when the burst is used up.

    `tat` is the theoretical arrival time of a token bucket (GCRA); None: never used.
    """
    if tat is None:
        return now
    return max(now, tat - (PAIR_CAPACITY - 1) * PAIR_INTERVAL)


def pair_after(tat: datetime | None, at: datetime) -> datetime:
    """The bucket after one message at `at`."""
    return (max(tat, at) if tat else at) + PAIR_INTERVAL


def pair_blocked(now: datetime, step: int) -> tuple[datetime, datetime]:
    """After Meta's 131056: when this recipient is free again, and the bucket that says so.

    `step` counts refusals in a row from 0; Meta asks for 4^step seconds.
    """
    free = now + PAIR_STEPS[min(step, len(PAIR_STEPS) - 1)]
    return free, free + (PAIR_CAPACITY - 1) * PAIR_INTERVAL


def lead_from(durations: list[float]) -> float:
    """How far ahead a tick must look: the 99th percentile of recent ticks, in seconds."""
    if not durations:
        return 0.02
    ordered = sorted(durations)
    return min(LONGEST_LEAD, max(SHORTEST_LEAD, ordered[int(0.99 * (len(ordered) - 1))]))


def queue(
    dues: Iterable[datetime], *, now: datetime, due_at: datetime, step: timedelta
) -> tuple[datetime, int]:
    """When one that is due at `due_at` leaves behind `dues` (ascending), and behind how many.

    Each leaves at its time, or one `step` after the one before it.
    """
    due_at, free, ahead = max(due_at, now), now, 0
    for due in dues:
        slot = max(free, due)
        free, ahead = slot + step, ahead + (slot >= due_at)
    return max(due_at, free), ahead

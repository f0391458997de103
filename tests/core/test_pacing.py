"""The rate of an account and the bucket of a pair, over sequences that nobody thought of."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import cycle, pairwise, repeat

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core import pacing

START = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
RATES = st.sampled_from([1.0, 2, 3, 7, 9.99, 10, 11, 20, 80, 250, 650, 999, 1000]) | st.floats(
    1, 1000
)
LEADS = st.floats(pacing.SHORTEST_LEAD, pacing.LONGEST_LEAD)


@dataclass
class Account:
    """One account as workers see it in turn: a `next_slot_at` that they share, and their starts.

    Each tick is what a lane does: only one whose slot lies within reach is locked, and the next
    slot is written only where one was used.
    """

    rate: float
    late: Iterator[float] = field(default_factory=lambda: repeat(0.0))  # part of each window
    next_slot_at: datetime = START
    starts: list[datetime] = field(default_factory=list)

    def tick(self, now: datetime, *, lead: float, wanted: int) -> None:
        """Claim up to `wanted` slots and start each somewhere in its window."""
        if self.next_slot_at >= now + timedelta(seconds=lead + pacing.AHEAD):
            return
        free = pacing.slots(now=now, next_slot_at=self.next_slot_at, rate=self.rate, lead=lead)
        used = min(wanted, free.count)
        window = timedelta(seconds=pacing.jitter(self.rate))
        self.starts += [free[index] + next(self.late) * window for index in range(used)]
        if used:
            self.next_slot_at = free.after(used)


Tick = tuple[float, float, int]  # seconds since the one before, its lead, how many are due
BUSY: list[Tick] = [(0.05, 0.02, 1000)] * 50
TICKS = st.just(BUSY) | st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.001, 0.05, 0.2, 1.0]) | st.floats(0, 3), LEADS, st.integers(0, 120)
    ),
    max_size=60,
)
LATE = st.lists(st.sampled_from([0.0, 1.0]) | st.floats(0, 1), min_size=1, max_size=30)
FIRST_LATE = [1.0, *[0.0] * 5000]


def run(rate: float, ticks: list[Tick], late: list[float]) -> list[datetime]:
    account, now = Account(rate, cycle(late)), START
    for passed, lead, wanted in ticks:
        now += timedelta(seconds=passed)
        account.tick(now, lead=lead, wanted=wanted)
    return account.starts


def fullest(starts: list[datetime], span: timedelta = SECOND) -> int:
    """How many starts the fullest sliding second holds; it is open at its end."""
    ordered, first, most = sorted(starts), 0, 0
    for last, at in enumerate(ordered):
        while at - ordered[first] >= span:
            first += 1
        most = max(most, last - first + 1)
    return most


@given(rate=RATES, ticks=TICKS, late=LATE)
@example(rate=1, ticks=BUSY, late=FIRST_LATE)
@example(rate=80, ticks=BUSY, late=FIRST_LATE)
@example(rate=650, ticks=BUSY, late=FIRST_LATE)
def test_no_sliding_second_holds_more_than_the_rate(
    rate: float, ticks: list[Tick], late: list[float]
) -> None:
    """Ticks of any workers in any order: they share nothing but `next_slot_at`."""
    starts = run(rate, ticks, late)
    assert fullest(starts) <= -(-rate // 1)


@given(rate=st.floats(0.001, 1) | st.floats(1, 9.99), ticks=TICKS, late=LATE)
@example(rate=0.5, ticks=[(1.0, 0.1, 1)] * 60, late=[1.0, 0.0])
def test_two_starts_are_never_nearer_than_the_rate_and_the_window_allow(
    rate: float, ticks: list[Tick], late: list[float]
) -> None:
    starts = run(rate, ticks, late)
    least = pacing.period(rate) - pacing.jitter(rate)
    assert all(gap >= least - 1e-6 for gap in gaps(starts))
    if rate <= 1:
        assert all(gap >= 1 / rate - 1e-6 for gap in gaps(starts))


def gaps(starts: list[datetime]) -> list[float]:
    return [(later - earlier).total_seconds() for earlier, later in pairwise(starts)]


@given(rate=st.floats(1e-6, 1e6), lead=LEADS)
def test_every_rate_that_an_account_may_have_has_slots(rate: float, lead: float) -> None:
    free = pacing.slots(now=START, next_slot_at=START, rate=rate, lead=lead)
    assert free.step.total_seconds() >= pacing.period(rate) - 1e-9
    assert free.step.total_seconds() <= pacing.period(rate) + 1e-6
    assert free.count >= 1 and free.after(free.count) > START


@pytest.mark.parametrize(("rate", "in_a_minute"), [(1, 58), (20, 1194), (80, 4775), (1000, 59_682)])
def test_a_full_queue_leaves_at_nearly_the_rate(rate: float, in_a_minute: int) -> None:
    account, now = Account(rate), START
    while now < START + timedelta(minutes=1):
        account.tick(now, lead=0.02, wanted=10_000)
        now += timedelta(milliseconds=50)
    leaving = [at for at in account.starts if at < START + timedelta(minutes=1)]
    assert len(leaving) == in_a_minute


@pytest.mark.parametrize("rate", [1, 80])
def test_two_workers_in_turn_leave_no_slot_out(rate: float) -> None:
    """The second worker goes on where the first one stopped, a moment later."""
    account, now = Account(rate), START
    for worker in range(200):
        account.tick(now, lead=(0.02, 0.06)[worker % 2], wanted=20)
        now += timedelta(milliseconds=7 if worker % 2 else 30)
    step = pacing.slots(now=now, next_slot_at=now, rate=rate, lead=0.02).step
    assert set(gaps(account.starts)) == {step.total_seconds()}


def test_no_slot_lies_before_the_tick_is_over_or_beyond_its_reach() -> None:
    free = pacing.slots(now=START, next_slot_at=START - SECOND, rate=80, lead=0.03)
    reach = START + timedelta(seconds=0.03 + pacing.AHEAD)
    assert free.first == START + timedelta(seconds=0.03)
    assert free[free.count - 1] < reach <= free.after(free.count)


def test_idle_time_is_not_saved_up() -> None:
    account = Account(80)
    account.tick(START + timedelta(hours=3), lead=0.02, wanted=10_000)
    assert len(account.starts) == 12  # what 150 ms hold, not three hours


def test_a_slot_far_ahead_after_the_clock_went_back_is_pulled_in() -> None:
    ahead = START + timedelta(hours=1)
    free = pacing.slots(now=START, next_slot_at=ahead, rate=2, lead=0.02)
    assert free.count == 0
    reach = START + timedelta(seconds=0.02 + pacing.AHEAD)
    assert free.first == reach + free.step
    soon = free.after(0)
    later = pacing.slots(now=soon, next_slot_at=soon, rate=2, lead=0.02)
    assert later.count == 1


@given(
    rates=st.tuples(st.floats(1, 1000), st.floats(1, 1000)),
    passed=st.floats(0, 2),
    wanted=st.integers(1, 120),
)
def test_a_new_rate_holds_from_the_next_slot(
    rates: tuple[float, float], passed: float, wanted: int
) -> None:
    account = Account(rates[0])
    account.tick(START, lead=0.02, wanted=wanted)
    before = len(account.starts)
    account.rate = rates[1]
    for tick in range(40):
        now = START + timedelta(seconds=passed + tick * 0.05)
        account.tick(now, lead=0.02, wanted=wanted)
    assert fullest(account.starts[before:]) <= -(-rates[1] // 1)
    assert gaps(account.starts)[before - 1] >= pacing.period(rates[0]) - 1e-6


PAIR_TIMES = st.lists(st.floats(0, 60), max_size=200)


@given(gaps=PAIR_TIMES)
def test_a_pair_never_gets_more_than_45_at_once_and_one_in_6_seconds_after(
    gaps: list[float],
) -> None:
    tat: datetime | None = None
    now, sent = START, []
    for gap in gaps:
        now += timedelta(seconds=gap)
        if pacing.pair_free_at(tat, now) == now:
            tat = pacing.pair_after(tat, now)
            sent.append(now)
    for first, at in enumerate(sent):
        for last in range(first, len(sent)):
            span = sent[last] - at
            assert last - first + 1 <= pacing.PAIR_CAPACITY + span // pacing.PAIR_INTERVAL


def test_a_pair_has_45_at_once_and_then_one_every_6_seconds() -> None:
    tat: datetime | None = None
    for _ in range(45):
        assert pacing.pair_free_at(tat, START) == START
        tat = pacing.pair_after(tat, START)
    for waits in range(1, 4):
        free = pacing.pair_free_at(tat, START)
        assert free == START + waits * timedelta(seconds=6)
        tat = pacing.pair_after(tat, free)


def test_a_pair_that_rested_has_its_burst_again() -> None:
    tat = pacing.pair_after(None, START)
    later = START + timedelta(minutes=10)
    for _ in range(45):
        assert pacing.pair_free_at(tat, later) == later
        tat = pacing.pair_after(tat, later)
    assert pacing.pair_free_at(tat, later) > later


@pytest.mark.parametrize(
    ("step", "seconds"), [(0, 1), (1, 4), (2, 16), (3, 64), (4, 256), (5, 256), (99, 256)]
)
def test_a_refused_pair_waits_four_times_longer_each_time(step: int, seconds: int) -> None:
    free, tat = pacing.pair_blocked(START, step)
    assert free == START + timedelta(seconds=seconds)
    assert pacing.pair_free_at(tat, START) == free
    assert pacing.pair_free_at(pacing.pair_after(tat, free), free) == free + pacing.PAIR_INTERVAL


def test_the_lead_follows_the_slowest_ticks_within_its_bounds() -> None:
    assert pacing.lead_from([]) == 0.02
    assert pacing.lead_from([0.001] * 100) == pacing.SHORTEST_LEAD
    assert pacing.lead_from([0.01] * 97 + [0.05] * 3) == 0.05
    assert pacing.lead_from([3.0] * 10) == pacing.LONGEST_LEAD

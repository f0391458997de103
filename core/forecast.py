"""When the waiting messages of an account leave: the engine's own rules over rows in memory.

It takes tick after tick as the send loop does, with the same slots and the same sieve, on the
assumption that every answer is an acceptance and nobody intervenes.
"""

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from core import pacing
from core.blocking import Number
from core.sending.sieve import REACHES, Rules, Sieve, first_reach, is_late, rules_of

LEAD = timedelta(seconds=0.02)  # of a loop whose ticks are quick
BETWEEN = timedelta(seconds=0.05)  # ticks of a busy loop
ANSWERED = timedelta(seconds=0.5)  # what is in flight keeps its recipient busy about so long
AT_ONCE = 1_000  # that an account without a rate sends in one go; beyond, the machine decides
SURE = timedelta(seconds=1.2)  # what is known to less than this counts as known
MOST_TICKS = 20_000


@dataclass(slots=True, eq=False)
class Waiting:
    """One row of the line, as a candidate of a claim; `busy` while its recipient has one open."""

    id: int
    account_id: int
    recipient: str
    priority: int
    due_at: datetime
    scheduled_at: datetime
    not_after: datetime | None
    late_policy: str | None
    tried: bool
    pair_tat: datetime | None = None
    busy: bool = False
    plain: bool = True  # nothing but its turn decides
    # As a forecast takes it: nothing bars it. What is barred is told before anything is foreseen.
    kind: str = "text"
    batch_id: int | None = None
    template_id: int | None = None
    opted_out: int | None = None

    def __lt__(self, other: "Waiting") -> bool:
        return (self.due_at, self.id) < (other.due_at, other.id)


@dataclass
class Line:
    """The waiting messages of one account. `cut`: priorities of which more wait than are here.

    `in_flight` are recipients whose answer is awaited: when it comes, and so what waits for it,
    nobody knows to the second.
    """

    number: Number
    rows: Sequence[Waiting]
    cut: set[int] = field(default_factory=set)
    in_flight: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Leave:
    """When one leaves (None: never), behind how many; not `exact`: not before, and at least."""

    at: datetime | None
    ahead: int
    exact: bool


def forecast(line: Line, wanted: Iterable[int], *, now: datetime) -> dict[int, Leave]:
    """When each of the `wanted` messages (ids) leaves, as far as this line tells."""
    return _Simulation(line, set(wanted), now).run()


class _Simulation:
    def __init__(self, line: Line, wanted: set[int], now: datetime) -> None:
        self.line, self.wanted = line, wanted
        self.began = self.now = max(now, line.number.resume_at or now)
        self.next_slot = line.number.next_slot_at or now
        self.dues = {row.id: max(row.due_at, now) for row in line.rows}
        self.buckets = {row.recipient: row.pair_tat for row in line.rows}
        self.queues = {p: sorted(row for row in line.rows if row.priority == p) for p in range(3)}
        self.ends = {p: self.queues[p][-1].due_at for p in line.cut}
        self.left: list[datetime] = []
        self.found: dict[int, Leave] = {}
        self._mark_plain()
        self.doubtful = {row.id for row in line.rows if self._is_doubtful(row)}
        self.slack = self._slack()
        self.doubt = self.slack  # how far off what follows may be
        self.known_until: datetime | None = None

    def _slack(self) -> timedelta:
        """How much sooner something may leave than it seems, because others lose their place."""
        rate = self.line.number.rate_at(self.began)
        return len(self.doubtful) * timedelta(seconds=pacing.period(rate) if rate else 0)

    def _is_doubtful(self, row: Waiting) -> bool:
        """Whether others may keep its recipient busy that this line does not show."""
        used = row.pair_tat is not None and row.pair_tat > self.began
        return row.recipient in self.line.in_flight or (bool(self.line.cut) and used)

    def _mark_plain(self) -> None:
        """Those that nothing but their turn decides need no sieve."""
        times = Counter(row.recipient for row in self.line.rows)
        rules = rules_of(self.line.number, self.now)
        for row in self.line.rows:
            row.plain = (
                row.not_after is None
                and not is_late(row, rules)
                and times[row.recipient] == 1
                and pacing.pair_free_at(row.pair_tat, self.now) <= self.now
                and row.recipient not in self.line.in_flight
            )

    def run(self) -> dict[int, Leave]:
        for _ in range(MOST_TICKS):
            if not self.wanted - self.found.keys() or not self._advance():
                break
            self._tick()
            self.now += BETWEEN
        self._give_up_on(self.wanted - self.found.keys())
        return {message_id: self.found[message_id] for message_id in self.wanted}

    def _give_up_on(self, ids: Iterable[int]) -> None:
        """They leave after all that has left by now, but nobody knows when."""
        self.known_until = self.known_until or self.now - BETWEEN
        for message_id in ids:
            earliest = max(self.dues.get(message_id, self.began), self.known_until - self.slack)
            self.found[message_id] = Leave(earliest, len(self.left), exact=False)

    def _advance(self) -> bool:
        """Go to the next instant that is worth a tick; False when this line tells no more."""
        for priority in sorted(self.ends):
            if not self.queues[priority]:
                self._cut_off(priority)
        firsts = [queue[0].due_at for queue in self.queues.values() if queue]
        if not firsts:
            return False
        free = self.next_slot if self.line.number.rate else self.now
        self.now = max(self.now, max(min(firsts), free) - LEAD)
        return True

    def _cut_off(self, first: int) -> None:
        """Nothing is known from here on but of what is more urgent: that gets the next slot."""
        for priority in range(first, 3):
            self._give_up_on(row.id for row in self.queues[priority])
            self.queues[priority] = []
            self.ends.pop(priority, None)
        rate = self.line.number.rate_at(self.now)
        self.doubt += timedelta(seconds=pacing.period(rate) if rate else 0)

    def _tick(self) -> None:
        rate = self.line.number.rate_at(self.now)
        if rate is None:
            for row in self._chosen(AT_ONCE):
                self._leave(row, max(self.now, row.due_at), timedelta())
            return
        lead = LEAD.total_seconds()
        slots = pacing.slots(now=self.now, next_slot_at=self.next_slot, rate=rate, lead=lead)
        for used, row in enumerate(self._chosen(slots.count)):
            self._leave(row, slots[used], slots.step)
            self.next_slot = slots.after(used + 1)

    def _chosen(self, places: int) -> list[Waiting]:
        """What this tick claims, in the order of its slots; what may not leave is pushed aside."""
        if not places:
            return []
        rules = rules_of(self.line.number, self.now)
        window = self._candidates(first_reach(places))
        plain = not rules.quiet_until and all(row.plain for row in window)
        passed = window[:places] if plain else self._sifted(places, rules)
        for row in passed:
            self.queues[row.priority].remove(row)
        return passed

    def _candidates(self, limit: int) -> list[Waiting]:
        until = self.now + LEAD
        return [row for p in range(3) for row in self.queues[p][:limit] if row.due_at <= until]

    def _sifted(self, places: int, rules: Rules) -> list[Waiting]:
        account_id = self.line.number.id
        sieve = Sieve(self.now, {account_id: places}, {account_id: rules})
        for reach in REACHES:
            left = sieve.wanted[account_id]
            found = self._candidates(reach(left)) if left else []
            for row in found:
                row.pair_tat = self.buckets[row.recipient]
                row.busy = row.recipient in self.line.in_flight and (
                    self.now < self.began + ANSWERED
                )
            blocked = sieve.sift(cast(Any, found))
            self._put_aside(sieve, found)
            if not blocked:
                break
        return list(sieve.passed.values())

    def _put_aside(self, sieve: Sieve, found: list[Waiting]) -> None:
        over = {*sieve.expired, *sieve.skipped, *sieve.late}
        for row in found:
            if row.id in over:
                self.queues[row.priority].remove(row)
                self.found[row.id] = Leave(None, 0, exact=True)
            elif row.id in sieve.pushed:
                self.queues[row.priority].remove(row)
                self._push(row, sieve.pushed[row.id])

    def _push(self, row: Waiting, due_at: datetime) -> None:
        row.due_at = due_at
        if row.priority in self.ends and due_at >= self.ends[row.priority]:
            # Among those that are not here: how many of them go before it, nobody counted.
            self.found[row.id] = Leave(due_at - self.slack, len(self.left), exact=False)
        else:
            insort(self.queues[row.priority], row)

    def _leave(self, row: Waiting, slot: datetime, step: timedelta) -> None:
        due, doubtful = self.dues[row.id], row.id in self.doubtful
        ahead = len(self.left) - bisect_left(self.left, due)
        exact = self.doubt <= SURE and not doubtful and (bool(step) or len(self.left) < AT_ONCE)
        earliest = max(due, slot - self.slack) if step and not doubtful else due
        self.found[row.id] = Leave(slot if exact else earliest, ahead, exact)
        self.left.append(slot)
        self.buckets[row.recipient] = pacing.pair_after(self.buckets[row.recipient], slot)

"""The agenda of a send loop: whose turn it is, when the next tick is worth it, how much it does.

Bookkeeping over what ticks took and found. Instants are engine time; `began` and what `next_tick`
returns are seconds of the monotonic clock.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from statistics import median

from core import pacing
from core.sending.lanes import Lane

BUSY_LEAST, BUSY_MOST = 0.05, 0.1  # seconds between the beginnings of two ticks while there is work
IDLE_LEAST, IDLE_MOST = 0.005, 1.0  # at most so long after a lost wake
TICK_MAY_TAKE = 0.08  # seconds: no more is claimed at once than can be written within them
SPARE = timedelta(milliseconds=60)  # a tick that fills slots comes so long before it must
LOOK_AGAIN = timedelta(seconds=BUSY_LEAST)  # where there was no place
TAKEN = timedelta(seconds=0.25)  # another worker fills its slots, and is to be left to it
LEAST_CLAIMS = 50  # of one tick, however slow
FEW = 20  # messages: a tick with fewer tells nothing of what one costs
COST = 0.0003  # seconds that a message is taken to cost a tick before any has been measured


class Agenda:
    """What one loop has learnt of its ticks, and when each account is worth a look."""

    def __init__(self, most: int) -> None:
        self.ready: dict[int, datetime] = {}
        self._most = most
        self._capacity = 100
        self._durations: deque[float] = deque(maxlen=200)
        self._costs: deque[float] = deque(maxlen=20)

    def due(self, now: datetime) -> set[int]:
        """The accounts whose turn comes before the tick after this one could see to them."""
        soon = now + timedelta(seconds=self.lead() + pacing.AHEAD / 2)
        return {account for account, at in self.ready.items() if at <= soon}

    def put_off(self, now: datetime) -> None:
        """Nothing may be claimed for the moment: look again soon."""
        for account in self.due(now):
            self.ready[account] = now + LOOK_AGAIN

    def room(self) -> int:
        """How many messages the next tick may claim."""
        affordable = int(TICK_MAY_TAKE / self._cost())
        return min(self._capacity, max(LEAST_CLAIMS, affordable))

    def lead(self, claims: int = 0) -> float:
        """How far ahead a tick must look that may claim so many: as long as it will take."""
        expected = min(pacing.LONGEST_LEAD, claims * self._cost())
        return max(pacing.lead_from(list(self._durations)), expected)

    def took(self, seconds: float, messages: int) -> None:
        """A tick took so long, and claimed and settled so many messages."""
        self._durations.append(seconds)
        if messages >= FEW:
            self._costs.append(seconds / messages)

    def posted(self, *, late: bool) -> None:
        """Claim no more than could lately be posted in time; grow while nothing is late."""
        if late:
            self._capacity = max(LEAST_CLAIMS, self._capacity // 2)
        else:
            self._capacity = min(self._most, self._capacity + max(50, self._capacity // 4))

    def plan(self, accounts: Iterable[int], lanes: Mapping[int, Lane], now: datetime) -> None:
        """After a tick that looked at `accounts`."""
        for account in accounts:
            lane = lanes.get(account)
            if lane is None:
                self.ready[account] = now + TAKEN
            elif lane.filled and lane.slots and not lane.used:
                self.ready[account] = lane.slots.first - SPARE
            elif not (lane.used or lane.places):
                self.ready[account] = now + LOOK_AGAIN
            elif lane.crowded:
                self.ready[account] = now
            elif not lane.used:
                self._forget(account, now)
            elif lane.slots:
                self.ready[account] = lane.slots.after(lane.used) - SPARE

    def _forget(self, account: int, now: datetime) -> None:
        """Nothing was due: the next probe tells when, unless its time is known to come."""
        if self.ready.get(account, now) <= now + timedelta(seconds=self.lead()):
            self.ready.pop(account, None)

    def next_tick(
        self, began: float, *, busy: bool, on_monotonic: Callable[[datetime], float]
    ) -> float:
        """When to begin the next tick after one that began then."""
        soonest, latest = (BUSY_LEAST, BUSY_MOST) if busy else (IDLE_LEAST, IDLE_MOST)
        at = began + latest
        if self.ready:
            at = min(at, on_monotonic(min(self.ready.values())) - self.lead())
        return max(at, began + soonest)

    def _cost(self) -> float:
        """Seconds of a tick for each message."""
        return median(self._costs) if self._costs else COST

"""Slows down whoever guesses: some free failures, then a wait that doubles with each.

It counts in the memory of the process, not in the database: a name that does not exist has to be
slowed exactly like one that does, and a stranger's guesses must not make the engine's database
write. So each dashboard counts for itself, and a restart forgets.
"""

import math
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from core import clock
from core.errors import Invalid, Problem

LONGEST = timedelta(minutes=5)
FORGET_AFTER = timedelta(minutes=15)
MOST_KEYS = 10_000

Key = tuple[str, str]  # what is counted, and whose: ("name", "ana")


@dataclass
class _Count:
    failures: int
    last: datetime


class Guesses:
    """Counts failures by key; `free` tells how many each kind of key has before it waits."""

    def __init__(self, **free: int) -> None:
        self._free = free
        self._counts: dict[Key, _Count] = {}
        self._lock = threading.Lock()

    def begin(self, *keys: Key, field: str) -> None:
        """Count a try before it is made, so that a hundred at once are not all the first.

        Raises Invalid at `field`, code `slowed`, details `seconds`, while any key has to wait.
        """
        with self._lock:
            now = clock.wall()
            wait = max(self._wait(key, now) for key in keys)
            if wait > timedelta():
                raise Invalid(_slowed(field, math.ceil(wait.total_seconds())))
            self._forget(now)
            for key in keys:
                self._counts.setdefault(key, _Count(0, now)).failures += 1
                self._counts[key].last = now

    def forgive(self, key: Key) -> None:
        """The try was right: this key has no failures."""
        with self._lock:
            self._counts.pop(key, None)

    def take_back(self, key: Key) -> None:
        """The try was right, but what failed before it still counts."""
        with self._lock:
            if key in self._counts:
                self._counts[key].failures -= 1

    def _wait(self, key: Key, now: datetime) -> timedelta:
        count = self._counts.get(key)
        if count is None or now - count.last > FORGET_AFTER:
            return timedelta()
        over = count.failures - self._free[key[0]]
        if over < 0:
            return timedelta()
        return count.last + min(timedelta(seconds=2.0 ** min(over + 1, 30)), LONGEST) - now

    def _forget(self, now: datetime) -> None:
        old = [key for key, count in self._counts.items() if now - count.last > FORGET_AFTER]
        surplus = len(self._counts) - len(old) - MOST_KEYS
        if surplus > 0:  # somebody floods us with names: the ones idle longest go
            old = sorted(self._counts, key=lambda key: self._counts[key].last)[: len(old) + surplus]
        for key in old:
            del self._counts[key]


def _slowed(field: str, seconds: int) -> Problem:
    wait = f"{seconds} s" if seconds < 120 else f"{math.ceil(seconds / 60)} minutes"
    sentence = f"Too many wrong tries. Wait {wait}, then try again."
    return Problem(field, "slowed", sentence, {"seconds": seconds})


guesses = Guesses(name=5, address=20, code=5)

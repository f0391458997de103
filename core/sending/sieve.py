"""Which candidates of a claim may leave now, and what becomes of the others.

Pure: rows in, judgements out. One that may not leave is pushed aside, so that it blocks nobody.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row

from core import pacing

BUSY_WAITS = timedelta(seconds=1)


@dataclass
class Sieve:
    """Which candidates may leave; the others are pushed aside, so that they block nobody."""

    now: datetime
    wanted: dict[int, int]  # account → places that are still free
    passed: dict[int, Any] = field(default_factory=dict)
    expired: list[int] = field(default_factory=list)
    pushed: dict[int, datetime] = field(default_factory=dict)
    taken: set[tuple[int, str]] = field(default_factory=set)
    rank: defaultdict[tuple[int, str], int] = field(default_factory=lambda: defaultdict(int))

    def sift(self, found: list[Row[Any]]) -> bool:
        """Judge the candidates in their order; whether any of them was blocked."""
        before = len(self.expired) + len(self.pushed)
        for row in found:
            if row.id not in self.passed:
                self._judge(row)
        return len(self.expired) + len(self.pushed) > before

    def _judge(self, row: Row[Any]) -> None:
        recipient = (row.account_id, row.recipient)
        if row.not_after is not None and row.not_after < self.now:
            self.expired.append(row.id)
        elif pacing.pair_free_at(row.pair_tat, self.now) > self.now:
            self._push(row, recipient, pacing.PAIR_INTERVAL)
        elif row.busy or recipient in self.taken:
            self._push(row, recipient, BUSY_WAITS)
        elif self.wanted[row.account_id] > 0:
            self.wanted[row.account_id] -= 1
            self.taken.add(recipient)
            self.passed[row.id] = row

    def _push(self, row: Row[Any], recipient: tuple[int, str], apart: timedelta) -> None:
        """Spread the waiting messages of one recipient, in their order, from when it is free."""
        free_at = max(pacing.pair_free_at(row.pair_tat, self.now), self.now + BUSY_WAITS)
        self.pushed[row.id] = free_at + self.rank[recipient] * apart
        self.rank[recipient] += 1

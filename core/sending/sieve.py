"""Which candidates of a claim may leave now, and what becomes of the others.

Pure: rows in, judgements out. One that may not leave is pushed aside, so that it blocks nobody.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import Row

from core import pacing, quiet
from core.sending.permits import Bar, Permits

READ_AHEAD = 20  # candidates beyond four times the free places, where some were not allowed
BUSY_WAITS = timedelta(seconds=1)
LATE_AFTER = timedelta(minutes=10)  # where the account names no other


def first_reach(free: int) -> int:
    """How many candidates a claim reads for so many free places."""
    return free + free // 4 + 2


def further_reach(free: int) -> int:
    return 4 * free + READ_AHEAD


# Whether any attempt of a row of `message` was posted: one that was only given back, or did not
# reach WhatsApp, has not had its turn.
TRIED = (
    "(attempt_count > 0 AND EXISTS (SELECT 1 FROM attempt a WHERE a.message_id = message.id"
    " AND a.outcome NOT IN ('released', 'unreached'))) AS tried"
)
REACHES = (first_reach, further_reach)  # read on once where blocked ones left places free


@dataclass(frozen=True)
class Rules:
    """What an account asks of its messages at this moment."""

    late_policy: str = "send"
    late_before: datetime | None = None  # what was scheduled before it is late; None: nothing is
    quiet_until: datetime | None = None
    hours: Mapping[str, Any] = field(default_factory=dict)  # zone, quiet_from, quiet_to


class Asking(Protocol):
    """An account with its pace, as far as its rules go; read-only, so that any row will do."""

    @property
    def zone(self) -> str: ...
    @property
    def quiet_from(self) -> str | None: ...
    @property
    def quiet_to(self) -> str | None: ...
    @property
    def late_policy(self) -> str: ...
    @property
    def late_after(self) -> int | None: ...
    @property
    def ready_since(self) -> datetime | None: ...


def rules_of(row: Asking, now: datetime) -> Rules:
    """The rules of an account at `now`."""
    before = row.ready_since - late_after(row.late_after) if row.ready_since else None
    hours: dict[str, Any] = {
        "zone": row.zone,
        "quiet_from": row.quiet_from,
        "quiet_to": row.quiet_to,
    }
    return Rules(row.late_policy, before, quiet.quiet_until(now, **hours), hours)


def late_after(seconds: int | None) -> timedelta:
    """How long an account lets its messages be overdue before it calls them late."""
    return LATE_AFTER if seconds is None else timedelta(seconds=seconds)


@dataclass
class Sieve:
    """Which candidates may leave; the others are pushed aside, so that they block nobody."""

    now: datetime
    wanted: dict[int, int]  # account → places that are still free
    rules: Mapping[int, Rules]
    permits: Permits = field(default_factory=Permits)
    passed: dict[int, Any] = field(default_factory=dict)
    barred: dict[Bar, list[int]] = field(default_factory=lambda: {bar: [] for bar in Bar})
    expired: list[int] = field(default_factory=list)
    skipped: list[int] = field(default_factory=list)  # late, and worthless by it
    late: list[int] = field(default_factory=list)  # late, and for a person to decide
    pushed: dict[int, datetime] = field(default_factory=dict)
    taken: set[tuple[int, str]] = field(default_factory=set)
    aside: Counter[int] = field(default_factory=Counter)  # account → how many were in the way
    rank: defaultdict[tuple[int, str], int] = field(default_factory=lambda: defaultdict(int))

    def sift(self, found: list[Row[Any]]) -> bool:
        """Judge the candidates in their order; whether any of them was blocked."""
        before = self.aside.total()
        for row in found:
            if row.id not in self.passed:
                self._judge(row)
        return self.aside.total() > before

    def _judge(self, row: Row[Any]) -> None:
        recipient, rules = (row.account_id, row.recipient), self.rules[row.account_id]
        at = max(self.now, row.due_at)  # a claim looks ahead; it never leaves before
        if row.not_after is not None and row.not_after < self.now:
            self._aside(self.expired, row)
        elif is_late(row, rules) and (policy := row.late_policy or rules.late_policy) != "send":
            self._aside(self.skipped if policy == "skip" else self.late, row)
        elif bar := self.permits.bar(row):
            self._aside(self.barred[bar], row)
        elif rules.quiet_until:
            self.pushed[row.id] = rules.quiet_until  # all of the account waits: nothing in the way
        elif pacing.pair_free_at(row.pair_tat, at) > at:
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
        self.aside[row.account_id] += 1

    def _aside(self, where: list[int], row: Row[Any]) -> None:
        where.append(row.id)
        self.aside[row.account_id] += 1


def is_late(row: Any, rules: Rules) -> bool:
    """Until it is posted for the first time: what was tried once had its turn in time.

    What was scheduled for quiet hours has its time when they end.
    """
    before = rules.late_before
    if before is None or row.tried or row.scheduled_at >= before:
        return False
    ends = quiet.quiet_until(row.scheduled_at, **rules.hours) if rules.hours else None
    return ends is None or ends < before

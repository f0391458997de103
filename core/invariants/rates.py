"""What must hold of an account: its slots as far apart as its rate asks, and its posts in them."""

import math
from array import array
from collections import defaultdict
from collections.abc import Iterator, MutableSequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise

from sqlalchemy import select
from sqlmodel import Session, col

from core import pacing
from core.invariants.posts import Post
from core.invariants.violation import Violation
from core.models import Account, AuditEvent

# Seconds by which posts may lie closer than their rate asks: on a machine with thrice the work that
# it can do single ones left 24 ms late, and none came closer to one a second later.
CROWDING = 0.02
ROUNDING = 5e-6  # seconds; instants are kept to the microsecond
LAGS = 2.0  # seconds in which a tick may still use the rate that was just changed
NONE = float("inf")


@dataclass
class Limits:
    """The rates that each account has had: account → (from, to, rate), in seconds."""

    names: dict[int, str]
    spans: dict[int, list[tuple[float, float, float]]]

    def most(self, account_id: int, since: float, until: float) -> float:
        """The highest rate that was in force at some time between; infinite: there was none."""
        spans = self.spans.get(account_id, [])
        if len(spans) == 1:
            return spans[0][2]
        return max((r for start, end, r in spans if start <= until and end > since), default=NONE)


def limits(session: Session) -> Limits:
    """What the accounts and the audit tell of rates. Slowing down only lowers: it needs no word."""
    accounts = session.execute(select(Account)).scalars().all()
    told: dict[str | None, list[tuple[float, float]]] = defaultdict(list)
    events = select(col(AuditEvent.target), col(AuditEvent.at), col(AuditEvent.after))
    for target, at, after in session.execute(
        events.where(col(AuditEvent.action).startswith("account ")).order_by(col(AuditEvent.id))
    ):
        if isinstance(after, dict) and "rate" in after:
            told[target].append((at.timestamp(), _rate(after["rate"])))
    names = {one.id: one.name for one in accounts}
    return Limits(names, {one.id: _spans(told[one.name], _rate(one.rate)) for one in accounts})


def _rate(value: float | None) -> float:
    return NONE if value is None else float(value)


def _spans(steps: list[tuple[float, float]], now: float) -> list[tuple[float, float, float]]:
    steps = [(-math.inf, steps[0][1]), *steps[1:]] if steps else [(-math.inf, now)]
    steps[-1] = (steps[-1][0], max(steps[-1][1], now))
    ends = [at + LAGS for at, _ in steps[1:]] + [math.inf]
    return [(at, end, rate) for (at, rate), end in zip(steps, ends, strict=True)]


def _seconds() -> MutableSequence[float]:
    return array("d")


def _ids() -> MutableSequence[int]:
    return array("q")


@dataclass
class Series:
    """Instants of one account in seconds with the attempts that they belong to."""

    at: MutableSequence[float] = field(default_factory=_seconds)
    attempt_ids: MutableSequence[int] = field(default_factory=_ids)

    def add(self, at: float, attempt_id: int) -> None:
        self.at.append(at)
        self.attempt_ids.append(attempt_id)

    def ordered(self) -> list[tuple[float, int]]:
        return sorted(zip(self.at, self.attempt_ids, strict=True))


class Rates:
    """All slots and posts of the accounts that have a rate; some 32 bytes for each attempt."""

    def __init__(self, known: Limits) -> None:
        self._limits = known
        self._slots: dict[int, Series] = defaultdict(Series)
        self._posts: dict[int, Series] = defaultdict(Series)

    def see(self, post: Post) -> None:
        if self._limits.most(post.account_id, post.at, post.at) < NONE:
            self._slots[post.account_id].add(post.slot, post.attempt_id)
            if not post.released:
                self._posts[post.account_id].add(post.at, post.attempt_id)

    def broken(self) -> Iterator[Violation]:
        for account_id, slots in self._slots.items():
            yield from self._slots_too_close(account_id, slots.ordered())
            yield from self._posts_too_many(account_id, self._posts[account_id].ordered())

    def _slots_too_close(
        self, account_id: int, slots: list[tuple[float, int]]
    ) -> Iterator[Violation]:
        for (at, earlier), (then, later) in pairwise(slots):
            rate = self._limits.most(account_id, at, then)
            if then - at < pacing.period(rate) - ROUNDING:
                told = f"{self._at(account_id, at)}: two slots are nearer than {rate:g}/s allows."
                yield Violation("slots too close", told, (), (earlier, later))

    def _posts_too_many(
        self, account_id: int, posts: list[tuple[float, int]]
    ) -> Iterator[Violation]:
        """Any rate + 1 posts span a second, less what waiting may add; told once a second."""
        told_until = -math.inf
        for index, (at, first) in enumerate(posts):
            many = self._limits.most(account_id, at, at + 1)
            further = index + math.ceil(many) if many < NONE else len(posts)
            if at < told_until or further >= len(posts):
                continue
            then, last = posts[further]
            rate = self._limits.most(account_id, at, then)
            apart = math.ceil(many) * pacing.period(rate) - pacing.jitter(rate)
            if then - at < apart - CROWDING:
                told = f"{self._at(account_id, at)}: more left than {rate:g}/s allows."
                yield Violation("rate", told, (), (first, last))
                told_until = at + 1

    def _at(self, account_id: int, at: float) -> str:
        told = datetime.fromtimestamp(at, UTC).isoformat(" ", "milliseconds")
        return f"«{self._limits.names[account_id]}» at {told}"

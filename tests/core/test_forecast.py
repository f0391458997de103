"""The time at which a message is said to leave is the time at which it does.

Random states of whole accounts are explained, then the engine is let go: real ticks, a clock that
is moved, every answer an acceptance.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col

from core import clock, db
from core.explain import Explanation, explain_many
from core.models import Account, Pace, Recipient
from tests import given
from tests.core import stored
from tests.core.driven import Move, drive, loop

SECOND = timedelta(seconds=1)
MINUTE, HOUR = 60 * SECOND, 3600 * SECOND
EACH = 25  # messages in one world


@dataclass
class Outcome:
    told: Explanation
    left_at: datetime | None
    world: int

    @property
    def is_true(self) -> bool:
        """Within two seconds, or not before."""
        if self.told.leaves_at is None:
            return self.left_at is None or not self.told.exact
        if self.left_at is None:
            return not self.told.exact
        if self.told.exact:
            return abs(self.left_at - self.told.leaves_at) <= 2 * SECOND
        return self.told.leaves_at <= self.left_at + 0.01 * SECOND


def outcomes(seed: int, worlds: int, move: Move) -> Iterator[Outcome]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.workers.LEASE", 9 * HOUR)  # hours pass between two ticks
        chance, worker_id = random.Random(seed), loop()
        for world in range(worlds):
            accounts, ids = _world(chance, world)
            patch.setattr("core.explain.AT_A_GLANCE", chance.choice([1500, 1500, 6]))
            told = explain_many(ids)
            left = drive(worker_id, accounts, move, until=clock.wall() + 3 * HOUR)
            yield from (Outcome(told[one], left.get(one), world) for one in ids)
            with db.writing() as session:
                session.execute(update(Account).values(state="retired"))


def _world(chance: random.Random, number: int) -> tuple[set[int], list[int]]:
    ids: list[int] = []
    accounts = {}
    for which in range(chance.randint(1, 3)):
        rate = chance.choice([None, 0.05, 0.2, 0.5, 1.0, 1.0, 4.0, 80.0])
        accounts[given.account(f"{number}.{which}", rate=rate)] = rate
    shares = [chance.choice(list(accounts)) for _ in range(EACH)]
    for account_id, rate in accounts.items():
        _pace(chance, account_id, rate)
        people = _people(chance, account_id)
        rows = [_message(chance, people) for share in shares if share == account_id]
        ids += stored.messages(account_id, rows)
    return set(accounts), ids


def _pace(chance: random.Random, account_id: int, rate: float | None) -> None:
    now = clock.wall()
    pace: dict[str, Any] = {"next_slot_at": now + chance.uniform(-60, 1 / (rate or 1)) * SECOND}
    if chance.random() < 0.15:
        pace["resume_at"] = now + chance.uniform(0, 90) * SECOND
    if rate and chance.random() < 0.2:
        pace |= {"rate_now": rate / chance.choice([2, 4, 8])}
        pace["slowed_at"] = now - chance.uniform(0, 20) * SECOND
    account: dict[str, Any] = {}
    if chance.random() < 0.1:
        account["state"] = "paused"
    if chance.random() < 0.2:
        begins = now + chance.uniform(-1, 1) * HOUR
        ends = begins + chance.uniform(0.2, 1.5) * HOUR
        account |= {"quiet_from": f"{begins:%H:%M}", "quiet_to": f"{ends:%H:%M}"}
    if chance.random() < 0.2:
        pace["ready_since"] = now - chance.uniform(0, 60) * SECOND
        account |= {"late_policy": chance.choice(["skip", "hold"]), "late_after": 120}
    with db.writing() as session:
        session.execute(update(Pace).where(col(Pace.account_id) == account_id).values(**pace))
        if account:
            session.execute(update(Account).where(col(Account.id) == account_id).values(**account))


def _people(chance: random.Random, account_id: int) -> list[str]:
    """Recipients, some of whom got so many messages lately that they have to wait."""
    many = [given.recipient(number) for number in range(chance.choice([4, 40, 400]))]
    now = clock.wall()
    with db.writing() as session:
        session.add_all(
            Recipient(
                account_id=account_id,
                number=number,
                pair_tat=now + chance.uniform(-10, 330) * SECOND,
            )
            for number in many[:20]
            if chance.random() < 0.5
        )
    return many


def _message(chance: random.Random, people: list[str]) -> dict[str, Any]:
    now = clock.wall()
    due = now + chance.choice([-600, -1, 20, 300, 5000]) * chance.random() * SECOND
    row: dict[str, Any] = {"recipient": chance.choice(people), "due_at": due}
    row["priority"] = chance.choice([0, 1, 1, 1, 2])
    if chance.random() < 0.1:
        row["hold"] = chance.choice(["batch", "template", "late", "person"])
    if chance.random() < 0.15:
        row |= {"retry_count": 1, "attempt_count": 1, "error_class": "transient"}
        row |= {"scheduled_at": due - MINUTE}
    if chance.random() < 0.1:
        row["late_policy"] = chance.choice(["send", "skip", "hold"])
    if chance.random() < 0.1:
        row["not_after"] = max(due, now) + chance.uniform(1, 60) * SECOND
    return row


def check(found: list[Outcome], *, seed: int, exact: float) -> None:
    wrong = [one for one in found if not one.is_true]
    assert not wrong, f"seed {seed}: {len(wrong)} of {len(found)}\n" + "\n".join(
        map(str, wrong[:9])
    )
    foreseen = [one.told.exact for one in found if one.told.leaves_at]
    assert sum(foreseen) > exact * len(foreseen) > 0.3 * len(found)


@pytest.mark.usefixtures("database")
def test_messages_leave_when_they_are_said_to(move_clock: Move) -> None:
    check(list(outcomes(7, 3, move_clock)), seed=7, exact=0.4)


@pytest.mark.chaos
@pytest.mark.alone
@pytest.mark.usefixtures("database")
def test_a_thousand_random_states_leave_when_they_are_said_to(move_clock: Move) -> None:
    check(list(outcomes(5, 1000 // EACH, move_clock)), seed=5, exact=0.6)

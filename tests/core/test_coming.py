"""What comes due, and how the queue empties at the rates of its accounts."""

from datetime import timedelta
from typing import Any

import pytest

from core import clock, db
from core.coming import coming
from core.models import Pace, Worker
from tests.core import stored

pytestmark = pytest.mark.usefixtures("database")

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def account(name: str, **more: Any) -> int:
    made = stored.account(name, **({"rate": 1.0} | more))
    with db.writing() as session:
        session.add(Pace(account_id=made, next_slot_at=clock.wall()))
    return made


def worker() -> None:
    now = clock.wall()
    given: dict[str, Any] = {"kind": "loop", "host": "a", "pid": 1, "version": "1"}
    with db.writing() as session:
        session.add(Worker(**given, started_at=now, lease_until=now + HOUR))


def test_the_queue_empties_at_the_rate_and_what_is_held_stays() -> None:
    worker()
    orders, paused = account("Orders"), account("Support", state="paused")
    now = clock.wall()
    rows: list[dict[str, Any]] = [{"due_at": now - MINUTE}] * 600 + [{"hold": "person"}] * 5
    stored.messages(orders, rows + [{"due_at": now + 30 * MINUTE}] * 10)
    stored.messages(paused, [{"due_at": now - HOUR}] * 7)
    found = coming(HOUR)
    assert {one: sum(n.values()) for one, n in found.dues.items()} == {orders: 610}
    assert found.ahead and found.ahead[0].left == 622
    ahead = {round((one.at - found.at) / MINUTE): one.left for one in found.ahead}
    assert 622 - 5 * 60 - 30 < ahead[5] < 622 - 4 * 60 + 30
    assert ahead[20] == 22 and ahead[50] == 12


def test_what_comes_due_is_counted_in_its_ten_minutes() -> None:
    worker()
    orders = account("Orders")
    at = clock.wall().replace(minute=0, second=0, microsecond=0) + 3 * HOUR
    rows = [{"due_at": at - MINUTE}, {"due_at": at}, {"due_at": at + 9 * MINUTE}]
    stored.messages(orders, [*rows, {"due_at": at + 30 * HOUR}])
    assert coming(24 * HOUR).dues == {orders: {at - 10 * MINUTE: 1, at: 2}}


def test_without_a_worker_nothing_leaves() -> None:
    stored.messages(account("Orders"), [{"due_at": clock.wall() - HOUR}] * 3)
    assert {one.left for one in coming(HOUR).ahead or []} == {3}

"""How deep the queue is, and that nobody has to read it to know."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from core import clock, db, depth, listing
from core.blocking import Reason
from core.depth import Queue
from core.models import Attempt, Installation, Pace, Worker
from tests.core import stored

pytestmark = pytest.mark.usefixtures("database")

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


def account(name: str = "Orders", *, pace: dict[str, Any] | None = None, **more: Any) -> int:
    made = stored.account(name, **({"rate": 1.0} | more))
    with db.writing() as session:
        session.add(Pace(**({"account_id": made, "next_slot_at": clock.wall()} | (pace or {}))))
    return made


def worker(**more: Any) -> None:
    now = clock.wall()
    with db.writing() as session:
        given = {"kind": "loop", "host": "a", "pid": 1, "version": "1", "started_at": now}
        session.add(Worker(**(given | {"lease_until": now + HOUR} | more)))


def depth_of(queue: Queue) -> dict[str, dict[Reason, int]]:
    return {one.number.name: one.counts for one in queue.accounts}


def test_what_waits_is_counted_by_its_reason() -> None:
    worker()
    now = clock.wall()
    orders, support = account(), account("Support", state="paused", state_reason="a look at it")
    tried = {"error_class": "transient", "retry_count": 1}
    stored.messages(
        orders,
        [
            {"due_at": now - HOUR},
            {"due_at": now - 2 * HOUR, "priority": 2},
            {"due_at": now - SECOND} | tried,
            {"due_at": now + HOUR} | tried,
            {"due_at": now + HOUR},
            {"due_at": now - HOUR, "hold": "batch"},
            {"due_at": now + HOUR, "hold": "something new"},
            {"status": "sent"},
            {"status": "processing", "worker_id": 4},
        ],
    )
    stored.messages(support, [{"due_at": now - HOUR}, {"due_at": now + HOUR}, {"hold": "person"}])
    found = depth.depth()
    assert depth_of(found) == {
        "Orders": {
            Reason.HELD: 1,
            Reason.BATCH: 1,
            Reason.RETRY: 1,
            Reason.SCHEDULED: 1,
            Reason.TURN: 3,
        },
        "Support": {Reason.PAUSED: 3},
    }
    assert found.accounts[0].holds == {"batch": 1}
    assert found.oldest_due_at == now - 2 * HOUR
    assert depth_of(depth.depth(support)) == {"Support": {Reason.PAUSED: 3}}


def test_what_is_due_waits_for_whatever_keeps_everything_back() -> None:
    now = clock.wall()
    throttled = account("Throttled", pace={"resume_at": now + HOUR})
    slowed = account("Slowed", rate=4.0, pace={"rate_now": 1.0, "slowed_at": now})
    for one in (throttled, slowed):
        stored.messages(one, [{"due_at": now - SECOND}, {"due_at": now + HOUR}])
    assert depth.depth().counts == {Reason.SCHEDULED: 2, Reason.NO_WORKER: 2}
    worker(unreached_since=now)
    assert depth.depth().counts == {Reason.SCHEDULED: 2, Reason.UNREACHED: 2}
    worker()
    due = {name: list(counts)[-1] for name, counts in depth_of(depth.depth()).items()}
    assert due == {"Throttled": Reason.THROTTLED, "Slowed": Reason.SLOWED}
    with db.writing() as session:
        session.execute(update(Installation).values(stopped_since=now))
    assert depth.depth().counts == {Reason.STOPPED: 4}
    with db.writing() as session:
        session.execute(update(Installation).values(guard_since=now))
    assert depth.depth().counts == {Reason.GUARD: 4}


def test_quiet_hours_keep_back_what_falls_due_before_they_end() -> None:
    worker()
    now = clock.wall()
    begun, end = now - HOUR, now + 2 * HOUR
    orders = account(quiet_from=f"{begun:%H:%M}", quiet_to=f"{end:%H:%M}")
    tried = {"due_at": now + HOUR, "error_class": "transient", "retry_count": 1}
    stored.messages(
        orders, [{"due_at": now - HOUR}, {"due_at": now + HOUR}, {"due_at": now + 3 * HOUR}, tried]
    )
    found = depth.depth()
    assert found.counts == {Reason.RETRY: 1, Reason.QUIET: 2, Reason.SCHEDULED: 1}
    assert found.accounts[0].empty_at is None


def test_the_queue_is_empty_when_the_last_due_one_has_had_its_slot() -> None:
    worker()
    now = clock.wall()
    slow, free = account("Slow", rate=0.5), account("Free", rate=None)
    for one in (slow, free):
        stored.messages(one, [{"due_at": now - SECOND}] * 11)
    by_name = {one.number.name: one for one in depth.depth().accounts}
    taken = (by_name["Slow"].empty_at or now) - now
    assert 20 * SECOND < taken < 23 * SECOND
    assert (by_name["Free"].empty_at or now) - now < SECOND


def test_a_lowered_rate_recovers_while_the_queue_empties() -> None:
    worker()
    now = clock.wall()
    slowed = account(rate=10.0, pace={"rate_now": 1.0, "slowed_at": now})
    stored.messages(slowed, [{"due_at": now - SECOND}] * 200)
    [found] = depth.depth().accounts
    taken = (found.empty_at or now) - now
    assert 27 * SECOND < taken < 32 * SECOND  # 18 s until 10 a second again, with 100 sent by then


def test_the_lag_is_that_of_the_messages_that_left_lately() -> None:
    orders, now = account(), clock.wall()
    lately, long_ago = now - 30 * SECOND, now - HOUR
    left = [(lately, seconds) for seconds in range(1, 21)] + [(long_ago, 900)]
    ids = stored.messages(
        orders, [{"status": "sent", "due_at": at - late * SECOND} for at, late in left]
    )
    with db.writing() as session:
        session.add_all(
            attempt(orders, message_id, at) for message_id, (at, _) in zip(ids, left, strict=True)
        )
    assert depth.depth().lag == depth.Lag(p50=10, p95=19)


def attempt(account_id: int, message_id: int, at: datetime) -> Attempt:
    given = {"slot_at": at, "claimed_at": at, "posted_at": at, "outcome": "accepted"}
    return Attempt(
        message_id=message_id,
        account_id=account_id,
        worker_id=1,
        payload="{}",
        payload_sha256="x",
        **given,
    )


def test_counting_stops_early_and_reads_no_row(database: str) -> None:
    """A million rows would be counted by every dashboard every two seconds."""
    worker()
    orders = account()
    stored.many(orders, listing.CAP + 50, due_at=clock.wall() - HOUR)
    found = depth.depth()
    assert found.counts == {Reason.TURN: listing.CAP + 1}
    assert found.accounts[0].waiting == listing.CAP + 1
    with db.reading() as session:
        explain = "EXPLAIN" if db.on_postgres(session) else "EXPLAIN QUERY PLAN"
        if db.on_postgres(session):
            session.execute(db.sql("ANALYZE message"))
        shape = db.rows_sql(session, account_id="bigint", until="timestamptz")
        plan = session.execute(
            db.sql(f"{explain} SELECT {depth._columns(listing.CAP)} FROM {shape}", "now"),
            {"rows": db.rows([{"account_id": orders, "until": clock.wall()}]), "now": clock.wall()},
        ).all()
    told = "\n".join(str(row) for row in plan)
    for index in ("ix_message_claim", "ix_message_held", "ix_message_refused"):
        assert index in told
    assert "Seq Scan on message" not in told and "SCAN m" not in told

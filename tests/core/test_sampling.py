"""One sample a minute over all workers, and what longer ranges keep of it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from core import clock, db, sampling, trends
from core.models import Attempt, Worker
from core.trends import RANGES, Sample
from tests.core import stored

pytestmark = pytest.mark.usefixtures("database")

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def worker() -> None:
    now = clock.wall()
    given: dict[str, Any] = {"kind": "loop", "host": "a", "pid": 1, "version": "1"}
    with db.writing() as session:
        session.add(Worker(**given, started_at=now, lease_until=now + HOUR))


def test_a_minute_is_sampled_once_whoever_else_tries() -> None:
    worker()
    orders, paused = stored.account(rate=4.0), stored.account("Support", state="paused")
    now = clock.wall()
    tried = {"due_at": now + HOUR, "error_class": "transient", "retry_count": 1}
    rows: list[dict[str, Any]] = [{"due_at": now - 2 * HOUR}, {"due_at": now + HOUR}, tried]
    rows += [{"hold": "person"}, {"status": "processing", "worker_id": 1}]
    stored.messages(orders, [*rows, {"status": "processing", "unconfirmed_since": now}])
    stored.messages(paused, [{"due_at": now - HOUR}])
    assert sampling.take()
    assert not sampling.take()
    one, other = trends.trend(RANGES["1 h"])
    under_way = {"sending": 1, "checking": 1}
    assert one.standings == under_way | {"scheduled": 1, "waiting": 1, "held": 1, "retrying": 1}
    assert one.reasons == under_way | {"turn": 1, "scheduled": 1, "held": 1, "retry": 1}
    assert (one.account, one.rate, one.sent) == ("Orders", 4.0, 0)
    assert one.oldest and one.oldest > 7000
    assert (other.standings, other.reasons, other.oldest) == ({"held": 1}, {"paused": 1}, None)


def test_what_left_is_counted_in_the_minute_after_it_was_settled() -> None:
    orders = stored.account()
    with db.reading() as session:
        end = sampling._ended(db.now(session), 60) - sampling.SETTLED
    posted = [end - SECOND * n for n in (5, 15, 30)] + [end + SECOND, end - 2 * MINUTE]
    ids = stored.messages(
        orders, [{"status": "sent", "due_at": at - 3 * SECOND, "sent_at": at} for at in posted]
    )
    with db.writing() as session:
        for message_id, at in sorted(zip(ids, posted, strict=True), key=lambda pair: pair[1]):
            given: dict[str, Any] = {"slot_at": at, "claimed_at": at, "posted_at": at}
            given |= {"worker_id": 1, "payload": "{}", "payload_sha256": "x"}
            made = Attempt(message_id=message_id, account_id=orders, outcome="accepted", **given)
            session.add(made)
    sampling.take()
    [one] = trends.trend(RANGES["1 h"])
    assert (one.sent, one.p50, one.p95) == (3, 3.0, 3.0)


def sample(account_id: int, **more: Any) -> Sample:
    plain = {"account": "Orders", "reasons": {}, "standings": {}, "oldest": None, "sent": 1}
    plain |= {"at": clock.wall(), "p50": None, "p95": None, "rate": 1.0}
    return Sample(account_id=account_id, **(plain | more))


def test_longer_steps_are_made_of_shorter_ones_and_nothing_is_counted_twice() -> None:
    orders = stored.account()
    with db.reading() as session:
        end = sampling._ended(db.now(session), 7200)
    minutes = [sample(orders, at=end - MINUTE * n) for n in range(120)]
    with db.writing() as session:
        sampling._keep(session, 60, minutes)
        for _ in range(2):
            for short, long in pairwise(trends.STEPS):
                sampling._lengthen(session, short, long, end)
    sent = {}
    for step in trends.STEPS[1:]:
        with db.reading() as session:
            found = trends.read(session, step, since=end - 2 * HOUR)
        sent[step] = [one.sent for one in found if one.at <= end]
    assert sent == {300: [5] * 24, 1800: [30] * 4, 7200: [120]}


def test_of_a_longer_step_the_fullest_moment_is_kept_alike_for_all_accounts() -> None:
    at = clock.wall()
    calm = [sample(1, at=at, standings={"held": 3}), sample(2, at=at, standings={"held": 1})]
    full = {"standings": {"waiting": 9}, "p50": 2.0, "sent": 3, "oldest": 7.0}
    then = [sample(1, at=at + MINUTE, **full), sample(2, at=at + MINUTE)]
    last = [sample(1, at=at + 2 * MINUTE, p50=6.0, p95=8.0), sample(2, at=at + 2 * MINUTE)]
    one, other = trends.merged([*calm, *then, *last], at + HOUR)
    assert one == replace(
        sample(1, at=at + HOUR, **full), sent=5, p50=(3 * 2.0 + 6.0) / 4, p95=8.0, oldest=7.0
    )
    assert (other.standings, other.sent, other.at) == ({}, 3, at + HOUR)


def test_samples_go_when_no_range_draws_them_any_more() -> None:
    orders = stored.account()
    old = clock.wall() - 32 * 24 * HOUR
    with db.writing() as session:
        for step in trends.STEPS:
            sampling._keep(session, step, [sample(orders, at=old)])
    sampling.take()
    with db.reading() as session:
        ever = old - HOUR
        kept = [one.at for step in trends.STEPS for one in trends.read(session, step, since=ever)]
    assert kept and min(kept) > clock.wall() - HOUR


def test_a_clock_that_was_ahead_leaves_nothing_behind_and_no_step_without_samples(
    move_clock: Callable[[timedelta], None],
) -> None:
    stored.account()
    move_clock(24 * HOUR)
    assert sampling.take()
    move_clock(timedelta())
    assert sampling.take()
    move_clock(5 * MINUTE)
    assert sampling.take()
    found = trends.trend(RANGES["24 h"])
    assert found and max(one.at for one in found) <= clock.wall()
    assert max(one.at for one in trends.trend(RANGES["1 h"])) <= clock.wall()

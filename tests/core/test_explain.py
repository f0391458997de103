"""Why not yet? One reason for each message, in the order in which the engine would meet it."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Event
from typing import Any

import pytest
from sqlalchemy import update

from core import clock, db, depth, operating, telling, templates
from core.blocking import Reason
from core.errors import Refused
from core.explain import Explanation, explain, explain_list, explain_many
from core.models import Account, Installation, Pace, Recipient, Worker
from core.retry import WINDOW
from tests import given
from tests.core import stored, templated

pytestmark = pytest.mark.usefixtures("database")

SECOND = timedelta(seconds=1)
HOUR = 3600 * SECOND


@pytest.fixture
def now() -> datetime:
    return clock.wall()


@pytest.fixture
def orders(now: datetime) -> int:
    """An account at one a second, with a worker that lives."""
    made = stored.account(rate=1.0)
    with db.writing() as session:
        session.add(Pace(account_id=made, next_slot_at=now))
        given = {"kind": "loop", "host": "a", "pid": 1, "version": "1", "started_at": now}
        session.add(Worker(lease_until=now + HOUR, **given))
    return made


def change(table: Any, **values: Any) -> None:
    with db.writing() as session:
        session.execute(update(table).values(**values))


def why(account_id: int, **columns: Any) -> Explanation:
    (id_,) = stored.messages(account_id, [columns])
    return explain(id_)


def test_what_lies_before_it_on_its_account_says_when_it_leaves(orders: int, now: datetime) -> None:
    ids = stored.messages(orders, [{"due_at": now - SECOND}] * 5 + [{"due_at": now + HOUR}])
    told = explain_many(ids)
    assert [told[one].ahead for one in ids] == [0, 1, 2, 3, 4, 0]
    assert [told[one].reason for one in ids] == [Reason.TURN] * 5 + [Reason.SCHEDULED]
    assert all(told[one].exact for one in ids)
    fifth, later = told[ids[4]].leaves_at, told[ids[5]]
    assert fifth and 4 * SECOND < fifth - now < 5 * SECOND
    assert (later.leaves_at, later.until) == (now + HOUR, now + HOUR)


def test_a_list_foresees_what_is_due_and_not_what_is_only_scheduled(
    orders: int, now: datetime
) -> None:
    ids = stored.messages(orders, [{"due_at": now - SECOND}] * 2 + [{"due_at": now + HOUR}])
    told, whole = explain_list(ids), explain_many(ids)
    for one in ids[:2]:
        assert (told[one].ahead, told[one].exact) == (whole[one].ahead, whole[one].exact)
        assert told[one].leaves_at
    later = told[ids[2]]
    assert (later.reason, later.until, later.leaves_at) == (Reason.SCHEDULED, now + HOUR, None)


def test_everything_waits_for_the_guard_then_the_stop_then_its_account(
    orders: int, now: datetime
) -> None:
    ids = stored.messages(orders, [{"due_at": now - SECOND}, {}, {"hold": "person"}])
    change(Account, state="paused", state_reason="a look at it", state_by="ana", state_since=now)
    told = explain(ids[0])
    assert (told.reason, told.by, told.detail) == (Reason.PAUSED, "ana", "a look at it")
    assert (told.since, told.leaves_at, told.exact) == (now, None, False)
    change(Installation, stopped_since=now, stopped_by="joe", stop_reason="wrong file")
    assert {one.reason for one in explain_many(ids).values()} == {Reason.STOPPED}
    change(Installation, guard_since=now, guard_reason="a copy")
    assert {one.reason for one in explain_many(ids).values()} == {Reason.GUARD}
    assert explain(ids[0]).detail == "a copy"


def test_an_account_that_resumes_by_itself_says_when(orders: int, now: datetime) -> None:
    change(Account, state="paused", state_by="Meta")
    change(Pace, resume_at=now + 4 * HOUR)
    told = why(orders, due_at=now)
    assert (told.reason, told.until, told.leaves_at) == (Reason.PAUSED, *[now + 4 * HOUR] * 2)
    assert not told.exact


def test_what_is_due_waits_for_a_worker_and_for_the_api(orders: int, now: datetime) -> None:
    ids = stored.messages(orders, [{"due_at": now - SECOND}, {"hold": "batch"}, {}])

    def reasons() -> list[Reason]:
        told = explain_many(ids)
        assert not told[ids[2]].exact
        return [told[one].reason for one in ids]

    change(Worker, unreached_since=now - HOUR)
    assert reasons() == [Reason.UNREACHED, Reason.HELD, Reason.SCHEDULED]
    assert explain(ids[0]).since == now - HOUR
    change(Worker, lease_until=now - HOUR)
    assert reasons() == [Reason.NO_WORKER, Reason.HELD, Reason.SCHEDULED]
    assert explain(ids[0]).since == now - HOUR


def test_one_worker_that_reaches_the_api_is_enough(orders: int, now: datetime) -> None:
    change(Worker, unreached_since=now)
    with db.writing() as session:
        given = {"kind": "loop", "host": "b", "pid": 1, "version": "1", "started_at": now}
        session.add(Worker(lease_until=now + HOUR, **given))
    assert why(orders, due_at=now).reason is Reason.TURN


def test_an_account_that_meta_told_to_wait_goes_on_then(orders: int, now: datetime) -> None:
    change(Pace, resume_at=now + 30 * SECOND)
    told = why(orders, due_at=now - SECOND)
    assert (told.reason, told.until, told.exact) == (Reason.THROTTLED, now + 30 * SECOND, True)
    assert told.leaves_at and abs(told.leaves_at - told.until) < SECOND


def test_a_slowed_account_says_when_it_has_its_rate_again(orders: int, now: datetime) -> None:
    change(Pace, rate_now=0.5, slowed_at=now)
    told = why(orders, due_at=now - SECOND)
    assert (told.reason, told.rate) == (Reason.SLOWED, 0.5)
    assert told.until == now + 10 * SECOND


def test_a_refused_one_waits_for_its_next_try(orders: int, now: datetime) -> None:
    tried = {"error_class": "transient", "error_code": 131016, "retry_count": 1}
    told = why(orders, due_at=now + 60 * SECOND, scheduled_at=now - SECOND, **tried)
    assert (told.reason, told.until) == (Reason.RETRY, now + 60 * SECOND)
    assert (told.error_code, told.retry_count, told.max_retries) == (131016, 1, 3)
    assert why(orders, due_at=now - SECOND, **tried).reason is Reason.TURN


def test_one_that_the_engine_put_off_waits_for_its_recipient(orders: int, now: datetime) -> None:
    told = why(orders, due_at=now + 6 * SECOND, scheduled_at=now - SECOND)
    assert (told.reason, told.until) == (Reason.RECIPIENT, now + 6 * SECOND)


def test_an_empty_pair_bucket_delays_what_its_turn_would_let_go(orders: int, now: datetime) -> None:
    with db.writing() as session:
        full = now + (44 * 6 + 40) * SECOND
        session.add(Recipient(account_id=orders, number="+62812", pair_tat=full))
    told = why(orders, due_at=now - SECOND, recipient="+62812")
    assert told.leaves_at and 39 * SECOND < told.leaves_at - now < 42 * SECOND


def test_quiet_hours_end_when_they_end(orders: int, now: datetime) -> None:
    begin, end = now + HOUR, now + 3 * HOUR
    change(Account, quiet_from=f"{begin:%H:%M}", quiet_to=f"{end:%H:%M}")
    told = why(orders, due_at=now + 2 * HOUR)
    assert told.reason is Reason.QUIET
    assert told.until == end.replace(second=0, microsecond=0)
    assert why(orders, due_at=now).reason is Reason.TURN


def test_what_is_under_way_says_so(orders: int, now: datetime) -> None:
    assert why(orders, status="processing", worker_id=1).reason is Reason.SENDING
    told = why(orders, status="processing", unconfirmed_since=now)
    assert (told.reason, told.until) == (Reason.CHECKING, now + WINDOW)
    assert why(orders, status="sent").reason is Reason.ENDED


def test_one_behind_somebody_in_flight_is_told_the_least(orders: int, now: datetime) -> None:
    stored.messages(orders, [{"status": "processing", "worker_id": 1, "recipient": "+62812"}])
    told = why(orders, due_at=now - SECOND, recipient="+62812")
    assert not told.exact and told.leaves_at and told.leaves_at - now < SECOND


def test_one_whose_not_after_comes_first_never_leaves(orders: int, now: datetime) -> None:
    stored.messages(orders, [{"due_at": now - 2 * SECOND}] * 30)
    told = why(orders, due_at=now - SECOND, not_after=now + 10 * SECOND)
    assert (told.leaves_at, told.exact) == (None, True)


def test_where_more_wait_than_are_looked_at_it_is_at_least(
    orders: int, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.explain.CLOSELY", 20)
    ids = stored.messages(orders, [{"due_at": now - SECOND}] * 50)
    told = explain(ids[-1])
    assert (told.exact, told.ahead) == (False, 20)
    assert told.leaves_at and 19 * SECOND < told.leaves_at - now < 22 * SECOND
    urgent = why(orders, due_at=now + 60 * SECOND, priority=0)  # goes before all those
    assert urgent.exact and urgent.leaves_at and urgent.leaves_at - urgent.due_at < SECOND


def test_there_is_nothing_to_tell_of_a_message_that_is_not(orders: int) -> None:
    with pytest.raises(Refused, match="no message 7"):
        explain(7)
    assert explain_many([7]) == {}


def test_the_depth_of_the_queue_counts_what_each_message_says(orders: int, now: datetime) -> None:
    support = stored.account("Support", state="paused", rate=None)
    tried = {"error_class": "transient", "retry_count": 1}
    rows: list[dict[str, Any]] = [
        {"due_at": now - SECOND},
        {"due_at": now - SECOND, "hold": "late"},
        {"due_at": now - SECOND} | tried,
        {"due_at": now + HOUR} | tried,
        {"due_at": now + HOUR, "priority": 2},
        {"due_at": now + 3 * HOUR, "priority": 0},
        {"hold": "template", "error_class": "template"},
    ]
    ids = [*stored.messages(orders, rows), *stored.messages(support, rows)]
    quiet = {"quiet_from": f"{now - HOUR:%H:%M}", "quiet_to": f"{now + 2 * HOUR:%H:%M}"}
    changes: list[Callable[[], None]] = [
        lambda: None,
        lambda: change(Pace, resume_at=now + HOUR),
        lambda: change(Worker, unreached_since=now),
        lambda: change(Account, **quiet),
        lambda: change(Installation, stopped_since=now),
    ]
    for make in changes:
        make()
        told = Counter(one.reason for one in explain_many(ids).values())
        assert depth.depth().counts == dict(told)


def test_what_a_template_keeps_back_says_which_and_why_before_its_hold_is_written(
    now: datetime,
) -> None:
    account = given.account()
    template = templated.template(account)
    waiting = templated.message(account)
    templates.hold(template, reason="wrong price", by=given.ANA)
    for _ in range(2):
        why = explain(waiting)
        assert (why.reason, why.hold, why.since) == (
            Reason.HELD,
            "template",
            templated.row().hold_since,
        )
        assert why.detail == (
            "Its template «visit (en_US)» keeps it back: held by ana: wrong price."
        )
        operating.run_waiting(Event())
    assert "its template «visit" in telling.sentence(why, now + HOUR)
    assert "page Templates" in telling.advice(why)

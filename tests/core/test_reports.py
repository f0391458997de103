from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from core import clock, db, outcomes, reports
from core.meta.statuses import StatusUpdate
from core.models import Attempt, Installation, Message, Worker
from tests.core import stored

pytestmark = pytest.mark.usefixtures("database")

HOUR = timedelta(hours=1)


def now() -> datetime:
    return clock.wall()


def attempted(message_id: int, at: datetime, **more: Any) -> int:
    given = {"slot_at": at, "claimed_at": at, "payload": "{}", "payload_sha256": "x"}
    with db.writing() as session:
        row = session.get_one(Message, message_id)
        made = Attempt(
            message_id=message_id, account_id=row.account_id, worker_id=1, **given, **more
        )
        session.add(made)
        session.flush()
        return made.id


def left(message_id: int, at: datetime) -> StatusUpdate:
    """Meta took it then; returns what it tells when that has failed after all."""
    wamid = f"wamid.{message_id}"
    attempt_id = attempted(message_id, at, outcome="accepted", meta_message_id=wamid)
    with db.writing() as session:
        row = session.get_one(Message, message_id)
        row.status, row.sent_at, row.delivery, row.meta_message_id = "sent", at, "accepted", wamid
        ours = session.execute(select(Installation)).scalar_one().id
    return StatusUpdate(attempt_id, ours, wamid, "failed", now(), 131026, "Undeliverable", None)


def pulse() -> reports.Pulse:
    return reports.pulse(midnight=now() - 6 * HOUR)


def test_the_pulse_counts_what_is_due_held_retrying_and_coming() -> None:
    orders, support = stored.account(), stored.account("Support", state="paused")
    oldest = now() - timedelta(minutes=9)
    stored.messages(
        orders,
        [
            {"due_at": oldest},
            {"due_at": now() - timedelta(seconds=2)},
            {"due_at": now() + HOUR},
            {"due_at": now() + 23 * HOUR},
            {"due_at": now() + 25 * HOUR},
            {"due_at": now() + HOUR, "retry_count": 1, "error_class": "transient"},
            {"status": "failed", "error_class": "unknown"},
            {"status": "processing", "unconfirmed_since": now()},
            {"status": "processing", "worker_id": 4},
        ],
    )
    stored.messages(support, [{"due_at": now() - HOUR}])
    found = pulse()
    assert (found.due, found.retrying, found.next_day, found.held) == (2, 1, 2, 1)
    assert (found.sending, found.checking, found.unconfirmed) == (1, 1, 1)
    assert found.oldest_due_at == oldest
    assert [(load.account.name, load.due, load.held) for load in found.accounts] == [
        ("Orders", 2, 0),
        ("Support", 0, 1),
    ]
    assert found.accounts[0].depth.next_due_at == oldest


def test_what_is_due_is_told_alike_of_each_account_and_of_all() -> None:
    hour = f"{now() - HOUR:%H:%M}", f"{now() + HOUR:%H:%M}"
    states: dict[str, dict[str, Any]] = {
        "Orders": {},
        "Paused": {"state": "paused"},
        "Asleep": {"quiet_from": hour[0], "quiet_to": hour[1]},
    }
    tried = {"due_at": now() - timedelta(minutes=1), "retry_count": 1, "error_class": "transient"}
    for name, more in states.items():
        stored.messages(stored.account(name, **more), [{"due_at": now() - HOUR}, tried])
    found = pulse()
    assert {load.account.name: load.due for load in found.accounts} == {
        "Orders": 2,
        "Paused": 0,
        "Asleep": 0,
    }
    assert found.due == 2
    assert found.oldest_due_at and now() - found.oldest_due_at > timedelta(minutes=59)


def test_today_counts_what_was_sent_and_failed_today_whenever_it_was_due() -> None:
    account, yesterday = stored.account(), now() - 20 * HOUR
    sent, long_held, old, failed, missed = stored.messages(
        account,
        [
            {"status": "sent", "due_at": now() - HOUR, "sent_at": now() - HOUR},
            {"status": "sent", "due_at": now() - 90 * HOUR, "sent_at": now() - HOUR},
            {"status": "sent", "due_at": yesterday, "sent_at": yesterday},
            {"status": "failed", "due_at": now() - HOUR, "error_class": "recipient"},
            {
                "status": "failed",
                "due_at": now() - HOUR,
                "error_class": "expired",
            },
        ],
    )
    assert missed  # it never had an attempt
    attempted(old, yesterday, outcome="accepted")
    attempted(long_held, now() - HOUR, outcome="accepted")
    attempted(sent, now() - HOUR, outcome="accepted")
    attempted(failed, now() - HOUR, outcome="recipient")
    found = pulse()
    assert (found.sent_today, found.failed_today) == (2, 2)


def told(*updates: StatusUpdate) -> None:
    with db.writing() as session:
        assert not outcomes.apply(session, updates)


def test_what_meta_took_and_told_today_to_have_failed_has_failed_today() -> None:
    yesterday = now() - 20 * HOUR
    lately = now() - HOUR
    rows = [{"due_at": at} for at in (yesterday, yesterday, lately, lately)]
    made = stored.messages(stored.account(), rows)
    ended = [left(one, row["due_at"]) for one, row in zip(made, rows, strict=True)]
    assert (pulse().sent_today, pulse().failed_today) == (2, 0)
    told(ended[0], ended[2])
    found = pulse()
    assert (found.sent_today, found.failed_today) == (1, 2)
    before = reports.earlier(midnight=now() - 6 * HOUR)
    apart = reports.pulse(midnight=now() - 6 * HOUR, before=before)
    assert (apart.sent_today, apart.failed_today) == (1, 2)


def test_what_was_long_overdue_and_refused_today_has_failed_today_and_nothing_of_yesterday() -> (
    None
):
    yesterday = now() - 6 * HOUR - timedelta(minutes=9)
    refused = {"status": "failed", "error_class": "recipient"}
    due = (now() - 90 * HOUR, now() - 80 * HOUR, yesterday)
    made = stored.messages(stored.account(), [refused | {"due_at": at} for at in due])
    for one, at in zip(made, (now() - HOUR, now() - HOUR, yesterday), strict=True):
        attempted(one, at, outcome="recipient")
    assert pulse().failed_today == 2


def test_most_of_a_busy_day_is_counted_apart_and_nothing_of_it_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reports, "LATEST", 2)
    account, ended = stored.account(), {"due_at": now() - HOUR, "sent_at": now() - HOUR}
    sent = stored.messages(account, [{"status": "sent", **ended} for _ in range(4)])
    attempted(sent[0], now() - 20 * HOUR, outcome="accepted")
    for one in (*sent, sent[0], sent[3]):
        attempted(one, now() - HOUR, outcome="accepted")
    before = reports.earlier(midnight=now() - 6 * HOUR)
    assert before.sent == 2, "the last two attempts are of the other two"
    with db.writing() as session:
        session.get_one(Message, sent[3]).status = "failed"
    found = reports.pulse(midnight=now() - 6 * HOUR, before=before)
    assert (found.sent_today, found.failed_today) == (3, 1)


def test_a_code_that_outbox_does_not_know_is_counted_as_new() -> None:
    account = stored.account()
    one, other = stored.messages(account, [{"status": "failed", "error_class": "permanent"}, {}])
    attempted(one, now() - 20 * HOUR, outcome="permanent", error_code=199999)
    attempted(one, now() - HOUR, outcome="permanent", error_code=199999)
    attempted(other, now() - HOUR, outcome="transient", error_code=199999)
    attempted(other, now() - HOUR, outcome="recipient", error_code=131026)
    attempted(other, now() - HOUR, outcome="permanent", error_code=2388001)  # Meta's own, known
    attempted(other, now() - HOUR, outcome="accepted")
    assert pulse().new_codes == reports.new_codes(since=now() - 6 * HOUR) == {199999: 2}


def test_only_send_loops_whose_lease_lasts_are_workers() -> None:
    at = now()
    with db.writing() as session:
        for kind, lease in (("loop", HOUR), ("loop", -HOUR), ("gateway", HOUR)):
            given = {"host": "ops-1", "pid": 1, "version": "1", "started_at": at}
            session.add(Worker(kind=kind, lease_until=at + lease, **given))
    assert pulse().workers == 1


def test_an_empty_database_has_a_pulse() -> None:
    found = pulse()
    assert (found.due, found.sent_today, found.oldest_due_at, found.accounts) == (0, 0, None, [])

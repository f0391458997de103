"""What is told of a batch: its progress, why it waits, what failed, when it ends."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from core import (
    accounts,
    batch_reports,
    clock,
    db,
    depth,
    explain,
    pacing,
    steering,
    telling,
    workers,
)
from core.blocking import Reason
from core.models import Account
from core.standing import Standing
from tests import given
from tests.core import stored
from tests.core.batched import batch, work

Move = Callable[[timedelta], None]
DUE = {"due_at": clock.wall() - timedelta(minutes=1)}
FAILED = {"status": "failed", "error_class": "recipient", "error_code": 131026}
SENT = {"status": "sent", "sent_at": clock.wall() - timedelta(minutes=3), "delivery": "read"}
GONE = {"status": "cancelled", "error_class": "opted_out"}


def test_the_list_has_the_newest_first_a_page_at_a_time(database: str) -> None:
    account = given.account()
    first, _ = batch(account, [SENT, FAILED, FAILED], name="April")
    second, _ = batch(account, [{}] * 2, name="May")
    found = batch_reports.latest()
    assert [(one.batch.id, one.account, one.progress.total) for one in found] == [
        (second, "Orders", 2),
        (first, "Orders", 3),
    ]
    assert [one.batch.name for one in batch_reports.latest(before=second)] == ["April"]
    assert [one.batch.id for one in batch_reports.latest(size=1)] == [second]


def test_progress_counts_each_message_once_by_where_it_stands(database: str) -> None:
    account = given.account(rate=None)
    deleted = {"status": "cancelled", "deleted_at": clock.wall()}
    rows = [SENT, FAILED, FAILED, GONE, {}, DUE | {"hold": "late"}, deleted]
    batch_id, _ = batch(account, rows)
    stored.messages(account, [{}] * 3)
    whole = batch_reports.one(batch_id)
    assert whole and whole.state == "held" and whole.outlook is None
    counted = whole.progress
    assert counted.standings == {
        Standing.HELD: 2,
        Standing.FAILED: 2,
        Standing.READ: 1,
        Standing.CANCELLED: 1,
    }
    assert (counted.total, counted.left, counted.failed, counted.waiting) == (6, 1, 2, 2)
    assert (counted.opted_out, counted.held) == (1, 1)
    assert counted.reasons == {Reason.HELD: 1, Reason.BATCH: 1}
    assert [(one.error_code, one.count) for one in counted.failures] == [(131026, 2)]


def test_what_was_done_to_it_is_told_with_who_did_it_and_the_file(database: str) -> None:
    batch_id, _ = batch(given.account(), [{}] * 2)
    steering.release_first(batch_id, 1, by=given.ANA)
    whole = batch_reports.one(batch_id)
    assert whole and whole.state == "trial" and whole.file is None
    steering.release(batch_id, by=given.ANA)
    steering.pause(batch_id, by=given.ANA)
    whole = batch_reports.one(batch_id)
    assert whole and whole.state == "paused"
    told = [(one.action, one.actor) for one in whole.record]
    assert told == [
        ("batch first released", "ana"),
        ("batch released", "ana"),
        ("batch paused", "ana"),
    ]
    assert [one.kind for one in whole.operations] == ["batch pause", "batch release"]
    assert batch_reports.one(999) is None


def test_a_finished_batch_is_called_so_before_the_scan_has_seen_it(database: str) -> None:
    batch_id, _ = batch(given.account(), [SENT, FAILED], state="released")
    whole = batch_reports.one(batch_id)
    assert whole and (whole.batch.state, whole.state) == ("released", "finished")


def test_its_end_is_foreseen_at_the_rate_of_its_account_behind_what_is_due_before(
    database: str,
) -> None:
    account = given.account(rate=2)
    workers.start("loop")
    stored.messages(account, [DUE] * 20)
    batch_id, _ = batch(account, [SENT] + [DUE] * 40)
    steering.release(batch_id, by=given.ANA)
    whole = batch_reports.one(batch_id)
    assert whole and whole.outlook and whole.outlook.ends_at
    takes = whole.outlook.ends_at - whole.at
    assert abs(takes.total_seconds() - 60 * pacing.period(2)) < 2
    assert (whole.outlook.ahead[0].left, whole.outlook.ahead[-1].left) == (1, 41)
    assert whole.outlook.so_far[-1].left == 1


def test_what_is_due_later_ends_it_later_and_quiet_hours_count(database: str) -> None:
    account = given.account(rate=None)
    workers.start("loop")
    later = clock.wall() + timedelta(hours=5)
    batch_id, _ = batch(account, [DUE, {"due_at": later}], state="released")
    whole = batch_reports.one(batch_id)
    assert whole and whole.outlook and whole.outlook.ends_at
    assert abs(whole.outlook.ends_at - later) <= timedelta(minutes=1)
    drawn = whole.outlook.ahead
    assert [one.left for one in drawn] == [0, 1, 1, 2], "nothing leaves between the two"
    assert drawn[2].at - drawn[1].at > timedelta(hours=4)
    with db.writing() as session:
        row = session.get_one(Account, account)
        row.quiet_from, row.quiet_to = f"{later:%H:%M}", f"{later + timedelta(hours=2):%H:%M}"
    whole = batch_reports.one(batch_id)
    assert whole and whole.outlook and whole.outlook.ends_at
    assert whole.outlook.ends_at - later >= timedelta(hours=1, minutes=58)


def test_a_held_batch_tells_when_it_would_have_left_if_it_were_let_go_now(database: str) -> None:
    account, other = given.account(rate=2), given.account("Other", rate=None)
    workers.start("loop")
    stored.messages(account, [DUE] * 20)
    batch_id, _ = batch(account, [SENT] + [DUE] * 40 + [DUE | {"hold": "person"}])

    def let_go() -> tuple[int, float, bool] | None:
        whole = batch_reports.one(batch_id)
        found = whole and whole.let_go
        return found and (
            found.messages,
            (found.ends_at - whole.at).total_seconds(),
            found.at_least,
        )

    assert let_go() == (40, pytest.approx(60 * pacing.period(2), abs=2), False)
    steering.release_first(batch_id, 5, by=given.ANA)
    assert let_go() == (40, pytest.approx(60 * pacing.period(2), abs=2), False)
    steering.release(batch_id, by=given.ANA)
    assert let_go() is None
    steering.pause(batch_id, by=given.ANA)
    accounts.pause("Orders", by=given.ANA)
    assert let_go() == (40, pytest.approx(60 * pacing.period(2), abs=2), True)
    later = {"due_at": clock.wall() + timedelta(hours=1), "account_id": other}
    batch_id, _ = batch(account, [DUE, later])
    assert let_go() == (2, pytest.approx(3600, abs=61), True), "it has messages of two accounts"


def test_without_a_worker_nobody_can_tell_when_it_ends(database: str) -> None:
    batch_id, _ = batch(given.account(), [DUE], state="released")
    whole = batch_reports.one(batch_id)
    assert whole and whole.outlook and whole.outlook.ends_at is None


def test_a_message_says_that_its_batch_is_paused_before_the_hold_is_written(database: str) -> None:
    account = given.account()
    batch_id, ids = batch(account, [DUE, {"hold": "person"}], name="May reminders")
    why = explain.explain(ids[0])
    assert why.reason is Reason.BATCH and why.batch_id == batch_id
    now = clock.wall()
    assert telling.sentence(why, now) == "Its batch «May reminders» has not been released."
    steering.release(batch_id, by=given.ANA)
    work()
    steering.pause(batch_id, by=given.ANA)
    assert given.row(ids[0]).hold is None
    told = telling.sentence(explain.explain(ids[0]), now)
    assert told.startswith("Its batch «May reminders» is paused since ")
    assert told.endswith(" by ana.")
    assert "page of its batch" in telling.advice(explain.explain(ids[0]))
    work()
    assert telling.sentence(explain.explain(ids[0]), now) == told
    assert explain.explain(ids[1]).reason is Reason.HELD
    steering.resume(batch_id, by=given.ANA)
    work()
    assert explain.explain(ids[0]).reason is not Reason.BATCH


def test_those_on_trial_are_told_from_those_that_wait_for_the_rest(database: str) -> None:
    _, ids = batch(given.account(), [DUE] * 2)
    steering.release_first(given.row(ids[0]).batch_id or 0, 1, by=given.ANA)
    assert explain.explain(ids[0]).reason is Reason.NO_WORKER
    told = telling.sentence(explain.explain(ids[1]), clock.wall())
    assert told.startswith("Its batch «May» is on trial: its first may leave")


def test_the_depth_tells_what_batches_hold_from_what_else_is_held(database: str) -> None:
    account = given.account()
    batch(account, [DUE] * 3)
    stored.messages(account, [{"hold": "person"}])
    [found] = depth.depth(account).accounts
    assert (found.counts, found.held) == ({Reason.HELD: 1, Reason.BATCH: 3}, 4)


def test_a_batch_is_found_by_name_or_number(database: str) -> None:
    account = given.account()
    old, _ = batch(account, [{}], name="May")
    new, _ = batch(account, [{}], name="may")
    with db.reading() as session:
        by_name, by_id = batch_reports.named(session, "MAY"), batch_reports.named(session, f"{old}")
        assert by_name and by_id and (by_name.id, by_id.id) == (new, old)
        assert batch_reports.named(session, "June") is None

"""What one tick does with claims that missed their slot, and beside others at the same account."""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise

from core import accounts, db, ruling
from core.meta.answers import Answer
from core.meta.codes import classify
from core.models import Pace
from core.sending.results import Result
from core.sending.tick import MISSED_FOR
from tests import given
from tests.core.planted import Ground
from tests.core.sending.ticking import Ticks

Move = Callable[[timedelta], None]


def test_a_claim_that_missed_its_slot_takes_the_next_before_any_new_claim(database: str) -> None:
    ticks, account = Ticks(), given.account(rate=20)
    made = given.message(account)
    [missed] = ticks.run(account).claims
    slot = missed.slot_at
    given.message(account, to=given.recipient(1), priority=0)
    done = ticks.run(account, missed=[missed])
    assert done.reslotted == [missed] and slot < missed.slot_at
    assert all(missed.slot_at < one.slot_at for one in done.claims) and done.claims
    [attempt] = given.attempts(made)
    assert attempt.slot_at == missed.slot_at and attempt.outcome is None


def test_a_slot_that_went_by_unused_costs_its_account_no_other(
    database: str, move_clock: Move
) -> None:
    """An account that sends once a second does not wait another second for a busy moment."""
    ticks, account = Ticks(), given.account(rate=1)
    given.message(account)
    [missed] = ticks.run(account).claims
    slot = missed.slot_at
    assert ticks.run(account).claims == []
    move_clock(timedelta(seconds=0.3))
    done = ticks.run(missed=[missed])
    assert done.reslotted == [missed]
    assert slot + timedelta(seconds=0.2) < missed.slot_at < slot + timedelta(seconds=0.9)
    with db.reading() as session:
        pace = session.get_one(Pace, account)
    assert pace.next_slot_at == missed.slot_at + timedelta(seconds=1.05)


def test_a_missed_slot_is_not_given_again_where_a_later_one_is_taken(database: str) -> None:
    ticks, account = Ticks(), given.account(rate=40)
    for number in range(9):
        given.message(account, to=given.recipient(number))
    claims = sorted(ticks.run(account).claims, key=lambda one: one.slot_at)
    assert len(claims) > 2
    after = claims[-1].slot_at + timedelta(microseconds=25_125)
    ticks.run(missed=claims[:1])
    assert claims[0].slot_at >= after


def test_all_the_last_slots_that_went_by_unused_are_given_again(
    database: str, move_clock: Move
) -> None:
    ticks, account = Ticks(), given.account(rate=40)
    for number in range(9):
        given.message(account, to=given.recipient(number))
    claims = sorted(ticks.run(account).claims, key=lambda one: one.slot_at)
    kept, *tail = [one.slot_at for one in claims]
    move_clock(timedelta(seconds=0.3))
    ticks.run(missed=claims[1:])
    again = [one.slot_at for one in claims[1:]]
    assert again[0] > kept + timedelta(seconds=0.25) and len(tail) > 1
    step = timedelta(microseconds=25_125)
    assert [b - a for a, b in pairwise(again)] == [step] * (len(again) - 1)


def test_a_claim_that_found_no_slot_for_two_seconds_goes_back(
    database: str, move_clock: Move
) -> None:
    ticks, account = Ticks(), given.account(rate=20)
    made = given.message(account)
    [missed] = ticks.run(account).claims
    accounts.pause("Orders", by=given.ANA)
    ticks.run(missed=[missed])
    assert given.row(made).status == "processing"
    move_clock(MISSED_FOR + timedelta(seconds=1))
    ticks.run(missed=[missed])
    assert given.row(made).status == "pending" and given.row(made).retry_count == 0
    assert [one.outcome for one in given.attempts(made)] == ["released"]


def test_an_account_that_another_worker_has_locked_is_passed_over_at_once(postgresql: str) -> None:
    ticks = Ticks()
    theirs, free = given.account("Theirs", rate=20), given.account("Free", rate=20)
    made = [given.message(one) for one in (theirs, free)]
    with db.writing() as other:
        locked = db.sql("SELECT 1 FROM pace WHERE account_id = :id FOR NO KEY UPDATE")
        other.execute(locked, {"id": theirs})
        assert ticks.claimed(theirs, free) == made[1:]
    assert ticks.claimed(theirs, free) == made[:1]


def test_a_message_that_is_being_scheduled_hides_no_other_of_its_account(postgresql: str) -> None:
    ticks, account = Ticks(), given.account(rate=20)
    made = given.message(account)
    with db.writing() as other:
        Ground(other, account, account).message()
        assert ticks.claimed(account) == [made]


def test_a_retry_waits_as_long_as_an_administrator_settled_meanwhile(database: str) -> None:
    ticks, account = Ticks(), given.account(rate=None)
    made = given.message(account)
    [claim] = ticks.run(account).claims
    ruling.settle({"retry_delays": "1 h, 2 h"}, by=given.ANA)
    busy = Answer(classify(131000), code=131000, text="busy")
    ticks.run(results=[Result(claim, busy, claim.slot_at, claim.slot_at)])
    row = given.row(made)
    with db.reading() as session:
        left = row.due_at - db.now(session)
    assert row.retry_count == 1 and timedelta(minutes=50) < left <= timedelta(hours=1)

"""What one tick does with claims that missed their slot, and beside others at the same account."""

from collections.abc import Callable
from datetime import timedelta

from core import accounts, db
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

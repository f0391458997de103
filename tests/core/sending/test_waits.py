"""How long Meta's refusals keep a message, a recipient or an account back, to the second."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from core import accounts, db
from core.meta.answers import Answer
from core.meta.codes import classify
from core.models import Account
from core.sending.results import Effects, Result
from tests import given
from tests.core.driven import go_to
from tests.core.sending.ticking import Ticks

Move = Callable[[timedelta], None]


class Answered(Ticks):
    """A worker whose posts are answered by the test: with a code, or (None) accepted."""

    effects = Effects()

    def answer(self, account: int, code: int | None) -> None:
        """Claim the one message that is due, and settle what Meta says."""
        [claim] = self.run(account).claims
        answer = Answer(classify(code), code=code, text="no") if code else Answer(None, wamid="w")
        result = Result(claim, answer, claim.slot_at, claim.slot_at)
        effects = self.run(results=[result]).effects
        self.run(effects=effects)


def seconds_left(message: int, account: int) -> float:
    with db.reading() as session:
        return (given.row(message).due_at - db.now(session)).total_seconds()


def test_131057_holds_the_whole_account_back_for_a_minute(database: str, move_clock: Move) -> None:
    account, other = given.account(rate=None), given.account("Other", rate=None)
    first, ticks = given.message(account), Answered()
    ticks.answer(account, 131057)
    second = given.message(account, to=given.recipient(1))
    elsewhere = given.message(other)
    move_clock(timedelta(seconds=59))
    assert ticks.claimed(account, other) == [elsewhere]
    move_clock(timedelta(seconds=61))
    assert set(ticks.claimed(account)) == {first, second}


def test_each_131056_waits_four_times_longer_until_one_is_accepted(
    database: str, move_clock: Move
) -> None:
    account = given.account(rate=None)
    message, ticks = given.message(account), Answered()
    for wait in (1, 4, 16, 64, 256, 256):
        ticks.answer(account, 131056)
        row = given.row(message)
        assert wait - 0.7 < seconds_left(message, account) <= wait and row.retry_count == 0
        go_to(row.due_at - timedelta(seconds=0.2), move_clock)
        assert ticks.claimed(account) == []
        go_to(row.due_at, move_clock)
    ticks.answer(account, None)
    assert given.row(message).status == "sent"
    again = given.message(account)
    go_to(given.row(again).due_at + timedelta(minutes=10), move_clock)
    ticks.answer(account, 131056)
    assert 0.3 < seconds_left(again, account) <= 1


@pytest.mark.parametrize("code", [131048, 131064])
def test_a_limit_that_meta_lifts_resumes_after_four_hours_twice_and_then_asks(
    database: str, move_clock: Move, code: int
) -> None:
    account, ticks = given.account(rate=None), Answered()
    given.message(account)
    passed = timedelta()
    for _ in range(2):
        ticks.answer(account, code)
        for hours, state in ((3.99, "paused"), (4.01, "active")):
            move_clock(passed + timedelta(hours=hours))
            assert _state_after_a_scan(account) == state
        passed += timedelta(hours=4.01)
    ticks.answer(account, code)
    move_clock(passed + timedelta(days=2))
    assert _state_after_a_scan(account) == "paused"


def _state_after_a_scan(account: int) -> str:
    with db.writing() as session:
        accounts.resume_what_is_over(session)
    with db.reading() as session:
        return session.get_one(Account, account).state

from datetime import UTC, datetime, timedelta

from core import pacing
from core.forecast import Waiting
from core.sending.sieve import Rules, Sieve

NOW = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)


def test_one_that_waited_for_its_recipient_is_not_put_off_again_by_a_claim_that_looks_ahead() -> (
    None
):
    """The claim comes up to its lead before the time that it had itself given the message."""
    free = NOW + timedelta(milliseconds=20)
    tat = free + (pacing.PAIR_CAPACITY - 1) * pacing.PAIR_INTERVAL
    row = Waiting(1, 7, "+62812", 1, free, NOW, None, None, 0, pair_tat=tat)
    sieve = Sieve(NOW, {7: 1}, {7: Rules()})
    assert not sieve.sift([row])  # type: ignore[list-item]
    assert list(sieve.passed) == [1] and not sieve.pushed

"""The first of a batch let go on trial, while the rest is held until somebody says go."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from core import batch_reports, clock, db, messages, steering
from core.access import Actor, Role
from core.errors import Invalid
from tests import given
from tests.core import stored
from tests.core.batched import batch, holds, row, work
from tests.core.driven import left_within

OLGA = Actor("olga", Role.OPERATOR)
Move = Callable[[timedelta], None]
DUE = {"due_at": clock.wall() - timedelta(minutes=1)}


def test_the_first_by_time_go_and_the_rest_waits_for_a_word(
    database: str, move_clock: Move
) -> None:
    account = given.account(rate=None)
    later = {"due_at": DUE["due_at"] + timedelta(seconds=5)}
    batch_id, ids = batch(account, [later, DUE, DUE, later, DUE])
    assert steering.release_first(batch_id, 2, by=OLGA) == 2
    assert holds(ids) == ["batch", None, None, "batch", "batch"]
    assert left_within(account, move_clock, 5) == {ids[1], ids[2]}
    assert steering.release_first(batch_id, 2, by=OLGA) == 2
    assert left_within(account, move_clock, 5) == {ids[4], ids[0]}
    steering.release(batch_id, by=OLGA)
    work()
    assert left_within(account, move_clock, 5) == {ids[3]}
    whole = batch_reports.one(batch_id)
    assert whole and [one.action for one in whole.record] == [
        "batch first released",
        "batch first released",
        "batch released",
    ]


def test_a_trial_that_was_paused_goes_on_as_a_trial(database: str, move_clock: Move) -> None:
    account = given.account(rate=None)
    batch_id, ids = batch(account, [DUE] * 4)
    steering.release_first(batch_id, 2, by=OLGA)
    assert steering.pause(batch_id, by=OLGA) is None
    assert left_within(account, move_clock, 3) == set()
    assert steering.resume(batch_id, by=OLGA) is None
    assert row(batch_id).state == "held" and row(batch_id).trial_since
    assert left_within(account, move_clock, 3) == set(ids[:2])


def test_a_trial_that_was_paused_lets_nobody_go_in_place_of_who_was_cancelled_or_left(
    database: str, move_clock: Move
) -> None:
    account = given.account(rate=None)
    batch_id, ids = batch(account, [DUE] * 9)
    steering.release_first(batch_id, 4, by=OLGA)
    with db.writing() as session:  # a claim that had read the batch before the pause
        claimed = (
            "UPDATE message SET status = 'processing', unconfirmed_since = :now WHERE id = :id"
        )
        session.execute(db.sql(claimed, "now"), {"id": ids[0], "now": clock.wall()})
    steering.pause(batch_id, by=OLGA)
    messages.cancel(ids[1], by=OLGA)
    assert left_within(account, move_clock, 2) == set()
    with db.writing() as session:  # it had not been posted, and is held while the batch is paused
        back = "UPDATE message SET status = 'pending', unconfirmed_since = NULL WHERE id = :id"
        session.execute(db.sql(back), {"id": ids[0]})
    assert left_within(account, move_clock, 2) == set()
    steering.resume(batch_id, by=OLGA)
    assert left_within(account, move_clock, 3) == {ids[0], *ids[2:4]}


@pytest.mark.parametrize("count", [0, -1, 1001])
def test_a_trial_has_a_size_that_one_transaction_can_take(sqlite: str, count: int) -> None:
    batch_id, _ = batch(stored.account(), [{}])
    with pytest.raises(Invalid, match="1 to 1,000"):
        steering.release_first(batch_id, count, by=OLGA)

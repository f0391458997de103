"""A person keeps one message back and lets it go again."""

from datetime import timedelta

import pytest

from core import (
    accounts,
    bulk,
    clock,
    db,
    happened,
    history,
    holding,
    messages,
    operations,
    steering,
)
from core.choosing import Choice
from core.errors import Refused
from core.event_words import WAITS_AGAIN
from core.kinds import Kind
from tests import given
from tests.core import batched
from tests.core.sending.ticking import Ticks, account, change
from tests.racing import at_once


def test_what_a_person_holds_is_left_alone_until_it_is_released_and_both_are_recorded(
    database: str,
) -> None:
    ticks, made = Ticks(), account("Orders")
    kept, other = (given.message(made, to=given.recipient(n)) for n in range(2))
    holding.hold(kept, by=given.ANA)
    assert ticks.claimed(made) == [other]
    assert given.row(kept).hold == "person"
    with pytest.raises(Refused, match="held already"):
        holding.hold(kept, by=given.ANA)
    holding.release(kept, by=given.ANA)
    assert ticks.claimed(made) == [kept]
    assert given.events(kept) == ["scheduled", "hold", "release"]


def test_what_is_let_go_before_its_time_keeps_what_it_was_told_to_do_when_late(
    database: str,
) -> None:
    made = account("Orders")
    later = given.message(made, when=given.in_(hours=1), late_policy="skip")
    overdue = given.message(made, to=given.recipient(1), late_policy="skip")
    for one in (later, overdue):
        holding.hold(one, by=given.ANA)
        holding.release(one, by=given.ANA)
    assert [given.row(one).late_policy for one in (later, overdue)] == ["skip", "send"]


def test_a_text_that_meta_refused_as_a_template_is_a_persons_to_let_go(database: str) -> None:
    made = given.message(account("Orders"))
    change(made, hold="template")
    holding.release(made, by=given.ANA)
    assert given.row(made).hold is None


def test_only_what_waits_can_be_held_and_only_what_is_held_by_itself_released(
    database: str,
) -> None:
    made = given.account("Orders")
    waiting, gone, loading = (given.message(made, to=given.recipient(n)) for n in range(3))
    messages.cancel(gone, by=given.ANA)
    change(loading, hold="batch")
    accounts.pause("Orders", by=given.ANA)
    for verb, message, told in (
        (holding.hold, gone, "is cancelled, so it cannot be held"),
        (holding.release, gone, "is cancelled, so it cannot be released"),
        (holding.release, waiting, "is not held by itself"),
        (holding.release, loading, "held by its batch"),
    ):
        with pytest.raises(Refused, match=told):
            verb(message, by=given.ANA)
    assert given.row(loading).hold == "batch" and given.row(waiting).hold is None


def test_what_a_person_holds_of_a_batch_that_waits_outlasts_its_release(database: str) -> None:
    ticks, made = Ticks(), account("Orders")
    batch_id, ids = batched.batch(made, [{"due_at": clock.wall()}] * 4)
    kept, held, undone, other = ids
    holding.hold(kept, by=given.ANA)
    choice = Choice(ids=(held, undone))
    assert bulk.foresee(Kind.HOLD, choice).able == 2
    made_ = bulk.begin(Kind.HOLD, choice, counted=2, by=given.ANA)
    holding.release(undone, by=given.ANA)
    assert batched.holds(ids) == ["person", "person", "batch", "batch"]
    steering.release(batch_id, by=given.ANA)
    batched.work()
    assert batched.holds(ids) == ["person", "person", None, None]
    assert sorted(ticks.claimed(made)) == [undone, other]
    bulk.undo(made_.id, by=given.ANA)
    holding.release(kept, by=given.ANA)
    assert sorted(ticks.claimed(made)) == [kept, held]


def test_the_undo_of_a_hold_gives_a_message_back_to_its_batch(database: str) -> None:
    batch_id, ids = batched.batch(account("Orders"), [{}, {}])
    made = bulk.begin(Kind.HOLD, Choice(batch_id=batch_id), counted=2, by=given.ANA)
    batched.work()
    assert batched.holds(ids) == ["person", "person"]
    operations.undo(made.id, by=given.ANA)
    batched.work()
    assert batched.holds(ids) == ["batch", "batch"]


def test_what_goes_back_to_its_batch_keeps_what_it_was_told_to_do_when_late(database: str) -> None:
    long_ago, made = clock.wall() - timedelta(hours=3), account("Orders")
    _, ids = batched.batch(made, [{"due_at": long_ago, "late_policy": "skip"}] * 3)
    released, undone, other = ids
    holding.hold(released, by=given.ANA)
    assert holding.release(released, by=given.ANA) == "batch"
    held = bulk.begin(Kind.HOLD, Choice(ids=(undone,)), counted=1, by=given.ANA)
    assert bulk.undo(held.id, by=given.ANA).done == 1
    assert batched.holds(ids) == ["batch"] * 3
    for one, kind in ((released, "release"), (undone, "undo hold")):
        found = history.read(one)
        assert found is not None
        last = found.events[-1]
        assert (last.kind, last.before, last.after) == (kind, {"hold": "person"}, {"hold": "batch"})
        assert happened.lines(found, now=clock.wall(), zone="UTC")[-1].title == WAITS_AGAIN[0]
    assert [given.row(one).late_policy for one in ids] == ["skip"] * 3
    change(other, hold="person", status="cancelled")
    with db.writing() as session:
        assert holding.let_go(session, [other]) == set()


def test_one_on_trial_that_was_late_leaves_when_a_person_lets_it_go(database: str) -> None:
    ticks, made = Ticks(), account("Orders")
    batch_id, [first, _] = batched.batch(made, [{"due_at": clock.wall()}] * 2)
    steering.release_first(batch_id, 1, by=given.ANA)
    change(first, hold="late")
    holding.release(first, by=given.ANA)
    assert ticks.claimed(made) == [first]


def test_of_a_hold_and_a_claim_at_once_one_comes_first(database: str) -> None:
    ticks, made = Ticks(), account("Orders")
    message = given.message(made)
    claimed: list[int] = []
    told = at_once(
        lambda: holding.hold(message, by=given.ANA), lambda: claimed.extend(ticks.claimed(made))
    )
    row = given.row(message)
    assert (told[0] is None) == (row.hold == "person") == (row.status == "pending")
    assert bool(claimed) != (row.hold == "person")
    with db.writing() as session:
        assert holding.hold_in(session, [], "late", "engine", at=db.now(session)) == set()

"""Correcting a batch: what has not left says it right, what has left is counted; with an undo."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from threading import Event
from typing import Any

import pytest

from core import (
    adjusting,
    bulk,
    choosing,
    clock,
    correcting,
    db,
    leasing,
    operating,
    operations,
    previewing,
    steering,
    verify,
)
from core.access import Actor, Role
from core.choosing import Choice
from core.corrections import Correction, Skipped, Way
from core.errors import Invalid, Refused
from core.filtering import Filter
from core.kinds import APART, Kind
from core.models import Batch, Message
from tests import given
from tests.core import driven, stored
from tests.core.batched import batch, holds
from tests.core.worded import done, filled, said, template, work

OLGA = Actor("olga", Role.OPERATOR)
Move = Callable[[timedelta], None]
DUE = {"due_at": clock.wall() - timedelta(minutes=1)}
SENT = {"status": "sent", "sent_at": clock.wall(), "meta_message_id": "wamid.1"}
REPLACE = Correction(Way.REPLACE, find="Monday", put="Tuesday")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(correcting, "EVERY", 0)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "CHUNK", 2)
    monkeypatch.setattr(choosing, "CHANGED", 2)
    monkeypatch.setattr(choosing, "WINDOW", 3)


@pytest.mark.usefixtures("small")
def test_wrong_words_are_replaced_in_all_that_has_not_left(database: str) -> None:
    rows = [{"text": "See you Monday"}] * 4 + [{"text": "See you Friday"}]
    rows += [SENT | {"text": "See you Monday"}, {"status": "failed", "text": "On Monday"}]
    batch_id, ids = batch(given.account(), rows)
    shown = previewing.preview(batch_id, REPLACE)
    assert (shown.touches, shown.left, shown.skipped) == (5, 1, {Skipped.UNAFFECTED: 1})
    assert [(one.before, one.after) for one in shown.samples] == [
        ("See you Monday", "See you Tuesday")
    ] * 3
    made = done(correcting.correct(batch_id, REPLACE, by=OLGA))
    assert (made.state, made.done, made.cursor["why"]) == ("finished", 5, {"unaffected": 1})
    assert said(ids) == [
        *["See you Tuesday"] * 4,
        *("See you Friday", "See you Monday", "On Tuesday"),
    ]
    assert given.row(ids[0]).version == 2 and holds(ids)[0] == "batch"
    assert given.row(ids[6]).status == "failed" and given.events(ids[0]) == ["correct"]
    assert previewing.preview(batch_id, REPLACE).touches == 0


def test_what_was_neither_claimed_nor_changed_since_is_brought_back(database: str) -> None:
    batch_id, ids = batch(given.account(), [{"text": "Monday"}] * 3)
    first = done(correcting.correct(batch_id, REPLACE, by=OLGA))
    second = Correction(Way.REPLACE, find="Tuesday", put="Friday")
    with db.writing() as session:
        session.execute(
            db.sql("UPDATE message SET version = version + 1 WHERE id = :id"), {"id": ids[1]}
        )
    back = done(operations.undo(first.id, by=OLGA))
    assert (back.done, back.cursor["why"]) == (2, {"changed": 1})
    assert said(ids) == ["Monday", "Tuesday", "Monday"]
    assert operations.state(first.id).state == "undone"
    assert given.events(ids[0]) == ["correct", "undo correct"]
    assert done(correcting.correct(batch_id, second, by=OLGA)).done == 1


def test_a_whole_text_is_checked_as_when_it_is_scheduled(database: str) -> None:
    batch_id, ids = batch(given.account(), [{"text": "A"}, {"text": "B"}])
    long = Correction(Way.TEXT, put="x" * 5000)
    shown = previewing.preview(batch_id, long)
    assert shown.touches == 0 and shown.skipped == {Skipped.DOES_NOT_FIT: 2}
    assert "4,096" in shown.problems[Skipped.DOES_NOT_FIT]
    assert done(correcting.correct(batch_id, long, by=OLGA)).cursor["why"] == {"does_not_fit": 2}
    assert done(correcting.correct(batch_id, Correction(Way.TEXT, put="C"), by=OLGA)).done == 2
    assert said(ids) == ["C", "C"]


def test_one_parameter_is_set_or_corrected_and_the_words_follow(database: str) -> None:
    account = given.account()
    old = template(account, "visit", "Hello {{name}}, see you {{day}}")
    batch_id, ids = filled(account, old, ["Ana", "Bo"])
    assert previewing.keys(batch_id) == ["name", "day"]
    wanted = Correction(Way.PARAMETER, key="day", put="Tuesday")
    assert done(correcting.correct(batch_id, wanted, by=OLGA)).done == 2
    assert said(ids) == ["Hello Ana, see you Tuesday", "Hello Bo, see you Tuesday"]
    within = Correction(Way.PARAMETER, key="name", find="Bo", put="Bob")
    made = done(correcting.correct(batch_id, within, by=OLGA))
    assert (made.done, made.cursor["why"]) == (1, {"unaffected": 1})
    missing = Correction(Way.PARAMETER, key="hour", put="9:00")
    assert previewing.preview(batch_id, missing).skipped == {Skipped.NO_PARAMETER: 2}
    empty = previewing.preview(batch_id, Correction(Way.PARAMETER, key="name", find="Ana", put=""))
    assert empty.problems == {Skipped.DOES_NOT_FIT: "The parameter «name» is empty."}
    assert previewing.preview(batch_id, REPLACE).skipped == {Skipped.WORDS_OF_META: 2}


def test_another_template_takes_the_parameters_of_the_same_names(database: str) -> None:
    account = given.account()
    old = template(account, "visit", "Hello {{name}}, see you {{day}}")
    new = template(account, "visit_2", "Dear {{name}}, we moved to {{place}}")
    batch_id, ids = filled(account, old, ["Ana", "Bo"], hold="template")
    wanted = Correction(Way.TEMPLATE, template_id=new)
    shown = previewing.preview(batch_id, wanted)
    assert shown.skipped == {Skipped.DOES_NOT_FIT: 2}
    assert shown.problems == {Skipped.DOES_NOT_FIT: "The parameter «place» is empty."}
    given_for_others = {"place": "Main Street", "name": "Customer"}
    whole = Correction(Way.TEMPLATE, template_id=new, parameters=given_for_others)
    made = done(correcting.correct(batch_id, whole, by=OLGA))
    assert made.done == 2 and said(ids)[0] == "Dear Ana, we moved to Main Street"
    assert {given.row(one).template_id for one in ids} == {new} and holds(ids) == [None, None]
    done(operations.undo(made.id, by=OLGA))
    assert said(ids)[1] == "Hello Bo, see you Monday"
    assert {given.row(one).template_id for one in ids} == {old}
    stopped = template(account, "gone", "Bye", status="PAUSED")
    with pytest.raises(Invalid):
        correcting.correct(batch_id, Correction(Way.TEMPLATE, template_id=stopped), by=OLGA)


def test_what_comes_back_to_wait_while_it_is_corrected_is_corrected_too(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    going = {"status": "processing", "unconfirmed_since": clock.wall(), "text": "Monday"}
    batch_id, ids = batch(given.account(), [{"text": "Monday"}, going, going])
    whole = correcting._again

    def meanwhile(mine: Any) -> Any:
        with db.writing() as session:
            session.execute(
                db.sql(
                    "UPDATE message SET status = 'pending', unconfirmed_since = NULL,"
                    " version = version + 1 WHERE id = :id AND status = 'processing'"
                ),
                {"id": ids[1]},
            )
        return whole(mine)

    monkeypatch.setattr(correcting, "_again", meanwhile)
    made = done(correcting.correct(batch_id, REPLACE, by=OLGA))
    assert (made.state, made.done, made.cursor["why"]) == ("finished", 2, {"processing": 1})
    assert said(ids) == ["Tuesday", "Tuesday", "Monday"]


def test_a_loop_that_sends_meanwhile_sends_each_with_one_of_both_texts(
    database: str, move_clock: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "CHUNK", 5)
    account = given.account(rate=None)
    batch_id, ids = batch(account, [DUE | {"text": "Monday"}] * 30)
    steering.release(batch_id, by=OLGA)
    operating.run_waiting(Event())
    made, left = correcting.correct(batch_id, REPLACE, by=OLGA), set()
    mine = leasing.take(APART)
    assert mine
    for number, _ in enumerate(correcting.work(mine)):
        if number == 2:
            left = set(
                driven.drive(
                    driven.loop(), {account}, move_clock, until=clock.wall() + timedelta(seconds=2)
                )
            )
    assert len(left) == 30
    corrected_ = operations.state(made).done
    assert 0 < corrected_ < 30
    sent = [given.attempts(one)[0].payload for one in ids]
    assert sum("Tuesday" in one for one in sent) == corrected_
    assert [("Tuesday" in one) for one in sent] == ["Tuesday" in one for one in said(ids)]
    assert previewing.preview(batch_id, REPLACE).left == 30 - corrected_
    assert not list(verify.violations())


@pytest.mark.usefixtures("small")
def test_a_worker_that_dies_in_the_middle_corrects_nothing_twice(
    database: str, monkeypatch: pytest.MonkeyPatch, move_clock: Move
) -> None:
    batch_id, ids = batch(given.account(), [{"text": "Monday"}] * 7)
    doubling = Correction(Way.REPLACE, find="Monday", put="Monday, Monday")
    made = correcting.correct(batch_id, doubling, by=OLGA)
    whole, calls = correcting._correct_some, 0

    def dies(*args: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return whole(*args)

    with monkeypatch.context() as broken:
        broken.setattr(correcting, "_correct_some", dies)
        with pytest.raises(KeyboardInterrupt):
            work()
    move_clock(operations.LEASE + timedelta(seconds=1))
    assert done(made).done == 7
    assert said(ids) == ["Monday, Monday"] * 7


@pytest.mark.parametrize(
    ("wanted", "old"),
    [
        (Correction(Way.PARAMETER, key="day", put="Friday"), 3),
        (Correction(Way.PARAMETER, key="day", find="MON", put="SUN"), 0),
        (Correction(Way.PARAMETER, key="name", find="Ana", put="Anna"), 1),
        (Correction(Way.PARAMETER, key="hour", put="9:00"), 0),
        (Correction(Way.TEXT, put="Hi"), 2),
        (Correction(Way.REPLACE, find="hello", put="Hi"), 0),
        (Correction(Way.REPLACE, find="Hello", put=""), 2),
        (Correction(Way.TEMPLATE), 5),
    ],
)
def test_what_left_with_the_old_words_is_counted_though_few_rows_are_looked_at(
    database: str, monkeypatch: pytest.MonkeyPatch, wanted: Correction, old: int
) -> None:
    monkeypatch.setattr(previewing, "LOOKED_AT", 1)
    account = given.account()
    visit = template(account, "visit", "Hello {{name}}, see you {{day}}")
    batch_id, _ = batch(account, [{}], state="released")
    ids = filled(account, visit, ["Ana", "Bo", "Bo"])[1]
    ids += batch(account, [{"text": "Hello"}, {"text": "Hello"}])[1]
    with db.writing() as session:
        in_one = "UPDATE message SET batch_id = :batch, hold = NULL, status = 'sent' WHERE id = :id"
        session.execute(db.sql(in_one), [{"batch": batch_id, "id": one} for one in ids])
        session.get_one(Batch, batch_id).until_id = None
    if wanted.way is Way.TEMPLATE:
        other = template(account, "visit_2", "Dear {{name}}, see you {{day}}, {{unknown}}")
        wanted = replace(wanted, template_id=other)
    assert previewing.preview(batch_id, wanted).left == old


def test_who_got_the_new_words_is_not_counted_though_the_old_ones_are_part_of_them(
    database: str,
) -> None:
    batch_id, ids = batch(given.account(), [{"text": "Monday"}, SENT | {"text": "Monday"}])
    made = done(
        correcting.correct(batch_id, Correction(Way.REPLACE, "Monday, 9:00", "Monday"), by=OLGA)
    )
    with db.writing() as session:
        leaves = "UPDATE message SET status = 'sent', hold = NULL WHERE id = :id"
        session.execute(db.sql(leaves), {"id": ids[0]})
    assert said(ids) == ["Monday, 9:00", "Monday"] and previewing.left(made) == 1


def test_a_batch_of_several_accounts_gets_no_template_of_another_business(database: str) -> None:
    orders, clinic = given.account("Orders"), given.account("Clinic")
    unused = given.account("Unused")
    visit = template(orders, "visit", "Hello {{name}}")
    other, far = template(clinic, "visit_2", "Dear {{name}}"), template(unused, "far", "{{name}}")
    batch_id, ids = filled(orders, visit, ["Ana", "Bo"])
    with db.writing() as session:
        session.get_one(Batch, batch_id).account_id = None
        session.get_one(Message, ids[1]).account_id = clinic
    assert [one.id for one in previewing.forms(batch_id)] == [visit, other]
    wanted = Correction(Way.TEMPLATE, template_id=other)
    shown = previewing.preview(batch_id, wanted)
    assert (shown.touches, shown.skipped) == (1, {"stopped": 1})
    assert shown.problems == {"stopped": "«visit_2» is of another business."}
    made = done(correcting.correct(batch_id, wanted, by=OLGA))
    assert (made.done, made.cursor["why"]) == (1, {"stopped": 1})
    assert said(ids) == ["Hello Ana, see you Monday", "Dear Bo"]
    all_ = done(correcting.correct(batch_id, Correction(Way.TEMPLATE, template_id=far), by=OLGA))
    assert (all_.done, all_.cursor["why"]) == (0, {"stopped": 2})


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (Correction(Way.TEXT, put=" "), "put"),
        (Correction(Way.REPLACE, put="x"), "find"),
        (Correction(Way.REPLACE, find="x", put="x"), "put"),
        (Correction(Way.PARAMETER, put="x"), "key"),
        (Correction(Way.TEMPLATE), "template"),
        (Correction(Way.TEMPLATE, template_id=99), "template"),
    ],
)
def test_a_correction_that_says_nothing_is_told_at_its_field(
    sqlite: str, wanted: Correction, field: str
) -> None:
    batch_id, _ = batch(given.account(), [{}])
    with pytest.raises(Invalid) as refused:
        correcting.correct(batch_id, wanted, by=OLGA)
    assert [one.field for one in refused.value.problems] == [field]


@pytest.mark.parametrize("state", ["loading", "cancelled"])
def test_a_batch_that_is_loading_or_cancelled_has_nothing_to_correct(
    sqlite: str, state: str
) -> None:
    batch_id, _ = batch(given.account(), [{}], state=state)
    with pytest.raises(Refused, match="nothing to correct"):
        correcting.correct(batch_id, REPLACE, by=OLGA)


def test_a_correction_made_twice_changes_nothing_more_though_the_old_words_are_part_of_the_new(
    database: str,
) -> None:
    wanted = Correction(Way.REPLACE, find="Monday", put="Monday 9 Nov")
    rows = [{"text": "Monday"}, {"text": "Monday, or Monday 9 Nov"}, SENT | {"text": "On Monday"}]
    batch_id, ids = batch(given.account(), rows)
    for touched in (2, 0):
        assert previewing.preview(batch_id, wanted).touches == touched
        assert done(correcting.correct(batch_id, wanted, by=OLGA)).done == touched
        assert said(ids) == ["Monday 9 Nov", "Monday 9 Nov, or Monday 9 Nov", "On Monday"]
    with db.writing() as session:
        leaves = "UPDATE message SET status = 'sent', hold = NULL WHERE id = :id"
        session.execute(db.sql(leaves), {"id": ids[0]})
    assert previewing.preview(batch_id, wanted).left == 1


def test_any_choice_is_corrected_each_message_by_its_own_template_and_brought_back(
    database: str,
) -> None:
    orders, bills = given.account(), given.account("Bills", waba_id="999")
    _, named = filled(orders, template(orders, "hello", "{{name}}, {{day}}"), ["Anna", "Bo"])
    _, other = filled(bills, template(bills, "bye", "{{day}}, {{name}}"), ["Anna"])
    (plain,) = stored.messages(orders, [{"text": "Anna"}])
    choice = Choice(ids=(*named, *other, plain, 999))
    wanted = Correction(Way.PARAMETER, key="name", find="Anna", put="Ana")
    assert previewing.keys(choice) == ["name", "day"]
    assert {one.name for one in previewing.forms(choice)} == {"hello", "bye"}
    shown = previewing.preview(choice, wanted)
    assert (shown.touches, shown.skipped) == (2, {"unaffected": 1, "plain_text": 1})
    row = bulk.correct(choice, wanted, by=OLGA)
    assert (row.state, row.done) == ("finished", 2)
    assert row.cursor["why"] == {"unaffected": 1, "plain_text": 1, "gone": 1}
    assert said([*named, *other, plain]) == [
        *("Ana, Monday", "Hello Bo, see you Monday", "Monday, Ana", "Anna")
    ]
    urgent, first = adjusting.to(priority=0), Choice(ids=(named[0],))
    bulk.begin(Kind.ADJUST, first, counted=1, arguments=urgent, by=OLGA)
    undone = bulk.undo(row.id, by=OLGA)
    assert (undone.done, undone.cursor["why"]) == (1, {"changed": 1})
    assert said([named[0], *other]) == ["Ana, Monday", "Hello Anna, see you Monday"]


@pytest.mark.usefixtures("small")
def test_all_that_match_a_filter_are_corrected_by_a_worker_and_what_is_asked_next_waits(
    database: str,
) -> None:
    batch_id, ids = batch(given.account(), [{"text": "See you Monday"}] * 5)
    choice = choosing.of_filter(Filter(search="Monday"), now=clock.wall())
    assert choice.ids is None
    first = bulk.correct(choice, REPLACE, by=OLGA)
    second = correcting.correct(batch_id, Correction(Way.REPLACE, find="Tue", put="Wedne"), by=OLGA)
    third = bulk.correct(choice, REPLACE, by=OLGA)
    taken = [leasing.take(APART) for _ in range(2)]
    assert [one and one.id for one in taken] == [first.id, None]
    assert first.state == third.state == "queued"
    operating.run(leasing.held(first.id))
    assert done(second).done == 5 and operations.state(third.id).done == 0
    assert said(ids) == ["See you Wednesday"] * 5

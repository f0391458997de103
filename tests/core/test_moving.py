"""Many that wait moved to another of our numbers: what fits there, when it leaves, the way back."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from sqlmodel import col, update

from core import (
    bulk,
    clock,
    db,
    messages,
    moving,
    operating,
    operations,
    optouts,
    retiring,
    verify,
)
from core.access import Actor, Role
from core.choosing import Choice
from core.errors import Invalid
from core.kinds import Kind
from core.models import Account, Attempt, Message, Operation, Pace, Recipient
from tests import given
from tests.core import driven, stored, templated

OLGA = Actor("olga", Role.OPERATOR)
HOUR = timedelta(hours=1)

pytestmark = pytest.mark.usefixtures("database")


def moved(ids: Iterable[int], account_id: int) -> Operation:
    choice, asked = Choice(ids=tuple(ids)), moving.to(account_id)
    foreseen = bulk.foresee(Kind.MOVE, choice, arguments=asked)
    row = bulk.begin(Kind.MOVE, choice, counted=foreseen.counted, arguments=asked, by=OLGA)
    assert (row.state, row.done, row.cursor["why"]) == ("finished", foreseen.able, foreseen.why)
    return row


def wrote(account_id: int, message_id: int, ago: timedelta = HOUR) -> None:
    with db.writing() as session:
        at = db.now(session) - ago
        who = given.row(message_id).recipient
        session.add(Recipient(account_id=account_id, number=who, last_inbound_at=at))


def at(ids: Iterable[int]) -> list[int]:
    return [given.row(one).account_id for one in ids]


def test_what_waits_leaves_from_another_number_and_what_does_not_fit_there_stays() -> None:
    old, new = stored.account(), stored.account("New")
    kinds: list[dict[str, Any]] = [
        *({}, {"hold": "batch"}, {"reference": "R-1"}, {"reference": "R-2"}, {}),
        {"status": "sent"},
    ]
    ids = stored.messages(old, kinds)
    stored.messages(new, [{"reference": "R-1"}, {"reference": "R-2", "status": "cancelled"}])
    optouts.add([given.row(ids[4]).recipient], account_id=new, by=OLGA)
    row = moved(ids, new)
    assert row.cursor["why"] == {"reference_there": 1, "opted_out": 1, "sent": 1}
    assert at(ids) == [new, new, old, new, old, old]
    assert [given.row(one).hold for one in ids[:2]] == [None, "batch"]
    assert given.events(ids[0]) == ["move"]
    assert moved(ids[:1], new).cursor["why"] == {"at_it": 1}


def test_two_numbers_messages_of_one_reference_do_not_both_come_to_a_third() -> None:
    ids = [stored.messages(stored.account(name), [{"reference": "R"}])[0] for name in "AB"]
    new = stored.account("New")
    choice = Choice(ids=tuple(ids))
    row = bulk.begin(Kind.MOVE, choice, counted=2, arguments=moving.to(new), by=OLGA)
    assert (row.done, row.cursor["why"]) == (1, {"reference_there": 1})


def test_a_free_text_stays_with_the_number_that_its_recipient_wrote_to() -> None:
    old, new = stored.account(), stored.account("New")
    ids = stored.messages(old, [{}] * 4)
    lost, both, long_ago, _ = ids
    for one in (lost, both):
        wrote(old, one)
    wrote(new, both)
    wrote(old, long_ago, timedelta(hours=25))
    assert moved(ids, new).cursor["why"] == {"window_lost": 1}
    assert at(ids) == [old, new, new, new]


def test_a_free_text_that_is_due_when_nothing_reaches_them_any_more_loses_nothing() -> None:
    old, new, now = stored.account(), stored.account("New"), clock.wall()
    ids = stored.messages(old, [{"due_at": now + n * HOUR} for n in (-3, 1, 3, 30, 1)])
    for one in ids:
        wrote(old, one, 22 * HOUR)
    wrote(new, ids[4], HOUR)
    assert moved(ids, new).cursor["why"] == {"window_lost": 2}
    assert at(ids) == [old, old, new, new, new]


def test_what_would_expire_at_once_there_stays() -> None:
    now = clock.wall()
    old, new = stored.account(), given.account("New")
    overdue: dict[str, Any] = {"due_at": now - 2 * HOUR}
    lets_go = [{}, overdue | {"late_policy": "send"}, overdue | {"hold": "late"}]
    ids = stored.messages(old, [overdue, *lets_go, overdue | {"attempt_count": 1}])
    with db.writing() as session:
        tried = {"slot_at": now, "claimed_at": now, "payload": "", "payload_sha256": ""}
        ended = {"settled_at": now, "outcome": "refused"}
        session.add(Attempt(message_id=ids[4], account_id=old, worker_id=1, **tried, **ended))
        session.execute(update(Account).where(col(Account.id) == new).values(late_policy="skip"))
    row = moved(ids[1:3], new)
    assert bulk.undo(row.id, by=OLGA).done == 2
    with db.writing() as session:
        session.execute(update(Pace).where(col(Pace.account_id) == new).values(ready_since=now))
    assert moved(ids, new).cursor["why"] == {"late_there": 1}
    assert at(ids) == [old, new, new, new, new]


def test_a_template_goes_along_where_the_other_business_has_the_very_same() -> None:
    old = templated.account()
    near = templated.account("Near")
    far = given.account("Far", waba_id="999")
    for name in ("visit", "other", "held"):
        templated.template(old, name)
    same = templated.template(far, "visit")
    templated.template(far, "other", components=[{"type": "BODY", "text": "Bye {{1}}"}])
    templated.template(far, "held", hold="Wrong words")
    ids = [templated.message(old, name) for name in ("visit", "other", "held")]
    own = [given.row(one).template_id for one in ids]
    row = moved(ids, far)
    assert row.cursor["why"] == {"other_template": 2} and at(ids) == [far, old, old]
    assert given.row(ids[0]).template_id == same
    assert bulk.undo(row.id, by=OLGA).done == 1 and at(ids) == [old] * 3
    assert moved(ids, near).done == 3
    assert [given.row(one).template_id for one in ids] == own


def test_it_goes_back_but_for_what_was_claimed_or_changed_since_or_is_in_the_way() -> None:
    old, new = stored.account(), stored.account("New")
    ids = stored.messages(old, [{}, {}, {}, {"reference": "R"}])
    free, claimed, edited, _ = ids
    row = moved(ids, new)
    stored.messages(old, [{"reference": "R"}])
    with db.writing() as session:
        now = db.now(session) + timedelta(seconds=1)
        tried = {"slot_at": now, "claimed_at": now, "payload": "", "payload_sha256": ""}
        session.add(Attempt(message_id=claimed, account_id=1, worker_id=1, **tried))
        messages.record(session, "edit", "ana", {edited: (None, None)}, at=now)
    undone = bulk.undo(row.id, by=OLGA)
    assert (undone.done, undone.cursor["why"]) == (1, {"changed": 3})
    assert at(ids) == [old, new, new, new] and given.events(free) == ["move", "undo move"]


def test_nothing_goes_back_to_a_number_that_is_retired_nor_to_one_at_all() -> None:
    old, new = stored.account(), stored.account("New")
    ids = stored.messages(old, [{}])
    row = moved(ids, new)
    with db.writing() as session:
        gone = update(Account).where(col(Account.id) == old).values(state="retired")
        session.execute(gone)
    undone = bulk.undo(row.id, by=OLGA)
    assert (undone.done, undone.cursor["why"], at(ids)) == (0, {"retired": 1}, [new])
    with pytest.raises(Invalid, match="«Orders» is retired"):
        moving.to(old)


def test_nothing_comes_to_a_number_that_was_retired_after_somebody_asked_for_it() -> None:
    old, new = stored.account(), stored.account("New")
    ids = stored.messages(old, [{}])
    row = operations.create(Kind.MOVE, Choice(ids=(*ids,)), arguments=moving.to(new), by=OLGA)
    retiring.retire("New", by=given.ANA)
    operating.run_waiting(Event())
    assert operations.state(row).cursor["why"] == {"retired_there": 1} and at(ids) == [old]


def test_what_goes_back_to_a_template_is_not_held_for_what_is_over_by_then() -> None:
    old, far = templated.account(), given.account("Far", waba_id="999")
    templated.template(old), templated.template(far)
    one = templated.message(old)
    with db.writing() as session:
        session.execute(update(Message).where(col(Message.id) == one).values(hold="template"))
    row = moved([one], far)
    assert given.row(one).hold is None
    assert bulk.undo(row.id, by=OLGA).done == 1
    assert (given.row(one).account_id, given.row(one).hold) == (old, None)


def test_it_is_told_when_the_last_would_leave_there_behind_what_waits() -> None:
    now = clock.wall()
    old, new = stored.account(), stored.account("New", rate=1)
    stored.messages(new, [{"due_at": now - HOUR}] * 9)
    ids = stored.messages(old, [*[{"due_at": now}] * 3, {"hold": "person"}, {"due_at": now + HOUR}])
    found = moving.foretold(Choice(ids=tuple(ids[:4])), moving.to(new))
    assert found is not None and not found.passings
    there = found.finish
    assert (there.messages, there.account, there.ahead) == (3, "New", 9)
    assert timedelta(seconds=9) < there.ends_at - now < timedelta(seconds=20)
    assert moving.foretold(Choice(ids=(ids[3],)), moving.to(new)) is None


def test_it_is_told_when_a_move_passes_the_limit_of_people_there() -> None:
    old, new = stored.account(), stored.account("New", messaging_limit="TIER_250")
    ids = stored.messages(old, [{}] * 251)
    for count, passes in ((250, []), (251, [250])):
        found = moving.foretold(Choice(ids=tuple(ids[:count])), moving.to(new))
        assert found is not None and [one.limit for one in found.passings] == passes


def test_what_was_moved_leaves_from_the_other_number_once_and_does_not_come_back(
    move_clock: Callable[[timedelta], None],
) -> None:
    old, far = templated.account(), given.account("Far", waba_id="999")
    for account in (old, far):
        templated.template(account)
    ids = [templated.message(old, to=given.recipient(n)) for n in range(3)]
    row = moved(ids, far)
    driven.go_to(given.row(ids[0]).due_at, move_clock)
    until = clock.wall() + timedelta(seconds=20)
    assert set(driven.drive(driven.loop(), {old, far}, move_clock, until=until)) == set(ids)
    assert {one.account_id for i in ids for one in given.attempts(i)} == {far}
    assert bulk.undo(row.id, by=OLGA).cursor["why"] == {"sent": 3}
    assert at(ids) == [far] * 3 and not list(verify.violations())

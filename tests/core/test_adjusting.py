"""Another priority or number of retries for many at once, and the way back."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from core import (
    adjusting,
    audit_trail,
    bulk,
    choosing,
    db,
    leasing,
    messages,
    operating,
    operations,
    rescheduling,
)
from core.access import Actor, Role
from core.choosing import Choice
from core.errors import Invalid
from core.kinds import Kind
from core.models import Attempt, Operation
from tests import given
from tests.core import stored

OLGA = Actor("olga", Role.OPERATOR)

pytestmark = pytest.mark.usefixtures("database")


def adjusted(ids: Sequence[int], **to: int) -> Operation:
    choice = Choice(ids=tuple(ids))
    asked = adjusting.to(**to)
    foreseen = bulk.foresee(Kind.ADJUST, choice, arguments=asked)
    row = bulk.begin(Kind.ADJUST, choice, counted=foreseen.counted, arguments=asked, by=OLGA)
    assert (row.state, row.done, row.cursor["why"]) == ("finished", foreseen.able, foreseen.why)
    return row


def test_what_waits_gets_another_priority_and_what_has_it_or_left_stays() -> None:
    ids = stored.messages(
        stored.account(), [{}, {"hold": "batch"}, {"priority": 0}, {"status": "sent"}]
    )
    assert adjusted([*ids, 999], priority=0).cursor["why"] == {"has_it": 1, "sent": 1, "gone": 1}
    assert [given.row(one).priority for one in ids] == [0, 0, 0, 1]
    assert [given.row(one).max_retries for one in ids] == [3] * 4
    assert [given.row(one).version for one in ids] == [2, 2, 1, 1]
    assert given.events(ids[0]) == ["adjust"] and not given.events(ids[2])


def test_what_it_changed_them_to_is_on_record() -> None:
    ids = stored.messages(stored.account(), [{}])
    adjusted(ids, priority=0)
    later = rescheduling.by(timedelta(hours=2))
    bulk.begin(Kind.RESCHEDULE, Choice(ids=tuple(ids)), counted=1, arguments=later, by=OLGA)
    moved, changed = (one.after for one in audit_trail.page("bulk").rows)
    assert (moved["shift"], changed["to"]) == (7200, {"priority": 0})


def test_nobody_gets_fewer_retries_than_there_were_already() -> None:
    ids = stored.messages(stored.account(), [{"retry_count": 2}, {"retry_count": 1}])
    assert adjusted(ids, max_retries=1).cursor["why"] == {"tried": 1}
    assert [given.row(one).max_retries for one in ids] == [3, 1]


def test_what_it_was_before_comes_back_but_for_what_was_claimed_or_changed_since() -> None:
    rows = [{"priority": 2}, {}, {}, {"status": "sent"}, {}]
    ids = stored.messages(stored.account(), rows)
    first, claimed, edited, _, cancelled = ids
    row = adjusted(ids, priority=0)
    with db.writing() as session:
        at = db.now(session) + timedelta(seconds=1)
        tried = {"slot_at": at, "claimed_at": at, "payload": "", "payload_sha256": ""}
        session.add(Attempt(message_id=claimed, account_id=1, worker_id=1, **tried))
        messages.record(session, "edit", "ana", {edited: (None, None)}, at=at)
    messages.cancel(cancelled, by=OLGA)
    undone = bulk.undo(row.id, by=OLGA)
    assert (undone.done, undone.cursor["why"]) == (1, {"changed": 2, "cancelled": 1})
    assert [given.row(one).priority for one in ids] == [2, 0, 0, 1, 0]
    assert given.events(first) == ["adjust", "undo adjust"]


@pytest.mark.parametrize("to", [{"priority": 3}, {"max_retries": -1}, {"max_retries": 6}])
def test_what_no_message_can_have_is_refused(to: dict[str, int]) -> None:
    with pytest.raises(Invalid, match="cannot be"):
        adjusting.to(**to)


def test_each_transaction_changes_a_few_only_and_the_next_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(choosing, "CHANGED", 2)
    ids = stored.messages(stored.account(), [{}] * 3)
    asked = adjusting.to(priority=0)
    operations.create(Kind.ADJUST, Choice(ids=tuple(ids)), by=OLGA, arguments=asked)
    mine = leasing.take()
    assert mine is not None
    mine, more = operating._chunk(mine)
    assert (mine.done, more) == (2, True)
    assert operating._chunk(mine)[0].done == 3
    assert [given.row(one).priority for one in ids] == [0, 0, 0]

"""New times for many at once, and the way back while nobody has claimed them since."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from core import bulk, clock, db, messages
from core.access import Actor, Role
from core.choosing import Choice
from core.errors import Invalid
from core.models import Attempt, Operation
from core.operations import Kind
from tests import given
from tests.core import stored

OLGA = Actor("olga", Role.OPERATOR)
HOUR = timedelta(hours=1)

pytestmark = pytest.mark.usefixtures("database")


def rescheduled(ids: list[int], shift: timedelta | None = None) -> Operation:
    choice = Choice(ids=tuple(ids))
    foreseen = bulk.foresee(Kind.RESCHEDULE, choice, shift=shift)
    row = bulk.begin(Kind.RESCHEDULE, choice, counted=foreseen.counted, shift=shift, by=OLGA)
    beyond = row.cursor["why"].get("beyond", 0)  # which alone cannot be foreseen
    assert (row.state, row.done) == ("finished", foreseen.able - beyond)
    return row


def test_what_waits_for_later_leaves_now_and_what_is_held_or_due_stays() -> None:
    now = clock.wall()
    kinds: list[dict[str, Any]] = [
        *({"due_at": now + HOUR}, {"due_at": now - HOUR}),
        *({"hold": "person"}, {"status": "sent"}),
    ]
    ids = stored.messages(stored.account(), kinds)
    row = rescheduled(ids)
    assert row.cursor["why"] == {"due": 1, "kept_back": 1, "sent": 1}
    assert now - HOUR < given.row(ids[0]).due_at <= now + timedelta(minutes=1)
    assert given.events(ids[0]) == ["reschedule"] and not given.events(ids[1])


def test_all_move_by_as_much_but_none_into_the_past_or_beyond_its_last_time() -> None:
    now = clock.wall()
    kinds: list[dict[str, Any]] = [
        *({"due_at": now + 3 * HOUR}, {"due_at": now + HOUR}),
        *({"due_at": now - HOUR, "hold": "late"}, {"due_at": now + HOUR, "hold": "batch"}),
        {"due_at": now + 3 * HOUR, "not_after": now + 4 * HOUR},
    ]
    ids = stored.messages(stored.account(), kinds)
    assert rescheduled(ids, 2 * HOUR).cursor["why"] == {"beyond": 1}
    assert [(given.row(one).due_at - now) / HOUR for one in ids] == [5, 3, 1, 3, 3]
    assert [given.row(one).hold for one in ids] == [None, None, None, "batch", None]
    assert rescheduled(ids, -4 * HOUR).cursor["why"] == {"over": 4}


def test_former_times_come_back_but_for_what_was_claimed_or_changed_since() -> None:
    now = clock.wall()
    soon = [{"due_at": now + HOUR} for _ in range(3)]
    ids = stored.messages(stored.account(), [*soon, {"due_at": now - HOUR, "hold": "late"}])
    free, claimed, edited, late = ids
    row = rescheduled(ids, 2 * HOUR)
    with db.writing() as session:
        at = db.now(session) + timedelta(seconds=1)
        tried = {"slot_at": at, "claimed_at": at, "payload": "", "payload_sha256": ""}
        session.add(Attempt(message_id=claimed, account_id=1, worker_id=1, **tried))
        messages.record(session, "edit", "ana", {edited: (None, None)}, at=at)
    undone = bulk.undo(row.id, by=OLGA)
    assert (undone.done, undone.cursor["why"]) == (2, {"changed": 2})
    assert [(given.row(one).due_at - now) / HOUR for one in ids] == [1, 3, 3, -1]
    assert given.row(late).hold == "late" and given.events(free)[-1] == "undo reschedule"


def test_a_former_time_that_is_over_by_then_does_not_come_back(
    move_clock: Callable[[timedelta], None],
) -> None:
    now = clock.wall()
    ids = stored.messages(stored.account(), [{"due_at": now + HOUR}, {"due_at": now + 3 * HOUR}])
    row = rescheduled(ids, 4 * HOUR)
    move_clock(2 * HOUR)
    undone = bulk.undo(row.id, by=OLGA)
    assert (undone.done, undone.cursor["why"]) == (1, {"over": 1})
    assert [(given.row(one).due_at - now) / HOUR for one in ids] == [5, 3]


@pytest.mark.parametrize("shift", [timedelta(), timedelta(days=400), timedelta(days=-400)])
def test_a_move_by_nothing_or_by_more_than_a_year_is_refused(shift: timedelta) -> None:
    with pytest.raises(Invalid, match="at least, and by a year"):
        bulk.begin(Kind.RESCHEDULE, Choice(ids=(1,)), counted=1, shift=shift, by=OLGA)

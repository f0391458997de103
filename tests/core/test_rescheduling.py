"""New times for many at once, and the way back while nobody has claimed them since."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from threading import Event
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from core import (
    bulk,
    choosing,
    clock,
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
from core.filtering import Filter
from core.kinds import Kind
from core.models import Attempt, Operation
from tests import given
from tests.core import stored

OLGA = Actor("olga", Role.OPERATOR)
HOUR = timedelta(hours=1)

pytestmark = pytest.mark.usefixtures("database")


def rescheduled(ids: list[int], shift: timedelta | None = None) -> Operation:
    asked = rescheduling.NOW if shift is None else rescheduling.by(shift)
    return with_times(ids, asked)


def with_times(ids: list[int], asked: Mapping[str, Any]) -> Operation:
    choice = Choice(ids=tuple(ids))
    foreseen = bulk.foresee(Kind.RESCHEDULE, choice, arguments=asked)
    row = bulk.begin(Kind.RESCHEDULE, choice, counted=foreseen.counted, arguments=asked, by=OLGA)
    unforeseen = row.cursor["why"].get("beyond", 0) - foreseen.why.get("beyond", 0)
    assert (row.state, row.done) == ("finished", foreseen.able - unforeseen)
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


@pytest.mark.parametrize(
    ("at", "days", "becomes"),
    [
        ("2030-03-30T09:00+01:00", 1, "2030-03-31T09:00+02:00"),
        ("2030-10-28T09:00+01:00", -2, "2030-10-26T09:00+02:00"),
        ("2030-03-30T02:30+01:00", 1, "2030-03-31T03:30+02:00"),  # what the clocks leave out
        ("2030-06-01T09:00+02:00", 1 / 24, "2030-06-01T10:00+02:00"),
        ("2030-03-30T09:00+01:00", 25 / 24, "2030-03-31T11:00+02:00"),
    ],
)
def test_whole_days_later_it_leaves_at_the_same_time_of_day_also_when_the_clocks_change(
    at: str, days: float, becomes: str
) -> None:
    row = {"due_at": datetime.fromisoformat(at), "zone": "Europe/Berlin"}
    ids = stored.messages(stored.account(), [row])
    assert rescheduled(ids, timedelta(days=days)).done == 1
    assert given.row(ids[0]).due_at == datetime.fromisoformat(becomes)


@pytest.mark.parametrize("shift", [timedelta(), timedelta(days=400), timedelta(days=-400)])
def test_a_move_by_nothing_or_by_more_than_a_year_is_refused(shift: timedelta) -> None:
    with pytest.raises(Invalid, match="at least, and by a year"):
        rescheduling.by(shift)


def windowed(minutes: int = 60) -> dict[str, Any]:
    now = clock.wall()
    return rescheduling.over(now + HOUR, now + HOUR + timedelta(minutes=minutes), now=now)


def test_spread_over_a_window_all_keep_their_order_and_leave_as_far_apart() -> None:
    now = clock.wall()
    kinds: list[dict[str, Any]] = [
        *({"due_at": now + 3 * HOUR}, {"due_at": now + HOUR}, {"due_at": now + HOUR}),
        *({"due_at": now - HOUR, "hold": "late"}, {"hold": "batch", "due_at": now + 9 * HOUR}),
        {"status": "sent"},
    ]
    ids = stored.messages(stored.account(), kinds)
    asked = windowed()
    assert with_times(ids, asked).cursor["why"] == {"sent": 1}
    first = datetime.fromisoformat(asked["first"])
    times = [(given.row(one).due_at - first) / timedelta(minutes=1) for one in ids[:5]]
    assert times == [45, 15, 30, 0, 60]
    assert [given.row(one).hold for one in ids[:5]] == [None, None, None, None, "batch"]
    assert given.row(ids[0]).scheduled_at == given.row(ids[0]).due_at


def test_of_many_each_has_a_place_of_its_own_also_after_a_kill(
    monkeypatch: pytest.MonkeyPatch, move_clock: Callable[[timedelta], None]
) -> None:
    for module in (choosing, bulk):
        monkeypatch.setattr(module, "CHUNK", 3)
    now, account = clock.wall(), stored.account()
    kinds = [{"due_at": now + timedelta(hours=10 - n // 4)} for n in range(20)]
    ids = stored.messages(account, [*kinds, {"hold": "person"}])
    choice, asked = choosing.of_filter(Filter(), now=now), windowed(20)
    assert choice.ids is None
    foreseen = bulk.foresee(Kind.RESCHEDULE, choice, arguments=asked)
    assert (foreseen.able, foreseen.accounts) == (21, {account: 21})
    row = bulk.begin(Kind.RESCHEDULE, choice, counted=foreseen.counted, arguments=asked, by=OLGA)
    mine = leasing.take()
    assert mine is not None
    for _ in range(2):
        mine, _ = operating._chunk(mine)
    move_clock(operations.LEASE + timedelta(seconds=1))  # who was at it has died
    operating.run_waiting(Event())
    assert operations.state(row.id).done == 21
    first = datetime.fromisoformat(asked["first"])
    times = [(given.row(one).due_at - first) / timedelta(minutes=1) for one in ids]
    by_due = [ids[n] for n in sorted(range(20), key=lambda n: (kinds[n]["due_at"], n))]
    assert [times[ids.index(one)] for one in [ids[20], *by_due]] == list(range(21))
    assert operations.state(row.id).filter["query"] == ""


def test_more_may_be_named_than_a_database_takes_parameters() -> None:
    ids = stored.messages(stored.account(), [{}] * 3)
    choice, asked = Choice(ids=(*ids, *range(1_000, 71_000))), windowed(60)
    assert sum(n for _, n in rescheduling.in_order(asked, choice)["parts"]) == 3
    [pace] = rescheduling.paces(choice, asked, {1: 3})
    assert (pace.messages, pace.others) == (3, 0)


def test_what_has_its_last_time_before_its_place_keeps_its_own() -> None:
    now = clock.wall()
    kinds = [{"not_after": now + hours * HOUR} for hours in (0.5, 3, 1.2)]
    ids = stored.messages(stored.account(), kinds)
    asked = windowed()
    foreseen = bulk.foresee(Kind.RESCHEDULE, Choice(ids=tuple(ids)), arguments=asked)
    assert foreseen.why == {"beyond": 1}  # of the third nobody knows its place yet
    row = with_times(ids, asked)
    assert (row.done, row.cursor["why"]) == (1, {"beyond": 2})
    assert given.row(ids[1]).due_at == datetime.fromisoformat(asked["first"])


def test_a_window_that_is_over_when_its_turn_comes_changes_nothing(
    move_clock: Callable[[timedelta], None],
) -> None:
    (one,) = stored.messages(stored.account(), [{"due_at": clock.wall() + 9 * HOUR}])
    asked = windowed()
    due = given.row(one).due_at
    asked |= {"parts": [(asked["last"], 1)]}
    row = operations.create(Kind.RESCHEDULE, Choice(ids=(one,)), arguments=asked, by=OLGA)
    move_clock(2 * HOUR + timedelta(minutes=1))
    operating.run_waiting(Event())
    assert operations.state(row).cursor["why"] == {"over": 1} and given.row(one).due_at == due


def test_what_had_its_place_in_a_window_before_it_was_given_out_leaves_now(
    move_clock: Callable[[timedelta], None],
) -> None:
    choice = Choice(ids=(*stored.messages(stored.account(), [{}, {}, {}]),))
    asked = rescheduling.in_order(windowed(60), choice)
    row = operations.create(Kind.RESCHEDULE, choice, arguments=asked, by=OLGA)
    move_clock(HOUR + timedelta(minutes=10))
    now = clock.wall()
    operating.run_waiting(Event())
    assert operations.state(row).done == 3
    first, *others = [given.row(one).due_at for one in choice.ids or ()]
    assert now <= first <= clock.wall()
    begins = datetime.fromisoformat(asked["first"])
    assert others == [begins + HOUR / 2, begins + HOUR]


def test_former_times_come_back_after_a_spread_but_for_what_was_changed_since() -> None:
    ids = stored.messages(stored.account(), [{}, {}, {}])
    before = [given.row(one).due_at for one in ids]
    row = with_times(ids, windowed())
    with db.writing() as session:
        messages.record(session, "edit", "ana", {ids[1]: (None, None)}, at=db.now(session))
    undone = bulk.undo(row.id, by=OLGA)
    assert (undone.done, undone.cursor["why"]) == (2, {"changed": 1})
    assert [given.row(one).due_at == was for one, was in zip(ids, before, strict=True)] == [
        *(True, False, True)
    ]


@pytest.mark.parametrize(
    ("first", "last", "told"),
    [(-1, 1, "is over"), (2, 1, "ends before"), (1, 1, "ends before"), (1, 9999, "in a year")],
)
def test_a_window_that_nothing_fits_in_is_refused_at_its_end(
    first: int, last: int, told: str
) -> None:
    now = clock.wall()
    with pytest.raises(Invalid, match=told) as refused:
        rescheduling.over(now + first * HOUR, now + last * HOUR, now=now)
    assert refused.value.problems[0].field == ("first" if first < 0 else "last")


@hypothesis.given(
    st.integers(1, 500_000),
    st.timedeltas(timedelta(seconds=1), timedelta(days=366)),
    st.lists(st.integers(0, 499_999), min_size=2, max_size=5),
)
def test_places_lie_in_the_window_in_their_order_and_as_far_apart(
    count: int, window: timedelta, places: list[int]
) -> None:
    first = clock.wall()
    last, even = first + window, window / max(count - 1, 1)
    wanted = sorted({place % count for place in places} | {0, count - 1})
    times = [rescheduling.place_in(first, last, place, count) for place in wanted]
    assert times == sorted(times) and times[0] == first and (count == 1 or times[-1] == last)
    microsecond = timedelta(microseconds=1)
    for place, at in zip(wanted, times, strict=True):
        assert abs(at - first - place * even) <= count * microsecond
        following = rescheduling.place_in(first, last, min(place + 1, count - 1), count)
        assert place == count - 1 or abs(following - at - even) <= microsecond

"""Late messages and quiet hours, judged at the claim; and that none of them is in another's way."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from core import accounts, db, holding, messages, workers
from core.models import Pace, Worker
from core.sending import reap
from core.sending.loop import SendLoop
from core.states import Status
from tests import given
from tests.core.sending.ticking import Ticks, account, attempted, change
from tests.processes import Programs

Move = Callable[[timedelta], None]
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def ready_since(account_id: int) -> datetime | None:
    with db.reading() as session:
        return session.get_one(Pace, account_id).ready_since


def pause_for(account_id: int, span: timedelta, move: Move, *, from_: timedelta) -> None:
    """A pause of that length, beginning `from_` after the real time."""
    [name] = [one.name for one in accounts.everything() if one.id == account_id]
    move(from_)
    accounts.pause(name, by=given.ANA)
    move(from_ + span)
    accounts.resume(name, by=given.ANA)


def standing(message_id: int) -> tuple[str, str | None, str | None]:
    row = given.row(message_id)
    return row.status, row.hold, row.error_class


SENT, SKIPPED = ("processing", None, None), ("failed", None, "expired")
HELD = ("pending", "late", None)


@pytest.mark.parametrize(
    ("policy", "own", "becomes"),
    [
        ("send", None, SENT),
        ("skip", None, SKIPPED),
        ("hold", None, HELD),
        ("hold", "send", SENT),
        ("send", "skip", SKIPPED),
        ("skip", "hold", HELD),
    ],
)
def test_what_a_pause_made_late_follows_its_own_policy_or_else_its_accounts(
    database: str,
    move_clock: Move,
    policy: str,
    own: str | None,
    becomes: tuple[str, str | None, str | None],
) -> None:
    ticks, orders = Ticks(), account("Orders", late_policy=policy, late_after=600)
    late, tried, fresh = (given.message(orders, to=given.recipient(n)) for n in range(3))
    for one in (late, tried, fresh):
        change(one, late_policy=own)
    attempted(tried, "transient")  # it had its turn in time
    pause_for(orders, HOUR, move_clock, from_=MINUTE)
    change(fresh, scheduled_at=ready_since(orders) - timedelta(seconds=599))
    ticks.run(orders)
    assert standing(late) == becomes
    assert standing(tried) == standing(fresh) == SENT
    ended = becomes == SKIPPED  # among what has ended it stands where it ended
    assert (given.row(late).due_at > given.row(late).scheduled_at + HOUR) == ended
    assert given.events(late)[1:] == {SENT: [], SKIPPED: ["expired"], HELD: ["hold"]}[becomes]


def test_a_batch_never_holds_its_own_tail_not_even_after_a_moments_pause(
    database: str, move_clock: Move
) -> None:
    ticks, orders = Ticks(), account("Orders", late_policy="hold", late_after=600)
    tail = given.message(orders)
    pause_for(orders, timedelta(seconds=20), move_clock, from_=3 * HOUR)
    assert ticks.claimed(orders) == [tail]


def test_two_pauses_that_touch_count_as_one(database: str, move_clock: Move) -> None:
    ticks, orders = Ticks(), account("Orders", late_policy="hold", late_after=600)
    pause_for(orders, HOUR, move_clock, from_=timedelta())
    between = given.message(orders)
    change(between, scheduled_at=ready_since(orders) - 5 * MINUTE)
    with db.writing() as session:
        accounts.lateness.ready_again(
            session, db.now(session) + 6 * MINUTE, [orders], since=ready_since(orders)
        )
    ticks.run(orders)
    assert standing(between) == HELD


def test_time_without_a_living_worker_is_late_and_one_that_joins_others_makes_nothing_late(
    database: str, move_clock: Move
) -> None:
    orders = account("Orders", late_policy="hold", late_after=60)
    first = workers.start("loop")
    waiting = given.message(orders)
    move_clock(10 * MINUTE)
    workers.renew(first)
    assert (before := ready_since(orders)) is not None  # nobody renewed for ten minutes
    workers.start("loop")
    assert ready_since(orders) == before
    for one in _loops():
        _end(one)
    move_clock(HOUR)
    ticks = Ticks()
    assert (since := ready_since(orders)) is not None and since > before + 45 * MINUTE
    assert ticks.claimed(orders) == [] and standing(waiting) == HELD


def test_when_a_killed_worker_last_lived_is_known_after_its_row_was_removed(
    database: str, move_clock: Move
) -> None:
    orders = account("Orders")
    workers.start("loop")
    move_clock(HOUR)
    reap.reap()
    assert _loops() == []
    move_clock(HOUR + 5 * MINUTE)
    with db.writing() as session:
        session.execute(db.sql("UPDATE account SET late_after = 3900"))  # 1 h 5 min, not a minute
    workers.start("loop")
    assert ready_since(orders) is not None


def _loops() -> list[int]:
    with db.reading() as session:
        return list(session.execute(db.sql("SELECT id FROM worker")).scalars())


def _end(worker_id: int) -> None:
    with db.writing() as session:
        workers.end_in(session, worker_id, db.now(session))


def test_while_whatsapp_cannot_be_reached_by_any_worker_time_runs_for_late(database: str) -> None:
    mine, other = Ticks(), workers.start("loop")
    orders = account("Orders", late_after=60)  # after them: what was before any worker is not meant
    with db.reading() as session:
        since = db.now(session) - HOUR
    mine.run(orders, reached_after=since)
    assert ready_since(orders) is None  # the other one sent all the while
    with db.writing() as session:
        session.get_one(Worker, other).unreached_since = since
    mine.run(orders, reached_after=since)
    assert ready_since(orders) is not None


def test_what_was_skipped_or_held_as_late_leaves_when_a_person_says_so(
    database: str, move_clock: Move
) -> None:
    ticks, orders = Ticks(), account("Orders", late_policy="skip")
    skipped = given.message(orders)
    held = given.message(orders, to=given.recipient(1))
    change(held, late_policy="hold")
    pause_for(orders, HOUR, move_clock, from_=timedelta())
    assert ticks.claimed(orders) == []
    messages.retry(skipped, by=given.ANA)
    holding.release(held, by=given.ANA)
    assert set(ticks.claimed(orders)) == {skipped, held}


@pytest.mark.parametrize("policy", ["send", "hold"])
def test_not_after_ends_a_message_whatever_the_policy_also_before_a_retry(
    database: str, policy: str
) -> None:
    ticks, orders = Ticks(), account("Orders", late_policy=policy)
    fresh, again = (given.message(orders, to=given.recipient(n)) for n in range(2))
    for one in (fresh, again):
        change(one, not_after=given.row(one).due_at - MINUTE)
    change(again, attempt_count=1, retry_count=1)
    assert ticks.claimed(orders) == []
    assert standing(fresh) == standing(again) == SKIPPED


def test_quiet_hours_put_off_urgent_messages_too_until_they_end(
    database: str, move_clock: Move
) -> None:
    hours = {"zone": "Asia/Jakarta", "quiet_from": "21:00", "quiet_to": "07:00"}
    ticks, quiet, loud = Ticks(), account("Quiet", **hours), account("Loud")
    evening = datetime.now(UTC).replace(hour=15, minute=0, second=0, microsecond=0)  # 22:00
    move_clock(evening - datetime.now(UTC))
    urgent, normal = (given.message(quiet, to=given.recipient(n), priority=n) for n in range(2))
    other = given.message(loud)
    assert ticks.claimed(quiet, loud) == [other]
    ends = evening + timedelta(hours=9)
    assert given.row(urgent).due_at == given.row(normal).due_at == ends
    move_clock(ends - datetime.now(UTC) + timedelta(seconds=1))
    assert Ticks().claimed(quiet) == [urgent, normal]


@pytest.mark.parametrize(("back", "late"), [(8, False), (12, True)])
def test_what_waits_for_the_end_of_quiet_hours_is_late_only_by_what_it_missed_of_the_day(
    sqlite: str, move_clock: Move, back: int, late: bool
) -> None:
    evening = datetime.now(UTC).replace(hour=22, minute=0, second=0, microsecond=0)
    move_clock(evening - datetime.now(UTC))
    ticks = Ticks()
    orders = account("Orders", quiet_from="21:00", quiet_to="07:00", late_policy="hold")
    waiting = given.message(orders)
    assert ticks.claimed(orders) == []
    with db.writing() as session:
        again, gone = evening + back * HOUR, evening + HOUR
        accounts.lateness.ready_again(session, again, [orders], since=gone)
    move_clock(evening + 13 * HOUR - datetime.now(UTC))
    assert ticks.claimed(orders) == ([] if late else [waiting])
    assert (given.row(waiting).hold == "late") == late


def test_late_ones_that_are_held_keep_nobody_waiting_behind_them(
    database: str, programs: Programs, send_due: Callable[[], SendLoop]
) -> None:
    orders = account("Orders", late_policy="hold", rate=1.0)
    late = [given.message(orders, to=given.recipient(n)) for n in range(200)]
    fresh = given.message(orders, to=given.recipient(200))
    with db.writing() as session:
        now = db.now(session)
        session.get_one(Pace, orders).ready_since = now
        session.execute(
            db.sql("UPDATE message SET scheduled_at = :then WHERE id <> :fresh", "then"),
            {"then": now - HOUR, "fresh": fresh},
        )
    send_due()
    assert {given.row(one).hold for one in late} == {"late"}
    assert given.row(fresh).status == Status.SENT
    assert given.attempts(fresh)[0].claimed_at - now < timedelta(seconds=3)


@pytest.mark.parametrize("outcome", ["released", "unreached"])
def test_an_attempt_that_never_left_was_no_turn_so_that_an_hour_offline_makes_late(
    database: str, move_clock: Move, outcome: str
) -> None:
    ticks, orders = Ticks(), account("Orders", late_policy="skip", late_after=600)
    offline = given.message(orders)
    attempted(offline, outcome)
    pause_for(orders, HOUR, move_clock, from_=MINUTE)
    ticks.run(orders)
    assert standing(offline) == SKIPPED

"""What waits for a reason can be listed by it: what explains a message finds it, and counts it."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
from sqlalchemy import event

from core import accounts, choosing, clock, db, depth, filtering, holding, listing, waits
from core.blocking import Reason
from core.explain import explain, explain_many
from core.filtering import Filter
from core.models import Pace, Worker
from core.standing import Standing
from core.states import HOLDS
from tests.core import stored
from tests.given import ANA

pytestmark = pytest.mark.usefixtures("database")

HOUR = timedelta(hours=1)


@pytest.fixture
def now() -> datetime:
    """A moment at which a worker lives, and each number is kept back by something else."""
    now = clock.wall()
    quiet = {"zone": "UTC", "quiet_from": f"{now - HOUR:%H:%M}", "quiet_to": f"{now + HOUR:%H:%M}"}
    paces: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("Paused", {"state": "paused", "state_since": now}, {}),
        ("Retired", {"state": "retired"}, {}),
        ("Quiet", quiet, {"resume_at": now + HOUR}),
        ("Paused at night", quiet | {"state": "paused"}, {}),
        ("Told to wait", {}, {"resume_at": now + HOUR}),
        ("Slowed", {}, {"rate_now": 0.5, "slowed_at": now}),
        ("Well", {}, {}),
    ]
    tried = {"error_class": "transient", "retry_count": 1}
    rows: list[dict[str, Any]] = [
        *({"due_at": now - HOUR, "priority": priority} for priority in range(3)),
        {"due_at": now - HOUR} | tried,
        {"due_at": now + HOUR / 2},
        {"due_at": now + HOUR / 2} | tried,
        {"due_at": now + 3 * HOUR},
        {"due_at": now - HOUR, "hold": "person"},
        {"due_at": now + HOUR, "hold": "late"},
        {"status": "sent"},
        {"status": "cancelled"},
    ]
    with db.writing() as session:
        given = {"kind": "loop", "host": "a", "pid": 1, "version": "1", "started_at": now}
        session.add(Worker(lease_until=now + HOUR, **given))
    for name, columns, pace in paces:
        made = stored.account(name, rate=1.0, **columns)
        stored.messages(made, rows)
        with db.writing() as session:
            session.add(Pace(account_id=made, next_slot_at=now, **pace))
    return now


def found(wanted: Filter, now: datetime) -> set[int]:
    seen = listing.seen(wanted, now=now)
    assert seen.matching == len(seen.page.rows)
    return {row.id for row in seen.page.rows}


DUE = {Reason.TURN, Reason.THROTTLED, Reason.SLOWED}
OF_ACCOUNTS = [one for one in waits.CHOICES if one not in HOLDS]


@pytest.mark.parametrize("few", [filtering.FEW, -1])
@pytest.mark.parametrize("why", OF_ACCOUNTS)
def test_a_reason_finds_what_is_explained_and_counted_by_it(
    why: str, few: int, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filtering, "FEW", few)
    told = explain_many(row.id for row in listing.page(Filter(), now=now, size=200).rows)
    reasons = DUE if why == waits.DUE else {Reason(why)}
    mine = {one.message_id for one in told.values() if one.reason in reasons}
    assert mine and found(Filter(hold=why), now) == mine
    assert sum(depth.depth().counts[one] for one in reasons) == len(mine)


def test_quiet_hours_are_those_of_now_not_of_a_later_night(now: datetime) -> None:
    quiet = next(one.id for one in accounts.everything() if one.name == "Quiet")
    [tonight, tomorrow] = stored.messages(
        quiet, [{"due_at": now + HOUR / 2}, {"due_at": now + 24 * HOUR}]
    )
    assert explain(tonight).reason == explain(tomorrow).reason == Reason.QUIET
    listed = found(Filter(hold="quiet"), now)
    assert tonight in listed and tomorrow not in listed


@pytest.mark.parametrize("few", [filtering.FEW, -1])
def test_a_hold_finds_what_it_keeps_on_every_account(
    few: int, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filtering, "FEW", few)
    late = found(Filter(hold="late"), now)
    assert len(late) == 7 and not late & found(Filter(hold="person"), now)
    assert found(Filter(frozenset({Standing.SENT}), hold="late"), now) == set()
    assert len(found(Filter(hold="late", account="Well"), now)) == 1


@pytest.mark.parametrize("why", waits.CHOICES)
def test_what_waits_on_other_accounts_is_not_gone_through(why: str, now: datetime) -> None:
    """Even where the figures say that nearly all rows are another account's, and wait as these."""
    others = stored.account("Others")
    for columns in ({}, {"hold": "late"}, {"error_class": "transient"}):
        stored.many(others, 3_000, due_at=now + 5 * HOUR, **columns)
    asked: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *more: Any) -> None:
        asked.append((statement, parameters))

    with db.reading() as session:
        if db.on_postgres(session):
            session.execute(db.sql("ANALYZE message"))
        event.listen(db.engine(), "before_cursor_execute", note)
        session.execute(waits.ids(session, why, now).limit(filtering.FEW + 1)).all()
        event.remove(db.engine(), "before_cursor_execute", note)
        explain = "EXPLAIN" if db.on_postgres(session) else "EXPLAIN QUERY PLAN"
        plan = session.connection().exec_driver_sql(f"{explain} {asked[-1][0]}", asked[-1][1])
        told = [str(row[-1]).strip() for row in plan]
    reads = [n for n, line in enumerate(told) if re.search(r"on message|(SCAN|SEARCH) m\b", line)]
    assert reads, told
    for n in reads:  # PostgreSQL tells what it looks up a line below
        assert re.search(r"account_id ?[=>]", " ".join(told[n : n + 2])), told


def test_the_address_of_a_reason_is_read_again_and_a_bulk_action_means_the_same(
    now: datetime,
) -> None:
    wanted = Filter(hold="paused")
    assert Filter.read(parse_qs(wanted.query)) == wanted
    assert Filter.read({"hold": ["turn"]}) == Filter()
    chosen = choosing.of_filter(wanted, now=now.astimezone(UTC))
    assert set(chosen.ids or ()) == found(wanted, now)


def test_what_was_let_go_while_it_was_looked_for_is_not_listed(now: datetime) -> None:
    with db.reading() as session:
        few = Filter(hold="person").narrowed(session, now)
    assert few.ids and listing.count(few, now=now) == len(few.ids) == 7
    holding.release(few.ids[0], by=ANA)
    assert listing.count(few, now=now) == 6

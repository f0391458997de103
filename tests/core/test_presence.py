"""Since you were last here: when that was, and what happened."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from core import audit, clock, db, presence, sampling, users
from core.access import Actor, Role
from core.trends import Sample
from tests.core import stored

pytestmark = pytest.mark.usefixtures("database")

ANA, BEN = Actor("ana", Role.ADMIN), Actor("ben", Role.OPERATOR)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def test_a_visit_ends_after_half_an_hour_without_a_page(
    move_clock: Callable[[timedelta], None],
) -> None:
    users.add("ana", role=Role.ADMIN, password="correct horse battery", by=ANA)
    for minutes in (0, 20, 40):
        move_clock(minutes * MINUTE)
        presence.come(by=ANA)
        assert presence.left(ANA) is None
    move_clock(10 * HOUR)
    presence.come(by=ANA)
    left = presence.left(ANA)
    assert left and abs(clock.wall() - left - 10 * HOUR + 40 * MINUTE) < MINUTE
    move_clock(10 * HOUR + 5 * MINUTE)
    presence.come(by=ANA)
    assert presence.left(ANA) == left


def test_what_others_did_and_what_left_and_failed_is_told() -> None:
    orders, now = stored.account(), clock.wall()
    left = now - 3 * HOUR
    failed = {"status": "failed", "error_class": "recipient"}
    unknown = {"status": "failed", "error_class": "unknown", "due_at": now - HOUR}
    rows = [failed | {"due_at": now - HOUR}, failed | {"due_at": now - 4 * HOUR}, unknown]
    stored.messages(orders, rows)
    plain = {"account": "", "reasons": {}, "standings": {}, "oldest": None}
    plain |= {"p50": None, "p95": None, "rate": None}
    with db.writing() as session:
        for step, at, sent in ((300, 4 * HOUR, 7), (300, HOUR, 20), (60, HOUR, 5), (60, MINUTE, 3)):
            one = Sample(at=now - at, account_id=orders, sent=sent, **plain)
            sampling._keep(session, step, [one])
        for who in (ANA, BEN):
            audit.record(session, who, "account paused", target="Orders")
            audit.record(session, who, "signed in")
    found = presence.since(left, actions=["account paused"], but="ana")
    assert (found.sent, found.failed, found.unconfirmed) == (23, 1, 1)
    assert [one.actor for one in found.events] == ["ben"]


def test_of_very_much_that_others_did_the_latest_is_told() -> None:
    left = clock.wall() - HOUR
    with db.writing() as session:
        for n in range(presence.MOST_EVENTS + 2):
            audit.record(session, BEN, "account paused", target=f"{n}")
    found = presence.since(left, actions=["account paused"], but="ana")
    targets = [one.target for one in found.events]
    assert targets == [f"{n}" for n in range(2, presence.MOST_EVENTS + 2)]

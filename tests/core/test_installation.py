"""Stopping everything: once, by somebody, for a reason that everybody sees."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlmodel import col

from core import db, installation
from core.access import Actor, Role
from core.errors import Invalid, Refused
from core.installation import Stop
from core.models import AuditEvent, Pace
from tests import given
from tests.racing import at_once

OLGA = Actor("olga", Role.OPERATOR)


def known() -> Stop:
    found = installation.stopped()
    assert found
    return found


def audited() -> list[tuple[str, str]]:
    with db.reading() as session:
        found = session.execute(select(AuditEvent).order_by(col(AuditEvent.id))).scalars()
        return [(one.actor, one.action) for one in found]


def test_a_stop_tells_who_why_and_since_until_it_is_released(
    database: str, move_clock: Callable[[timedelta], None]
) -> None:
    account = given.account()
    assert installation.stopped() is None
    installation.stop_all("  wrong price list ", by=OLGA)
    stop = known()
    assert (stop.by, stop.reason) == ("olga", "wrong price list")
    move_clock(timedelta(hours=1))
    installation.resume_all(by=given.ANA)
    assert installation.stopped() is None
    with db.reading() as session:
        ready = session.get_one(Pace, account).ready_since
    assert ready and ready > stop.since  # what came due meanwhile is late
    assert audited()[1:] == [("olga", "all sending stopped"), ("ana", "all sending resumed")]


def test_of_two_who_stop_at_once_the_second_is_told_and_the_first_stays(database: str) -> None:
    told = at_once(*(lambda n=n: installation.stop_all(n, by=Actor(n, Role.ADMIN)) for n in "ab"))
    first, [refused] = known(), [one for one in told if one]
    assert isinstance(refused, Refused) and first.by == first.reason
    assert told.index(None) == "ab".index(first.by)


def test_a_stop_needs_a_reason_and_a_release_a_stop(sqlite: str) -> None:
    with pytest.raises(Invalid, match="everybody will see it"):
        installation.stop_all(" \n", by=OLGA)
    with pytest.raises(Invalid, match="Say it in 200 characters"):
        installation.stop_all("x" * 201, by=OLGA)
    with pytest.raises(Refused, match="not stopped"):
        installation.resume_all(by=OLGA)
    assert audited() == []

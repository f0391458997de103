"""A number that Meta locks at noon: its messages wait and say why, the others go on."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from core import accounts, explain, resuming, verify
from core.blocking import Reason
from tests import given
from tests.processes import Programs
from tests.waiting import until

pytestmark = pytest.mark.chaos
Move = Callable[[timedelta], None]


def test_a_locked_number_waits_for_a_person_who_sends_only_what_is_still_worth_it(
    sqlite: str, programs: Programs, move_clock: Move
) -> None:
    locked, other = given.account("Orders", rate=None), given.account("Clinic", rate=10)
    move_clock(_noon() - datetime.now(UTC))
    programs.worker()
    going_on = [given.message(other, to=given.recipient(100 + n)) for n in range(60)]
    until(lambda: given.row(going_on[5]).status == "sent")
    number = next(one for one in accounts.everything() if one.id == locked).phone_number_id
    programs.fault("account_locked", count=1, phone_number_id=number)
    refused = given.message(locked)
    until(lambda: _state(locked) == "paused")
    old = [given.message(locked, to=given.recipient(n)) for n in range(1, 4)]
    assert "pending" in {given.row(one).status for one in going_on}
    until(lambda: {given.row(one).status for one in going_on} == {"sent"}, within=20)
    assert (_state(locked), _state(other)) == ("paused", "active")
    assert {given.row(one).status for one in (refused, *old)} == {"pending"}
    why = explain.explain(old[0])
    assert why.reason is Reason.PAUSED and given.row(refused).retry_count == 0

    move_clock(_noon() + timedelta(hours=3) - datetime.now(UTC))
    fresh = given.message(locked, to=given.recipient(9))
    assert resuming.overdue("Orders", longer_than=timedelta(hours=1)) == 4
    assert resuming.resume("Orders", only_last=timedelta(hours=1), by=given.ANA) == 4
    until(lambda: given.row(fresh).status == "sent")
    assert {given.row(one).hold for one in (refused, *old)} == {"late"}
    arrived = Counter(one["to"] for one in programs.arrived())
    assert arrived == Counter([given.recipient(9), *(given.recipient(100 + n) for n in range(60))])
    assert [one.kind for one in verify.violations()] == []


def _noon() -> datetime:
    today = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    return today + timedelta(days=1)


def _state(account_id: int) -> str:
    return next(one.state for one in accounts.everything() if one.id == account_id)

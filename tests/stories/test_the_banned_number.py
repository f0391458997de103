"""A number that Meta locks at noon: its messages wait and say why, the others go on."""

from collections.abc import Callable
from datetime import timedelta

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
    locked, other = given.account("Orders", rate=None), given.account("Clinic", rate=None)
    programs.fault("account_locked", count=1)
    programs.worker()
    refused = given.message(locked)
    until(lambda: accounts.everything()[1].state == "paused")
    old = [given.message(locked, to=given.recipient(n)) for n in range(1, 4)]
    elsewhere = given.message(other)
    until(lambda: given.row(elsewhere).status == "sent")
    assert {given.row(one).status for one in (refused, *old)} == {"pending"}
    why = explain.explain(old[0])
    assert why.reason is Reason.PAUSED and given.row(refused).retry_count == 0

    move_clock(timedelta(hours=3))
    fresh = given.message(locked, to=given.recipient(9))
    assert resuming.overdue("Orders", longer_than=timedelta(hours=1)) == 4
    assert resuming.resume("Orders", only_last=timedelta(hours=1), by=given.ANA) == 4
    until(lambda: given.row(fresh).status == "sent")
    assert {given.row(one).hold for one in (refused, *old)} == {"late"}
    assert [one["to"] for one in programs.arrived()] == [given.recipient(), given.recipient(9)]
    assert [one.kind for one in verify.violations()] == []

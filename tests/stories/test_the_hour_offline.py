"""An hour offline: nothing is lost or sent twice, and what is worthless by then expires."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from core import explain, verify
from core.blocking import Reason
from tests import given
from tests.processes import Programs
from tests.waiting import until

pytestmark = pytest.mark.chaos
Move = Callable[[timedelta], None]
NOTICES = 8


def test_after_an_hour_offline_notices_leave_once_and_reminders_have_expired(
    postgresql: str, programs: Programs, move_clock: Move
) -> None:
    clinic = given.account("Clinic", rate=None)
    programs.worker()
    before = given.message(clinic, to=given.recipient(99))
    until(lambda: given.row(before).status == "sent")
    programs.whatsapp.kill()

    notices = [given.message(clinic, to=given.recipient(n)) for n in range(NOTICES)]
    reminder = given.message(clinic, to=given.recipient(50), late_policy="skip")
    held = given.message(clinic, to=given.recipient(51), late_policy="hold")
    until(lambda: explain.explain(notices[0]).reason in (Reason.UNREACHED, Reason.RETRY))
    until(lambda: "does not answer" in "".join(one.said() for one in programs.running), within=60)
    assert {given.row(one).status for one in (*notices, reminder, held)} <= {
        "pending",
        "processing",
    }

    move_clock(timedelta(hours=1))
    programs.sandbox(int(programs.api.rpartition(":")[2]))
    until(lambda: {given.row(one).status for one in notices} == {"sent"}, within=60)
    until(lambda: given.row(reminder).status == "failed", within=20)
    until(lambda: given.row(held).hold == "late", within=20)
    assert given.row(reminder).error_class == "expired"
    assert {given.row(one).retry_count for one in notices} == {0}
    arrived = [one["to"] for one in programs.arrived()]
    assert sorted(arrived) == sorted({*map(given.recipient, (*range(NOTICES), 99))})
    assert [one.kind for one in verify.violations() if "slot" not in one.kind] == []

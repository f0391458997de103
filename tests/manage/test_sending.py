"""Sending in the foreground: what is due leaves, and Ctrl-C ends it well."""

import signal

import pytest

from tests import given
from tests.manage.command import listed, manage
from tests.processes import Programs
from tests.waiting import until


def test_what_is_due_is_sent_and_counted_by_account(database: str, programs: Programs) -> None:
    orders, support = given.account("Orders", rate=None), given.account("Support", rate=None)
    due = [given.message(orders, to=given.recipient(number)) for number in range(3)]
    later = given.message(support, when=given.in_(hours=1))
    shown = manage("process-scheduled")
    assert shown.code == 0, shown.err
    assert shown.out == "Orders: 3 sent, 0 not sent\nSupport: 0 sent, 0 not sent\n"
    arrived = {one["biz_opaque_callback_data"]: one["id"] for one in programs.arrived()}
    sent = listed("--status", "sent")
    assert [one["id"] for one in sent] == due
    assert {one["meta_message_id"] for one in sent} == set(arrived.values())
    assert all(one["sent_at"] and one["delivery"] for one in sent)
    assert [one["id"] for one in listed("--status", "pending")] == [later]


@pytest.mark.chaos
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_stops_sending_and_leaves_nothing_half_done(
    database: str, programs: Programs, end: signal.Signals
) -> None:
    account = given.account(rate=2)
    for number in range(40):
        given.message(account, to=given.recipient(number))
    process = programs.start("foreground", "python", "manage.py", "process-scheduled")
    until(lambda: len(programs.arrived()) >= 2, within=30)
    process.child.send_signal(end)
    assert process.child.wait(10) == 0, process.said()
    assert "Traceback" not in process.said()
    states = given.statuses()
    assert set(states) == {"sent", "pending"}
    assert states.count("sent") == len(programs.arrived()) < 40
    assert f"Orders: {states.count('sent')} sent, 0 not sent" in process.said()

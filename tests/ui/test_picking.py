"""A page that somebody selects in stands still; what is opened from it is as it is by then."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from streamlit.testing.v1 import AppTest

from core import clock, db
from core.models import Message, Worker
from tests.core import stored
from tests.ui.seen import html, messages_page

pytestmark = pytest.mark.usefixtures("sqlite", "olga")

MINUTE = timedelta(minutes=1)


def opened(at: AppTest, message_id: int) -> str:
    at.session_state["picked-opened"] = message_id
    return html(at.run())


def test_a_row_opens_as_it_is_by_then(move_clock: Callable[[timedelta], None]) -> None:
    now = clock.wall()
    given = {"kind": "loop", "host": "a", "pid": 1, "version": "1", "started_at": now}
    with db.writing() as session:
        session.add(Worker(lease_until=now + 60 * MINUTE, **given))
    rows = [{"due_at": now + 23.5 * MINUTE}, {"due_at": now + 5 * MINUTE}]
    waits, sent = stored.messages(stored.account(), rows)
    at = messages_page()
    at.segmented_control(key="mode").set_value("Select").run()
    move_clock(20 * MINUTE)
    with db.writing() as session:
        one = session.get_one(Message, sent)
        one.status, one.sent_at = "sent", now + 5 * MINUTE
    assert "(in 3 min" in opened(at, waits), "30 seconds for the page on a slow machine"
    assert "WhatsApp took it" in opened(at, sent)
    assert [*at.dataframe[0].value["State"]] == [["Scheduled"]] * 2, "the page itself stands still"
    with db.writing() as session:
        session.get_one(Message, sent).deleted_at = clock.wall()
    told = opened(at, sent)
    assert "It was deleted meanwhile." in told and "WhatsApp took it" not in told

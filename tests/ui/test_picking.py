"""A page that somebody selects in stands still; what is opened from it is as it is by then."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from streamlit.testing.v1 import AppTest

from core import clock, db
from core.access import Actor, Role
from core.models import Message, Worker
from core.settings import ROOT
from tests.core import stored
from tests.ui.seen import html

pytestmark = pytest.mark.usefixtures("sqlite")

MINUTE = timedelta(minutes=1)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setattr("core.sessions.actor", lambda token: Actor("olga", Role.OPERATOR))
    return AppTest.from_file(str(ROOT / "pages" / "messages.py"), default_timeout=20)


def opened(at: AppTest, message_id: int) -> str:
    at.session_state["picked-opened"] = message_id
    return html(at.run())


def test_a_row_opens_as_it_is_by_then(at: AppTest, move_clock: Callable[[timedelta], None]) -> None:
    now = clock.wall()
    given = {"kind": "loop", "host": "a", "pid": 1, "version": "1", "started_at": now}
    with db.writing() as session:
        session.add(Worker(lease_until=now + 60 * MINUTE, **given))
    rows = [{"due_at": now + 23.5 * MINUTE}, {"due_at": now + 5 * MINUTE}]
    waits, sent = stored.messages(stored.account(), rows)
    at.run().segmented_control(key="mode").set_value("Select").run()
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

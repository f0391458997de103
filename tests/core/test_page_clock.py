"""The time that pages show comes from the database's clock, which is asked now and then."""

from datetime import timedelta

import pytest
from sqlalchemy import event

from core import clock, db, page_clock
from tests.core.driven import Move


def test_it_is_asked_once_for_many_and_is_not_behind(database: str) -> None:
    page_clock._read = None
    asked: list[str] = []
    event.listen(db.engine(), "before_cursor_execute", lambda *call: asked.append(call[2]))
    for _ in range(100):
        with db.reading() as session:
            exact = db.now(session)
        assert timedelta(milliseconds=-10) < page_clock.now() - exact < timedelta(seconds=1)
    assert len(asked) - 100 * db.on_postgres(session) == 1


def test_it_follows_a_clock_that_is_set(
    database: str, move_clock: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = page_clock.now()
    move_clock(timedelta(hours=3))
    assert timedelta(hours=3) <= page_clock.now() - before < timedelta(hours=3, minutes=1)
    monkeypatch.setattr(page_clock, "AGAIN", -1)  # asked anew
    assert abs(page_clock.now() - clock.wall()) < timedelta(seconds=5)

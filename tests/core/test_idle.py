"""A connection that has died while it lay idle is no error for whoever uses it next."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from core import db, idle


def _kill_what_lies_in_the_pool() -> None:
    with db.engine().connect(), db.engine().connect() as other:
        other.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )


def _ask() -> int:
    with db.reading() as session:
        return int(session.execute(text("SELECT 1")).scalar_one())


def test_one_that_died_while_it_lay_idle_is_replaced(
    postgresql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idle, "LONG", 0.0)
    _kill_what_lies_in_the_pool()
    with db.reading() as first, db.reading() as second:
        for session in (first, second):
            assert session.execute(text("SELECT 1")).scalar_one() == 1


def test_one_that_was_just_used_is_not_asked_and_tells_that_it_died(postgresql: str) -> None:
    _kill_what_lies_in_the_pool()
    with db.reading() as first, db.reading() as second, pytest.raises(OperationalError):
        for session in (first, second):
            session.execute(text("SELECT 1"))
    assert _ask() == 1 and _ask() == 1  # all that are older went with it

"""A connection that has died while nobody used it is no error for whoever uses it next."""

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from core import db, idle
from tests.waiting import until


def _end(one: Connection, *, by: Connection) -> None:
    """End it at the server, as a restart does, and wait until it has been told."""
    raw = one.connection.dbapi_connection
    assert raw is not None
    told = {"pid": raw.info.backend_pid}
    by.execute(text("SELECT pg_terminate_backend(:pid)"), told)
    until(lambda: idle._has_come(raw))


def _one_in_the_pool_ends() -> None:
    with db.engine().connect() as one, db.engine().connect() as other:
        _end(one, by=other)


def _both_answer() -> bool:
    with db.reading() as first, db.reading() as second:
        return all(one.execute(text("SELECT 1")).scalar_one() == 1 for one in (first, second))


def test_one_that_ended_a_moment_ago_is_replaced(postgresql: str) -> None:
    _one_in_the_pool_ends()
    assert _both_answer()


def test_one_whose_line_was_cut_without_a_word_is_replaced_when_it_has_lain_idle(
    postgresql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _one_in_the_pool_ends()
    monkeypatch.setattr(idle, "_has_come", lambda _: False)
    monkeypatch.setattr(idle, "LONG", 0.0)
    assert _both_answer()


def test_one_that_ends_in_use_raises_and_the_next_is_new(postgresql: str) -> None:
    with db.engine().connect() as one, db.engine().connect() as other:
        _end(one, by=other)
        with pytest.raises(OperationalError):
            one.execute(text("SELECT 1"))
    assert _both_answer()

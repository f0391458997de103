"""A commit that was answered is on the disk, and nothing waits longer than it must."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from core import db, sqlite_locks


def test_a_commit_of_sqlite_waits_for_the_disk(sqlite: str) -> None:
    for opened in (db.reading, db.writing):
        with opened() as session:
            found = session.execute(text("PRAGMA synchronous")).scalar_one()
            assert found == 2  # FULL
            assert session.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"


def test_a_commit_of_postgresql_waits_for_the_disk_whatever_the_server_is_set_to(
    postgresql: str,
) -> None:
    name = postgresql.rpartition("/")[2]
    with db.writing() as session:
        for setting in ("synchronous_commit = off", "default_transaction_isolation = serializable"):
            session.execute(text(f"ALTER DATABASE {name} SET {setting}"))
    db.engine().dispose()
    with db.writing() as session:
        assert session.execute(text("SHOW synchronous_commit")).scalar_one() == "on"
        level = session.execute(text("SHOW transaction_isolation")).scalar_one()
        assert level == "read committed"


def test_who_waited_too_long_for_sqlites_write_lock_is_told_and_can_write_when_it_is_free(
    sqlite: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_locks, "WAIT", 0.2)
    with db.writing(), pytest.raises(OperationalError, match="database is locked"), db.writing():
        raise AssertionError("two write at once")
    with db.writing() as session:
        assert session.execute(text("PRAGMA busy_timeout")).scalar_one() == 200

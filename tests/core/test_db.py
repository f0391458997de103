"""A commit that was answered is on the disk, and nothing waits longer than it must."""

from sqlalchemy import text

from core import db


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

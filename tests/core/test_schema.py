import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError
from sqlmodel import SQLModel

import core.models  # noqa: F401
from core import db, schema, states

BY_HAND = {"ix_content_search"}  # PostgreSQL's search index has no twin in the models


def test_the_migrations_make_exactly_the_tables_of_the_models(database: str) -> None:
    with db.engine().connect() as connection:
        found = compare_metadata(
            MigrationContext.configure(
                connection,
                opts={"include_name": lambda name, *_: not str(name).startswith("content_")},
            ),
            SQLModel.metadata,
        )
    assert [d for d in found if getattr(d[1], "name", None) not in BY_HAND] == []


def test_migrating_twice_changes_nothing(database: str) -> None:
    with db.reading() as session:
        before = session.execute(text("SELECT id FROM installation")).all()
    schema.migrate()
    with db.reading() as session:
        assert session.execute(text("SELECT id FROM installation")).all() == before
    assert schema.is_current() and len(before) == 1


@pytest.mark.parametrize("table", ["message_event", "audit_event"])
@pytest.mark.parametrize("change", ["UPDATE {} SET actor = 'x'", "DELETE FROM {}"])
def test_the_record_of_what_happened_cannot_be_rewritten(
    database: str, table: str, change: str
) -> None:
    with db.writing() as session:
        _account_and_message(session)
        session.execute(
            text(
                "INSERT INTO message_event (message_id, at, actor, kind)"
                f" VALUES (1, '{NOW}', 'ana', 'edit')"
                if table == "message_event"
                else f"INSERT INTO audit_event (at, actor, action) VALUES ('{NOW}', 'ana', 'x')"
            )
        )
    with pytest.raises(DatabaseError, match="append-only"), db.writing() as session:
        session.execute(text(change.format(table)))


@pytest.mark.parametrize("old", states.Status)
@pytest.mark.parametrize("new", states.Status)
def test_the_database_itself_refuses_each_pair_that_the_table_does_not_name(
    database: str, old: states.Status, new: states.Status
) -> None:
    change = text(
        "UPDATE message SET status = :new, "
        "unconfirmed_since = CASE WHEN :new = 'processing' THEN created_at END"
    )
    with db.writing() as session:
        _account_and_message(session, status=old)
    if old == new or (old, new) in states.TRANSITIONS:
        with db.writing() as session:
            session.execute(change, {"new": new})
    else:
        with pytest.raises(DatabaseError, match="illegal transition"), db.writing() as session:
            session.execute(change, {"new": new})


NOW = "2026-11-24 08:00:00.000000+00:00"


def _account_and_message(session: db.Session, status: str = "pending") -> None:
    since = f"'{NOW}'" if status == "processing" else "NULL"
    for statement in (
        f"INSERT INTO business (name, token, token_since, created_at)"
        f" VALUES ('B', 't', '{NOW}', '{NOW}')",
        f"INSERT INTO account (business_id, name, phone_number_id, zone, state, late_policy,"
        f" auto_resumes, created_at) VALUES (1, 'A', '1', 'UTC', 'active', 'send', 0, '{NOW}')",
        f"INSERT INTO message (account_id, recipient, kind, status, scheduled_at, zone, due_at,"
        f" created_at, unconfirmed_since) VALUES (1, '+628123456789', 'text', '{status}', '{NOW}',"
        f" 'UTC', '{NOW}', '{NOW}', {since})",
    ):
        session.execute(text(statement))

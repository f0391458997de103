"""Accounts and messages by the ten thousand, put straight into the tables by single statements."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, event
from sqlmodel import Session

from core import clock, db, vault
from core.models import Account, Business, Pace

TEXT = "Your table is booked for Saturday at 19:30. Reply to change it."


def accounts(
    engine: Engine, count: int, *, rate: float | None, state: str = "active"
) -> dict[int, str]:
    """New accounts, each with a phone-number id: account → id."""
    now = clock.wall()
    with _writing(engine) as session:
        business = Business(
            name="Bench", token=vault.encrypt("bench"), token_since=now, created_at=now
        )
        session.add(business)
        session.flush()
        first = len(session.execute(db.sql("SELECT id FROM account")).all())
        made = [
            Account(
                business_id=business.id,
                name=f"Number {number}",
                phone_number_id=str(500_000 + number),
                rate=rate,
                state=state,
                created_at=now,
            )
            for number in range(first, first + count)
        ]
        session.add_all(made)
        session.flush()
        session.add_all(Pace(account_id=one.id, next_slot_at=now) for one in made)
        session.commit()
        return {one.id: one.phone_number_id for one in made}


def messages(
    engine: Engine,
    account_ids: Iterable[int],
    each: int,
    *,
    due_at: datetime,
    few: bool = False,
    **more: Any,
) -> None:
    """`each` messages with text for every account, all due at once, each recipient its own.

    `few`: so few that they change no statistics.
    """
    with _writing(engine) as session:
        after = _newest(session)
        _insert(session, account_ids, each, due_at, more)
        session.execute(
            db.sql(
                "INSERT INTO content (message_id, recipient, text, created_by, search)"
                " SELECT id, recipient, :text, 'bench', substr(recipient, 2) || ' ' || :text"
                " FROM message WHERE id > :after ORDER BY id"
            ),
            {"text": TEXT, "after": after},
        )
        session.commit()
    if not few:
        settle_statistics(engine)


def bare_messages(
    engine: Engine, account_id: int, count: int, *, due_at: datetime, **more: Any
) -> None:
    """As `messages`, without texts: such as are never claimed."""
    with _writing(engine) as session:
        _insert(session, [account_id], count, due_at, more)
        session.commit()


def settle_statistics(engine: Engine) -> None:
    """What PostgreSQL's autovacuum would have done within minutes; SQLite has no such thing."""
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")


def _newest(session: Session) -> int:
    return int(session.execute(db.sql("SELECT coalesce(max(id), 0) FROM message")).scalar_one())


def _insert(
    session: Session, account_ids: Iterable[int], each: int, due_at: datetime, more: dict[str, Any]
) -> None:
    extra = "".join(f", {name}" for name in more)
    values = "".join(f", :{name}" for name in more)
    series = (
        "generate_series(1, CAST(:each AS bigint)) AS s(i)"
        if db.on_postgres(session)
        else "(WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < :each)"
        " SELECT i FROM s) AS s"
    )
    after = _newest(session)
    for number, account_id in enumerate(account_ids):
        session.execute(
            db.sql(
                "INSERT INTO message"
                f" (account_id, recipient, scheduled_at, due_at, created_at{extra})"
                f" SELECT :account, '+62' || (81200000000 + :first + i), :due, :due, :due{values}"
                f" FROM {series}",
                "due",
            ),
            {"account": account_id, "each": each, "due": due_at, "first": after + number * each}
            | more,
        )


def _writing(engine: Engine) -> Session:
    session = Session(engine, expire_on_commit=False)
    session.connection(execution_options={"write": True})
    return session


def without_foreign_keys(engine: Engine) -> None:
    """Millions of rows whose account is known to exist need not each look for it."""
    off = (
        "SET session_replication_role = replica"
        if engine.dialect.name == "postgresql"
        else "PRAGMA foreign_keys=OFF"
    )
    event.listen(engine, "connect", lambda connection, _: connection.execute(off))

"""The database: SQLite for one machine, PostgreSQL for many; same statements on both.

Reading never takes the write lock; writing takes it at once (SQLite: BEGIN IMMEDIATE), so that a
transaction never has to fail half-way because another one wrote first.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Dialect,
    Engine,
    TextClause,
    bindparam,
    create_engine,
    event,
    func,
    make_url,
    text,
    type_coerce,
)
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import DateTime, String, TypeDecorator, TypeEngine
from sqlmodel import Session

from core import clock, idle, sqlite_locks
from core.settings import settings


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant; naive ones are refused. SQLite: text of fixed width, so that it sorts."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(32))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime was refused")
        return stamp(value) if dialect.name == "sqlite" else value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if isinstance(value, str):
            return datetime.fromisoformat(value)
        return value.astimezone(UTC) if value is not None else None


def stamp(at: datetime) -> str:
    """An instant as both databases read it in JSON and as SQLite stores it, of fixed width."""
    return at.astimezone(UTC).isoformat(" ", "microseconds")


def stamped(session: Session, instant: ColumnElement[Any]) -> ColumnElement[Any]:
    """An instant as `stamp` writes it: of a million rows none need become a datetime first."""
    if not on_postgres(session):
        return type_coerce(instant, String)
    return func.to_char(instant, "YYYY-MM-DD HH24:MI:SS.US+00:00")  # each session is in UTC


@lru_cache
def engine() -> Engine:
    """The process's engine for `OUTBOX_DATABASE_URL`; a pool of its own in each process."""
    return make_engine(settings().database_url)


def make_engine(url: str) -> Engine:
    """An engine with what each database needs: WAL, durable commits, foreign keys, UTC."""
    where = make_url(url)
    if where.get_backend_name() == "sqlite":
        # The last one used has read what is asked for next: others would each keep their pages.
        made = create_engine(
            where,
            hide_parameters=True,
            connect_args={"timeout": sqlite_locks.WAIT},
            pool_use_lifo=True,
        )
        event.listen(made, "connect", sqlite_locks.prepare)
        event.listen(made, "connect", _number)
        event.listen(made, "begin", sqlite_locks.begin)
        return made
    if where.drivername == "postgresql":
        where = where.set(drivername="postgresql+psycopg")
    # Compiling a claim takes longer than running it, and a tick runs it anew each time.
    options = (
        "-c timezone=UTC -c synchronous_commit=on -c jit=off"
        " -c default_transaction_isolation=read\\ committed"
    )
    made = create_engine(
        where,
        hide_parameters=True,  # an error would quote a message's text in the log
        connect_args={"options": options, "connect_timeout": 5},
    )
    event.listen(made, "connect", _number)
    idle.asked(made)
    return made


_numbers = count(1)
_newest = 0


def _number(_: Any, record: ConnectionPoolEntry) -> None:
    global _newest
    record.info["number"] = _newest = next(_numbers)


def newest_connection() -> int:
    """The number of the connection that this process has made last, over all its threads."""
    return _newest


def connection_number(session: Session) -> int:
    """Which of this process's connections the session has: each new one has a higher number."""
    return int(session.connection().info["number"])


@contextmanager
def reading() -> Iterator[Session]:
    """A session that only reads; closed without a commit."""
    with Session(engine(), expire_on_commit=False) as session:
        yield session


@contextmanager
def writing() -> Iterator[Session]:
    """One transaction: committed when the block ends, rolled back when it raises."""
    with Session(engine(), expire_on_commit=False) as session:
        session.connection(execution_options={"write": True})
        yield session
        session.commit()


def on_postgres(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"


def which(session: Session) -> str:
    """What tells a database from its copy: cluster and oid, or the inode of SQLite's file."""
    if on_postgres(session):
        statement = (
            "SELECT s.system_identifier || '-' || d.oid FROM pg_control_system() s, pg_database d"
            " WHERE d.datname = current_database()"
        )
        return str(session.execute(text(statement)).scalar_one())
    file = session.execute(text("SELECT file FROM pragma_database_list")).scalars().first()
    return str(Path(str(file)).stat().st_ino)


def now(session: Session) -> datetime:
    """Engine time: the database's clock (SQLite: the host's), moved by the test clock."""
    if not on_postgres(session):
        return clock.wall()
    told: datetime = session.execute(text("SELECT clock_timestamp()")).scalar_one()
    return told.astimezone(UTC) + clock.offset()


@lru_cache(maxsize=256)
def sql(statement: str, *instants: str) -> TextClause:
    """A statement whose parameters named in `instants` are datetimes."""
    typed = [bindparam(name, type_=UtcDateTime()) for name in instants]
    return text(statement).bindparams(*typed)


def lock(session: Session, table: str, ids: Iterable[int], *, key: str = "id") -> None:
    """Lock rows in ascending order, so that two writers never wait for each other in a circle.

    What this transaction has locked already costs nothing again.
    """
    if on_postgres(session) and (new := remember_locked(session, table, ids)):
        rows = f"SELECT {key} FROM {table} WHERE {key} = ANY(:ids) ORDER BY {key}"
        session.execute(sql(f"{rows} FOR NO KEY UPDATE"), {"ids": sorted(new)})


def remember_locked(session: Session, table: str, ids: Iterable[int]) -> set[int]:
    """Note that this transaction holds these rows; returns those that it did not hold before."""
    held: set[int] = session.info.setdefault(table, set())
    new = set(ids) - held
    held |= new
    return new


def alone(session: Session, *names: str) -> None:
    """Wait until nobody else does what is called so; others then wait for this commit.

    SQLite's writers are alone anyway.
    """
    if on_postgres(session):
        for name in sorted(names):  # in one order: nobody waits in a circle
            told = "SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"
            session.execute(sql(told), {"name": name})


def beside(session: Session, name: str) -> None:
    """Keep out, until this commit, who is to be `alone` at what is called so; not each other."""
    if on_postgres(session):
        told = "SELECT pg_advisory_xact_lock_shared(hashtextextended(:name, 0))"
        session.execute(sql(told), {"name": name})


def only(column: str, value: str) -> str:
    """`column = value`, for a probe whose value another table gives.

    The redundant BETWEEN makes PostgreSQL expect few rows. Its statistics may say that nearly every
    row has the same value (one account with a million due messages), and then it would walk all of
    them through another index for each probe of another account.
    """
    return f"{column} = {value} AND {column} BETWEEN {value} AND {value}"


def rows_sql(session: Session, **columns: str) -> str:
    """SQL for a set of rows passed as the one JSON parameter `:rows`, to join as `v`.

    `columns` maps names to PostgreSQL types (bigint, timestamptz, text, float8). One parameter for
    any number of rows keeps set-wise statements the same on both databases, and their plans cached.
    """
    if on_postgres(session):
        shape = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        return f"jsonb_to_recordset(CAST(:rows AS jsonb)) AS v({shape})"
    shape = ", ".join(f"json_extract(value, '$.{name}') AS {name}" for name in columns)
    return f"(SELECT {shape} FROM json_each(:rows)) AS v"


def judged(condition: str) -> str:
    """A condition for rows found by their key: it is tested on each, and no index over it serves.

    A planner without figures takes «status = …» for almost nothing, begins there, and walks it once
    for each row of `v`; of a CASE it expects half of the table, and begins with `v`.
    """
    return f"CASE WHEN {condition} THEN TRUE ELSE FALSE END"


def rows(values: Sequence[Mapping[str, Any]]) -> str:
    """The JSON for `:rows`; datetimes as stamps."""
    return json.dumps(list(values), default=stamp, ensure_ascii=False)


def given(session: Session, table: str) -> str:
    """SQL for the highest id that a table has given; never lower than that of any committed row."""
    if on_postgres(session):
        return f"(SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {table}_id_seq)"
    return f"coalesce((SELECT seq FROM sqlite_sequence WHERE name = '{table}'), 0)"


def reserve(session: Session, table: str, count: int, *, above: int = 0) -> list[int]:
    """Ids for rows that are yet to be inserted, ascending, in a transaction that writes.

    None, and none is used up, where the table has not given all ids up to `above` yet.
    """
    last = given(session, table)
    if on_postgres(session):
        reserved = sql(
            f"SELECT nextval(pg_get_serial_sequence('{table}', 'id'))"
            f" FROM generate_series(1, CAST(:n AS integer)) WHERE {last} >= :above"
        )
        return list(session.execute(reserved, {"n": count, "above": above}).scalars())
    known = int(session.execute(sql(f"SELECT {last}")).scalar_one())
    return list(range(known + 1, known + 1 + count)) if known >= above else []


def skip_ids(session: Session, table: str, beyond: int) -> None:
    """Let no row that is made from now on have an id up to `beyond`, or one that was given."""
    if on_postgres(session):
        name = f"pg_get_serial_sequence('{table}', 'id')"
        next_id = f"SELECT setval({name}, greatest(nextval({name}), CAST(:beyond AS bigint)))"
        session.execute(sql(next_id), {"beyond": beyond})
        return
    known = sql(
        f"INSERT INTO sqlite_sequence SELECT '{table}', 0 WHERE NOT EXISTS"
        f" (SELECT 1 FROM sqlite_sequence WHERE name = '{table}')"
    )
    session.execute(known)
    raised = f"UPDATE sqlite_sequence SET seq = max(seq, :beyond) WHERE name = '{table}'"
    session.execute(sql(raised), {"beyond": beyond})


def insert_rows(
    session: Session, table: str, values: Sequence[Mapping[str, Any]], **columns: str
) -> None:
    """Insert a set of rows by one statement; `columns` as for `rows_sql`."""
    names = ", ".join(columns)
    session.execute(
        sql(f"INSERT INTO {table} ({names}) SELECT {names} FROM {rows_sql(session, **columns)}"),
        {"rows": rows(values)},
    )

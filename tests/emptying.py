"""PostgreSQL databases for tests, one after the other: the same again where emptying is enough.

A new database is some three hundred files; emptying one costs a twentieth of making it.
"""

from uuid import uuid4

import psycopg

from core import db, schema
from tests.postgres import Cluster

MIGRATED = "migrated"
MOST = 4_000_000  # bytes: emptying more takes longer than a new one
# Whatever a test did that emptying does not undo: to the schema, the settings, the name.
SHAPE = """
SELECT concat_ws(' ', d.oid,
    (SELECT count(*) FROM pg_database WHERE starts_with(datname, d.datname)),
    (SELECT array_agg(setconfig) FROM pg_db_role_setting WHERE setdatabase = d.oid),
    (SELECT array_agg((oid, tgenabled) ORDER BY oid) FROM pg_trigger),
    (SELECT array_agg((oid, relname, relnatts, relchecks) ORDER BY oid) FROM pg_class
     WHERE relnamespace = 'public'::regnamespace))
FROM pg_database d WHERE datname = current_database()
"""
SIZE = "SELECT sum(pg_relation_size(oid)) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
ALONE = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
FROM_ONE = (
    "SELECT setval(format('%I', sequencename)::regclass, start_value, false) FROM pg_sequences"
)


class Databases:
    """Makes the databases of one cluster; whoever takes one has it until the next is taken."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._name = self._shape = ""
        self._rows: dict[str, bytes] = {}
        self.statement(f"CREATE DATABASE {MIGRATED}")
        engine = db.make_engine(cluster.url(MIGRATED))
        schema.migrate(engine)
        engine.dispose()

    def take(self) -> str:
        """The address of a database as the migrations leave it; the one before is over."""
        if not (self._name and self._emptied()):
            if self._name:
                self.statement(f"DROP DATABASE IF EXISTS {self._name} WITH (FORCE)")
            self._make()
        return self._cluster.url(self._name)

    def statement(self, words: str) -> None:
        """One about whole databases, outside any transaction."""
        with psycopg.connect(self._cluster.url("postgres"), autocommit=True) as connection:
            connection.execute(words.encode())

    def _make(self) -> None:
        self._name = f"test_{uuid4().hex[:12]}"
        # Copied as files, as nothing is written to the log first.
        self.statement(f"CREATE DATABASE {self._name} TEMPLATE {MIGRATED} STRATEGY file_copy")
        with psycopg.connect(self._cluster.url(self._name)) as connection:
            self._shape = _one(connection, SHAPE)
            found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname='public'")
            for (table,) in found.fetchall():
                with connection.cursor().copy(f'COPY "{table}" TO STDOUT'.encode()) as rows:
                    self._rows[table] = b"".join(rows)

    def _emptied(self) -> bool:
        """Whether the last database could be made as good as new."""
        with psycopg.connect(self._cluster.url(self._name)) as connection:
            connection.execute(ALONE)
            if _one(connection, SHAPE) != self._shape or int(_one(connection, SIZE)) > MOST:
                return False
            connection.execute("SET session_replication_role = replica")  # past every trigger
            for table, rows in self._rows.items():
                connection.execute(f'DELETE FROM "{table}"'.encode())
                if rows:
                    with connection.cursor().copy(f'COPY "{table}" FROM STDIN'.encode()) as into:
                        into.write(rows)
            connection.execute(FROM_ONE)
        return True


def _one(connection: psycopg.Connection, asked: str) -> str:
    row = connection.execute(asked.encode()).fetchone()
    return str(row and row[0])

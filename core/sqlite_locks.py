"""How a transaction begins on SQLite: one that reads waits for nobody, one that writes takes the
write lock at once, and soon after whoever holds it has ended."""

import sqlite3
from time import monotonic
from typing import Any

from sqlalchemy import Connection

WAIT = 10  # seconds for the write lock, before a transaction fails
LOOK = 40  # milliseconds: SQLite looks after 1, 2, 5, 10, 15 and what is left


def prepare(connection: Any, _: Any) -> None:
    """A new connection of the driver: WAL, durable commits, foreign keys, and BEGIN left to us."""
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def begin(connection: Connection) -> None:
    """Begin a transaction, one that writes where the connection was asked for as such.

    SQLite itself waits ever longer between two looks, 100 ms in the end: beside somebody who writes
    one chunk after another it seldom looks while the lock is free. Asked anew it begins at 1 ms.
    Raises SQLAlchemy's OperationalError where others have held the lock for `WAIT` seconds.
    """
    if not connection.get_execution_options().get("write", False):
        connection.exec_driver_sql("BEGIN")
        return
    driver: Any = connection.connection.driver_connection
    deadline = monotonic() + WAIT
    driver.execute(f"PRAGMA busy_timeout={LOOK}")
    try:
        while _is_held(driver) and monotonic() < deadline:
            pass
        if not driver.in_transaction:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
    finally:
        driver.execute(f"PRAGMA busy_timeout={WAIT * 1000:.0f}")


def _is_held(driver: Any) -> bool:
    """Take the write lock, within `LOOK` milliseconds or not; whether another has it."""
    try:
        driver.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        return bool(error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY)
    return False

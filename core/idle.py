"""Connections that lay idle are asked whether they still live before they are used.

SQLAlchemy's own `pool_pre_ping` asks each time: of a page's short readings that was a fifth.
"""

from select import POLLIN, poll
from time import monotonic
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

LONG = 1.0  # seconds; a line that was cut tells nothing


def asked(engine: Engine) -> None:
    """Let the pool of this engine make a new connection in place of one that has died meanwhile.

    One that dies in use raises, as ever, and takes all that are older with it.
    """

    def used(_: Any, record: ConnectionPoolEntry) -> None:
        record.info["used_at"] = monotonic()

    def ask(connection: Any, record: ConnectionPoolEntry, _: Any) -> None:
        now = monotonic()
        idle = now - record.info.get("used_at", now)  # one just made was not used yet
        try:
            if idle > LONG or _has_come(connection):
                engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as died:
            raise DisconnectionError from died

    event.listen(engine, "checkin", used)
    event.listen(engine, "checkout", ask)


def _has_come(connection: Any) -> bool:
    """Whether the server has said something by itself: one that ends a connection does, at once."""
    ear = poll()
    ear.register(connection.fileno(), POLLIN)
    return bool(ear.poll(0))

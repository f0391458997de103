"""Connections that lay idle are asked whether they still live before they are used.

SQLAlchemy's own `pool_pre_ping` asks each time: of a page's short readings that was a fifth.
"""

from time import monotonic
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

LONG = 1.0  # seconds; who restarts a server or cuts a line takes longer


def asked(engine: Engine) -> None:
    """Let the pool of this engine make a new connection in place of one that has died meanwhile.

    One that dies in use raises, as ever, and takes all that are older with it.
    """

    def used(_: Any, record: ConnectionPoolEntry) -> None:
        record.info["used_at"] = monotonic()

    def ask(connection: Any, record: ConnectionPoolEntry, _: Any) -> None:
        now = monotonic()
        if now - record.info.get("used_at", now) <= LONG:  # one just made was not used yet
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as died:
            raise DisconnectionError from died

    event.listen(engine, "checkin", used)
    event.listen(engine, "checkout", ask)

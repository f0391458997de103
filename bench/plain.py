"""The small table of the designs that Outbox is compared with: a message, its status, Meta's id."""

import sqlite3
from typing import Any

import psycopg

from bench.filling import TEXT

CREATE = (
    "CREATE TABLE plain (id integer PRIMARY KEY, recipient text NOT NULL, body text NOT NULL,"
    " status text NOT NULL DEFAULT 'pending', wamid text)"
)
PENDING = "CREATE INDEX plain_pending ON plain (id) WHERE status = 'pending'"


def connect(url: str) -> Any:
    """A connection that commits each statement, and waits for the disk as Outbox does."""
    if url.startswith("postgresql"):
        return psycopg.connect(url, autocommit=True)
    path = url.removeprefix("sqlite:///")
    made = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
    made.execute("PRAGMA journal_mode=WAL")
    made.execute("PRAGMA synchronous=FULL")
    return made


def placeholder(url: str) -> str:
    return "%s" if url.startswith("postgresql") else "?"


def fill(url: str, count: int) -> None:
    connection = connect(url)
    connection.execute(CREATE)
    connection.execute(PENDING)
    mark = placeholder(url)
    connection.execute("BEGIN")
    connection.cursor().executemany(
        f"INSERT INTO plain (id, recipient, body) VALUES ({mark}, {mark}, {mark})",
        [(number, f"+62812{number:08d}", TEXT) for number in range(1, count + 1)],
    )
    connection.execute("COMMIT")
    connection.close()


def sent(url: str) -> int:
    connection = connect(url)
    found = connection.execute("SELECT count(*) FROM plain WHERE status = 'sent'").fetchone()
    connection.close()
    return int(found[0])


def payload(recipient: str, body: str, reference: int) -> dict[str, Any]:
    """The same body that Outbox posts."""
    return {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": recipient,
        "type": "text",
        "text": {"preview_url": False, "body": body},
        "biz_opaque_callback_data": f"bench:{reference}",
    }

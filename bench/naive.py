"""The design that everybody begins with: one Huey task, one `requests.post`, one UPDATE a message.

Run by `huey_consumer bench.naive.huey -k thread -w 16 -g TERM`, over the same kinds of database
and queue as Outbox; it reads `BENCH_DATABASE_URL`, `BENCH_QUEUE_URL` and `BENCH_API_URL`.
"""

import os
import threading
from typing import Any

import requests
from huey import Huey, RedisHuey, SqliteHuey

from bench import plain

DATABASE = os.environ.get("BENCH_DATABASE_URL", "")
URL = f"{os.environ.get('BENCH_API_URL', '')}/v25.0/500000/messages"
_mine = threading.local()


def _huey() -> Huey:
    queue = os.environ.get("BENCH_QUEUE_URL", ":memory:")
    if queue.startswith("redis://"):
        return RedisHuey("naive", url=queue, results=False)
    return SqliteHuey("naive", filename=queue, results=False)


huey = _huey()


@huey.task()
def send(message_id: int) -> None:
    connection, mark = _connection(), plain.placeholder(DATABASE)
    found = connection.execute(
        f"SELECT recipient, body FROM plain WHERE id = {mark} AND status = 'pending'",
        (message_id,),
    ).fetchone()
    answer = requests.post(
        URL,
        json=plain.payload(*found, message_id),
        headers={"Authorization": "Bearer bench"},
        timeout=30,
    )
    connection.execute(
        f"UPDATE plain SET status = 'sent', wamid = {mark} WHERE id = {mark}",
        (answer.json()["messages"][0]["id"], message_id),
    )


def _connection() -> Any:
    if not hasattr(_mine, "connection"):
        _mine.connection = plain.connect(DATABASE)
    return _mine.connection


def enqueue() -> None:
    """One task for each message; not as a script, whose tasks the consumer could not name."""
    for message_id in range(1, int(os.environ["BENCH_COUNT"]) + 1):
        send(message_id)

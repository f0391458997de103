"""As fast as aiohttp and batches go when no evidence is kept: no attempts, no slots, no proof.

`python -m bench.bare`; it reads `BENCH_DATABASE_URL` and `BENCH_API_URL`, ends when nothing is
pending, and says its CPU seconds last. What it claimed is lost when it is killed, which is why
Outbox does more.
"""

import asyncio
import json
import os
from concurrent.futures import ThreadPoolExecutor
from time import process_time
from typing import Any

import aiohttp
import uvloop

from bench import plain

BATCH = 500
BATCHES = 2  # one posts while another is claimed and settled: 1,000 in flight
HEADERS = {"Authorization": "Bearer bench", "Content-Type": "application/json"}

CLAIM = (
    "UPDATE plain SET status = 'processing' WHERE id IN (SELECT id FROM plain"
    f" WHERE status = 'pending' ORDER BY id LIMIT {BATCH}) RETURNING id, recipient, body"
)
SETTLE = {
    "postgresql": "UPDATE plain SET status = 'sent', wamid = v.wamid FROM"
    " jsonb_to_recordset(CAST(%s AS jsonb)) AS v(id integer, wamid text) WHERE plain.id = v.id",
    "sqlite": "UPDATE plain SET status = 'sent', wamid = v.wamid FROM (SELECT"
    " json_extract(value, '$.id') AS id, json_extract(value, '$.wamid') AS wamid"
    " FROM json_each(?)) AS v WHERE plain.id = v.id",
}


async def main() -> None:
    began = process_time()
    database, api = os.environ["BENCH_DATABASE_URL"], os.environ["BENCH_API_URL"]
    kind = database.partition(":")[0]
    loop, thread = asyncio.get_running_loop(), ThreadPoolExecutor(1)
    connection = plain.connect(database)

    async def work(session: aiohttp.ClientSession) -> None:
        while rows := await loop.run_in_executor(thread, _claim, connection):
            done = await asyncio.gather(*(_post(session, api, *row) for row in rows))
            await loop.run_in_executor(
                thread, connection.execute, SETTLE[kind], (json.dumps(done),)
            )

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, headers=HEADERS) as session:
        await asyncio.gather(*(work(session) for _ in range(BATCHES)))
    print(f"cpu {process_time() - began}")


def _claim(connection: Any) -> list[Any]:
    found: list[Any] = connection.execute(CLAIM).fetchall()
    return found


async def _post(
    session: aiohttp.ClientSession, api: str, message_id: int, recipient: str, body: str
) -> dict[str, Any]:
    payload = json.dumps(plain.payload(recipient, body, message_id))
    async with session.post(f"{api}/v25.0/500000/messages", data=payload.encode()) as answer:
        told = await answer.json()
    return {"id": message_id, "wamid": told["messages"][0]["id"]}


if __name__ == "__main__":
    uvloop.run(main())

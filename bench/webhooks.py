"""Status webhooks for what the responder accepted: signed, gathered in sets as Meta does."""

import asyncio
import json
from collections import deque
from time import time
from typing import Any

import aiohttp

from core.meta.signatures import HEADER, sign

TOLD = ("sent", "delivered", "read")
SET = 200  # statuses in one request; Meta gathers up to 1,000
GATHER = 0.05  # seconds
TRIES = 50


class Webhooks:
    """Tells three statuses for each accepted message, in their order, one request at a time."""

    def __init__(self, url: str, secret: str) -> None:
        self.url, self.secret = url, secret
        self._waiting: deque[tuple[str, bytes]] = deque()

    def accepted(self, wamid: str, body: bytes) -> None:
        self._waiting.append((wamid, body))

    async def run(self) -> None:
        async with aiohttp.ClientSession() as session:
            while True:
                await asyncio.sleep(GATHER)
                while self._waiting:
                    await self._post(session, self._next())

    def _next(self) -> bytes:
        count = min(len(self._waiting), SET // len(TOLD))
        statuses = [one for _ in range(count) for one in _statuses(*self._waiting.popleft())]
        change = {"field": "messages", "value": {"statuses": statuses}}
        entry = {"id": "1", "changes": [change]}
        return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()

    async def _post(self, session: aiohttp.ClientSession, body: bytes) -> None:
        headers = {HEADER: sign(body, self.secret), "Content-Type": "application/json"}
        for _ in range(TRIES):
            async with session.post(self.url, data=body, headers=headers) as answer:
                if answer.status == 200:
                    return
            await asyncio.sleep(GATHER)
        raise SystemExit(f"the gateway refused a webhook {TRIES} times: HTTP {answer.status}")


def _statuses(wamid: str, body: bytes) -> list[dict[str, Any]]:
    message = json.loads(body)
    common = {
        "id": wamid,
        "timestamp": str(int(time())),
        "recipient_id": message["to"].removeprefix("+"),
        "biz_opaque_callback_data": message["biz_opaque_callback_data"],
    }
    return [common | {"status": told} for told in TOLD]

"""Webhooks on their way: due, batched, signed, posted, tried again.

They run beside the API and never delay an answer. As at Meta they may come twice and in any order.
"""

import asyncio
import itertools
import random
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from heapq import heappop, heappush
from typing import Any

import aiohttp

from sandbox import clock, payloads
from sandbox.ledger import Accepted, Ledger
from sandbox.numbers import Number

BATCH = 200
IN_FLIGHT = 4
MAX_PENDING = 200_000
MAX_BACKOFF = 3600.0
KEEP_TRYING = timedelta(days=7).total_seconds()
# Statuses that fall due within this time travel together.
GATHER = 0.02
EARLY_WAIT = 2.0
DELAYS = {"sent": 0.2, "delivered": 0.8, "read": 2.5, "failed": 0.4}


@dataclass(slots=True)
class Options:
    """What `POST /_sandbox/settings` can change; delays and back-off are seconds."""

    url: str
    on: bool = True
    delays: dict[str, float] = field(default_factory=lambda: dict(DELAYS))
    shuffle: bool = False
    duplicate: bool = False
    early: bool = False
    skip_delivered: bool = False
    retry_after: float = 1.0


@dataclass(slots=True)
class Batch:
    """What goes in one POST: the same bytes at every try."""

    body: bytes
    done: list[tuple[Accepted, dict[str, str]]]
    tries: int = 0
    give_up_at: float = 0.0


class Emitter:
    """Sends each accepted message's statuses when they are due.

    Warning: holds at most `MAX_PENDING` statuses; more are dropped and counted in `dropped`. What
    the webhook did not take is planned again at the next start.
    """

    def __init__(
        self, options: Options, secret: str, ledger: Ledger, number: Callable[[str], Number]
    ) -> None:
        self.options = options
        self.pending = 0
        self.dropped = 0
        self._secret = secret
        self._ledger = ledger
        self._number = number
        self._due: list[tuple[float, int, Accepted, str]] = []
        self._order = itertools.count()
        self._woken = asyncio.Event()
        self._slots = asyncio.Semaphore(IN_FLIGHT)
        self._tasks: set[asyncio.Task[None]] = set()
        self._reachable = True
        self._session: aiohttp.ClientSession | None = None
        self._runner: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begins to post, first what was left over when the last run ended."""
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
        for message in self._ledger.find():
            taken = {status["status"] for status in message.statuses}
            if left := [step for step in message.plan if step[0] not in taken]:
                self.plan(message, left)
        self._runner = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Drops what is on its way; the ledger knows what is still to be announced."""
        self.forget()
        if self._runner:
            self._runner.cancel()
        if self._session:
            await self._session.close()

    def forget(self) -> None:
        """Drops everything planned, and what is being tried."""
        self._due.clear()
        self.pending = 0
        for task in self._tasks:
            task.cancel()

    def plan(self, message: Accepted, steps: list[tuple[str, float]]) -> None:
        """Queues statuses, each due its seconds after the message was accepted."""
        age = (clock.now() - message.received_at).total_seconds()
        delays = [max(0.0, delay - age) for _, delay in steps]
        if self.options.shuffle:
            random.shuffle(delays)
        now = asyncio.get_running_loop().time()
        for (name, _), delay in zip(steps, delays, strict=True):
            for copy in range(1 + self.options.duplicate):
                self._push(now + delay + 0.3 * copy, message, name)

    async def early(self, message: Accepted) -> None:
        """Announces the first status now, before the answer; waits 2 s at most. Plans the rest."""
        self.plan(message, message.plan[1:])
        if message.plan:
            self.pending += 1
            post = self._spawn(self._post(self._batch([(message, message.plan[0][0])])))
            await asyncio.wait([post], timeout=EARLY_WAIT)

    def send_inbound(self, number: Number, value: dict[str, Any]) -> None:
        """Posts a person's message at once, whatever the switches of the statuses say."""
        self._spawn(self._post(Batch(payloads.encode([(number, value)]), [])))

    def _push(self, due: float, message: Accepted, name: str) -> None:
        if self.pending >= MAX_PENDING:
            self.dropped += 1
            return
        self.pending += 1
        heappush(self._due, (due, next(self._order), message, name))
        if self._due[0][0] == due:
            self._woken.set()

    async def _run(self) -> None:
        while True:
            await self._until_due()
            await self._slots.acquire()
            self._slots.release()
            if items := self._take_due():
                self._spawn(self._post(self._batch(items)))

    async def _until_due(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._due or self._due[0][0] > loop.time():
            self._woken.clear()
            wait = self._due[0][0] - loop.time() if self._due else None
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), wait)
        await asyncio.sleep(GATHER)

    def _take_due(self) -> list[tuple[Accepted, str]]:
        now = asyncio.get_running_loop().time()
        items: list[tuple[Accepted, str]] = []
        while self._due and self._due[0][0] <= now and len(items) < BATCH:
            _, _, message, name = heappop(self._due)
            items.append((message, name))
        return items

    def _batch(self, items: list[tuple[Accepted, str]]) -> Batch:
        by_number: dict[str, list[dict[str, Any]]] = {}
        done: list[tuple[Accepted, dict[str, str]]] = []
        for message, name in items:
            item = payloads.status(message, name)
            by_number.setdefault(message.phone_number_id, []).append(item)
            done.append((message, {"status": name, "timestamp": item["timestamp"]}))
            message.happened(name, item["timestamp"])
        numbers = [self._number(node) for node in by_number]
        changes = [(number, payloads.statuses(number, by_number[number.id])) for number in numbers]
        return Batch(payloads.encode(changes), done)

    async def _post(self, batch: Batch) -> None:
        """One try; what was not taken is tried again later, for seven days."""
        if self.options.on or not batch.done:
            async with self._slots:
                if not await self._taken(batch.body):
                    self._again(batch)
                    return
        self.pending -= len(batch.done)
        self._ledger.announced(batch.done)

    async def _taken(self, body: bytes) -> bool:
        assert self._session is not None
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "facebookexternalua",
            "X-Hub-Signature-256": payloads.signature(body, self._secret),
        }
        try:
            async with self._session.post(
                self.options.url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                problem = "" if answer.status == 200 else f"HTTP {answer.status}"
        except (aiohttp.ClientError, TimeoutError) as error:
            problem = type(error).__name__
        self._say(problem)
        return not problem

    def _again(self, batch: Batch) -> None:
        loop = asyncio.get_running_loop()
        batch.give_up_at = batch.give_up_at or loop.time() + KEEP_TRYING
        if loop.time() >= batch.give_up_at:
            self.pending -= len(batch.done)
            self.dropped += len(batch.done)
            return
        wait = min(MAX_BACKOFF, self.options.retry_after * 2**batch.tries)
        batch.tries += 1
        self._spawn(self._after(wait, batch))

    async def _after(self, seconds: float, batch: Batch) -> None:
        await asyncio.sleep(seconds)
        await self._post(batch)

    def _say(self, problem: str) -> None:
        if self._reachable == bool(problem):
            self._reachable = not problem
            what = f"are not taken ({problem}); trying again" if problem else "are taken again"
            print(f"sandbox: webhooks to {self.options.url} {what}", file=sys.stderr, flush=True)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

"""The send loop of one process: ticks, sleeps to the slots, posts, and stops in order.

One asyncio loop posts; one thread with one connection does the database's work.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Event
from time import monotonic
from typing import TypeVar

import uvloop
from sqlalchemy.exc import DBAPIError

from core import workers
from core.meta import client
from core.scan import scan
from core.sending import process, tick, twin
from core.sending.agenda import Agenda
from core.sending.attempts import Strange
from core.sending.engine_time import EngineTime
from core.sending.marks import Marks
from core.sending.posting import Posting
from core.sending.process import MOST_IN_FLIGHT
from core.sending.recognising import Known, recognise
from core.sending.results import Effects, Result

log = logging.getLogger(__name__)
T = TypeVar("T")

PROBE_EVERY = 1.0  # seconds between two probes of what is due, and two renewals of the lease
TOLD_EVERY = 60.0


class SendLoop:
    """Runs until `stop` is set, or (`until_idle`) until nothing is due and nothing in flight."""

    def __init__(self, stop: Event, *, until_idle: bool = False) -> None:
        self.stop = stop
        self.until_idle = until_idle
        self.sent: Counter[int] = Counter()  # account → accepted, for who started it
        self.failed: Counter[int] = Counter()
        self.worker_id = 0
        self._effects = Effects()
        self._agenda = Agenda(MOST_IN_FLIGHT)
        self._time = EngineTime()
        self._probed = float("-inf")
        self._known: Known
        self._highest = 0  # attempt that is known to be committed
        self._read_back = self._lost = False
        self._told = ("", float("-inf"))  # the error that was logged last, and until when
        self._database = ThreadPoolExecutor(1, thread_name_prefix="outbox-db")

    def run(self) -> None:
        """Be the loop; returns when it has stopped in order."""
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._main())
        finally:
            self._database.shutdown()

    def wake(self) -> None:
        """Look at the database now; callable from any thread."""
        if loop := getattr(self, "_loop", None):
            loop.call_soon_threadsafe(self._woken)

    def _woken(self) -> None:
        self._probed = float("-inf")
        self._event.set()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()
        self._most = process.raise_file_limit()
        process.collect_seldom()
        while not await self._enter():
            if self.stop.is_set():
                return
        log.info("send loop %d started", self.worker_id)
        async with client.open_session() as http:
            self._posts = Posting(http, self._new_marks(), self._time, self._event)
            if trouble := await client.greet(http):
                log.warning("WhatsApp cannot be reached yet (%s)", trouble)
            while not self.stop.is_set() and not (self.until_idle and self._is_idle()):
                await self._turn()
            await self._finish()
        log.info("send loop %d stopped", self.worker_id)

    def _new_marks(self) -> Marks:
        return Marks(self._known.folder, self.worker_id)

    async def _enter(self) -> bool:
        """Make itself known and bury the dead; False while the database cannot be reached."""
        try:
            self._known = self._told_of(await self._in_database(recognise))
            self.worker_id = self.worker_id or await self._in_database(
                lambda: workers.start("loop")
            )
            await self._in_database(lambda: scan(worker_id=self.worker_id))
            return True
        except DBAPIError as error:
            if self.until_idle:
                raise
            self._tell("no send loop yet: %s", type(error.orig).__name__)
            await asyncio.sleep(1.0)
            return False

    async def _turn(self) -> None:
        """One tick, its posts, and the sleep until the next."""
        began = monotonic()
        self._event.clear()
        try:
            await self._tick(began)
        except Strange:
            self._read_back = True
            self._woken()
        except tick.LeaseLost:
            log.warning("send loop %d was taken for dead; it starts anew", self.worker_id)
            self._lose()
        except DBAPIError as error:
            # Which statement failed may hold a text: the log has the error's name alone.
            self._tell("tick failed and is repeated: %s", type(error.orig).__name__)
            await self._take_breath(0.2)
        except Exception:
            # One bad row or a fault of ours must not stop what else is due.
            log.exception("tick failed by an error of ours and is repeated")
            await self._take_breath(1.0)
        if self.until_idle and not self._posts.busy and self._probed < began:
            self._woken()  # somebody waits for the end: is anything else due?
        if not (self.until_idle and self._is_idle()):
            await self._sleep(began)

    def _tell(self, told: str, name: str) -> None:
        """An error that goes on is told once a minute."""
        if (name, True) != (self._told[0], monotonic() < self._told[1]):
            log.warning(told, name)
            self._told = (name, monotonic() + TOLD_EVERY)

    async def _take_breath(self, seconds: float) -> None:
        """After an error the database may hold claims that we know nothing of: read them back."""
        self._read_back = True
        self._probed = float("-inf")  # what it would have found is not known
        await asyncio.sleep(seconds)

    async def _recognise(self) -> None:
        """Compare the database with this machine's twin; in another one this is a new worker."""
        before = self._known
        self._known = now = self._told_of(await self._in_database(lambda: recognise(before)))
        if now.database != before.database or (now.strange and not before.strange):
            self._lose()
            self._highest = 0
        if self._lost:
            await self._start_anew()

    def _told_of(self, known: Known) -> Known:
        if known.strange:
            log.error("nothing is sent until a person decides: %s", known.strange)
        return known

    async def _tick(self, began: float) -> None:
        if self._read_back:
            await self._recognise()
        order = self._order(began)
        if order.probe:
            self._probed = began  # before the tick: a wake during it asks for another probe
        done = await self._in_database(
            lambda: tick.run(
                order, installation=self._known.installation, sampled=self._time.sampler()
            )
        )
        self._agenda.took(monotonic() - began, len(order.results) + len(done.claims))
        if order.renew:
            self._posts.renewed = began
        self._read_back = False
        self._absorb(order, done)
        await self._keep_twin(done)

    async def _keep_twin(self, done: tick.Done) -> None:
        """Remember what is committed before any of it is posted.

        Who turned the guard off has accepted this machine.
        """
        if done.highest is None:
            return
        if self._known.strange:
            await self._in_database(twin.accept)
            self._known = replace(self._known, strange=None)
        self._highest = max(self._highest, done.highest)
        twin.remember(self._known.installation, done.highest)

    def _order(self, began: float) -> tick.Order:
        now, posts = self._time.now(), self._posts
        room = posts.places(min(self._most - len(posts.claims), self._agenda.room()), now)
        if not room:
            self._agenda.put_off(now)  # and disturb no worker that may
        due = self._agenda.due(now) if room else set()
        lead = self._agenda.lead(min(room, 2 * len(due)) + len(posts.results))
        return tick.Order(
            worker_id=self.worker_id,
            known=self._known,
            highest=self._highest,
            due=due,
            results=list(posts.results),
            missed=list(posts.missed),
            in_flight=Counter(one.account_id for one in posts.claims.values()),
            effects=self._effects,
            unreached_since=posts.breaker.open_since,
            reached_after=posts.reached_after,
            held=posts.held,
            room=room,
            lead=lead,
            after=posts.busy_for(now + timedelta(seconds=lead)),
            renew=began - posts.renewed >= PROBE_EVERY,
            probe=began - self._probed >= PROBE_EVERY,
            read_back=self._read_back,
        )

    def _absorb(self, order: tick.Order, done: tick.Done) -> None:
        """Take over what the committed tick decided: only now may anything be posted."""
        posts = self._posts
        posts.settled(order.results)
        for result in order.results:
            self._count(result)
        for attempt_id in done.not_mine:
            posts.drop(attempt_id)
        self._place(order, done)
        posts.launch(done.claims, done.now)
        if posts.reached_after is order.reached_after:
            posts.reached_after = None
        self._agenda.posted(late=bool(order.missed))
        self._effects = done.effects
        self._plan(order, done)

    def _place(self, order: tick.Order, done: tick.Done) -> None:
        """What missed its slot has another now, or waits on, or was given back for being late."""
        placed = {one.attempt_id for one in done.reslotted}
        looked_at = {one.attempt_id for one in order.missed}
        waiting = [one for one in self._posts.missed if one.attempt_id not in looked_at]
        for one in order.missed:
            if one.attempt_id in done.not_mine or one.attempt_id not in self._posts.claims:
                continue  # closed by others, or its connection was lost meanwhile
            if one.attempt_id in placed:
                self._posts.again(one)
            elif one.slot_at >= done.now - tick.MISSED_FOR:
                waiting.append(one)
            else:
                self._posts.drop(one.attempt_id)
        self._posts.missed = waiting

    def _plan(self, order: tick.Order, done: tick.Done) -> None:
        """When each account is worth the next look."""
        if done.outlook is not None:
            self._agenda.ready = {account: one.at for account, one in done.outlook.items()}
        else:
            self._agenda.plan(order.due, done.lanes, done.now)

    def _lose(self) -> None:
        """What it has claimed is its own no more."""
        self._read_back = self._lost = True
        for attempt_id in list(self._posts.claims):
            self._posts.drop(attempt_id)

    async def _start_anew(self) -> None:
        self.worker_id = await self._in_database(lambda: workers.start("loop"))
        self._lost = False
        self._posts.marks.close()
        self._posts.marks = self._new_marks()
        self._posts.renewed = self._probed = float("-inf")

    async def _sleep(self, began: float) -> None:
        """Until the next tick is worth it; not at all when woken."""
        until = self._agenda.next_tick(
            began, busy=self._posts.busy, on_monotonic=self._time.on_monotonic
        )
        while (left := until - monotonic()) > 0 and not self.stop.is_set():
            try:
                await asyncio.wait_for(self._event.wait(), min(left, 0.1))
                return
            except TimeoutError:
                continue

    def _is_idle(self) -> bool:
        now = self._time.now()
        due = self._posts.breaker.open_since is None and any(
            at <= now + timedelta(seconds=PROBE_EVERY * 2) for at in self._agenda.ready.values()
        )
        return self._probed > float("-inf") and not self._posts.busy and not due

    async def _finish(self) -> None:
        """Release what was not posted, wait for the posts, settle the rest as unknown."""
        posts = self._posts
        await posts.end()
        order = tick.Order(worker_id=self.worker_id, results=posts.results, effects=self._effects)
        await self._in_database(lambda: tick.end(order))
        posts.marks.close()
        for result in posts.results:
            self._count(result)

    def _count(self, one: Result) -> None:
        if one.answer:
            counter = self.sent if one.answer.accepted else self.failed
            counter[one.claim.account_id] += 1

    async def _in_database(self, work: Callable[[], T]) -> T:
        return await self._loop.run_in_executor(self._database, work)

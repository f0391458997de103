"""The send loop of one process: ticks, sleeps to the slots, posts, and stops in order.

One asyncio loop posts; one thread with one connection does the database's work.
"""

import asyncio
import logging
import resource
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Event
from time import monotonic
from typing import TypeVar

import uvloop
from sqlalchemy.exc import DBAPIError

from core import db, workers
from core.meta import client
from core.meta.answers import Answer, unknown
from core.scan import scan
from core.sending import marks, tick, twin
from core.sending.agenda import Agenda
from core.sending.attempts import Claim
from core.sending.breaker import Breaker
from core.sending.engine_time import EngineTime
from core.sending.marks import Marks
from core.sending.settle import Effects, Result

log = logging.getLogger(__name__)
T = TypeVar("T")

PROBE_EVERY = 1.0  # seconds between two probes of what is due, and two renewals of the lease
STOP_WAITS = 3.0
UNMARKABLE_WAITS = 5.0  # seconds without claims after a start mark could not be written
OUT_OF_REACH = 5.0  # seconds; only a clock that went back since puts a claimed slot there
MOST_IN_FLIGHT = 2000
SPARE_FILES = 200


class GivenBack(Exception):
    """A claim went back while its connection was being made: it is not ours to post."""


class SendLoop:
    """Runs until `stop` is set, or (`until_idle`) until nothing is due and nothing in flight."""

    def __init__(self, stop: Event, *, until_idle: bool = False) -> None:
        self.stop = stop
        self.until_idle = until_idle
        self.sent: Counter[int] = Counter()  # account → accepted, for who started it
        self.failed: Counter[int] = Counter()
        self.worker_id = 0
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._claims: dict[int, Claim] = {}
        self._results: list[Result] = []
        self._missed: list[Claim] = []
        self._effects = Effects()
        self._reached_after: datetime | None = None  # since when it had not been, for the next tick
        self._breaker = Breaker()
        self._probe: int | None = None  # attempt that may be posted though the breaker is open
        self._agenda = Agenda(MOST_IN_FLIGHT)
        self._time = EngineTime()
        self._renewed = self._probed = float("-inf")
        self._read_back = False
        self._strange = False  # to this database, so that the guard is on
        self._unmarkable_until = float("-inf")
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
        self._most = _raise_file_limit()
        while not await self._enter():
            if self.stop.is_set():
                return
        self._marks = Marks(self._folder, self.worker_id)
        self._renewed = monotonic()
        log.info("send loop %d started", self.worker_id)
        async with client.open_session() as self._http:
            if trouble := await client.greet(self._http):
                log.warning("WhatsApp cannot be reached yet (%s)", trouble)
            while not self.stop.is_set() and not (self.until_idle and self._is_idle()):
                await self._turn()
            await self._finish()
        log.info("send loop %d stopped", self.worker_id)

    async def _enter(self) -> bool:
        """Make itself known and bury the dead; False while the database cannot be reached."""
        try:
            self._installation, self._folder = await self._in_database(_place)
            await self._recognise()
            self.worker_id = self.worker_id or await self._in_database(
                lambda: workers.start("loop")
            )
            await self._in_database(lambda: scan(worker_id=self.worker_id))
            return True
        except DBAPIError as error:
            if self.until_idle:
                raise
            log.warning("no send loop yet: %s", type(error.orig).__name__)
            await asyncio.sleep(1.0)
            return False

    async def _turn(self) -> None:
        """One tick, its posts, and the sleep until the next."""
        began = monotonic()
        self._event.clear()
        try:
            await self._tick(began)
        except tick.LeaseLost:
            await self._start_anew()
        except DBAPIError as error:
            # Which statement failed may hold a text: the log has the error's name alone.
            log.warning("tick failed and is repeated: %s", type(error.orig).__name__)
            await self._take_breath(0.2)
        except Exception:
            # One bad row or a fault of ours must not stop what else is due.
            log.exception("tick failed by an error of ours and is repeated")
            await self._take_breath(1.0)
        await self._sleep(began)

    async def _take_breath(self, seconds: float) -> None:
        """After an error the database may hold claims that we know nothing of: read them back."""
        self._read_back = True
        await asyncio.sleep(seconds)

    async def _recognise(self) -> None:
        """Compare the database with this machine's twin; where they disagree, the guard is on."""
        why = await self._in_database(twin.check)
        self._strange = why is not None
        if why:
            log.error("nothing is sent until a person decides: %s", why)

    async def _tick(self, began: float) -> None:
        if self._read_back:
            await self._recognise()
        order = self._order(began)
        if order.probe:
            self._probed = began  # before the tick: a wake during it asks for another probe
        done = await self._in_database(
            lambda: tick.run(order, installation=self._installation, sampled=self._time.sampler())
        )
        self._agenda.took(monotonic() - began, len(order.results) + len(done.claims))
        if order.renew:
            self._renewed = began
        self._read_back = False
        self._absorb(order, done)
        await self._keep_twin(done)

    async def _keep_twin(self, done: tick.Done) -> None:
        """Remember what is committed before any of it is posted.

        Who turned the guard off has accepted this machine.
        """
        if done.highest is None:
            return
        if self._strange:
            await self._in_database(twin.accept)
            self._strange = False
        twin.remember(self._installation, done.highest)

    def _order(self, began: float) -> tick.Order:
        now = self._time.now()
        due = self._agenda.due(now)
        room = min(self._most - len(self._claims), self._agenda.room())
        room = self._breaker.places(room, now)
        if monotonic() < self._unmarkable_until:
            room = 0
        return tick.Order(
            worker_id=self.worker_id,
            due=due,
            results=list(self._results),
            missed=list(self._missed),
            in_flight=Counter(one.account_id for one in self._claims.values()),
            effects=self._effects,
            unreached_since=self._breaker.open_since,
            reached_after=self._reached_after,
            held=dict(self._claims),
            room=max(0, room),
            lead=self._agenda.lead(min(room, 2 * len(due)) + len(self._results)),
            renew=began - self._renewed >= PROBE_EVERY,
            probe=began - self._probed >= PROBE_EVERY,
            read_back=self._read_back,
        )

    def _absorb(self, order: tick.Order, done: tick.Done) -> None:
        """Take over what the committed tick decided: only now may anything be posted."""
        settled = {id(one) for one in order.results}
        self._results = [one for one in self._results if id(one) not in settled]
        self._marks.settled([one.claim.attempt_id for one in order.results])
        for result in order.results:
            self._count(result)
        for attempt_id in done.not_mine:
            self._drop(attempt_id)
        placed = {one.attempt_id for one in done.reslotted}
        for one in order.missed:
            self._missed.remove(one)
            if one.attempt_id in placed:
                self._launch(one)
            elif one.slot_at >= done.now - tick.MISSED_FOR:
                self._missed.append(one)
            else:
                self._claims.pop(one.attempt_id, None)
        if done.claims and self._breaker.open_since:
            self._breaker.probing(done.now)
            self._probe = done.claims[0].attempt_id
        for one in done.claims:
            self._launch(one)
        if self._reached_after is order.reached_after:
            self._reached_after = None
        self._agenda.posted(late=bool(order.missed))
        self._effects = done.effects
        self._plan(order, done)

    def _plan(self, order: tick.Order, done: tick.Done) -> None:
        """When each account is worth the next look."""
        if done.outlook is not None:
            self._agenda.ready = {account: one.at for account, one in done.outlook.items()}
        else:
            full = len(done.claims) >= order.room
            self._agenda.plan(order.due, done.lanes, done.now, full=full)

    def _launch(self, claim: Claim) -> None:
        self._claims[claim.attempt_id] = claim
        self._tasks[claim.attempt_id] = self._loop.create_task(self._carry(claim))

    async def _carry(self, claim: Claim) -> None:
        """Post a claim; whatever goes wrong in our own code, the claim is never lost sight of."""
        try:
            await self._post(claim)
        except Exception as error:
            log.exception("attempt %d met an error of ours", claim.attempt_id)
            if claim.started:
                broken = unknown(f"our own error after the start ({type(error).__name__})")
                self._finished(claim, broken, self._time.now())
            else:
                self._tasks.pop(claim.attempt_id, None)
                self._missed.append(claim)

    async def _post(self, claim: Claim) -> None:
        """Sleep to the slot, POST once, hand over the result; never late, never without a lease."""
        slot = self._time.on_monotonic(claim.slot_at)
        if slot > monotonic() + OUT_OF_REACH:
            self._return(claim)
            return
        while (left := slot - monotonic()) > 0:  # noqa: ASYNC110 - timers round to milliseconds
            await asyncio.sleep(left)
        late = claim.window is not None and monotonic() > slot + claim.window
        if late or monotonic() - self._renewed > workers.STALE_AFTER:
            self._tasks.pop(claim.attempt_id, None)
            self._missed.append(claim)
            return
        if self._breaker.open_since and claim.attempt_id != self._probe:
            self._return(claim)
            return
        posted = self._time.now()
        begin = partial(self._begin, claim)
        try:
            answer = await client.post(self._http, claim.url, claim.token, claim.body, before=begin)
        except asyncio.CancelledError:
            if not claim.started:
                raise
            answer = unknown("the worker stopped while it waited for the answer")
        except GivenBack:
            return
        except OSError as error:
            self._unmarkable(claim, error)
            return
        else:
            self._listen(answer, claim)
        self._finished(claim, answer, posted)

    def _listen(self, answer: Answer, claim: Claim) -> None:
        """Let the breaker know, and the log when it changes its mind."""
        before = self._breaker.open_since
        self._breaker.saw(answer, claim.recipient, self._time.now())
        if before is None and self._breaker.open_since:
            log.warning("WhatsApp does not answer: one message asks every 15 s (%s)", answer.text)
        elif before and self._breaker.open_since is None:
            log.warning("WhatsApp answers again")
            self._reached_after = before
            self.wake()

    def _begin(self, claim: Claim) -> None:
        """Write the start mark, at the last instant before the request leaves.

        Raises OSError where that fails, and GivenBack where nobody waits for it any more: then
        nothing leaves.
        """
        if claim.attempt_id not in self._tasks:
            raise GivenBack
        self._marks.mark(claim.attempt_id)
        claim.started = True

    def _unmarkable(self, claim: Claim, error: OSError) -> None:
        """No start mark can be written (a full disk): the claim goes back unposted."""
        if self._unmarkable_until < monotonic():
            log.error("nothing is posted: no start mark can be written (%s)", error.strerror)
        self._unmarkable_until = monotonic() + UNMARKABLE_WAITS
        self._return(claim)

    def _return(self, claim: Claim) -> None:
        """Give a claim back unposted."""
        self._tasks.pop(claim.attempt_id, None)
        self._claims.pop(claim.attempt_id, None)
        self._results.append(Result(claim, None, None, self._time.now()))

    def _finished(self, claim: Claim, answer: Answer, posted: datetime) -> None:
        self._tasks.pop(claim.attempt_id, None)
        self._claims.pop(claim.attempt_id, None)
        self._results.append(Result(claim, answer, posted, self._time.now()))

    def _drop(self, attempt_id: int) -> None:
        """Somebody else closed it: do not post it. One already under way keeps its result."""
        claim = self._claims.get(attempt_id)
        if claim and not claim.started:
            self._claims.pop(attempt_id)
            self._missed = [one for one in self._missed if one is not claim]
            if task := self._tasks.pop(attempt_id, None):
                task.cancel()

    async def _start_anew(self) -> None:
        log.warning("send loop %d was taken for dead; it starts anew", self.worker_id)
        for attempt_id in list(self._claims):
            self._drop(attempt_id)
        self.worker_id = await self._in_database(lambda: workers.start("loop"))
        self._marks.close()
        self._marks = Marks(self._folder, self.worker_id)
        self._renewed = monotonic()

    async def _sleep(self, began: float) -> None:
        """Until the next tick is worth it; not at all when woken."""
        busy = bool(self._claims or self._results or self._missed)
        until = self._agenda.next_tick(began, busy=busy, on_monotonic=self._time.on_monotonic)
        while (left := until - monotonic()) > 0 and not self.stop.is_set():
            try:
                await asyncio.wait_for(self._event.wait(), min(left, 0.1))
                return
            except TimeoutError:
                continue

    def _is_idle(self) -> bool:
        busy = self._claims or self._results or self._missed
        now = self._time.now()
        due = self._breaker.open_since is None and any(
            at <= now + timedelta(seconds=PROBE_EVERY * 2) for at in self._agenda.ready.values()
        )
        return self._probed > float("-inf") and not busy and not due

    async def _finish(self) -> None:
        """Release what was not posted, wait for the posts, settle the rest as unknown."""
        returned = [one for one in self._claims.values() if not one.started]
        for one in returned:
            if task := self._tasks.pop(one.attempt_id, None):
                task.cancel()
        now = self._time.now()
        self._results += [Result(one, None, None, now) for one in returned]
        if self._tasks:
            await asyncio.wait(set(self._tasks.values()), timeout=STOP_WAITS)
        for task in set(self._tasks.values()):
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        order = tick.Order(worker_id=self.worker_id, results=self._results, effects=self._effects)
        await self._in_database(lambda: tick.end(order))
        self._marks.close()
        for result in self._results:
            self._count(result)

    def _count(self, one: Result) -> None:
        if one.answer:
            counter = self.sent if one.answer.accepted else self.failed
            counter[one.claim.account_id] += 1

    async def _in_database(self, work: Callable[[], T]) -> T:
        return await self._loop.run_in_executor(self._database, work)


def _place() -> tuple[str, Path]:
    """The installation's id, and where this machine keeps its start marks."""
    with db.reading() as session:
        installation = session.execute(db.sql("SELECT id FROM installation")).scalar_one()
        return str(installation), marks.folder_of(session)


def _raise_file_limit() -> int:
    """Allow as many open sockets as the system lets us; returns how many posts may be in flight."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return min(MOST_IN_FLIGHT, hard - SPARE_FILES) if hard > 0 else MOST_IN_FLIGHT

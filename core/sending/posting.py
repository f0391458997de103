"""The posts of a send loop: each sleeps to its slot, leaves once, and hands over what came back.

Lives on the event loop's thread. A claim that is here has a task, or waits in `missed` for another
slot; what has ended waits in `results` until a tick has settled it.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from time import monotonic

from core import workers
from core.meta import client
from core.meta.answers import Answer, unknown
from core.sending.attempts import Claim
from core.sending.breaker import Breaker
from core.sending.engine_time import EngineTime
from core.sending.lanes import APART
from core.sending.marks import Marks
from core.sending.results import Result

log = logging.getLogger(__name__)

STOP_WAITS = 3.0
UNMARKABLE_WAITS = 5.0  # seconds without claims after a start mark could not be written
EARLY = 0.05  # seconds before its slot that a post looks for a connection
MARKING = 0.0005  # seconds that the start mark may take, between this look at the time and the post
OUT_OF_REACH = 5.0  # seconds; only a clock that went back since puts a claimed slot there


class GivenBack(Exception):
    """A claim may not be posted any more now that its connection is made."""


class Posting:
    """What one worker has claimed and not yet settled.

    `renewed` is when the last acknowledged renewal of its lease was sent (monotonic): no post
    starts much later. `woken` is set when something is worth a tick at once.
    """

    def __init__(
        self, http: client.Session, marks: Marks, time: EngineTime, woken: asyncio.Event
    ) -> None:
        self.claims: dict[int, Claim] = {}
        self.results: list[Result] = []
        self.missed: list[Claim] = []
        self.breaker = Breaker()
        self.reached_after: datetime | None = None  # since when it had not been, for the next tick
        self.renewed = float("-inf")  # the first tick renews, and finds out whether we live
        self.marks = marks
        self._http = http
        self._time = time
        self._woken = woken
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._probe: int | None = None  # attempt that may be posted though the breaker is open
        self._unmarkable_until = float("-inf")

    @property
    def busy(self) -> bool:
        return bool(self.claims or self.results or self.missed)

    @property
    def held(self) -> dict[int, Claim]:
        """Attempt → claim of all that is not settled, what has ended included."""
        ended = {one.claim.attempt_id: one.claim for one in self.results}
        return self.claims | ended

    def busy_for(self, at: datetime) -> float:
        """For how many seconds from then on one post after another has to be started."""
        free, apart = at, timedelta(seconds=APART)
        waiting = (one.slot_at for one in self.claims.values() if not one.started)
        for slot_at in sorted(slot_at for slot_at in waiting if slot_at >= at):
            if slot_at > free + apart:
                break
            free = slot_at + apart
        return (free - at).total_seconds()

    def places(self, wanted: int, now: datetime) -> int:
        """How many more may be claimed at `now`, of as many as are wanted."""
        if monotonic() < self._unmarkable_until:
            return 0
        return max(0, self.breaker.places(wanted, now))

    def launch(self, claims: Sequence[Claim], now: datetime) -> None:
        """Post these, which a committed tick has just claimed."""
        if claims and self.breaker.open_since:
            self.breaker.probing(now)
            self._probe = claims[0].attempt_id
        for claim in claims:
            self.again(claim)

    def again(self, claim: Claim) -> None:
        """Post a claim at the slot that it has now."""
        if claim.placed:
            claim.placed.set_result(None)
            claim.placed = None
            return
        self.claims[claim.attempt_id] = claim
        task = asyncio.get_running_loop().create_task(self._carry(claim))
        self._tasks[claim.attempt_id] = task

    def settled(self, results: Iterable[Result]) -> None:
        """These are settled and committed."""
        gone = {id(one) for one in results}
        self.results = [one for one in self.results if id(one) not in gone]
        self.marks.settled([one.claim.attempt_id for one in results])

    async def _carry(self, claim: Claim) -> None:
        """Post a claim; whatever goes wrong in our own code, the claim is never lost sight of."""
        try:
            await self._post(claim)
        except Exception as error:
            log.exception("attempt %d met an error of ours", claim.attempt_id)
            if claim.started:
                broken = unknown(f"our own error after the start ({type(error).__name__})")
                self._finished(claim, broken)
            elif claim.attempt_id in self.claims:
                self._miss(claim)

    async def _post(self, claim: Claim) -> None:
        """Connect shortly before the slot, POST once, and hand over the result."""
        await self._sleep_until(self._time.on_monotonic(claim.slot_at) - EARLY)
        leave = partial(self._leave, claim)
        try:
            answer = await client.post(self._http, claim.url, claim.token, claim.body, before=leave)
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
        self._finished(claim, answer)

    async def _sleep_until(self, at: float) -> None:
        """Raises nothing where a clock that went back has put it out of reach: `_leave` does."""
        # Timers round to milliseconds, hence the loop.
        while 0 < (left := at - monotonic()) <= OUT_OF_REACH:  # noqa: ASYNC110
            await asyncio.sleep(left)

    async def _leave(self, claim: Claim) -> None:
        """With an open connection: wait for the slot, and write the start mark as it comes.

        Never late, and never without a lease: what missed its slot keeps its connection until a
        tick has given it another. Raises GivenBack where it is not to leave at all, and OSError
        where no mark can be written: then nothing does.
        """
        while not await self._is_in_time(claim):
            claim.placed = asyncio.get_running_loop().create_future()
            self.missed.append(claim)
            await claim.placed
        self.marks.mark(claim.attempt_id)
        claim.posted_at = self._time.now()

    async def _is_in_time(self, claim: Claim) -> bool:
        slot = self._time.on_monotonic(claim.slot_at)
        if slot > monotonic() + OUT_OF_REACH:
            self._return(claim)
            raise GivenBack
        await self._sleep_until(slot)
        if claim.attempt_id not in self._tasks:
            raise GivenBack
        if self.breaker.open_since and claim.attempt_id != self._probe:
            self._return(claim)
            raise GivenBack
        late = claim.window is not None and monotonic() > slot + claim.window - MARKING
        return not late and not self._stale()

    def _stale(self) -> bool:
        """Others may soon take this worker for dead: no post may start."""
        return monotonic() - self.renewed > workers.STALE_AFTER

    def _unmarkable(self, claim: Claim, error: OSError) -> None:
        """No start mark can be written (a full disk): the claim goes back unposted."""
        if self._unmarkable_until < monotonic():
            log.error("nothing is posted: no start mark can be written (%s)", error.strerror)
        self._unmarkable_until = monotonic() + UNMARKABLE_WAITS
        self._return(claim)

    def _listen(self, answer: Answer, claim: Claim) -> None:
        """Let the breaker know, and the log when it changes its mind."""
        before = self.breaker.open_since
        self.breaker.saw(answer, claim.recipient, self._time.now())
        if before is None and self.breaker.open_since:
            log.warning("WhatsApp does not answer: one message asks every 15 s (%s)", answer.text)
        elif before and self.breaker.open_since is None:
            log.warning("WhatsApp answers again")
            self.reached_after = before
            self._woken.set()

    def _miss(self, claim: Claim) -> None:
        """It keeps its claim, and waits for another slot."""
        self._tasks.pop(claim.attempt_id, None)
        self.missed.append(claim)

    def _return(self, claim: Claim) -> None:
        """Give a claim back unposted."""
        self._end(Result(claim, None, None, self._time.now()))

    def _finished(self, claim: Claim, answer: Answer) -> None:
        self._end(Result(claim, answer, claim.posted_at, self._time.now()))

    def _end(self, result: Result) -> None:
        self._tasks.pop(result.claim.attempt_id, None)
        self.claims.pop(result.claim.attempt_id, None)
        if result.claim.placed:  # its connection was lost while it waited for another slot
            self.missed = [one for one in self.missed if one is not result.claim]
        self.results.append(result)

    def drop(self, attempt_id: int) -> None:
        """Somebody else closed it: do not post it. One already under way keeps its result."""
        claim = self.claims.get(attempt_id)
        if claim and not claim.started:
            self.claims.pop(attempt_id)
            self.missed = [one for one in self.missed if one is not claim]
            if task := self._tasks.pop(attempt_id, None):
                task.cancel()

    async def end(self) -> None:
        """Give back what was not posted, wait for the posts, and call the rest unknown."""
        for one in [one for one in self.claims.values() if not one.started]:
            if task := self._tasks.pop(one.attempt_id, None):
                task.cancel()
            self._return(one)
        if self._tasks:
            await asyncio.wait(set(self._tasks.values()), timeout=STOP_WAITS)
        for task in set(self._tasks.values()):
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

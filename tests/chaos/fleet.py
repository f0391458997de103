"""Several workers on several machines over one database, and the ways in which they are killed.

A machine is a data folder: what a worker leaves in one (start marks, twin) no other machine sees.
"""

import re
import resource
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from core import db
from core.sending.marks import SIZE
from tests.processes import Process, Programs
from tests.waiting import until

PLANTED = ("python", "-m", "tests.chaos.planted")
HUEY = ("huey_consumer",)
OPTIONS = ("tasks.huey", "-k", "thread", "-w", "4", "-g", "TERM", "-m", "0.5")
STARTS_WITHIN = 60  # seconds, on a machine that is busy with other things


@dataclass(frozen=True)
class Killed:
    """One kill: the attempts that had begun and were not settled, and all that were open."""

    marked: frozenset[int]
    open: frozenset[int]


@dataclass
class Worker:
    """A consumer on one machine. `settings` go into its environment."""

    programs: Programs
    data: Path
    settings: dict[str, str]
    program: tuple[str, ...] = HUEY
    process: Process = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        own = {"OUTBOX_DATA_DIR": str(self.data)} | self.settings
        self.process = self.programs.start(self.data.name, *self.program, *OPTIONS, **own)

    @property
    def pid(self) -> int:
        return self.process.child.pid

    def until_sending(self) -> None:
        until(self._sends, within=STARTS_WITHIN)

    def _sends(self) -> bool:
        assert self.process.child.poll() is None, self.process.said()
        return bool(re.search(r"send loop \d+ started", self.process.said()))

    def kill(self) -> Killed:
        """SIGKILL; returns what it was doing, from its own marks and the database."""
        self.process.kill()
        return self.left()

    def has_row(self) -> bool:
        with db.reading() as session:
            found = db.sql("SELECT id FROM worker WHERE pid = :pid AND kind = 'loop'")
            return session.execute(found, {"pid": self.pid}).first() is not None

    def left(self) -> Killed:
        with db.reading() as session:
            found = session.execute(
                db.sql(
                    "SELECT a.id FROM attempt a JOIN worker w ON w.id = a.worker_id"
                    " WHERE w.pid = :pid AND w.kind = 'loop' AND a.outcome IS NULL"
                ),
                {"pid": self.pid},
            )
            open_ = frozenset(found.scalars())
        return Killed(open_ & self._marked(), open_)

    def _marked(self) -> frozenset[int]:
        """Every attempt that any worker of this machine began, as far as its files tell."""
        marked: set[int] = set()
        for path in self.data.glob("marks/*/*/*.[01]"):
            raw = path.read_bytes()
            ends = range(SIZE, len(raw) + 1, SIZE)
            marked |= {int.from_bytes(raw[end - SIZE : end], "little") for end in ends}
        return frozenset(marked)

    def stop(self) -> None:
        """SIGTERM; it must leave in order."""
        assert self.process.stop(within=30) == 0, self.process.said()

    def fill_disk(self) -> None:
        """From now on the worker can write to no file; the kernel refuses as on a full disk."""
        self._allow(0)

    def free_disk(self) -> None:
        self._allow(resource.RLIM_INFINITY)

    def _allow(self, size: int) -> None:
        limit = (size, resource.RLIM_INFINITY)
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, limit)

    def said(self) -> str:
        return self.process.said()


@dataclass
class Fleet:
    """The workers of one test, what their kills left, and when the sandbox was gone."""

    programs: Programs
    shared: bool  # machines with a data folder each; SQLite has one machine
    workers: list[Worker] = field(default_factory=list)
    killed: list[Killed] = field(default_factory=list)

    def worker(
        self, machine: str | Path = "one", *, program: tuple[str, ...] = HUEY, **settings: str
    ) -> Worker:
        """One more worker, on a machine by its name or its folder; it sends when this returns."""
        named = machine if self.shared or isinstance(machine, Path) else "data"
        data = self.programs.folder / named
        made = Worker(self.programs, data, settings, program)
        self.workers.append(made)
        made.until_sending()
        return made

    def two(self) -> list[Worker]:
        return [self.worker("one"), self.worker("two")]

    def kill(self, *victims: Worker, again: bool = False) -> None:
        """Kill them and start them again at once; their loops run when this returns.

        `again` kills the first once more as soon as it shows itself: while it buries its dead.
        """
        began = monotonic()
        left = [one.kill() for one in victims]
        for one in victims:
            one.start()
        if again:
            until(victims[0].has_row, within=STARTS_WITHIN, every=0.005)
            left.append(victims[0].kill())
            victims[0].start()
        for one in victims:
            one.until_sending()
        # A machine that takes as long as a lease to start leaves its dead to the others, who
        # cannot read its marks.
        slow = monotonic() - began > 40
        self.killed += [Killed(one.open, one.open) if slow else one for one in left]

    def in_flight(self) -> set[int]:
        """All that was truly in flight at the kills."""
        return set().union(*(one.marked for one in self.killed))

    def stop(self, workers: Iterable[Worker] | None = None) -> None:
        for one in list(self.workers if workers is None else workers):
            one.stop()

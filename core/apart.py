"""An operation in a process of its own: its Python takes no time from the send loop's slots.

`python -m core.apart ID TURN` runs one that its parent has taken, and ends with an `End`.
"""

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Collection
from enum import IntEnum
from threading import Event
from time import monotonic

from sqlalchemy.exc import DBAPIError

from core import leasing, operating, operations
from core.kinds import CHANGING, READING, Kind
from core.leasing import Taken
from core.logs import configure

log = logging.getLogger(__name__)

LOOKS_EVERY = 0.2  # seconds
POLITE = 10  # sending goes first where the cores are busy
ENDS_WITHIN = 3  # seconds from SIGTERM; the worker itself has four


_TROUBLE = (DBAPIError, OSError)  # the database's, or no memory for a process


class End(IntEnum):
    """How a process of an operation ended: its exit code. A signal that killed it is negative."""

    FINISHED = 0
    FAULT = 1  # of ours, as Python ends by itself
    CANCELLED = 3
    LOST = 4  # somebody else's turn had come
    STOPPED = 5  # put back for others
    DATABASE = 75  # in trouble: EX_TEMPFAIL


def run_waiting(
    stop: Event, more: Event | None = None, ended: Callable[[], object] = lambda: None
) -> int:
    """Run what waits, two at once: one that changes something, and one that only reads.

    Returns how many were taken. `more` is set by whoever knows of further ones; `ended` is called
    after each.
    """
    lanes, more, count = (_Lane(CHANGING), _Lane(READING, fair=True)), more or Event(), 0
    more.set()
    try:
        while not stop.is_set():
            if more.is_set():
                more.clear()
                count += sum(lane.begin() for lane in lanes)
            if not any(lane.child for lane in lanes):
                break
            stop.wait(LOOKS_EVERY)
            for lane in lanes:
                if lane.has_ended():
                    more.set()
                    ended()
    finally:
        _end([lane.child for lane in lanes if lane.child])
    return count


class _Lane:
    """Operations of some kinds, one at a time; where it is `fair`, each person's in turn."""

    def __init__(self, kinds: Collection[Kind], *, fair: bool = False) -> None:
        self.kinds, self.fair = kinds, fair
        self.mine: Taken | None = None
        self.child: subprocess.Popen[bytes] | None = None

    def begin(self) -> bool:
        """Begin the next, unless one is under way; whether there was one."""
        if self.child:
            return False
        try:
            mine = leasing.take(self.kinds, fair=self.fair)
            if mine is None:
                return False
            self.mine, self.child = mine, _started(mine)
        except _TROUBLE as error:  # what the other lane runs goes on; each minute asks again
            log.warning("no operation could be begun: %s", type(error).__name__)
            return False
        return True

    def has_ended(self) -> bool:
        """Whether one has ended since; what it left is settled."""
        child, mine = self.child, self.mine
        if child is None or mine is None or child.poll() is None:
            return False
        self.child = None
        try:
            _settle(mine, child.returncode)
        except DBAPIError as error:  # as if it had been killed: it is taken up again
            log.warning("operation %s waits: %s", mine.id, type(error).__name__)
        return True


def _started(mine: Taken) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-m", "core.apart", str(mine.id), str(mine.turn)])


def _settle(mine: Taken, code: int) -> None:
    """What a killed one, or the database's trouble, left is taken up when its lease has ended."""
    if code in (End.FINISHED, End.CANCELLED, End.STOPPED):
        return
    log.error("the process of operation %s ended with %s", mine.id, _word(code))
    if code > 0 and code not in (End.LOST, End.DATABASE):
        leasing.fail(mine, "its process ended before its time")  # unless it has said so itself


def _word(code: int) -> str:
    return End(code).name.lower() if code in set(End) else str(code)


def _end(children: Collection["subprocess.Popen[bytes]"]) -> None:
    """As the worker ends: each puts its operation back; killed, its lease ends."""
    for child in children:
        child.terminate()
    until = monotonic() + ENDS_WITHIN
    for child in children:
        try:
            child.wait(max(0.0, until - monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def main(operation_id: int, turn: int) -> End:
    configure()
    stop = Event()
    for wanted in (signal.SIGINT, signal.SIGTERM):
        signal.signal(wanted, lambda *_: stop.set())
    try:
        mine = leasing.held(operation_id, turn)
        if mine.kind in READING:
            os.nice(POLITE)
        operating.run(mine, stop=stop)
        row = operations.state(operation_id)
    except DBAPIError:
        log.exception("operation %s is left to the next", operation_id)
        return End.DATABASE
    return _ENDS.get(row.state, End.LOST) if row.turn == turn else End.LOST


_ENDS = {
    "finished": End.FINISHED,
    "undone": End.FINISHED,
    "cancelled": End.CANCELLED,
    "failed": End.FAULT,
    "queued": End.STOPPED,
}

if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))

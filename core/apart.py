"""An operation in a process of its own: its Python takes no time from the send loop's slots.

`python -m core.apart ID TURN` runs one that its parent has taken, and ends with an `End`.
"""

import logging
import signal
import subprocess
import sys
from enum import IntEnum
from threading import Event

from sqlalchemy.exc import DBAPIError

from core import leasing, operating, operations
from core.leasing import Taken
from core.logs import configure
from core.operations import APART

log = logging.getLogger(__name__)

LOOKS_EVERY = 0.2  # seconds
ENDS_WITHIN = 3  # seconds from SIGTERM; the worker itself has four


class End(IntEnum):
    """How a process of an operation ended: its exit code. A signal that killed it is negative."""

    FINISHED = 0
    FAULT = 1  # of ours, as Python ends by itself
    CANCELLED = 3
    LOST = 4  # somebody else's turn had come
    STOPPED = 5  # put back for others
    DATABASE = 75  # in trouble: EX_TEMPFAIL


def run_waiting(stop: Event) -> int:
    """Run what waits one after the other; returns how many were taken."""
    count = 0
    while not stop.is_set() and (mine := leasing.take(APART)):
        _run(mine, stop)
        count += 1
    return count


def _run(mine: Taken, stop: Event) -> None:
    line = [sys.executable, "-m", "core.apart", str(mine.id), str(mine.turn)]
    child = subprocess.Popen(line)
    while child.poll() is None:
        if stop.wait(LOOKS_EVERY):
            _end(child)
            return
    _settle(mine, child.returncode)


def _settle(mine: Taken, code: int) -> None:
    """What a killed one, or the database's trouble, left is taken up when its lease has ended."""
    if code in (End.FINISHED, End.CANCELLED, End.STOPPED):
        return
    log.error("the process of operation %s ended with %s", mine.id, _word(code))
    if code > 0 and code not in (End.LOST, End.DATABASE):
        leasing.fail(mine, "its process ended before its time")  # unless it has said so itself


def _word(code: int) -> str:
    return End(code).name.lower() if code in set(End) else str(code)


def _end(child: "subprocess.Popen[bytes]") -> None:
    """As the worker ends: the child puts its operation back; killed, its lease ends."""
    child.terminate()
    try:
        child.wait(ENDS_WITHIN)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def main(operation_id: int, turn: int) -> End:
    configure()
    stop = Event()
    for wanted in (signal.SIGINT, signal.SIGTERM):
        signal.signal(wanted, lambda *_: stop.set())
    try:
        operating.run(leasing.held(operation_id, turn), stop=stop)
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

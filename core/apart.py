"""An operation in a process of its own: its Python takes no time from the send loop's slots.

`python -m core.apart ID` runs one that its parent has taken.
"""

import logging
import signal
import subprocess
import sys
from threading import Event

from core import operating, operations
from core.logs import configure
from core.operations import APART, Taken

log = logging.getLogger(__name__)

LOOKS_EVERY = 0.2  # seconds
ENDS_WITHIN = 3  # seconds from SIGTERM; the worker itself has four


def run_waiting(stop: Event) -> int:
    """Run what waits one after the other; what dies in it is failed, not tried for ever."""
    count = 0
    while not stop.is_set() and (mine := operations.take(APART)):
        _run(mine, stop)
        count += 1
    return count


def _run(mine: Taken, stop: Event) -> None:
    child = subprocess.Popen([sys.executable, "-m", "core.apart", str(mine.id)])
    while child.poll() is None:
        if stop.wait(LOOKS_EVERY):
            _end(child)
            return
    if child.returncode:
        log.error("operation %s ended its process with %s", mine.id, child.returncode)
        operations.fail(operations.held(mine.id), "its process ended before its time")


def _end(child: "subprocess.Popen[bytes]") -> None:
    """As the worker ends: the child puts its operation back; killed, its lease ends."""
    child.terminate()
    try:
        child.wait(ENDS_WITHIN)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def main(operation_id: int) -> None:
    configure()
    stop = Event()
    for wanted in (signal.SIGINT, signal.SIGTERM):
        signal.signal(wanted, lambda *_: stop.set())
    operating.run(operations.held(operation_id), stop=stop)


if __name__ == "__main__":
    main(int(sys.argv[1]))

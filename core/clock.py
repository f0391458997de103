"""The only module that reads a wall clock; tests shift it, nothing else does.

`OUTBOX_TEST_CLOCK` names a file with an offset in seconds. Every process reads it, so that a test
moves the time of worker, dashboard and sandbox together. Settings refuse it away from loopback.
"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

_read: tuple[tuple[int, int], timedelta] = ((-1, -1), timedelta())


def offset() -> timedelta:
    """How far tests have moved the clock; zero outside tests."""
    global _read
    path = os.environ.get("OUTBOX_TEST_CLOCK")
    if not path:
        return timedelta()
    try:
        found = Path(path).stat()
        version = (found.st_mtime_ns, found.st_ino)
        if version != _read[0]:
            _read = (version, timedelta(seconds=float(Path(path).read_text() or 0)))
    except FileNotFoundError:
        return timedelta()
    return _read[1]


def wall() -> datetime:
    """This host's time as aware UTC. Engine time is the database's: use `db.now` there."""
    return datetime.now(UTC) + offset()

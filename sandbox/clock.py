"""The sandbox's only wall clock; tests move it together with the other processes."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

_seen: tuple[object, timedelta] = (None, timedelta())


def now() -> datetime:
    """Aware UTC, plus the seconds in the file that `OUTBOX_TEST_CLOCK` names.

    The file is read again when its modification time changes; absent or empty means no offset.
    """
    return datetime.now(UTC) + _offset()


def _offset() -> timedelta:
    global _seen
    name = os.environ.get("OUTBOX_TEST_CLOCK", "")
    if not name:
        return timedelta()
    path = Path(name)
    try:
        found = path.stat()
        # The size as well: a file is emptied and written within one tick of its time stamp.
        key = (name, found.st_mtime_ns, found.st_size)
        if key != _seen[0]:
            _seen = (key, timedelta(seconds=float(path.read_text().strip() or 0)))
    except FileNotFoundError:
        return timedelta()
    return _seen[1]

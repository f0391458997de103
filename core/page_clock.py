"""Engine time without asking for it each time: for what people see, where milliseconds say nothing.

What is decided or stored is decided by `db.now`.
"""

from datetime import datetime, timedelta
from time import monotonic

from core import clock, db

AGAIN = 5.0  # seconds until the database is asked anew

_read: tuple[float, datetime] | None = None


def now() -> datetime:
    """What the database's clock said some seconds ago and what has passed since.

    It is not behind `db.now`, and ahead by no more than the question took.
    """
    global _read
    known, here = _read, monotonic()
    if known is None or here - known[0] > AGAIN:
        with db.reading() as session:
            session.connection()
            here = monotonic()
            known = _read = (here, db.now(session) - clock.offset())
    return known[1] + timedelta(seconds=monotonic() - known[0]) + clock.offset()

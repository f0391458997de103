"""How far the clock that messages leave by is from Meta's: learnt from answers read anyway.

On one machine there is no other clock to compare it with, and what leaves by a wrong one leaves at
a wrong time. It is measured where the templates are read, each hour, to about a second.
"""

from datetime import datetime, timedelta
from time import monotonic
from typing import NamedTuple

from sqlmodel import Session

from core import clock, db
from core.meta import graph
from core.models import Setting

LASTS = timedelta(hours=2)  # then it is no news any more
_KEY = "clock ahead of Meta"


class Ahead(NamedTuple):
    """By how much (negative: behind), measured when."""

    by: timedelta
    at: datetime


def note(session: Session) -> None:
    """Keep what the newest answer tells, in the caller's transaction."""
    if (told := graph.clock()) is None:
        return
    db.alone(session, _KEY)
    now = db.now(session)
    theirs = told.date + timedelta(seconds=monotonic() - told.on_monotonic)
    seconds = (now - clock.offset() - theirs).total_seconds()
    session.merge(Setting(key=_KEY, value=round(seconds, 1), updated_at=now, updated_by="outbox"))


def ahead() -> Ahead | None:
    """What was measured last; None where that is too long ago, or never was."""
    with db.reading() as session:
        kept = session.get(Setting, _KEY)
        if kept is None or kept.updated_at < db.now(session) - LASTS:
            return None
    return Ahead(timedelta(seconds=kept.value), kept.updated_at)

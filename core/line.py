"""The waiting line of an account, as a forecast needs it: its first rows of each priority."""

from collections import Counter
from itertools import starmap
from typing import Any

from sqlalchemy import Row
from sqlmodel import Session

from core import db
from core.blocking import Number
from core.forecast import Line, Waiting
from core.sending.sieve import TRIED

_PROBE = (  # in the order of a `Waiting`
    "SELECT id, account_id, recipient, priority, due_at, scheduled_at, not_after, late_policy,"
    f" {TRIED} FROM message WHERE account_id = :account AND priority = {{0}}"
    " AND status = 'pending' AND hold IS NULL ORDER BY due_at, id LIMIT :limit"
)
_PROBES = " UNION ALL ".join(f"SELECT * FROM ({_PROBE.format(p)}) p{p}" for p in range(3))
_LINE = (
    f"SELECT m.*, r.pair_tat FROM ({_PROBES}) m LEFT JOIN recipient r"
    " ON r.account_id = m.account_id AND r.number = m.recipient ORDER BY m.due_at, m.id"
)
_OPEN = (
    "SELECT recipient FROM message WHERE account_id = :account AND status = 'processing'"
    " AND worker_id IS NOT NULL LIMIT 2000"
)


def read(session: Session, number: Number, limit: int) -> Line:
    """Up to `limit` waiting messages of each priority, and whose answers are awaited."""
    rows = _rows(session, number, limit + 1)
    counts = Counter(row.priority for row in rows)
    cut = {p for p, count in counts.items() if count > limit}
    last = {row.priority: row.id for row in rows if row.priority in cut}
    kept = starmap(Waiting, (row for row in rows if row.id != last.get(row.priority)))
    in_flight = session.execute(db.sql(_OPEN), {"account": number.id}).scalars()
    return Line(number, list(kept), cut, set(in_flight))


def _rows(session: Session, number: Number, limit: int) -> list[Row[Any]]:
    instants = ("due_at", "scheduled_at", "not_after", "pair_tat")
    typed = db.sql(_LINE).columns(**{name: db.UtcDateTime() for name in instants})
    return list(session.execute(typed, {"account": number.id, "limit": limit}).all())

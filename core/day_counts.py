"""Counting the messages of days: today's every few minutes, past weekdays once."""

from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select
from sqlmodel import Session, col

from core import db, volumes
from core.models import Account, DayVolume

AGAIN = timedelta(minutes=5)  # today's are counted
MOST_LABELS = 50  # of a day of an account, the most frequent
KEPT = timedelta(days=40)
_COLUMNS = {
    "account_id": "bigint",
    "day": "text",
    "label": "text",
    "messages": "integer",
    "first_at": "timestamptz",
    "counted_at": "timestamptz",
}


def count_next() -> bool:
    """Count one day of one zone whose turn it is; False where all are known. One at a time: a
    day of a million messages takes a second."""
    with db.reading() as session:
        now = db.now(session)
        chosen = _next(session, now)
        if chosen is None:
            return False
        zone, day, ids = chosen
        rows = _counted(session, ids, zone, day, now)
    with db.writing() as session:
        _keep(session, ids, day, rows)
        old = (now - KEPT).date().isoformat()
        session.execute(delete(DayVolume).where(col(DayVolume.day) < old))
    return True


def _next(session: Session, now: datetime) -> tuple[str, date, list[int]] | None:
    """The zone, the day and the accounts; today before the past."""
    active = select(Account).where(col(Account.state) != "retired")
    accounts = list(session.execute(active.order_by(col(Account.id))).scalars())
    known: dict[tuple[int, str], datetime] = {}
    latest = func.max(col(DayVolume.counted_at)).label("at")
    key = (col(DayVolume.account_id), col(DayVolume.day))
    for account_id, day, at in session.execute(select(*key, latest).group_by(*key)):
        known[account_id, day] = at
    for week in range(volumes.WEEKS + 1):
        for zone in sorted({one.zone for one in accounts}):
            day = volumes.today(now, zone) - timedelta(weeks=week)
            ends = volumes.begins(day + timedelta(days=1), zone)
            ids = [
                one.id
                for one in accounts
                if one.zone == zone
                and one.created_at < ends
                and not _knows(known.get((one.id, day.isoformat())), now, ends)
            ]
            if ids:
                return zone, day, ids
    return None


def _knows(counted: datetime | None, now: datetime, ends: datetime) -> bool:
    if counted is None or counted > now:  # by a clock that was ahead
        return False
    return counted >= ends or (now < ends and now - counted < AGAIN)


def _counted(
    session: Session, ids: list[int], zone: str, day: date, now: datetime
) -> list[dict[str, Any]]:
    """By account and label; one row without a label for each account tells that it was counted."""
    asked = db.sql(
        "SELECT m.account_id, coalesce(c.label, '') AS label, count(*) AS n, min(m.due_at) AS first"
        " FROM message m LEFT JOIN content c ON c.message_id = m.id"
        " WHERE m.status IN ('pending', 'processing', 'sent', 'failed') AND m.due_at >= :since"
        f" AND m.due_at < :until AND m.account_id IN ({', '.join(map(str, ids))})"
        " AND m.deleted_at IS NULL GROUP BY 1, 2 ORDER BY n DESC",
        "since",
        "until",
    ).columns(first=db.UtcDateTime())
    ends = volumes.begins(day + timedelta(days=1), zone)
    given = {"since": volumes.begins(day, zone), "until": ends}
    found = {(one, ""): (0, None) for one in ids}
    labels = Counter[int]()
    for row in session.execute(asked, given):
        labels[row.account_id] += 1
        if labels[row.account_id] <= MOST_LABELS or not row.label:
            found[row.account_id, row.label] = (row.n, row.first)
    return [
        {"account_id": account_id, "day": day.isoformat(), "label": label}
        | {"messages": n, "first_at": first, "counted_at": now}
        for (account_id, label), (n, first) in found.items()
    ]


def _keep(session: Session, ids: list[int], day: date, rows: list[dict[str, Any]]) -> None:
    db.alone(session, "day volumes")
    mine = (col(DayVolume.account_id).in_(ids), col(DayVolume.day) == day.isoformat())
    session.execute(delete(DayVolume).where(*mine))
    db.insert_rows(session, "day_volume", rows, **_COLUMNS)

"""What waits for a reason that can be a filter: a hold of its own, or what keeps its account back.

The other reasons of core/blocking.py keep back all that waits, or all that is due, which the
standings tell apart. One message at a time for each person is a rule over two: no condition of one.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from sqlalchemy import BigInteger, ColumnElement, Select, and_, column, false, or_, select
from sqlmodel import Session

from core import blocking, db
from core.blocking import Reason
from core.standing import a, m
from core.states import HOLDS

STATES = {str(Reason.PAUSED): "paused", str(Reason.RETIRED): "retired"}
CHOICES = (*HOLDS, *STATES, *map(str, (Reason.QUIET, Reason.THROTTLED, Reason.SLOWED)))


def condition(session: Session, why: str, now: datetime) -> ColumnElement[bool]:
    """That one which waits does so because of this, one of `CHOICES`, asked of each row."""
    if why in HOLDS:
        return m.hold == why
    if why in STATES:
        return m.account_id.in_(select(a.id).where(a.state == STATES[why]))
    until = dict(_until(session, why, now))
    theirs = [and_(m.account_id == one, m.due_at <= at) for one, at in until.items()]
    again = and_(m.error_class.is_not(None), m.due_at > now)
    # A list by the time ends where the last of theirs may be.
    bound = m.due_at <= max(until.values(), default=now)
    return and_(m.hold.is_(None), bound, or_(false(), *theirs), ~again)


def ids(session: Session, why: str, now: datetime) -> Select[int]:
    """The same by the indexes over what waits on each account, however much waits on others."""
    rows = [{"account_id": one, "until": at} for one, at in _accounts(session, why, now)]
    probes = " UNION ALL ".join(_probe(session, *one) for one in _probes(why))
    found = db.sql(probes, "now") if ":now" in probes else db.sql(probes)
    values = {"rows": db.rows(rows)} | ({"now": now} if ":now" in probes else {})
    return select(found.bindparams(**values).columns(column("id", BigInteger)).subquery().c.id)


def _probe(session: Session, each: str, condition: str) -> str:
    """The ids of what meets the condition, looked up for each account, and `each` beside it."""
    shape = db.rows_sql(session, account_id="bigint", until="timestamptz")
    mine = f"{db.only('m.account_id', 'v.account_id')} AND m.status = 'pending' AND {condition}"
    found = f"message m WHERE {mine}"
    if db.on_postgres(session):  # which else turns the join around, but not over an OFFSET
        found = f"LATERAL (SELECT m.id FROM {found} OFFSET 0) m"
    return f"SELECT m.id FROM {shape} {each} CROSS JOIN {found}"


_HELD = ("", "m.hold IS NOT NULL")
_FREE = (
    "CROSS JOIN (SELECT 0 AS p UNION ALL SELECT 1 UNION ALL SELECT 2) l",
    "m.hold IS NULL AND m.priority = l.p",
)
_DUE = " AND m.due_at <= v.until AND NOT (m.error_class IS NOT NULL AND m.due_at > :now)"


def _probes(why: str) -> tuple[tuple[str, str], ...]:
    if why in HOLDS:
        return (("", f"m.hold IS NOT NULL AND m.hold = '{why}'"),)
    return (_HELD, _FREE) if why in STATES else ((_FREE[0], _FREE[1] + _DUE),)


def _accounts(session: Session, why: str, now: datetime) -> Iterator[tuple[int, datetime]]:
    if why in HOLDS or why in STATES:
        state = a.state == STATES[why] if why in STATES else a.id.is_not(None)
        yield from ((one, now) for one in session.execute(select(a.id).where(state)).scalars())
    else:
        yield from _until(session, why, now)


def _until(session: Session, why: str, now: datetime) -> Iterator[tuple[int, datetime]]:
    """The accounts that it keeps back, and up to when all that is due there waits for it."""
    engine = blocking.read(session)
    engine = replace(engine, now=now, workers=1, unreached_since=None)  # as if somebody sent
    for one in engine.numbers.values():
        if one.state != "active":
            continue
        if quiet := one.quiet_until(now):
            if why == Reason.QUIET:
                yield one.id, quiet
        elif engine.stalls(one.id).reason == why:
            yield one.id, now

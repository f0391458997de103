"""What waits for a reason that can be a filter: a hold, a refusal, or what keeps its account back.

The other reasons of core/blocking.py keep back all that waits, or all that is due (`DUE`). One
message at a time for each person is a rule over two: no condition of one.
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
DUE = "due"  # it waits for its turn, or for what keeps back all that is due
CHOICES = (
    *(*HOLDS, str(Reason.HELD), str(Reason.RETRY), *STATES),
    *(str(Reason.QUIET), str(Reason.THROTTLED), str(Reason.SLOWED), DUE),
)
# Of what waits on the accounts in this state alone.
_AMONG = STATES | dict.fromkeys((str(Reason.HELD), str(Reason.RETRY)), "active")


def condition(session: Session, why: str, now: datetime) -> ColumnElement[bool]:
    """That one which waits does so because of this, one of `CHOICES`, asked of each row."""
    if why in HOLDS:
        return m.hold == why
    among = m.account_id.in_(select(a.id).where(a.state == _AMONG.get(why)))
    if why in STATES:
        return among
    again = and_(m.error_class.is_not(None), m.due_at > now)
    if why == Reason.HELD:
        return and_(among, m.hold != "batch")
    if why == Reason.RETRY:
        return and_(among, m.hold.is_(None), again)
    until = dict(_until(session, why, now))
    theirs = [and_(m.account_id == one, m.due_at <= at) for one, at in until.items()]
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
_AGAIN = "m.error_class IS NOT NULL AND m.due_at > :now"
_DUE = f" AND m.due_at <= v.until AND NOT ({_AGAIN})"


def _probes(why: str) -> tuple[tuple[str, str], ...]:
    if why in HOLDS:
        return ((_HELD[0], f"{_HELD[1]} AND m.hold = '{why}'"),)
    if why == Reason.HELD:  # by two ranges of the index, beside the many that a batch may hold
        return tuple((_HELD[0], f"{_HELD[1]} AND m.hold {than} 'batch'") for than in "<>")
    if why == Reason.RETRY:
        return (("", f"m.hold IS NULL AND {_AGAIN}"),)
    return (_HELD, _FREE) if why in STATES else ((_FREE[0], _FREE[1] + _DUE),)


def _accounts(session: Session, why: str, now: datetime) -> Iterator[tuple[int, datetime]]:
    if why in HOLDS or why in _AMONG:
        state = a.state == _AMONG[why] if why in _AMONG else a.id.is_not(None)
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
        elif why in (DUE, engine.stalls(one.id).reason):
            yield one.id, now

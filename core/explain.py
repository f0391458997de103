"""Why not yet? For each waiting message the one reason that keeps it, its end, and when it leaves.

Reasons are asked for in the engine's own order (core/blocking.py); the time comes from the engine's
own arithmetic (core/forecast.py). The words are in core/telling.py.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select

from core import batch_bars, blocking, db, line, shut
from core.blocking import Engine, Reason, Why
from core.errors import Refused
from core.forecast import Leave, forecast
from core.retry import WINDOW
from core.standing import m
from core.states import Status
from core.usable import Stop

Bars = Mapping[int | None, tuple[Why, bool]]
CLOSELY = 5_000  # rows of a line that are read for a single message
AT_A_GLANCE = 1_000  # for a page, over all its lines


@dataclass(frozen=True)
class Explanation:
    """Why a message has not left. `until`: when the reason ends, where that is known.

    `leaves_at` and `ahead` (how many leave before it) are at least so much unless `exact`;
    `leaves_at` is None where nobody can tell, `ahead` where it does not matter.
    """

    message_id: int
    reason: Reason
    account: str
    due_at: datetime
    until: datetime | None = None
    leaves_at: datetime | None = None
    ahead: int | None = None
    exact: bool = False
    since: datetime | None = None
    by: str | None = None
    detail: str | None = None
    hold: str | None = None
    batch_id: int | None = None
    rate: float | None = None  # messages a second of its account, now
    retry_count: int = 0
    max_retries: int = 0
    error_class: str | None = None
    error_code: int | None = None
    error_text: str | None = None


def explain(message_id: int) -> Explanation:
    """Why this message has not left. Raises Refused when there is no such message."""
    found = _explained([message_id], CLOSELY, _FORESEEN)
    if not found:
        raise Refused(f"There is no message {message_id}.")
    return found[message_id]


def explain_many(ids: Iterable[int]) -> dict[int, Explanation]:
    """The same for the messages of a page, by id; forecasts look less far than for one."""
    return _explained(list(ids), AT_A_GLANCE, _FORESEEN)


def explain_list(ids: Iterable[int]) -> dict[int, Explanation]:
    """The same for a list, where the time of what is only scheduled says enough: when that leaves
    is not foreseen, and most of a long list is so."""
    return _explained(list(ids), AT_A_GLANCE, _FORESEEN - {Reason.SCHEDULED})


def _explained(ids: list[int], rows: int, foreseen: Set[Reason]) -> dict[int, Explanation]:
    with db.reading() as session:
        asked = {row.id: row for row in session.execute(select(*_COLUMNS).where(m.id.in_(ids)))}
        engine = blocking.read(session, {row.account_id for row in asked.values()})
        batches = {row.batch_id for row in asked.values() if row.batch_id is not None}
        bars = batch_bars.read(session, batches)
        stops = shut.by_templates(session, [row.id for row in asked.values() if row.template_id])
        told = {row.id: _told(row, engine, bars, stops.get(row.id)) for row in asked.values()}
        wanted = defaultdict(set)
        for message_id, one in told.items():
            if one.reason in foreseen:
                wanted[asked[message_id].account_id].add(message_id)
        lines = [line.read(session, engine.numbers[a], rows // len(wanted)) for a in wanted]
    for each in lines:
        for message_id, leave in forecast(each, wanted[each.number.id], now=engine.now).items():
            told[message_id] = _with(leave, told[message_id], engine)
    return told


_COLUMNS = (
    *(m.id, m.account_id, m.batch_id, m.status, m.due_at, m.scheduled_at, m.hold, m.retry_count),
    *(m.max_retries, m.error_class, m.error_code, m.error_text, m.worker_id, m.unconfirmed_since),
    m.template_id,
)
_FORESEEN = {
    *(Reason.RETRY, Reason.QUIET, Reason.RECIPIENT, Reason.SCHEDULED),
    *(Reason.THROTTLED, Reason.SLOWED, Reason.TURN),
}


def _told(row: Row[Any], engine: Engine, bars: Bars, shut_by: Stop | None) -> Explanation:
    why, number = reason(row, engine, bars, shut_by), engine.numbers[row.account_id]
    barred = why.reason is Reason.PAUSED and why.until
    return Explanation(
        message_id=row.id,
        reason=why.reason,
        account=number.name,
        due_at=row.due_at,
        until=why.until,
        leaves_at=max(why.until, row.due_at) if barred and why.until else None,
        since=why.since,
        by=why.by,
        detail=why.detail,
        # What its template bars is held, whether or not its own hold has been written yet.
        hold=row.hold or ("template" if why.reason is Reason.HELD else None),
        batch_id=row.batch_id,
        rate=number.rate_at(engine.now),
        retry_count=row.retry_count,
        max_retries=row.max_retries,
        error_class=row.error_class,
        error_code=row.error_code,
        error_text=row.error_text,
    )


def reason(row: Any, engine: Engine, bars: Bars, shut_by: Stop | None = None) -> Why:
    """What keeps a message, of which `_COLUMNS` are read, and batches by `batch_bars.read`.

    `shut_by`: what its template has against it, by `shut.by_templates`.
    """
    if row.status == Status.PROCESSING:
        if row.worker_id is not None:
            return Why(Reason.SENDING)
        since: datetime = row.unconfirmed_since
        return Why(Reason.CHECKING, since=since, until=since + WINDOW)
    if row.status != Status.PENDING:
        return Why(Reason.ENDED, detail=row.status)
    if bar := engine.bars(row.account_id):
        return bar
    why, bars_all = bars.get(row.batch_id, (None, False))
    if why and (row.hold == "batch" or (bars_all and not row.hold)):
        return why
    if shut_by and row.hold in (None, "template"):
        return Why(Reason.HELD, since=shut_by.since, detail=shut_by.reason)
    if row.hold:
        return Why(Reason.HELD)
    return _not_due(row, engine) or engine.stalls(row.account_id)


def _not_due(row: Any, engine: Engine) -> Why | None:
    """Why its time has not come; None when it has."""
    now, number = engine.now, engine.numbers[row.account_id]
    if row.due_at > now and row.error_class:
        return Why(Reason.RETRY, until=row.due_at)
    quiet = number.quiet_until(now)
    if quiet and row.due_at <= quiet:
        return Why(Reason.QUIET, until=quiet)
    if row.due_at <= now:
        return None
    if quiet := number.quiet_until(row.due_at):
        return Why(Reason.QUIET, until=quiet)
    # Its own time has come, and the engine put it off: there is one at a time for each person.
    pushed = row.scheduled_at <= now
    return Why(Reason.RECIPIENT if pushed else Reason.SCHEDULED, until=row.due_at)


def _with(leave: Leave, told: Explanation, engine: Engine) -> Explanation:
    """The forecast holds while there is somebody to send."""
    sends = bool(engine.workers) and not engine.unreached_since
    at = leave.at and max(leave.at, told.due_at)
    return replace(told, leaves_at=at, ahead=leave.ahead, exact=leave.exact and sends)

"""Claiming: which due messages may leave in the free slots of which accounts.

Runs inside the tick's transaction. Locks go pace → message → attempt; rows that others hold are
skipped, so that no tick ever waits for an account or a message.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row
from sqlmodel import Session

from core import db, holding, messages, pacing, sparing
from core.meta import payloads
from core.meta.codes import ErrorClass
from core.models import Json
from core.sending import attempts, barring
from core.sending.attempts import Claim
from core.sending.lanes import Lane
from core.sending.permits import Bar, Permits
from core.sending.sieve import REACHES, READ_AHEAD, TRIED, Sieve
from core.states import Cause, Status

EXPIRED = messages.failed_as(f"'{ErrorClass.EXPIRED}'")
STILL_PENDING = db.judged("m.status = 'pending'")
OVER = "It was not to be sent after a time that passed while it waited."
LATE = "Its account could not send at its time, and it was not to leave so late."


def claim(
    session: Session,
    lanes: dict[int, Lane],
    *,
    now: datetime,
    lead: float,
    room: int,
    worker_id: int,
    installation: str,
) -> list[Claim]:
    """Claim due messages into the free slots, at most `room` over all accounts.

    Returns the claims with their attempts inserted; nothing may be posted before COMMIT answers.
    """
    sieve = Sieve(now, _share(lanes, room), {a: lane.rules for a, lane in lanes.items()})
    until = now + timedelta(seconds=lead)
    for reach in REACHES:  # read on once where blocked candidates left places free
        limits = {a: reach(n) for a, n in sieve.wanted.items() if n > 0}
        if not limits:
            break
        found = _candidates(session, limits, until)
        sieve.permits = sieve.permits.with_more(barring.read(session, found))
        blocked = sieve.sift(found)
        _expire(session, sieve.expired, now, OVER)
        _expire(session, sieve.skipped, now, LATE)
        holding.hold_in(session, sieve.late, "late", "engine", at=now)
        _keep_back(session, sieve.barred, now)
        _push(session, sieve.pushed)
        if not blocked:
            break
    for account_id, count in sieve.aside.items():
        lanes[account_id].crowded = count >= READ_AHEAD
    chosen = [(lanes[row.account_id], row) for row in sieve.passed.values()]
    return _open_attempts(session, chosen, sieve.permits, now, worker_id, installation)


def _share(lanes: dict[int, Lane], room: int) -> dict[int, int]:
    """How many each account may claim, when the process has less room than its accounts."""
    quiet = [lane for lane in lanes.values() if lane.rules.quiet_until]
    for lane in quiet:
        lane.places = QUIET_AT_ONCE  # to be put off; they take nobody's room
    awake = [lane for lane in lanes.values() if not lane.rules.quiet_until]
    narrow_first = sorted(awake, key=lambda lane: lane.free)
    for left, lane in zip(range(len(awake), 0, -1), narrow_first, strict=True):
        lane.places = min(lane.free, -(-room // left))
        room -= lane.places
    return {lane.account_id: lane.places for lane in lanes.values()}


QUIET_AT_ONCE = 100  # messages of an account in quiet hours that one tick puts off

_COLUMNS = (
    "id, account_id, recipient, priority, scheduled_at, due_at, not_after, late_policy,"
    " retry_count, max_retries, confirmed_by, kind, batch_id, template_id,"
    f" {TRIED}"
)
_DUE = "status = 'pending' AND hold IS NULL AND due_at <= :until ORDER BY due_at, id"
_FACTS = (
    "SELECT m.*, c.text, c.parameters, c.template_sha256, r.pair_tat,"
    " coalesce(r.pair_step, 0) AS pair_step, EXISTS (SELECT 1"
    " FROM message b WHERE b.account_id = m.account_id AND b.recipient = m.recipient"
    f" AND b.status = 'processing' AND b.worker_id IS NOT NULL) AS busy, {barring.OPTED_OUT}"
)
_MORE = (
    "LEFT JOIN recipient r ON r.account_id = m.account_id AND r.number = m.recipient"
    " LEFT JOIN content c ON c.message_id = m.id"
)
_PRIORITIES = "(SELECT 0 AS p UNION ALL SELECT 1 UNION ALL SELECT 2) AS l"


def _candidates(session: Session, limits: dict[int, int], until: datetime) -> list[Row[Any]]:
    """Due messages by (priority, due_at, id): one index probe for each account and priority."""
    if db.on_postgres(session):
        rows = [{"account_id": a, "n": n} for a, n in limits.items()]
        shape = db.rows_sql(session, account_id="bigint", n="bigint")
        statement = (
            f"{_FACTS} FROM {shape} CROSS JOIN {_PRIORITIES} CROSS JOIN LATERAL ("
            f"SELECT {_COLUMNS} FROM message WHERE {db.only('account_id', 'v.account_id')}"
            f" AND priority = l.p AND {_DUE} LIMIT v.n FOR NO KEY UPDATE SKIP LOCKED) m {_MORE}"
        )
        found = list(_execute(session, statement, {"rows": db.rows(rows), "until": until}))
        db.remember_locked(session, "message", [row.id for row in found])
    else:
        # It has no LATERAL, and no LIMIT that differs from row to row: one statement for each n.
        statement = (
            f"{_FACTS} FROM (SELECT {_COLUMNS} FROM (SELECT value AS account FROM"
            f" json_each(:accounts)) v CROSS JOIN {_PRIORITIES} CROSS JOIN message WHERE"
            " message.id IN (SELECT id FROM message INDEXED BY ix_message_claim"
            f" WHERE account_id = v.account AND priority = l.p AND {_DUE} LIMIT :n)) m {_MORE}"
        )
        found = []
        for n in {*limits.values()}:
            accounts = json.dumps([account for account, most in limits.items() if most == n])
            values = {"accounts": accounts, "n": n, "until": until}
            found += _execute(session, statement, values)
    return sorted(found, key=lambda row: (row.priority, row.due_at, row.id))


def _execute(session: Session, statement: str, values: dict[str, Any]) -> Sequence[Row[Any]]:
    instant = db.UtcDateTime()
    typed = db.sql(statement, "until").columns(
        scheduled_at=instant,
        due_at=instant,
        not_after=instant,
        pair_tat=instant,
        parameters=Json,
    )
    return session.execute(typed, values).all()


def _expire(session: Session, ids: list[int], now: datetime, why: str) -> None:
    moved = messages.move(
        session,
        [{"message_id": one, "at": now} for one in ids],
        Status.FAILED,
        Cause.EXPIRE,
        # Among what has ended it stands where it ended.
        also=f"error_class = {EXPIRED}, error_code = NULL, error_text = '{why}', due_at = v.at",
        at="timestamptz",
    )
    change = {one: ({"status": "pending"}, {"status": "failed"}) for one in moved}
    messages.record(session, "expired", "engine", change, at=now)


def _keep_back(session: Session, barred: dict[Bar, list[int]], now: datetime) -> None:
    """Hold what its batch or template bars; leave in peace who asked not to be contacted."""
    for bar in (Bar.BATCH, Bar.TEMPLATE):
        holding.set_hold(session, barred[bar], bar)
    sparing.leave_in_peace(session, barred[Bar.OPTED_OUT], "engine", at=now)


def _push(session: Session, due: dict[int, datetime]) -> None:
    if due:
        shape = db.rows_sql(session, message_id="bigint", due_at="timestamptz")
        session.execute(
            db.sql(
                f"UPDATE message AS m SET due_at = v.due_at FROM {shape}"
                f" WHERE m.id = v.message_id AND {STILL_PENDING}"
            ),
            {"rows": db.rows([{"message_id": i, "due_at": at} for i, at in due.items()])},
        )


def _open_attempts(
    session: Session,
    chosen: list[tuple[Lane, Any]],
    allowed: Permits,
    now: datetime,
    worker_id: int,
    installation: str,
) -> list[Claim]:
    if not chosen:
        return []
    moved = messages.move(
        session,
        [{"message_id": row.id, "worker_id": worker_id} for _, row in chosen],
        Status.PROCESSING,
        Cause.CLAIM,
        # Who confirmed stays: an attempt that goes back unposted has not used it up.
        also="worker_id = v.worker_id, attempt_count = m.attempt_count + 1,"
        " unconfirmed_since = NULL",
        worker_id="bigint",
    )
    kept = [(lane, row) for lane, row in chosen if row.id in moved]
    claims = [
        _claim(lane, row, allowed, attempt_id, now, worker_id, installation)
        for (lane, row), attempt_id in zip(kept, attempts.reserve(session, len(kept)), strict=True)
    ]
    confirmed = {row.id: row.confirmed_by for _, row in kept}
    attempts.insert(session, claims, now, confirmed)
    _fill_buckets(session, kept, claims)
    return claims


def _claim(
    lane: Lane,
    row: Any,
    allowed: Permits,
    attempt_id: int,
    now: datetime,
    worker_id: int,
    installation: str,
) -> Claim:
    return Claim(
        attempt_id=attempt_id,
        message_id=row.id,
        account_id=lane.account_id,
        worker_id=worker_id,
        recipient=row.recipient,
        slot_at=lane.take(max(now, row.due_at)),
        window=None if lane.rate is None else pacing.jitter(lane.rate),
        step=lane.step,
        url=lane.url,
        token=lane.token,
        body=allowed.body(row, payloads.reference(installation, attempt_id)),
        retry_count=row.retry_count,
        max_retries=row.max_retries,
        pair_step=row.pair_step,
    )


def _fill_buckets(session: Session, kept: list[tuple[Lane, Any]], claims: list[Claim]) -> None:
    columns = {"account_id": "bigint", "number": "text", "pair_tat": "timestamptz"}
    rows = [
        {
            "account_id": one.account_id,
            "number": one.recipient,
            "pair_tat": pacing.pair_after(row.pair_tat, one.slot_at),
        }
        for (_, row), one in zip(kept, claims, strict=True)
    ]
    # SQLite needs WHERE true to tell the upsert's ON from a join's.
    session.execute(
        db.sql(
            "INSERT INTO recipient (account_id, number, pair_tat, pair_step)"
            f" SELECT account_id, number, pair_tat, 0 FROM {db.rows_sql(session, **columns)}"
            " WHERE true ORDER BY account_id, number"
            " ON CONFLICT (account_id, number) DO UPDATE SET pair_tat = excluded.pair_tat"
        ),
        {"rows": db.rows(rows)},
    )

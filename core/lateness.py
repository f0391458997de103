"""Since when accounts can send again: by it the claim knows what has come late.

Late is how much of the time since a message's time its account was paused, stopped, unreachable or
without a living worker. What messages wait for each other is not late.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlmodel import Session

from core import db
from core.sending.sieve import late_after


def ready_again(
    session: Session,
    now: datetime,
    account_ids: Iterable[int] | None = None,
    *,
    since: datetime | None = None,
) -> None:
    """Note that accounts (None: all) can send again, which they could not `since` then.

    A time shorter than what the account calls late makes nothing late: else a moment's trouble
    would make late the tail of a batch that leaves over hours. It counts where it begins before
    the last such time has ended, and where `since` is None.
    """
    chosen = None if account_ids is None else set(account_ids)
    found = session.execute(
        db.sql(
            "SELECT p.account_id, p.ready_since, a.late_after FROM pace p"
            " JOIN account a ON a.id = p.account_id ORDER BY p.account_id"
        ).columns(ready_since=db.UtcDateTime())
    )
    rows = [
        {"account_id": row.account_id, "now": now}
        for row in found
        if (chosen is None or row.account_id in chosen)
        and _counts(now, since, row.ready_since, late_after(row.late_after))
    ]
    if rows:
        # Only what is changed: ticks pass over an account that is locked.
        db.lock(session, "pace", [row["account_id"] for row in rows], key="account_id")
        shape = db.rows_sql(session, account_id="bigint", now="timestamptz")
        session.execute(
            db.sql(
                f"UPDATE pace AS p SET ready_since = v.now FROM {shape}"
                " WHERE p.account_id = v.account_id"
            ),
            {"rows": db.rows(rows)},
        )


def forget(session: Session, account_id: int | None = None) -> None:
    """Call nothing late that came due until now, of one account or of all: a person has decided."""
    one = "" if account_id is None else " WHERE account_id = :id"
    if db.on_postgres(session):
        ordered = f"SELECT account_id FROM pace{one} ORDER BY account_id FOR NO KEY UPDATE"
        session.execute(db.sql(ordered), {"id": account_id})
    session.execute(db.sql(f"UPDATE pace SET ready_since = NULL{one}"), {"id": account_id})


def _counts(
    now: datetime, since: datetime | None, last: datetime | None, late_after: timedelta
) -> bool:
    return since is None or now - since > late_after or (last is not None and since <= last)

"""What is stored already of the people and the references of a file, by what it says."""

import json
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from sqlalchemy import Row as Found
from sqlalchemy import func, select
from sqlmodel import Session, col

from core import db
from core.models import Content, Json
from core.states import Status

UNCOMMITTED = 20_000  # ids: far more than are ever given to transactions that are still open
_ALMOST_A_SECOND = timedelta(microseconds=999_999)


@dataclass
class There:
    """Messages by their digest, all that there are up to the id `until`."""

    of: dict[bytes, list[Found[Any]]] = field(default_factory=lambda: defaultdict(list))
    until: int = 0


def digest(account_id: int, recipient: str, template: Any, parameters: Any, text: Any) -> bytes:
    """Of what somebody reads, and who; `template` is its name and language."""
    said = [account_id, recipient, *([*template, parameters] if template[0] else [text])]
    return blake2b(json.dumps(said, sort_keys=True).encode(), digest_size=16).digest()


def newest(session: Session) -> int:
    """The id up to which everything is committed that ever will be."""
    last = session.execute(select(func.max(col(Content.message_id)))).scalar() or 0
    return max(last - UNCOMMITTED, 0)


_LIVE = "m.status <> 'cancelled' AND m.deleted_at IS NULL"
_COLUMNS = (
    "(SELECT state FROM batch WHERE batch.id = m.batch_id) AS batch_state, m.version,"
    " m.id, m.account_id, m.recipient, m.reference, m.status, m.error_class, m.scheduled_at,"
    " m.priority, m.max_retries, m.not_after, m.late_policy, m.batch_id, c.text, c.template,"
    " c.language, c.parameters, c.label"
)


def referred(session: Session, account_id: int, references: Sequence[str]) -> list[Found[Any]]:
    """What of an account has these references now, with what it says.

    Before it what people gave to another number, one by one or many at once.
    """
    found = _referred(session, account_id, references, _GIVEN_AWAY)
    return found + _referred(session, account_id, references, "x.id = :account")


_FORMER = "e.kind IN ('move', 'edit') AND e.before ->> 'account'"  # its name, which no one changes
_WAS_THIS = db.judged(f"{_FORMER} = (SELECT name FROM account WHERE id = :account)")
_GIVEN_AWAY = (
    "x.id <> :account AND EXISTS"
    f" (SELECT 1 FROM message_event e WHERE e.message_id = m.id AND {_WAS_THIS})"
)


def _referred(
    session: Session, account_id: int, references: Sequence[str], theirs: str
) -> list[Found[Any]]:
    asked = (
        # CROSS JOIN: SQLite would begin with all of the account's references.
        f"SELECT {_COLUMNS} FROM {db.rows_sql(session, reference='text')} CROSS JOIN account x"
        " CROSS JOIN message m JOIN content c ON c.message_id = m.id"
        f" WHERE {db.only('m.reference', 'v.reference')} AND m.account_id = x.id AND {theirs}"
        f" AND m.reference IS NOT NULL AND {_LIVE}"
    )
    rows = db.rows([{"reference": one} for one in references])
    return _found(session, asked, rows=rows, account=account_id)


def written_to(
    session: Session,
    asked: Collection[tuple[str, datetime | None]],
    *,
    since: datetime,
    batches: Collection[int],
    without: Collection[int],
    after: int,
) -> There:
    """What was scheduled for these people and could be said again, of messages behind `after`.

    Of somebody with a time, what has the same second; else what waits, what was scheduled `since`,
    and what is in these `batches`. Nothing of the batches `without`.
    """
    seconds = {(number, at and second(at)) for number, at in asked}
    rows = [
        {"number": number, "first": at, "last": at and at + _ALMOST_A_SECOND}
        for number, at in seconds
    ]
    shape = {"number": "text", "first": "timestamptz", "last": "timestamptz"}
    of_these = ", ".join(map(str, sorted(batches))) or "NULL"
    could_be = (
        "CASE WHEN v.first IS NOT NULL THEN m.scheduled_at BETWEEN v.first AND v.last"
        " ELSE m.status = 'pending' OR m.scheduled_at > :since"
        f" OR coalesce(m.batch_id IN ({of_these}), false) END"
    )
    statement = (
        f"SELECT {_COLUMNS} FROM {db.rows_sql(session, **shape)} JOIN content c ON"
        f" {db.only('c.recipient', 'v.number')} AND c.message_id > :after"
        f" JOIN message m ON m.id = c.message_id WHERE {db.judged(f'{_LIVE} AND {could_be}')}"
    )
    told = _found(session, statement, rows=db.rows(rows), since=since, after=after)
    counting = [one for one in told if one.batch_id not in without and _counts(one)]
    formerly = _former_accounts(session, [one.id for one in counting if one.version > 1])
    there = There()
    for found in counting:
        for account_id in {found.account_id, *formerly[found.id]}:
            there.of[digest_of(found, account_id)].append(found)
    return there


def _former_accounts(session: Session, ids: Sequence[int]) -> dict[int, list[int]]:
    """From which of our numbers these would have left before people gave them to another."""
    asked = db.sql(
        f"SELECT e.message_id, x.id FROM {db.rows_sql(session, message_id='bigint')}"
        " JOIN message_event e ON e.message_id = v.message_id"
        f" JOIN account x ON {db.judged(f'{_FORMER} = x.name')}"
    )
    found = defaultdict[int, list[int]](list)
    if ids:
        rows = db.rows([{"message_id": one} for one in ids])
        for message_id, account_id in session.execute(asked, {"rows": rows}):
            found[message_id].append(account_id)
    return found


def second(at: datetime) -> datetime:
    """Workbooks have no more of a time, and nobody writes the same twice within one."""
    return at.replace(microsecond=0)


def _found(session: Session, asked: str, **values: Any) -> list[Found[Any]]:
    instant = db.UtcDateTime()
    given = [name for name, value in values.items() if isinstance(value, datetime)]
    typed = db.sql(asked, *given).columns(scheduled_at=instant, not_after=instant, parameters=Json)
    return list(session.execute(typed, values).all())


def digest_of(found: Found[Any], account_id: int | None = None) -> bytes:
    """The digest of what is stored, as if it were of this account."""
    named, of = (found.template, found.language), account_id or found.account_id
    return digest(of, found.recipient, named, found.parameters, found.text)


def is_over(found: Found[Any]) -> bool:
    """Whether it waits for nothing any more: its batch was cancelled or called off."""
    return bool(found.status == Status.PENDING and found.batch_state == "cancelled")


def _counts(found: Found[Any]) -> bool:
    """Whether what is there will reach, has reached or may have reached somebody."""
    if is_over(found):
        return False
    going = (Status.PENDING, Status.PROCESSING, Status.SENT)
    return found.status in going or found.error_class == "unknown"

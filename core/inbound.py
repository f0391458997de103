"""What people write to us: kept once, on the number that they wrote to.

Who writes opens the window of 24 hours in which Meta takes free text and counts no new person.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlmodel import Session

from core import db, numbering
from core.meta.inbound import NOT_WRITTEN, InboundMessage


@dataclass(frozen=True)
class Heard:
    """What was not known yet. `number`: E.164, as we write to them."""

    account_id: int
    number: str
    kind: str
    text: str | None
    answers: str | None  # Meta's id of the message that it quotes
    at: datetime


# Of `v.sender` and `v.otherwise` the number that account `a` has written to, for Meta's id of a
# person may be written another way than the number that we send to.
WRITTEN_TO = (
    "(SELECT r.number FROM recipient r WHERE r.account_id = a.id"
    " AND r.number IN (v.sender, v.otherwise) AND r.pair_tat IS NOT NULL"
    " ORDER BY r.pair_tat DESC LIMIT 1)"
)
_SHAPE = {
    "wamid": "text",
    "phone_number_id": "text",
    "sender": "text",
    "otherwise": "text",
    "kind": "text",
    "text": "text",
    "answers": "text",
    "at": "timestamptz",
    "event_id": "bigint",
}


def keep(session: Session, told: Sequence[tuple[int, InboundMessage]]) -> list[Heard]:
    """Store what was told, each with its webhook's id, however often; returns what is new.

    What was written to a number that is none of ours is left out: `strangers` finds it.
    """
    if not told:
        return []
    rows = [
        asdict(one) | {"event_id": event_id, "otherwise": numbering.otherwise(one.sender)}
        for event_id, one in told
    ]
    kept = session.execute(
        db.sql(
            "INSERT INTO inbound (wamid, account_id, number, kind, text, answers, at,"
            " webhook_event_id)"
            f" SELECT v.wamid, a.id, coalesce(m.recipient, {WRITTEN_TO}, v.sender), v.kind, v.text,"
            f" v.answers, v.at, v.event_id FROM {db.rows_sql(session, **_SHAPE)}"
            " JOIN account a ON a.phone_number_id = v.phone_number_id"
            " LEFT JOIN attempt t ON t.meta_message_id = v.answers AND t.account_id = a.id"
            " LEFT JOIN message m ON m.id = t.message_id"
            " WHERE true ORDER BY v.at, v.wamid ON CONFLICT (wamid) DO NOTHING"
            " RETURNING account_id, number, kind, text, answers, at"
        ).columns(at=db.UtcDateTime()),
        {"rows": db.rows(rows)},
    )
    return [Heard(**row) for row in kept.mappings()]


def strangers(session: Session, told: Sequence[InboundMessage]) -> set[str]:
    """The ids of the numbers written to that are none of ours."""
    asked = {one.phone_number_id for one in told}
    if not asked:
        return set()
    source = db.rows_sql(session, phone_number_id="text")
    known = session.execute(
        db.sql(
            f"SELECT a.phone_number_id FROM {source}"
            " JOIN account a ON a.phone_number_id = v.phone_number_id"
        ),
        {"rows": db.rows([{"phone_number_id": one} for one in asked])},
    )
    return asked - set(known.scalars())


def open_windows(session: Session, heard: Sequence[Heard]) -> None:
    """Keep when each last wrote; it never goes back, in whatever order webhooks come.

    A transaction that comes here takes no other lock after: each tick writes to these rows last.
    """
    last: dict[tuple[int, str], datetime] = {}
    for one in heard:
        if one.kind not in NOT_WRITTEN:
            key = (one.account_id, one.number)
            last[key] = max(one.at, last.get(key, one.at))
    rows = [{"account_id": key[0], "number": key[1], "at": at} for key, at in last.items()]
    source = db.rows_sql(session, account_id="bigint", number="text", at="timestamptz")
    if rows:
        session.execute(
            db.sql(
                "INSERT INTO recipient (account_id, number, pair_step, last_inbound_at)"
                f" SELECT account_id, number, 0, at FROM {source}"
                " WHERE true ORDER BY account_id, number"
                " ON CONFLICT (account_id, number) DO UPDATE"
                " SET last_inbound_at = excluded.last_inbound_at"
                " WHERE recipient.last_inbound_at IS NULL"
                " OR recipient.last_inbound_at < excluded.last_inbound_at"
            ),
            {"rows": db.rows(rows)},
        )

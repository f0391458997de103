"""What an operation did to messages that nobody has touched since: what of it can be undone."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, exists, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from core.choosing import e
from core.models import Attempt, MessageEvent


class Former(NamedTuple):
    """One of these as it stands now, the columns that it had before, and until when."""

    row: Row[Any]
    columns: Mapping[str, Any]
    until: datetime


def since(session: Session, operation_id: int | None, ids: Collection[int]) -> dict[int, Row[Any]]:
    """Its events of those of these messages that nobody changed or claimed since, by message.

    The caller holds their locks. Each event has `at`, `before` and `after`.
    """
    later = aliased(MessageEvent)
    changed = exists().where(col(later.message_id) == e.message_id, col(later.id) > e.id)
    claimed = exists().where(
        col(Attempt.message_id) == e.message_id, col(Attempt.claimed_at) >= e.at
    )
    # + 0: by message, who has few events; the operation may have a million, for each chunk anew.
    mine = (e.operation_id + 0 == operation_id, e.message_id.in_(ids))
    made = select(e.message_id, e.at, e.before, e.after).where(*mine, ~changed, ~claimed)
    return {row.message_id: row for row in session.execute(made)}

"""One row of each kind that bars messages: read anew by each claim, so that it holds at once.

Who asked not to be contacted, batches, templates: a person's word about any of them holds within a
tick, however many messages it is about. Holds and cancellations follow, so that the claim's index
skips what these rows bar.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row, bindparam
from sqlmodel import Session

from core import db, shapes
from core.covering import MARKETING_CATEGORY
from core.models import Json
from core.sending.permits import Approved, Permits

# How much of what this account sends to this person an opt-out covers: 2 everything, 1 marketing.
OPTED_OUT = (
    "(SELECT max(CASE o.scope WHEN 'everything' THEN 2 ELSE 1 END) FROM opt_out o"
    " WHERE o.number = m.recipient AND o.lifted_at IS NULL"
    " AND (o.account_id IS NULL OR o.account_id = m.account_id)) AS opted_out"
)
# A batch whose first few are on trial lets those go that are not held; of a finished one there may
# be what was brought back in the moment in which it was called so.
_RELEASED = "(state IN ('released', 'finished') OR (state = 'held' AND trial_since IS NOT NULL))"
_SENDS = "status = 'APPROVED' AND hold IS NULL"
_TEMPLATE = "id, name, language, category, sha256, parameter_format, components"


def read(session: Session, candidates: Iterable[Row[Any]]) -> Permits:
    """What lets these candidates go; costs nothing where none has a batch or a template."""
    rows = list(candidates)
    batches = {row.batch_id for row in rows if row.batch_id is not None}
    templates = {row.template_id for row in rows if row.template_id is not None}
    released = _of(session, "SELECT id FROM batch", batches, _RELEASED)
    return Permits(
        frozenset(row.id for row in released),
        {
            row.id: _approved(row)
            for row in _of(session, f"SELECT {_TEMPLATE} FROM template", templates, _SENDS)
        },
    )


def _of(session: Session, columns: str, ids: set[int], condition: str) -> Sequence[Row[Any]]:
    if not ids:
        return ()
    asked = db.sql(f"{columns} WHERE id IN :ids AND {condition}")
    typed = asked.bindparams(bindparam("ids", expanding=True)).columns(components=Json)
    return session.execute(typed, {"ids": sorted(ids)}).all()


def _approved(row: Row[Any]) -> Approved:
    marketing = row.category == MARKETING_CATEGORY
    shape = shapes.shape_of(row.sha256, row.components, row.parameter_format)
    return Approved(row.name, row.language, row.sha256, marketing, shape)

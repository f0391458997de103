"""Which messages of a file people changed here since their file, or a later one, said otherwise."""

from collections import Counter
from collections.abc import Collection

from sqlalchemy import select
from sqlmodel import Session

from core.choosing import e

_EDIT, _UNLOADED = "edit", "undo load"
_MANY = ("correct", "reschedule", "adjust", "move")
_BACK = tuple(f"undo {one}" for one in _MANY)


def changed(session: Session, ids: Collection[int]) -> set[int]:
    """Those of these that say what a person wrote, leave when they said, or from where: edited, or
    changed with many."""
    kinds = (_EDIT, *_MANY, *_BACK, _UNLOADED)
    asked = select(e.message_id, e.kind, e.operation_id).where(
        e.message_id.in_(ids), e.kind.in_(kinds)
    )
    stand: Counter[int] = Counter()
    before: Counter[int] = Counter()  # a file's last word
    for row in session.execute(asked.order_by(e.id)):
        if row.kind == _EDIT and row.operation_id is not None:  # a file had the last word
            before[row.message_id], stand[row.message_id] = stand[row.message_id], 0
        elif row.kind == _UNLOADED:
            stand[row.message_id] = before[row.message_id]
        else:
            stand[row.message_id] += -1 if row.kind in _BACK else 1
    return {one for one, changes in stand.items() if changes > 0}

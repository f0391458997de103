"""Leaving in peace all who are on the list: an operation, for when many were added at once."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from core import db, operations, optouts
from core.operations import Taken

WINDOW = 500  # opt-outs looked at in one transaction


def chunks(mine: Taken) -> Iterator[Taken]:
    """One transaction after another, until all that is pending and covered is cancelled."""
    going = True
    while going:
        mine, going = _chunk(mine)
        yield mine


def _chunk(mine: Taken) -> tuple[Taken, bool]:
    """Cancel at most 1,000 messages of the next opt-outs; whether there is more to do for us.

    What was cancelled is found no more, so that a full chunk looks at the same opt-outs again.
    """
    with db.writing() as session:
        held = operations.renew(session, mine)
        if held is None:
            return mine, False
        end = held.after + WINDOW
        ids = optouts.pending(session, "o.id > :after AND o.id <= :end", after=held.after, end=end)
        moved = optouts.leave_in_peace(
            session, ids, held.by, at=db.now(session), operation_id=held.id
        )
        lost = Counter(changed=len(ids) - len(moved)) if len(moved) < len(ids) else Counter()
        full = len(ids) == optouts.CHUNK
        last = session.execute(db.sql("SELECT coalesce(max(id), 0) FROM opt_out")).scalar_one()
        mine = replace(
            held,
            after=held.after if full else end,
            done=held.done + len(moved),
            why=dict(Counter(held.why) + lost),
        )
        operations.progress(session, mine, ended=not full and end >= last)
    return mine, full or end < last

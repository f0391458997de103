"""What columns were the last time: by the headings of the files that were loaded."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlmodel import col

from core import db
from core.models import Batch

LATEST = 50  # batches that are looked at, the newest first


def columns(headings: Sequence[str]) -> dict[str, str]:
    """Field → heading, as the newest batch had it whose file had a column of that name."""
    there, found = set(headings), dict[str, str]()
    newest = select(col(Batch.arguments)).order_by(col(Batch.id).desc()).limit(LATEST)
    with db.reading() as session:
        plans = [plan for plan in session.execute(newest).scalars() if plan]
    for plan in plans:
        for what, heading in plan.get("columns", {}).items():
            if heading in there and what not in found:
                found[what] = heading
                there.discard(heading)
    return found


def parameters(headings: Sequence[str], template: str) -> dict[str, tuple[str | None, str]]:
    """Key → (heading or None, the same for all), as the newest batch with this template had it.

    Empty where that file had other columns.
    """
    newest = select(col(Batch.arguments)).order_by(col(Batch.id).desc()).limit(LATEST)
    with db.reading() as session:
        plans = [plan for plan in session.execute(newest).scalars() if plan]
    for plan in plans:
        fills = plan.get("parameters", {})
        if plan.get("template") == template and fills:
            used = {key: (one["column"], one["fixed"]) for key, one in fills.items()}
            return used if {h for h, _ in used.values() if h} <= set(headings) else {}
    return {}

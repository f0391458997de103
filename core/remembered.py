"""What columns were the last time: by the headings of the files that were loaded."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlmodel import col

from core import db
from core.models import Batch

LATEST = 50  # batches that are looked at, the newest first


def _plans() -> list[dict[str, Any]]:
    newest = select(col(Batch.arguments)).order_by(col(Batch.id).desc()).limit(LATEST)
    with db.reading() as session:
        return [plan for plan in session.execute(newest).scalars() if plan]


def columns(headings: Sequence[str]) -> dict[str, str]:
    """Field → heading, as the newest batch had it whose file had a column of that name."""
    there, found = set(headings), dict[str, str]()
    for plan in _plans():
        for what, heading in plan.get("columns", {}).items():
            if heading in there and what not in found:
                found[what] = heading
                there.discard(heading)
    return found


def parameters(headings: Sequence[str], template: str) -> dict[str, tuple[str | None, str]]:
    """Key → (heading or None, the same for all), as the newest batch with this template had it.

    Empty where that file had other columns.
    """
    for plan in _plans():
        fills = plan.get("parameters", {})
        if plan.get("template") == template and fills:
            used = {key: (one["column"], one["fixed"]) for key, one in fills.items()}
            return used if {h for h, _ in used.values() if h} <= set(headings) else {}
    return {}


def template(headings: Sequence[str]) -> tuple[str, str] | None:
    """Name and language of the template of the newest batch whose file had these columns, where
    some of them filled it; None where that batch had none, or each row its own."""
    there = set(headings)
    for plan in _plans():
        fills = {one["column"] for one in plan.get("parameters", {}).values() if one["column"]}
        used = fills | set(plan.get("columns", {}).values())
        if used and used <= there:
            return (plan["template"], plan["language"]) if fills and plan["template"] else None
    return None

"""Another priority, or another number of retries, for messages that wait."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row
from sqlmodel import Session

from core import composing
from core.errors import Invalid, Problem
from core.leasing import Taken
from core.standing import m
from core.untouched import Former

MAY_BE = {"priority": range(3), "max_retries": range(composing.MOST_RETRIES + 1)}


def to(**values: int) -> dict[str, Any]:
    """The arguments for these columns of these values. Raises Invalid at a column."""
    for name, value in values.items():
        if value not in MAY_BE.get(name, ()):
            raise Invalid(Problem(name, "range", f"{name} cannot be {value}."))
    return {"to": values}


def looks_at(arguments: Mapping[str, Any], now: datetime) -> dict[str, ColumnElement[Any]]:
    return {name: m[name] for name in ("priority", "max_retries", "retry_count")}


def reads(arguments: Mapping[str, Any]) -> dict[str, ColumnElement[Any]]:
    return {}


def why_not(row: Any, arguments: Mapping[str, Any]) -> str | None:
    wanted = arguments["to"]
    if all(getattr(row, name) == value for name, value in wanted.items()):
        return "has_it"
    return "tried" if row.retry_count > wanted.get("max_retries", row.retry_count) else None


def changes(
    rows: Sequence[Row[Any]], mine: Taken, now: datetime
) -> Iterator[Mapping[str, Any] | str]:
    yield from [mine.arguments["to"]] * len(rows)


def stays(session: Session, found: Mapping[int, Former]) -> dict[int, str]:
    return {}

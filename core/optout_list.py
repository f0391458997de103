"""The list of who asked not to be contacted: read page by page by key, and as CSV."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC

from sqlalchemy import func, select
from sqlmodel import Session, col

from core import covering, db
from core.formulas import neutral
from core.models import OptOut
from core.optout_file import EXPORTED, NUMBERS, OPTIONAL

PAGE = 50
CHUNK = 1_000
COLUMNS = (NUMBERS[0], *OPTIONAL, *EXPORTED)


@dataclass(frozen=True)
class Listed:
    """Opt-outs, latest first, with the accounts' names; `before`/`after`: ids to go on from."""

    rows: list[OptOut]
    accounts: Mapping[int, str]
    before: int | None
    after: int | None


def page(
    *,
    lifted: bool = False,
    number: str | None = None,
    after: int | None = None,
    before: int | None = None,
    size: int = PAGE,
) -> Listed:
    """What is in force (and, with `lifted`, what was), older than the id `after` or newer than
    `before`; of one `number`, where it is given."""
    with db.reading() as session:
        rows = _read(session, lifted, number, after, before, size + 1)
        accounts = covering.names(session)
    more, rows = len(rows) > size, rows[:size]
    if before is not None:
        rows.reverse()
    if not rows:
        return Listed([], accounts, None, None)
    newer = more if before is not None else after is not None
    older = more if before is None else True
    return Listed(rows, accounts, rows[0].id if newer else None, rows[-1].id if older else None)


def _read(
    session: Session,
    lifted: bool,
    number: str | None,
    after: int | None,
    before: int | None,
    limit: int,
) -> list[OptOut]:
    wanted = select(OptOut).limit(limit)
    if not lifted:
        wanted = wanted.where(col(OptOut.lifted_at).is_(None))
    if number is not None:
        wanted = wanted.where(col(OptOut.number) == number)
    if before is not None:
        wanted = wanted.where(col(OptOut.id) > before).order_by(col(OptOut.id))
    else:
        wanted = wanted.order_by(col(OptOut.id).desc())
        wanted = wanted.where(col(OptOut.id) < after) if after is not None else wanted
    return list(session.execute(wanted).scalars())


def count() -> int:
    """How many are in force."""
    with db.reading() as session:
        few = select(func.count()).select_from(OptOut).where(col(OptOut.lifted_at).is_(None))
        return int(session.execute(few).scalar_one())


def csv_rows() -> Iterator[str]:
    """What is in force as CSV, oldest first, in pieces; our own import reads it back.

    Begins with a BOM, so that Excel reads UTF-8; the number is bare E.164.
    """
    return (piece for piece, _ in csv_pieces())


def csv_pieces() -> Iterator[tuple[str, int]]:
    """The same, each with how many rows it has."""
    yield "\ufeff" + _line(COLUMNS), 0
    last = 0
    while True:
        with db.reading() as session:
            accounts = covering.names(session)
            few = select(OptOut).where(col(OptOut.id) > last, col(OptOut.lifted_at).is_(None))
            rows = list(session.execute(few.order_by(col(OptOut.id)).limit(CHUNK)).scalars())
        if not rows:
            return
        yield "".join(_line(_cells(one, accounts)) for one in rows), len(rows)
        last = rows[-1].id


def _cells(one: OptOut, accounts: Mapping[int, str]) -> tuple[str, ...]:
    account = accounts.get(one.account_id, "") if one.account_id is not None else ""
    words = (one.scope, account, one.reason or "", one.source)
    at = one.created_at.astimezone(UTC).isoformat(timespec="seconds")
    return (one.number, *(neutral(word) for word in words), at, neutral(one.created_by))


def _line(values: tuple[str, ...]) -> str:
    written = io.StringIO()
    csv.writer(written).writerow(values)
    return written.getvalue()

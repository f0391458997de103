"""Many numbers that are not to be contacted, from a file: what is right counts at once."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlmodel import col

from core import account_checks, audit, db, optouts, sparing
from core.access import Actor, Role, needs
from core.errors import Invalid
from core.models import Account
from core.optout_file import Sender, WrongLine, read
from core.sheets import decoding

CHUNK = 1_000


@dataclass(frozen=True)
class Imported:
    """How many were added, how many the list had, what is wrong; the operation that cancels."""

    added: int
    already: int
    wrong: Sequence[WrongLine]
    operation_id: int | None


@needs(Role.OPERATOR)
def import_(
    given: str | bytes, *, by: Actor, home: str | None = None, here: bool = False
) -> Imported:
    """Add the lines that are right, tell the others; the same file again changes nothing.

    In chunks: what is added is in force from then on, whatever happens to the rest. What is pending
    for them is cancelled by an operation, which a worker runs unless this process does so `here`.
    Raises Invalid (fields file, country) where nothing can be read.
    """
    if home is not None and (wrong := account_checks.problems({"country": home})):
        raise Invalid(*wrong)
    text = given if isinstance(given, str) else decoding.decoded(given)[0]
    wishes, broken = read(text, senders=_senders(), home=home)
    added = 0
    for start in range(0, len(wishes), CHUNK):
        with db.writing() as session:
            added += len(optouts.put(session, wishes[start : start + CHUNK], by.name))
    if wishes:
        with db.writing() as session:
            told = {"added": added, "already": len(wishes) - added, "wrong": len(broken)}
            audit.record(session, by, "opt-outs imported", after=told)
    operation = sparing.leave_all(by=by, here=here) if added else None
    return Imported(added, len(wishes) - added, broken, operation)


def _senders() -> dict[str, Sender]:
    with db.reading() as session:
        found = session.execute(select(col(Account.id), col(Account.name), col(Account.country)))
        return {row.name.lower(): Sender(row.id, row.country) for row in found}

"""A list of who is not to be contacted, put on ours: the operation, a thousand rows at a time.

What is right counts from its commit on, whatever becomes of the rest.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from core import audit, db, files, leasing, operations, optouts, sparing
from core.access import Actor, Role
from core.choosing import Choice
from core.kinds import Kind
from core.leasing import Taken
from core.models import Account
from core.optout_file import Part, Sender, parts
from core.wake import wake_operations

MOST_TOLD = 1_000  # of what is wrong


def work(mine: Taken) -> Iterator[Taken]:
    """Add the lines that are right; the same file again changes nothing.

    Result: `added`, `already`, `wrong` (at most 1,000 of line, column, value, reason),
    `wrong_lines`, and `cancels`: the operation that cancels what is pending for them.
    """
    text = b"".join(files.read(mine.arguments["file_id"])).decode()
    for part in parts(text, senders=_senders(), home=mine.arguments["home"], after=mine.after):
        kept = _part(mine, part)
        if kept is None:
            _follow_up(mine)
            return
        mine = kept
        yield mine
    yield from _end(mine)


def _senders() -> dict[str, Sender]:
    with db.reading() as session:
        found = session.execute(select(col(Account.id), col(Account.name), col(Account.country)))
        return {row.name.lower(): Sender(row.id, row.country) for row in found}


def _part(mine: Taken, part: Part) -> Taken | None:
    """One transaction; None where the operation is not ours any more."""
    with db.writing() as session:
        held = leasing.renew(session, mine)
        if held is None:
            return None
        added = len(optouts.put(session, part.wishes, held.by))
        told = [*held.result.get("wrong", ()), *map(asdict, part.wrong)]
        more = {
            "added": added,
            "already": len(part.wishes) - added,
            "wrong_lines": len({one.line for one in part.wrong}),
        }
        result = {name: held.result.get(name, 0) + count for name, count in more.items()}
        mine = replace(
            held,
            after=part.rows,
            done=part.rows,
            result=result | {"wrong": told[:MOST_TOLD]},
        )
        leasing.progress(session, mine, ended=False)
    return mine


def _end(mine: Taken) -> Iterator[Taken]:
    with db.writing() as session:
        held = leasing.renew(session, mine)
        if held is None:
            return
        result: Mapping[str, Any] = {"added": 0, "already": 0, "wrong": [], "wrong_lines": 0}
        result = {**result, **held.result}
        if result["added"] or result["already"]:
            told = {name: result[name] for name in ("added", "already")}
            told["wrong"] = result["wrong_lines"]
            audit.record(session, _by(held), "opt-outs imported", after=told)
        cancels = _cancel_pending(session, held) if result["added"] else None
        held = replace(held, counted=held.done, result={**result, "cancels": cancels})
        leasing.progress(session, held, ended=True)
    wake_operations()
    yield held


def _by(mine: Taken) -> Actor:
    return Actor(mine.by, Role.OPERATOR)


def _cancel_pending(session: Session, mine: Taken) -> int:
    here = bool(mine.arguments["cancels_here"])
    return operations.put(session, Kind.LEAVE, Choice(), by=_by(mine), here=here)


def _follow_up(mine: Taken) -> None:
    """Called off by a person, what was added stays on the list, and counts for what is pending."""
    if mine.result.get("added") and operations.state(mine.id).state == "cancelled":
        sparing.leave_all(by=_by(mine))

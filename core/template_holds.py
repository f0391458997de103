"""The holds of a template's waiting messages, brought in line with the template as it now stands.

The template's row decides alone what may leave (core/sending/barring.py). These holds follow, so
that the claim's index skips what the row bars. Each chunk judges by the row that it reads, so it
does not matter how often, and in what order, such operations run.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, select
from sqlmodel import Session

from core import composing, db, drafts, holding, messages, templating, usable
from core.filtering import c
from core.leasing import Taken
from core.models import Template
from core.standing import m
from core.states import Status


def settle(session: Session, mine: Taken, ids: list[int]) -> tuple[int, Counter[str]]:
    """Hold and let go among these messages; how many were changed, and why the others were not.

    `mine.arguments` may have `accepted`: the digest of the template as a person accepted it for
    what was scheduled with an earlier one, where its parameters still fit.
    """
    db.lock(session, "message", ids)
    template = session.get_one(Template, mine.choice.template_id)
    rows = _rows(session, ids, template.id)
    fit = _accept(session, mine, template, rows) if _is_accepted(template, mine) else set()
    free = {one.id for one in rows if usable.sends(template) and _is_same(one, template, fit)}
    held = holding.set_hold(session, {one.id for one in rows} - free, "template")
    freed = holding.lift(session, free, "template")
    _record(session, mine, held, freed)
    unfit = {one.id for one in rows} - free if _is_accepted(template, mine) else set()
    changed = held | freed | fit
    rest = ("unfit" if one in unfit else "right" for one in ids if one not in changed)
    return len(changed), Counter(rest)


def _rows(session: Session, ids: Sequence[int], template_id: int) -> Sequence[Row[Any]]:
    chosen = select(
        *(m.id, m.hold, m.recipient, c.text, c.parameters, c.template_sha256)
    ).join_from(m.id.table, c.message_id.table, c.message_id == m.id)
    waiting = (m.id.in_(ids), m.status == Status.PENDING.value, m.template_id == template_id)
    return session.execute(chosen.where(*waiting)).all()


def _is_accepted(template: Template, mine: Taken) -> bool:
    return mine.arguments.get("accepted") == template.sha256


def _is_same(row: Row[Any], template: Template, fit: set[int]) -> bool:
    return row.id in fit or row.template_sha256 == template.sha256


def _accept(
    session: Session, mine: Taken, template: Template, rows: Sequence[Row[Any]]
) -> set[int]:
    """Put the template as it is now in the place of the earlier one, where it can be filled."""
    wanted = composing.shape_of(template)
    earlier = [one for one in rows if one.template_sha256 != template.sha256]
    fitting = {
        one.id: one for one in earlier if templating.misfit(wanted, one.parameters or {}) is None
    }
    words = {i: templating.shown(wanted, one.parameters or {}).body for i, one in fitting.items()}
    values = [
        {
            "message_id": i,
            "text": text,
            "search": drafts.search_words(fitting[i].recipient, text),
            "sha256": template.sha256,
        }
        for i, text in words.items()
    ]
    _rewrite(session, values)
    events = {
        i: (
            {"text": one.text, "template_sha256": one.template_sha256},
            {"text": words[i], "template_sha256": template.sha256},
        )
        for i, one in sorted(fitting.items())
    }
    messages.record(
        session, "template accepted", mine.by, events, at=db.now(session), operation_id=mine.id
    )
    return set(fitting)


def _rewrite(session: Session, values: Sequence[Mapping[str, Any]]) -> None:
    """With a new version, so that who is editing one is told."""
    if not values:
        return
    columns = {"message_id": "bigint", "text": "text", "search": "text", "sha256": "text"}
    found, rows = db.rows_sql(session, **columns), {"rows": db.rows(values)}
    session.execute(
        db.sql(
            "UPDATE content AS c SET text = v.text, search = v.search, template_sha256 = v.sha256"
            f" FROM {found} WHERE c.message_id = v.message_id"
        ),
        rows,
    )
    newer = "UPDATE message AS m SET version = m.version + 1"
    session.execute(db.sql(f"{newer} FROM {found} WHERE m.id = v.message_id"), rows)


def _record(session: Session, mine: Taken, held: set[int], freed: set[int]) -> None:
    at = db.now(session)
    for kind, ids, change in (
        ("hold", held, ({"hold": None}, {"hold": "template"})),
        ("release", freed, ({"hold": "template"}, {"hold": None})),
    ):
        changes = dict.fromkeys(sorted(ids), change)
        messages.record(session, kind, mine.by, changes, at=at, operation_id=mine.id)

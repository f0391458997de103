"""What messages say, read and rewritten by the set: for corrections and what follows them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, or_, select
from sqlmodel import Session, col

from core import composing, covering, db, drafts, usable
from core.choosing import Choice, e
from core.corrections import Correction, Form, Said, Way
from core.errors import Invalid, Problem, Refused
from core.filtering import c
from core.models import Account, Batch, Template
from core.standing import a, m
from core.states import Status


def why_not(row: Row[Any] | None) -> str | None:
    """Why a message that would be changed is not."""
    if row is None or row.deleted_at is not None:
        return "gone"
    if row.status not in (Status.PENDING, Status.FAILED):
        return str(row.status)
    return "unconfirmed" if row.error_class == "unknown" else None


def batch(session: Session, batch_id: int) -> Batch:
    """The batch. Raises Refused when there is none."""
    found = session.get(Batch, batch_id)
    if found is None:
        raise Refused(f"There is no batch {batch_id}.")
    return found


def batch_of(session: Session, choice: Choice) -> Batch | None:
    """The batch that all of these are in, where they are chosen by it."""
    return None if choice.batch_id is None else batch(session, choice.batch_id)


def columns(row: Row[Any], after: Said) -> dict[str, Any]:
    """The values that `write` takes."""
    form = after.form
    return {
        "message_id": row.id,
        "version": row.version,
        "text": after.text,
        "search": drafts.search_words(row.recipient, after.text),
        "kind": "template" if form else "text",
        "template_id": form and form.id,
        "template": form and form.name,
        "language": form and form.language,
        "template_sha256": form and form.sha256,
        "parameters": dict(after.parameters) if form else None,
    }


_MESSAGE = {"message_id": "bigint", "version": "bigint", "kind": "text", "template_id": "bigint"}
_CONTENT = {
    "message_id": "bigint",
    "text": "text",
    "search": "text",
    "template": "text",
    "language": "text",
    "template_sha256": "text",
    "parameters": "jsonb",
}


def write(session: Session, values: Sequence[Mapping[str, Any]]) -> set[int]:
    """Rewrite messages that are locked and still have the version that was read; returns which.

    Checked anew, a template no longer stops them; if it does, the next claim says so.
    """
    moved = session.execute(
        db.sql(
            "UPDATE message AS m SET kind = v.kind, template_id = v.template_id,"
            " version = m.version + 1,"
            " hold = CASE WHEN m.hold = 'template' THEN NULL ELSE m.hold END"
            f" FROM {db.rows_sql(session, **_MESSAGE)} WHERE m.id = v.message_id AND"
            f" {db.judged('m.version = v.version')} RETURNING id"
        ),
        {"rows": db.rows(values)},
    )
    ids = set(moved.scalars())
    names = [name for name in _CONTENT if name != "message_id"]
    session.execute(
        db.sql(
            f"UPDATE content AS c SET {', '.join(f'{name} = v.{name}' for name in names)}"
            f" FROM {db.rows_sql(session, **_CONTENT)} WHERE c.message_id = v.message_id"
        ),
        {"rows": db.rows([one for one in values if one["message_id"] in ids])},
    )
    return ids


_READ = (
    *(m.id, m.status, m.error_class, m.deleted_at, m.recipient, m.account_id, m.version),
    *(m.template_id, c.text, c.template, c.language, c.template_sha256, c.parameters),
    a.business_id,
)


def rows(session: Session, condition: Any, limit: int | None) -> list[Row[Any]]:
    """Messages with what they say, by id."""
    joined = select(*_READ).join(c.message_id.table, c.message_id == m.id)
    theirs = joined.join(a.id.table, a.id == m.account_id).where(condition)
    return list(session.execute(theirs.order_by(m.id).limit(limit)).all())


def opted_out(session: Session, rows: Sequence[Row[Any]], template: Template | None) -> set[int]:
    """Those whose people asked not to be contacted."""
    marketing = template is not None and template.category == covering.MARKETING_CATEGORY
    found: set[int] = set()
    for account_id in {row.account_id for row in rows}:
        theirs = [row for row in rows if row.account_id == account_id]
        asked = covering.covering_of(
            session, account_id, [row.recipient for row in theirs], marketing=marketing
        )
        found |= {row.id for row in theirs if row.recipient in asked}
    return found


def has_old_words(
    session: Session, wanted: Correction, operation_id: int | None = None
) -> ColumnElement[bool]:
    """What says what a correction is about, and was not corrected by `operation_id`.

    A condition on message and content, so that any number of them can be counted; whether the new
    words would fit does not matter.
    """
    if operation_id is not None:
        corrected = select(e.message_id).where(e.operation_id == operation_id)
        return and_(has_old_words(session, wanted), m.id.not_in(corrected))
    if wanted.way is Way.TEMPLATE:
        chosen = session.get(Template, wanted.template_id)
        other = m.template_id.is_distinct_from(wanted.template_id)
        return or_(other, c.template_sha256 != (chosen.sha256 if chosen else ""))
    if wanted.way is Way.PARAMETER:
        value = c.parameters[wanted.key].as_string()
        return and_(m.template_id.is_not(None), _is_old(wanted, value))
    return and_(m.template_id.is_(None), _is_old(wanted, c.text))


def _is_old(wanted: Correction, value: Any) -> ColumnElement[bool]:
    """Whether a text or a parameter would change; as `corrections.corrected` tells it."""
    put = wanted.put.strip() if wanted.way is Way.PARAMETER else wanted.put
    right = func.replace(value, wanted.find, "") if wanted.find else put
    if wanted.find and wanted.find in wanted.put:
        value = func.replace(value, wanted.put, _BETWEEN)  # what says it already
        right = func.replace(value, wanted.find, "")
    old: ColumnElement[bool] = value != right
    return old


_BETWEEN = "\x1f"  # a character that nobody types


def said(row: Row[Any], forms: Mapping[int, Form]) -> Said:
    """As it was scheduled; a template that changed since has the shape that it has now."""
    form = forms.get(row.template_id) if row.template_id is not None else None
    if form is not None and row.template_sha256 != form.sha256:
        form = replace(form, sha256=row.template_sha256 or "")
    return Said(row.text or "", form, row.parameters or {})


def forms_of(
    session: Session, of: Batch | None, wanted: Correction | None, *, check: bool = True
) -> dict[int, Form]:
    """The templates of the batch's business, or all, by id. Raises Invalid for one that is not
    there."""
    account = session.get(Account, of.account_id) if of and of.account_id else None
    asked = select(Template)
    if account is not None:
        asked = asked.where(col(Template.business_id) == account.business_id)
    forms = {one.id: form_of(one) for one in session.execute(asked).scalars()}
    if check and wanted is not None and wanted.template_id is not None:
        chosen = forms.get(wanted.template_id)
        if chosen is None or chosen.stopped:
            told = chosen.stopped if chosen else "There is no such template for its number."
            raise Invalid(Problem("template", "unusable", told or ""))
    return forms


def form_of(template: Template) -> Form:
    """A template as corrections see it."""
    shape = composing.shape_of(template)
    stop = usable.stop(template)
    stopped = composing.unusable(template, shape) or (stop and f"{stop.reason}.")
    return Form(
        template.id,
        template.name,
        template.language,
        template.sha256,
        shape,
        stopped or None,
        template.business_id,
    )

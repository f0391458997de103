"""From what a person typed to a message that may be stored: one set of checks for every way in."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col

from core import (
    db,
    drafts,
    house_rules,
    messages,
    optouts,
    phone,
    rendering,
    shapes,
    templating,
    usable,
)
from core.access import Actor, Role, needs
from core.account_checks import problems
from core.drafts import Composed, Draft, When
from core.errors import Invalid, Problem
from core.models import Account, Content, Message, Template
from core.quoting import quoted
from core.schedule import check_lead, check_zone, from_local, quick
from core.states import Status
from core.wake import wake

T = TypeVar("T")
MOST_RETRIES = 5
_OF_ACCOUNT = {("recipient", "national"), ("template", "missing")}  # problems only with an account


def check(draft: Draft) -> Composed:
    """Check a draft against the database and the engine's clock; stores nothing.

    Raises Invalid with every problem at once (fields account, recipient, text, when, zone,
    max_retries, priority, reference, not_after, late_policy).
    """
    with db.reading() as session:
        return check_in(session, draft)


def check_in(session: Session, draft: Draft, *, due_before: datetime | None = None) -> Composed:
    """As `check`; `due_before` is the time that an edit may keep."""
    account = session.get(Account, draft.account_id) if draft.account_id is not None else None
    template = find_template(session, account, draft.template, draft.language)
    asked = optouts.problems(session, draft, account, template)
    try:
        composed = compose(
            draft, account=account, template=template, now=db.now(session), due_before=due_before
        )
    except Invalid as invalid:
        raise Invalid(*invalid.problems, *asked) from None
    if asked:
        raise Invalid(*asked)
    if composed.reference and _is_taken(session, composed):
        raise reference_taken(composed.reference)
    return composed


def find_template(
    session: Session, account: Account | None, name: str | None, language: str | None
) -> Template | None:
    """The template of this name among those of the account's business.

    The language may be left out where the template is approved in one only.
    """
    if not name or account is None:
        return None
    named = select(Template).where(
        col(Template.business_id) == account.business_id,
        col(Template.name) == name.strip(),
    )
    return in_language(session.execute(named).scalars(), language)


def in_language(named: Iterable[Template], language: str | None) -> Template | None:
    """The one of a name's templates that is meant, as `find_template` understands a language."""
    code, known = (language or "").strip().replace("-", "_").lower(), list(named)
    if code:
        found = [one for one in known if one.language.lower() == code]
    else:  # where none is approved, the only one tells why it is not
        found = [one for one in known if one.status == usable.APPROVED] or known
    return found[0] if len(found) == 1 else None


def _is_taken(session: Session, composed: Composed) -> bool:
    taken = select(col(Message.id)).where(
        col(Message.account_id) == composed.account.id,
        col(Message.reference) == composed.reference,
        col(Message.status) != Status.CANCELLED,
        col(Message.deleted_at).is_(None),
    )
    return session.execute(taken).first() is not None


def compose(
    draft: Draft,
    *,
    account: Account | None,
    now: datetime,
    template: Template | None = None,
    due_before: datetime | None = None,
    leads: bool = True,
) -> Composed:
    """The checks themselves, over what has been read: no database, no clock.

    `template` is the one that the draft names, None where there is none. Without `leads` its time
    may be over: of a row of a file that is asked only where it is new (`check_time`).
    """
    found: list[Problem] = []
    _tried(found, lambda: _check_account(account))
    home = account.country if account else None
    read = _tried(found, lambda: phone.read(draft.recipient, home=home))
    words = _tried(found, lambda: _words(draft, template))
    due_at = _tried(found, lambda: _due(draft.when, now, due_before, leads))
    _tried(found, lambda: _check_rest(draft, due_at or now))
    if account is None:
        # «0812…» is read by the account's country, and templates are those of its business: first
        # comes the choice of the account.
        found = [one for one in found if (one.field, one.code) not in _OF_ACCOUNT]
    if found or account is None or read is None or due_at is None or words is None:
        raise Invalid(*found)
    return Composed(
        account=account,
        phone=read,
        text=words,
        due_at=due_at,
        zone=draft.when.zone,
        max_retries=draft.max_retries,
        reference=(draft.reference or "").strip() or None,
        priority=draft.priority,
        not_after=draft.not_after,
        late_policy=draft.late_policy,
        warning=_warning(account) or _waits(template if draft.template else None),
        template=template if draft.template else None,
        parameters=templating.cleaned(draft.parameters) if draft.template else {},
        label=(draft.label or "").strip() or None,
        zone_guessed=draft.when.guessed,
    )


def _tried(found: list[Problem], step: Callable[[], T]) -> T | None:
    try:
        return step()
    except Invalid as invalid:
        found.extend(invalid.problems)
        return None


def _words(draft: Draft, template: Template | None) -> str:
    """What the person will read. Raises Invalid at text, at template, or at `param.KEY`."""
    if not draft.template:
        rendering.check_text(draft.text)
        return draft.text
    if template is None:
        where = "in this language" if draft.language else "approved in one language: say which"
        sentence = f"There is no template {quoted(draft.template)} {where}."
        raise Invalid(Problem("template", "missing", sentence))
    wanted = shape_of(template)
    if refusal := unusable(template, wanted):
        raise Invalid(Problem("template", "unusable", refusal))
    templating.check(wanted, draft.parameters)
    return templating.shown(wanted, templating.cleaned(draft.parameters)).body


def shape_of(template: Template) -> shapes.Shape:
    """The shape of a stored template."""
    parts, form = template.components, template.parameter_format
    return shapes.shape_of(template.sha256, parts, form)


def unusable(template: Template, wanted: shapes.Shape) -> str | None:
    """Why nothing can be scheduled with a template; None where it can. Only approved ones send."""
    if template.status != usable.APPROVED:
        return f"{usable.capital(usable.said(template))}: only approved ones can be sent."
    return wanted.unfillable


def _check_account(account: Account | None) -> None:
    if account is None or account.state == "retired":
        raise Invalid(Problem("account", "missing", "Choose the account that it leaves from."))


def _due(when: When, now: datetime, due_before: datetime | None, leads: bool) -> datetime:
    match when.kind:
        case "now":
            return now
        case "quick" if when.delay is not None:
            return quick(now, when.delay)
        case "keep" if due_before is not None:
            return due_before
        case "at" if when.wall is not None:
            due = from_local(when.wall, when.zone, fold=when.fold)
        case "instant" if when.wall is not None:
            check_zone(when.zone)
            due = when.wall
        case _:
            raise Invalid(Problem("when", "missing", "Say when it is to leave."))
    if leads:
        check_time(due, now, when.zone)
    return due


def check_time(due: datetime, now: datetime, zone: str) -> None:
    """Refuse a time that is over, too near or too far. Raises Invalid at `when`."""
    check_lead(due, now, lead=house_rules.least_lead(), zone=zone)


def _check_rest(draft: Draft, due_at: datetime) -> None:
    wrong = []
    if draft.max_retries not in range(MOST_RETRIES + 1):
        wrong.append(Problem("max_retries", "range", "Retries are a number from 0 to 5."))
    if draft.priority not in range(3):
        sentence = "The priority is 0 (urgent), 1 (normal) or 2 (campaign)."
        wrong.append(Problem("priority", "range", sentence))
    wrong += drafts.odd_names(draft)
    if draft.not_after is not None and draft.not_after <= due_at:
        sentence = "«Not after» lies before the time at which it is to leave."
        wrong.append(Problem("not_after", "before_due", sentence))
    if draft.late_policy is not None:
        wrong += problems({"late_policy": draft.late_policy})
    if wrong:
        raise Invalid(*wrong)


def _warning(account: Account) -> str | None:
    if account.state != "paused":
        return None
    why = f" ({account.state_reason})" if account.state_reason else ""
    return f"«{account.name}» is paused{why}: it will wait until somebody resumes the account."


def _waits(template: Template | None) -> str | None:
    """That its template is held: whoever may release it may schedule with it all the same."""
    stopped = usable.stop(template) if template else None
    if template is None or stopped is None:
        return None
    return f"It will wait until «{template.name}» is released: {stopped.reason}."


@needs(Role.OPERATOR)
def schedule(draft: Draft, *, key: str, by: Actor) -> int:
    """Store a message and return its id; the same `key` again returns the same id.

    Raises Invalid as `check` does, also for a reference that is in use on the account.
    """
    try:
        with db.writing() as session:
            known = _by_key(session, key)
            if known is not None:
                return known
            composed = check_in(session, draft)
            message_id = store(session, composed, key=key, by=by)
    except IntegrityError:
        # Two clicks at once, or a reference that somebody else took in this moment.
        with db.reading() as session:
            known = _by_key(session, key)
        if known is None:
            raise reference_taken(draft.reference) from None
        return known
    wake(composed.due_at)
    return message_id


def _by_key(session: Session, key: str) -> int | None:
    known = select(col(Content.message_id)).where(col(Content.idempotency_key) == key)
    found: int | None = session.execute(known).scalar()
    return found


def reference_taken(reference: str | None) -> Invalid:
    """The problem of a reference that another message of the account has."""
    told = (reference or "").strip()
    sentence = f"The reference «{told}» is in use by another message of this account."
    return Invalid(Problem("reference", "taken", sentence))


def store(
    session: Session, composed: Composed, *, key: str | None, by: Actor, **columns: Any
) -> int:
    """Insert a composed message with its content and its first event; returns its id."""
    now = db.now(session)
    message_id = int(
        session.execute(
            insert(Message)
            .values(
                **drafts.message_values(composed, now),
                **columns,
            )
            .returning(col(Message.id))
        ).scalar_one()
    )
    session.execute(
        insert(Content).values(
            message_id=message_id, idempotency_key=key, **drafts.content_values(composed, by)
        )
    )
    messages.record(
        session, "scheduled", by.name, {message_id: (None, drafts.facts(composed))}, at=now
    )
    return message_id

"""Templates as pages and commands show them: which there are, whether they send, what waits."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, select
from sqlmodel import Session, col

from core import composing, db, shapes, templating, usable
from core.errors import Refused
from core.listing import MessageRow
from core.models import Account, Business, Template
from core.shapes import Shape
from core.templating import Shown
from core.usable import Stop

COUNTED = 100_000  # of the messages that wait, the next ones; beyond them a count is «at least»


@dataclass(frozen=True)
class Wanted:
    """Which templates; what is empty does not matter. `search`: part of a name, or of the words."""

    search: str = ""
    language: str | None = None
    category: str | None = None
    quality: str | None = None
    status: str | None = None  # Meta's, or «HELD»
    business_id: int | None = None

    def matches(self, one: Template) -> bool:
        chosen = (
            (self.language, one.language),
            (self.category, one.category),
            (self.quality, one.quality or "UNKNOWN"),
            (self.business_id, one.business_id),
            (self.status, "HELD" if one.hold and self.status == "HELD" else one.status),
        )
        words = self.search.strip().lower()
        return all(want in (None, has) for want, has in chosen) and (
            words in one.name.lower() or words in _words(one).lower()
        )


HELD = "HELD"


def _words(template: Template) -> str:
    parts = template.components or ()
    return " ".join(str(part.get("text", "")) for part in parts)


@dataclass(frozen=True)
class Entry:
    """One template. `refusal`: why nothing can be scheduled with it; `stop`: why it does not send.

    `waiting` are the messages that wait to leave with it, `held` those of them that it holds.
    """

    template: Template
    business: str
    numbers: list[str]
    shape: Shape
    refusal: str | None
    stop: Stop | None
    waiting: int = 0
    held: int = 0

    @property
    def earlier(self) -> int:
        """Of those that are held: written with it as it was before Meta changed it."""
        return self.held if usable.sends(self.template) else 0


class Waiting(NamedTuple):
    """What waits: by template how many, and how many it holds. `capped`: that is «at least»."""

    counts: Mapping[int, tuple[int, int]]
    capped: bool


def read(wanted: Wanted, waiting: Waiting | None = None) -> list[Entry]:
    """All that match, by name, with what waits for each, which may be known already."""
    return [one for one in _read(waiting) if wanted.matches(one.template)]


def _read(waiting: Waiting | None, *such: ColumnElement[bool]) -> list[Entry]:
    with db.reading() as session:
        found = list(session.execute(select(Template).where(*such).order_by(*_BY_NAME)).scalars())
        businesses = session.execute(select(col(Business.id), col(Business.name)))
        names = {one.id: one.name for one in businesses}
        numbers = session.execute(
            select(col(Account.business_id), col(Account.name)).order_by(col(Account.name))
        ).all()
        counts = (waiting or _waiting(session)).counts
    return [
        _entry(one, names[one.business_id], counts.get(one.id, (0, 0)), numbers) for one in found
    ]


def names() -> dict[int, str]:
    """All templates by their ids: «order_ready (en)»."""
    with db.reading() as session:
        columns = (col(Template.id), col(Template.name), col(Template.language))
        found = session.execute(select(*columns).order_by(*_BY_NAME))
        return {one.id: f"{one.name} ({one.language})" for one in found}


_BY_NAME = (col(Template.name), col(Template.language), col(Template.id))


def one(template_id: int) -> Entry | None:
    """A single template; None when there is none."""
    return next(iter(_read(None, col(Template.id) == template_id)), None)


def _entry(
    template: Template,
    business: str,
    counted: tuple[int, int],
    numbers: Iterable[tuple[int, str]],
) -> Entry:
    shape = composing.shape_of(template)
    return Entry(
        template,
        business,
        [name for business_id, name in numbers if business_id == template.business_id],
        shape,
        composing.unusable(template, shape),
        usable.stop(template),
        *counted,
    )


def waiting() -> Waiting:
    """Of the next messages those that leave with a template."""
    with db.reading() as session:
        return _waiting(session)


def _waiting(session: Session) -> Waiting:
    found = session.execute(
        db.sql(
            "SELECT template_id, count(*) AS n,"
            " sum(CASE WHEN hold = 'template' THEN 1 ELSE 0 END) AS held FROM (SELECT template_id,"
            " hold FROM message WHERE status = 'pending' ORDER BY due_at, id LIMIT :most) AS next"
            " GROUP BY template_id"
        ),
        {"most": COUNTED},
    ).all()
    counts = {row.template_id: (int(row.n), int(row.held)) for row in found if row.template_id}
    return Waiting(counts, sum(int(row.n) for row in found) >= COUNTED)


class Offer(NamedTuple):
    """A template among which one is chosen; `refusal`: why this one cannot be."""

    id: int
    name: str
    language: str
    category: str
    refusal: str | None


def offers(account_id: int) -> list[Offer]:
    """The templates of the account's business; those that can be sent first, by name."""
    with db.reading() as session:
        account = session.get_one(Account, account_id)
        mine = select(Template).where(col(Template.business_id) == account.business_id)
        found = list(session.execute(mine.order_by(*_BY_NAME)).scalars())
    made = [
        Offer(
            one.id,
            one.name,
            one.language,
            (one.category or "none").lower(),
            composing.unusable(one, composing.shape_of(one)),
        )
        for one in found
    ]
    return sorted(made, key=lambda one: one.refusal is not None)


def template(template_id: int) -> Template | None:
    with db.reading() as session:
        return session.get(Template, template_id)


def meant(account_id: int, name: str | None, language: str | None) -> Template | None:
    """The template that a row of a file means by its name and language."""
    with db.reading() as session:
        account = session.get_one(Account, account_id)
        return composing.find_template(session, account, name, language)


def shown(row: MessageRow) -> Shown | None:
    """A template message as the phone shows it, by the template that it was scheduled with.

    Of a template that has changed twice since, only the words are left; None of a text.
    """
    if row.kind != "template":
        return None
    shape = scheduled_with(row)
    if shape is None:
        return Shown(None, None, row.text or "", None, ())
    return templating.shown(shape, row.parameters or {})._replace(body=row.text or "")


def scheduled_with(row: MessageRow) -> Shape | None:
    """The shape of its template as it was then; None where nobody knows any more."""
    one = template(row.template_id) if row.template_id is not None else None
    if one is None:
        return None
    then: Mapping[str, Any] | None = {"sha256": one.sha256, "components": one.components}
    if one.sha256 != row.template_sha256:
        then = one.previous
    if then is None or then["sha256"] != row.template_sha256:
        return None
    return shapes.shape(then["components"] or (), one.parameter_format)


def named(name: str, *, language: str | None = None, account: str | None = None) -> Template:
    """The one that a command means. Raises Refused, naming those that there are."""
    with db.reading() as session:
        found = select(Template).where(col(Template.name) == name.strip())
        if language:
            found = found.where(col(Template.language) == language.strip().replace("-", "_"))
        if account is not None:
            theirs = select(col(Account.business_id)).where(col(Account.name) == account)
            found = found.where(col(Template.business_id).in_(theirs))
        known: list[Template] = list(session.execute(found.order_by(*_BY_NAME)).scalars())
    if len(known) == 1:
        return known[0]
    if not known:
        raise Refused(f"There is no template «{name}». See: python manage.py template list")
    listed = ", ".join(f"{one.language}" for one in known)
    raise Refused(f"There are several templates «{name}» ({listed}): say --language or --account.")


class Reading(NamedTuple):
    """When a business's templates were last read, and what went wrong since."""

    business_id: int
    name: str
    synced_at: datetime | None
    error: str | None


def readings() -> list[Reading]:
    """Of each business that has templates, by name."""
    with db.reading() as session:
        known = select(Business).where(col(Business.waba_id).is_not(None))
        return [
            Reading(one.id, one.name, one.synced_at, one.sync_error)
            for one in session.execute(known.order_by(col(Business.name))).scalars()
        ]

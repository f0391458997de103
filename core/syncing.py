"""Reading a business's templates and numbers from Meta, and what follows where they changed.

No transaction is open while Meta is asked. What was asked earlier never overwrites what was asked
later: two may read at once, a person and the hourly task.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, or_, select, update
from sqlmodel import Session, col

from core import audit, checking, db, meta_clock, shapes, templates, usable, vault
from core.access import Actor, Role, needs
from core.errors import OutboxError, Refused, Unanswered
from core.meta import graph
from core.models import Account, Business, Template
from core.wake import wake_operations

log = logging.getLogger(__name__)

CHUNK = 500
EVERY = timedelta(hours=1)
AGAIN = timedelta(minutes=10)  # after a failure
SOON = timedelta(minutes=1)  # where nothing was read yet


@dataclass(frozen=True)
class Synced:
    """How many templates Meta listed, and what became other: «order_shipped (en_US): …»."""

    business: str
    read: int
    changes: list[str]


@needs(Role.OPERATOR)
def sync(business_id: int, *, by: Actor) -> Synced:
    """Read all templates of a business, and what Meta says of its numbers.

    What stopped or sends again has its messages held or let go. Raises Refused for a business
    without a WABA, Unanswered with what Meta said; that is kept and shown until it works again.
    """
    business, asked_at = _begin(business_id)
    assert business.waba_id
    try:
        token = vault.decrypt(business.token)
        nodes = [read for node in graph.templates(business.waba_id, token) if (read := _read(node))]
        changes = _apply(business_id, nodes, asked_at, by)
        _check_numbers(business_id, token)
    except Unanswered as refused:
        _end(business_id, {"sync_error": str(refused)})
        raise
    _end(business_id, {"sync_error": None, "synced_at": asked_at})
    _tell(business, len(nodes), changes, by)
    return Synced(business.name, len(nodes), changes)


def _begin(business_id: int) -> tuple[Business, datetime]:
    with db.writing() as session:
        business = session.get(Business, business_id)
        if business is None or not business.waba_id:
            raise Refused("This number was added without its WABA, which its templates belong to.")
        now = db.now(session)
        session.execute(_of(business_id).values(sync_tried_at=now))
        return business, now


def _end(business_id: int, values: Mapping[str, Any]) -> None:
    with db.writing() as session:
        session.execute(_of(business_id).values(**values))
        if "synced_at" in values:  # an answer of hours ago tells nothing: machines sleep
            meta_clock.note(session)


def _of(business_id: int) -> Any:
    return update(Business).where(col(Business.id) == business_id)


def _tell(business: Business, read: int, changes: Sequence[str], by: Actor) -> None:
    """An hourly reading that found nothing new is no event."""
    if changes or by != audit.ENGINE:
        with db.writing() as session:
            after = {"read": read, "changed": len(changes)}
            audit.record(session, by, "templates read", target=business.name, after=after)


def _read(node: Mapping[str, Any]) -> dict[str, Any] | None:
    """The columns of one of Meta's nodes; None for one that has no name or language."""
    name, language = node.get("name"), node.get("language")
    if not isinstance(name, str) or not isinstance(language, str):
        return None
    category, form, parts = (node.get(k) for k in ("category", "parameter_format", "components"))
    score, rejected = node.get("quality_score"), node.get("rejected_reason")
    return {
        "name": name,
        "language": language.replace("-", "_"),  # webhooks write en-US, sends want en_US
        "meta_id": node.get("id"),
        "status": str(node.get("status", "UNKNOWN")).upper(),
        "category": category,
        "quality": score.get("score") if isinstance(score, dict) else None,
        "parameter_format": form,
        "components": parts or [],
        "sha256": shapes.digest(category, form, parts or []),
        "rejected_reason": None if rejected == "NONE" else rejected,
    }


def _apply(
    business_id: int, nodes: Sequence[dict[str, Any]], asked_at: datetime, by: Actor
) -> list[str]:
    changes = []
    for start in range(0, len(nodes), CHUNK):
        with db.writing() as session:
            changes += _upsert(session, business_id, nodes[start : start + CHUNK], asked_at, by)
    with db.writing() as session:
        changes += _vanished(session, business_id, asked_at, by)
    wake_operations()
    return changes


def _upsert(
    session: Session,
    business_id: int,
    nodes: Sequence[dict[str, Any]],
    asked_at: datetime,
    by: Actor,
) -> list[str]:
    known = {(t.name, t.language): t for t in _locked(session, business_id)}
    changes: list[str] = []
    for node in nodes:
        template = known.get((node["name"], node["language"]))
        if template is None:
            made = Template(business_id=business_id, status_since=asked_at, **node)
            made.synced_at = asked_at
            session.add(made)
        elif template.synced_at < asked_at:
            changes += _change(session, template, node, asked_at, by)
    return changes


def _locked(session: Session, business_id: int) -> list[Template]:
    """The templates of a business; whoever else reads it from Meta, or holds one, waits."""
    db.lock(session, "business", [business_id])
    mine = select(Template).where(col(Template.business_id) == business_id)
    if db.on_postgres(session):
        mine = mine.order_by(col(Template.id)).with_for_update(key_share=True)
    return list(session.execute(mine).scalars())


def _change(
    session: Session, template: Template, node: Mapping[str, Any], asked_at: datetime, by: Actor
) -> Iterator[str]:
    """Make a template what Meta says it is, and tell what that changed for its messages."""
    sent, digest, status = usable.sends(template), template.sha256, template.status
    if node["sha256"] != digest:
        kept = ("sha256", "category", "parameter_format", "components")
        template.previous = {name: getattr(template, name) for name in kept}
        template.changed_at = asked_at
    if node["status"] != status:
        template.status_since = asked_at
    for name, value in node.items():
        if getattr(template, name) != value:
            setattr(template, name, value)
    template.synced_at = asked_at
    _forgive(template, asked_at)
    if (sent, digest, status) == (usable.sends(template), template.sha256, template.status):
        return
    session.flush()
    yield _told(session, template, sent, digest, status)
    templates.settle_messages(session, template, by=by)


def _forgive(template: Template, asked_at: datetime) -> None:
    """Meta approves what a send was refused for before it was asked: no hold of its is left."""
    if (
        template.hold_by == usable.META
        and template.status == usable.APPROVED
        and template.hold_since is not None
        and template.hold_since < asked_at
    ):
        template.hold = template.hold_since = template.hold_by = None


def _told(session: Session, template: Template, sent: bool, digest: str, status: str) -> str:
    """Record a change of Meta's; returns it in words."""
    if template.sha256 != digest:
        what = usable.changed(template)
    elif template.status != status:
        what = "Meta approved it" if usable.sends(template) else usable.said(template)
    else:
        what = "Meta lets it send again"
    now = {"status": template.status, "sends": usable.sends(template), "sha256": template.sha256}
    before = {"status": status, "sends": sent, "sha256": digest}
    name = templates.named(template)
    audit.record(
        session,
        audit.ENGINE,
        "template changed at Meta",
        target=name,
        before=before,
        after=now | {"what": what},
    )
    return f"{name}: {what}"


def _vanished(session: Session, business_id: int, asked_at: datetime, by: Actor) -> list[str]:
    """What Meta lists no more was deleted there."""
    changes: list[str] = []
    for template in _locked(session, business_id):
        if template.synced_at < asked_at and template.status != "DELETED":
            node = {"status": "DELETED", "sha256": template.sha256}
            changes += _change(session, template, node, asked_at, by)
    return changes


def _check_numbers(business_id: int, token: str) -> None:
    """What Meta says of each number that sends: its quality, its throughput, its daily limit."""
    with db.reading() as session:
        theirs = (col(Account.business_id) == business_id, col(Account.state) != "retired")
        numbers = session.execute(
            select(col(Account.id), col(Account.phone_number_id)).where(*theirs)
        )
        asked = list(numbers.all())
    for account_id, phone_number_id in asked:
        found = graph.number(phone_number_id, token)
        with db.writing() as session:
            checking.note(session, account_id, found)


def sync_due() -> int:
    """Read those whose turn has come, each once over all workers; returns how many were read.

    One that fails is told in the log and on the pages, and does not stop the others.
    """
    count = 0
    for business_id in _due():
        try:
            if _take(business_id):
                sync(business_id, by=audit.ENGINE)
                count += 1
        except OutboxError as refused:
            log.warning("the templates of business %s were not read: %s", business_id, refused)
        except Exception:
            log.exception("the templates of business %s were not read", business_id)
    return count


def _due() -> list[int]:
    with db.reading() as session:
        waiting = select(col(Business.id)).where(_is_due(db.now(session)))
        return list(session.execute(waiting.order_by(col(Business.id))).scalars())


def _take(business_id: int) -> bool:
    """Whether it is still due; whoever asks first reads it."""
    with db.writing() as session:
        now = db.now(session)
        taken = _of(business_id).where(_is_due(now)).values(sync_tried_at=now)
        return session.execute(taken.returning(col(Business.id))).first() is not None


def _is_due(now: datetime) -> Any:
    tried = col(Business.sync_tried_at)
    return and_(
        col(Business.waba_id).is_not(None),
        or_(
            tried.is_(None),
            tried <= now - EVERY,
            and_(tried <= now - SOON, col(Business.synced_at).is_(None)),
            and_(tried <= now - AGAIN, col(Business.sync_error).is_not(None)),
        ),
    )


def businesses() -> list[Business]:
    """Those that have templates to read, by name."""
    with db.reading() as session:
        known = select(Business).where(col(Business.waba_id).is_not(None))
        return list(session.execute(known.order_by(col(Business.name))).scalars())

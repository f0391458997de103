"""Several messages changed together: all are checked first, each is saved under its own guard.

Row by row, not all or nothing: docs/decisions/0021-rows-that-are-right-are-saved.md.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session, col

from core import composing, covering, db, editing, listing, phone
from core.access import Actor, Role, needs
from core.drafts import Draft, When
from core.errors import Conflict, Invalid, OutboxError, Problem
from core.listing import MessageRow
from core.models import Account, MessageEvent, Template
from core.standing import Standing, m, standing
from core.states import Status

CHANGEABLE = (Status.PENDING, Status.FAILED)


@dataclass(frozen=True)
class Revision:
    """What one person made of one message: `row` is what they saw, `typed` what they changed.

    `typed` may hold account_id, recipient, text, max_retries, and as `due_at` a naive time of
    `zone` (`fold`: 0 first, 1 second, where that happens twice). None: it was emptied.
    `confirmed`: it may have arrived, and they take the risk.
    """

    row: MessageRow
    typed: Mapping[str, Any]
    zone: str = "UTC"
    fold: int | None = None
    confirmed: bool = False

    @property
    def draft(self) -> Draft:
        """As the form would give it; what was not typed stays, the time too."""
        row, typed = self.row, self.typed
        when = When("keep")
        if "due_at" in typed:
            when = When("at", wall=typed["due_at"], zone=self.zone, fold=self.fold)
        says: dict[str, Any] = {"text": typed.get("text", row.text) or ""}
        if row.kind == "template":
            says = {
                "text": "",
                "template": row.template,
                "language": row.language,
                "parameters": row.parameters or {},
            }
        return Draft(
            account_id=typed.get("account_id", row.account_id),
            recipient=typed.get("recipient", row.recipient) or "",
            when=when,
            max_retries=typed.get("max_retries", row.max_retries),
            **says,
        )


@dataclass(frozen=True)
class Theirs:
    """Why one was not saved: `row` is what it holds now (None: it was deleted), `by` who changed
    it last and when, as far as a person did."""

    sentence: str
    row: MessageRow | None = None
    by: str | None = None
    at: datetime | None = None

    @property
    def changeable(self) -> bool:
        """Whether what was typed can still be put in its place."""
        return self.row is not None and self.row.status in CHANGEABLE


@dataclass(frozen=True)
class Saved:
    """What became of them, by message: saved, wrong as typed, or not as they were any more."""

    done: tuple[int, ...]
    wrong: Mapping[int, tuple[Problem, ...]]
    theirs: Mapping[int, Theirs]


def judge(revisions: Sequence[Revision]) -> dict[int, tuple[Problem, ...]]:
    """What is wrong with them as typed, by message; of those that are not named nothing is.

    Fields as in `composing.check`, and `confirmed` where the risk was not taken. However many
    they are it asks the database a few times.
    """
    with db.reading() as session:
        now = db.now(session)
        known = _Known(session, [one.draft for one in revisions])
        found = {one.row.id: known.problems(one, now) for one in revisions}
    return {message_id: problems for message_id, problems in found.items() if problems}


@needs(Role.OPERATOR)
def save(revisions: Sequence[Revision], *, by: Actor) -> Saved:
    """Save those that are right, each in a transaction of its own as `editing.edit` does it.

    Nothing that a person has not seen is overwritten: what changed since comes back as `theirs`.
    """
    wrong = judge(revisions)
    done: list[int] = []
    refused: dict[int, str] = {}
    for one in revisions:
        if one.row.id in wrong:
            continue
        try:
            version = one.row.version
            editing.edit(one.row.id, one.draft, version=version, by=by, confirmed=one.confirmed)
            done.append(one.row.id)
        except Invalid as invalid:
            wrong[one.row.id] = invalid.problems
        except Conflict:
            refused[one.row.id] = "Somebody changed it meanwhile."
        except OutboxError as told:
            refused[one.row.id] = str(told)
    return Saved(tuple(done), wrong, theirs(refused))


def theirs(refused: Mapping[int, str]) -> dict[int, Theirs]:
    """What these messages hold now, each with the sentence that says why it was not saved."""
    if not refused:
        return {}
    with db.reading() as session:
        now_are = {row.id: row for row in listing.rows(session, m.id.in_(list(refused)))}
        last = _changed_last(session, refused)
    found = {}
    for message_id, sentence in refused.items():
        row, event = now_are.get(message_id), last.get(message_id)
        there = row if row and row.deleted_at is None else None
        who = (event.actor, event.at) if event else (None, None)
        found[message_id] = Theirs(sentence, there, *who)
    return found


def rows(ids: Iterable[int]) -> dict[int, MessageRow]:
    """These messages as they are now; what was deleted is left out."""
    with db.reading() as session:
        found = listing.rows(session, m.id.in_(list(ids)), m.deleted_at.is_(None))
    return {row.id: row for row in found}


def _changed_last(session: Session, ids: Iterable[int]) -> dict[int, MessageEvent]:
    mine = col(MessageEvent.message_id).in_(list(ids))
    newest = select(func.max(col(MessageEvent.id))).where(mine)
    found = select(MessageEvent).where(
        col(MessageEvent.id).in_(newest.group_by(col(MessageEvent.message_id)))
    )
    return {one.message_id: one for one in session.execute(found).scalars()}


class _Known:
    """What the checks of many drafts need, read at once."""

    def __init__(self, session: Session, drafts: Sequence[Draft]) -> None:
        ids = {one.account_id for one in drafts}
        few = select(Account).where(col(Account.id).in_(ids))
        self.accounts = {one.id: one for one in session.execute(few).scalars()}
        names = {one.template for one in drafts if one.template}
        named = select(Template).where(col(Template.name).in_(names))
        self.templates = list(session.execute(named).scalars()) if names else []
        self._asked = self._asked_out(session, drafts)

    def account(self, draft: Draft) -> Account | None:
        return self.accounts.get(draft.account_id or 0)

    def template(self, draft: Draft) -> Template | None:
        account = self.account(draft)
        if account is None or not draft.template:
            return None
        named = (account.business_id, draft.template)
        theirs = (one for one in self.templates if (one.business_id, one.name) == named)
        return composing.in_language(theirs, draft.language)

    def problems(self, one: Revision, now: datetime) -> tuple[Problem, ...]:
        """All that is wrong with one, at the field where it was typed."""
        row, found = one.row, list[Problem]()
        draft = editing.kept(one.draft, row, now)
        if row.kind == "template" and "text" in one.typed:
            found.append(_OF_META)
        if standing(row, now) is Standing.UNCONFIRMED and not one.confirmed:
            found.append(_RISK)
        try:
            composing.compose(
                draft,
                account=self.account(draft),
                template=self.template(draft),
                now=now,
                due_before=row.due_at if row.status == Status.PENDING else now,
            )
        except Invalid as invalid:
            found += invalid.problems
        told = self._asked.get(self._whom(draft))
        return (*found, Problem("recipient", "opted_out", told)) if told else tuple(found)

    def _whom(self, draft: Draft) -> tuple[int, bool, str]:
        """The account, whether it is marketing, and the number as it is stored."""
        account, template = self.account(draft), self.template(draft)
        marketing = template is not None and template.category == covering.MARKETING_CATEGORY
        try:
            number = phone.read(draft.recipient, home=account.country if account else None).e164
        except Invalid:  # told by the check itself
            number = ""
        return draft.account_id or 0, marketing, number

    def _asked_out(
        self, session: Session, drafts: Sequence[Draft]
    ) -> dict[tuple[int, bool, str], str]:
        """Who asked not to be sent it, with the sentence."""
        zones = {self._whom(one): one.when.zone for one in drafts}
        groups: dict[tuple[int, bool], set[str]] = defaultdict(set)
        for account_id, marketing, number in zones:
            groups[account_id, marketing].add(number)
        return {
            (account_id, marketing, number): covering.refusal(
                session, asked, zone=zones[account_id, marketing, number]
            )
            for (account_id, marketing), numbers in groups.items()
            for number, asked in covering.covering_of(
                session, account_id, numbers - {""}, marketing=marketing
            ).items()
        }


_OF_META = Problem("text", "template", "Its words are a template's: open it to fill in others.")
_RISK = Problem(
    "confirmed", "risk", "It may have arrived. Saved, it is sent again: say that you accept that."
)

"""Changing how an account sends: each change checked, recorded, obeyed from the next tick on."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlmodel import Session, col

from core import accounts, audit, db, pacing, phone, vault
from core.access import Actor, Role, needs
from core.account_checks import problems
from core.errors import Invalid
from core.models import Account, Business, Message, Pace
from core.quiet import quiet_until
from core.states import Status
from core.wake import wake

COLUMNS = (
    *("rate", "country", "zone", "quiet_from", "quiet_to", "late_policy", "late_after"),
    "test_number",
)
CHUNK = 1000


@needs(Role.ADMIN)
def change(name: str, settings: Mapping[str, Any], *, by: Actor) -> None:
    """Set columns of an account: rate (messages a second), country, zone, quiet_from and quiet_to
    (HH:MM in the zone), late_policy, late_after (seconds), test_number (one of our own, as typed).
    None takes a setting away.

    What waits for the end of quiet hours that are changed is due again at its own time. Raises
    Invalid with every problem at once, Refused for an unknown name.
    """
    wrong = problems(settings)
    if wrong:
        raise Invalid(*wrong)
    with db.writing() as session:
        account, now = accounts.named(session, name), db.now(session)
        settings = _with_number_read(settings, account)
        accounts.hold_pace(session, account.id)
        before = {key: getattr(account, key) for key in settings}
        ended = _quiet_until(account, now)
        session.execute(
            update(Account)
            .where(col(Account.id) == account.id)
            .values({key: settings[key] for key in settings if key in COLUMNS})
        )
        if settings.get("rate", before.get("rate")) != before.get("rate"):
            _pull_in(session, account.id, settings["rate"], now)
        session.refresh(account)
        moved = ended is not None and _quiet_until(account, now) != ended
        after = dict(settings)
        audit.record(
            session, by, "account changed", target=account.name, before=before, after=after
        )
    if moved and ended is not None:
        _bring_back(account.id, ended)
    wake(now)


def _with_number_read(settings: Mapping[str, Any], account: Account) -> Mapping[str, Any]:
    typed = settings.get("test_number")
    if not typed:
        return settings
    try:
        read = phone.read(typed, home=settings.get("country", account.country))
    except Invalid as invalid:
        raise Invalid(*(replace(one, field="test_number") for one in invalid.problems)) from None
    return {**settings, "test_number": read.e164}


def _quiet_until(account: Account, now: datetime) -> datetime | None:
    hours = {"quiet_from": account.quiet_from, "quiet_to": account.quiet_to}
    return quiet_until(now, zone=account.zone, **hours)


def _pull_in(session: Session, account_id: int, rate: float | None, now: datetime) -> None:
    """The next slot may lie as far ahead as the old rate was slow; the last one, a tick's reach."""
    after_last = pacing.AHEAD + pacing.LONGEST_LEAD + (pacing.period(rate) if rate else 0)
    soon = now + timedelta(seconds=after_last)
    far = (col(Pace.account_id) == account_id, col(Pace.next_slot_at) > soon)
    session.execute(update(Pace).where(*far).values(next_slot_at=soon))


def _bring_back(account_id: int, ended: datetime) -> None:
    """Make due at its own time what waits for the end of quiet hours that are no more."""
    while _bring_some_back(account_id, ended):
        pass


def _bring_some_back(account_id: int, ended: datetime) -> int:
    waiting = (
        col(Message.account_id) == account_id,
        col(Message.priority).in_((0, 1, 2)),
        col(Message.due_at) == ended,
        col(Message.status) == Status.PENDING,
        col(Message.hold).is_(None),
        col(Message.scheduled_at) < ended,
    )
    with db.writing() as session:
        ids = session.execute(select(col(Message.id)).where(*waiting).limit(CHUNK)).scalars().all()
        db.lock(session, "message", ids)
        session.execute(
            update(Message)
            .where(col(Message.id).in_(ids), *waiting)
            .values(due_at=col(Message.scheduled_at))
        )
        return len(ids)


@needs(Role.ADMIN)
def replace_token(name: str, token: str, *, by: Actor) -> list[str]:
    """Give an account another access token; returns the names of all numbers that share it.

    Raises Invalid for one that no token looks like, Refused for an unknown name.
    """
    token = token.strip()
    wrong = problems({"token": token})
    if wrong:
        raise Invalid(*wrong)
    with db.writing() as session:
        account, now = accounts.named(session, name), db.now(session)
        mine = col(Business.id) == account.business_id
        new = {"token": vault.encrypt(token), "token_since": now}
        session.execute(update(Business).where(mine).values(new))
        shared = select(col(Account.name)).where(col(Account.business_id) == account.business_id)
        names = list(session.execute(shared.order_by(func.lower(col(Account.name)))).scalars())
        audit.record(
            session, by, "account token replaced", target=account.name, after={"accounts": names}
        )
    wake(now)
    return names

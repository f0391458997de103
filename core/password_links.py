"""A link by which somebody chooses a password of their own, once: new here, or who forgot theirs.

Only its hash is kept. Until it is used the password before it counts.
"""

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlmodel import Session, col

from core import audit, db, passwords, users
from core.access import Actor, Role, needs
from core.errors import Invalid, Problem, Refused
from core.models import Setting, User
from core.settings import settings

LASTS = timedelta(hours=24)
_LONGEST = 100


@needs(Role.ADMIN)
def make(name: str, *, by: Actor) -> str:
    """The address to give to a person; it takes the place of the one before.

    Raises Invalid for an unknown name, Refused for somebody who may not sign in.
    """
    code = secrets.token_urlsafe(24)
    with db.writing() as session:
        user = users.existing(session, name)
        if user.disabled_at:
            raise Refused(f"«{user.name}» may not sign in: let them in again first.")
        users.end_links(session, user)
        now = db.now(session)
        value = {"user_id": user.id, "until": db.stamp(now + LASTS)}
        session.add(Setting(key=_key(code), value=value, updated_at=now, updated_by=by.name))
        audit.record(session, by, "password link made", target=user.name)
    return f"{settings().public_url}/sign-in?link={code}"


def whose(code: str) -> str | None:
    """The name of whose link it is; None where it is used up, too old or none of ours."""
    with db.reading() as session:
        user = _user(session, code)
        return user.name if user else None


def use(code: str, password: str, *, address: str | None = None) -> str:
    """Give its person this password, and end wherever they are signed in; returns the name.

    Raises Invalid at `link` or `password`; then the link can be used still, unless it is gone.
    """
    with db.reading() as session:
        if _user(session, code) is None:
            raise Invalid(_gone())
    if wrong := passwords.problems(password):
        raise Invalid(*wrong)
    stored = passwords.hashed(password)
    with db.writing() as session:
        user = _user(session, code)
        used = delete(Setting).where(col(Setting.key) == _key(code)).returning(col(Setting.key))
        if user is None or session.execute(used).first() is None:  # used by two at once
            raise Invalid(_gone())
        user.password_hash = stored
        session.add(user)
        users.end_sessions(session, user)
        users.end_links(session, user)  # of two that were made at once, the other one
        themselves = Actor(user.name, Role[user.role.upper()], address)
        audit.record(session, themselves, "password chosen by link", target=user.name)
        return user.name


def _user(session: Session, code: str) -> User | None:
    kept = session.get(Setting, _key(code)) if len(code) <= _LONGEST else None
    if kept is None or datetime.fromisoformat(kept.value["until"]) <= db.now(session):
        return None
    user = session.get(User, kept.value["user_id"])
    return user if user and not user.disabled_at else None


def _key(code: str) -> str:
    return users.PASSWORD_LINK + hashlib.sha256(code.encode()).hexdigest()


def _gone() -> Problem:
    told = "This link was used, or is too old. Ask an administrator for another one."
    return Problem("link", "gone", told)

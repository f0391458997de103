"""Who is signed in: a random token in the browser's cookie, its SHA-256 in the database."""

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete, update
from sqlmodel import col, select

from core import audit, db, house_rules, page_clock, password_links, passwords, users
from core.access import Actor, Role, needs
from core.errors import Invalid, Problem
from core.guesses import guesses
from core.models import User, UserSession
from core.settings import settings

SEEN_EVERY = timedelta(minutes=1)
_LONGEST_TOKEN = 100


def cookie_name() -> str:
    """The cookie's name; with TLS one that browsers accept from this very host only."""
    return "__Host-outbox_session" if over_tls() else "outbox_session"


def over_tls() -> bool:
    return settings().public_url.startswith("https:")


def sign_in(
    name: str, password: str, *, address: str | None = None, user_agent: str | None = None
) -> str:
    """A new token for the browser: 256 random bits.

    Raises Invalid at `password`: `wrong`, without a word on whether the name exists, or `slowed`
    with `seconds` to wait. The same work is done for names that do not exist.
    """
    by_name = _by_name(name)
    by_address = ("address", address or "")
    guesses.begin(by_name, by_address, field="password")
    with db.reading() as session:
        user = users.find(session, name)
    stored = user.password_hash if user and not user.disabled_at else None
    if not passwords.matches(stored, password) or user is None:
        raise Invalid(_wrong())
    token = _open(user, address=address, user_agent=user_agent)
    guesses.forgive(by_name)
    guesses.take_back(by_address)
    return token


def choose_password(
    link: str, password: str, *, address: str | None = None, user_agent: str | None = None
) -> str:
    """A new token for whoever chose a password by a link. Raises as `password_links.use`.

    Nobody is slowed for wrong tries here: they are why somebody was given a link, which is used up.
    """
    name = password_links.use(link, password, address=address)
    with db.reading() as session:
        user = users.existing(session, name)
    token = _open(user, address=address, user_agent=user_agent)
    guesses.forgive(_by_name(name))
    return token


def actor(token: str | None) -> Actor | None:
    """Who the token belongs to; null when it is unknown, expired or revoked, or they are disabled.

    Being seen prolongs the session; that is written at most once a minute.
    """
    if not token or len(token) > _LONGEST_TOKEN:
        return None
    digest = _digest(token)
    now = page_clock.now()
    with db.reading() as session:
        found = session.exec(
            select(User.name, User.role, UserSession.last_seen_at, UserSession.address)
            .join(UserSession, col(UserSession.user_id) == col(User.id))
            .where(UserSession.token_sha256 == digest, UserSession.expires_at > now)
            .where(col(User.disabled_at).is_(None))
        ).first()
    if found is None:
        return None
    name, role, seen, address = found
    if seen is None or now - seen >= SEEN_EVERY:
        _seen(digest, now)
    return _actor(name, role, address)


def sign_out(token: str | None) -> None:
    """End the session of a token; harmless when it has none."""
    found = actor(token)
    if token is None or found is None:
        return
    with db.writing() as session:
        session.exec(delete(UserSession).where(col(UserSession.token_sha256) == _digest(token)))
        audit.record(session, found, "signed out")


@needs(Role.ADMIN)
def revoke_all(user_name: str, *, by: Actor) -> int:
    """Sign a user out everywhere; returns of how many browsers."""
    with db.writing() as session:
        user = users.existing(session, user_name)
        ended = users.end_sessions(session, user)
        after = {"sessions": ended}
        audit.record(session, by, "user signed out everywhere", target=user.name, after=after)
    return ended


def _open(user: User, *, address: str | None, user_agent: str | None) -> str:
    token = secrets.token_urlsafe(32)
    with db.writing() as session:
        now = db.now(session)
        fresh = session.get(User, user.id, with_for_update=True)
        # Disabled, or given another password, while this one was being verified.
        if fresh is None or fresh.disabled_at or fresh.password_hash != user.password_hash:
            raise Invalid(_wrong())
        fresh.last_seen_at = now
        session.exec(delete(UserSession).where(col(UserSession.expires_at) <= now))
        session.add(
            UserSession(
                token_sha256=_digest(token),
                user_id=fresh.id,
                created_at=now,
                expires_at=now + house_rules.session_lasts(),
                last_seen_at=now,
                address=address,
                user_agent=(user_agent or "")[:300] or None,
            )
        )
        audit.record(session, _actor(fresh.name, fresh.role), "signed in", address=address)
    return token


def _seen(digest: str, now: datetime) -> None:
    mine = col(UserSession.token_sha256) == digest
    with db.writing() as session:
        kept = session.exec(
            update(UserSession)
            .where(mine, col(UserSession.last_seen_at) <= now - SEEN_EVERY)
            .values(last_seen_at=now, expires_at=now + house_rules.session_lasts())
            .returning(col(UserSession.user_id))
        ).first()
        if kept:
            session.exec(update(User).where(col(User.id) == kept[0]).values(last_seen_at=now))


def _by_name(name: str) -> tuple[str, str]:
    return "name", name.strip().casefold()[: users.LONGEST_NAME]


def _actor(name: str, role: str, address: str | None = None) -> Actor:
    return Actor(name, Role[role.upper()], address)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _wrong() -> Problem:
    return Problem("password", "wrong", "The name or the password is not right.")

"""Who may sign in: people with a role and a password, and how the first of them comes to be."""

import hashlib
import hmac
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, text
from sqlmodel import Session, col, select

from core import audit, db, passwords
from core.access import Actor, Role, needs
from core.errors import Invalid, Problem
from core.guesses import guesses
from core.models import Setting, User, UserSession

LONGEST_NAME = 40
SETUP_CODE = "setup_code"
PASSWORD_LINK = "password link "  # begins the key of each setting that keeps one
_CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # without those that are taken for others
_SETUP = Actor("setup code", Role.ADMIN)


@dataclass(frozen=True)
class Person:
    """What others may know of a user."""

    name: str
    role: Role
    created_at: datetime
    created_by: str
    disabled_at: datetime | None
    last_seen_at: datetime | None
    signed_in: int  # in how many browsers


def all_users() -> list[Person]:
    """Everybody, disabled ones too, by name."""
    with db.reading() as session:
        users = session.exec(select(User)).all()
        alive = col(UserSession.expires_at) > db.now(session)
        counted = select(UserSession.user_id, func.count()).where(alive)
        open_ = dict(session.exec(counted.group_by(col(UserSession.user_id))).all())
    people = (_person(user, open_.get(user.id, 0)) for user in users)
    return sorted(people, key=lambda person: _key(person.name))


def any_user() -> bool:
    """Whether somebody may sign in at all; before that the first administrator is asked for."""
    with db.reading() as session:
        return session.exec(select(User.id).limit(1)).first() is not None


@needs(Role.ADMIN)
def add(name: str, *, role: Role, password: str, by: Actor) -> None:
    """A new user. Raises Invalid with every problem of `name` and `password`."""
    with db.reading() as session:
        _refuse(*_name_problems(session, name), *passwords.problems(password))
    stored = passwords.hashed(password)
    with db.writing() as session:
        _alone(session)
        _refuse(*_name_problems(session, name))
        _insert(session, name, role=role, stored=stored, by=by)


@needs(Role.ADMIN)
def set_password(name: str, password: str, *, by: Actor) -> None:
    """Give a user another password; wherever they are signed in ends, and so does their link."""
    _refuse(*passwords.problems(password))
    stored = passwords.hashed(password)
    with db.writing() as session:
        user = existing(session, name)
        user.password_hash = stored
        end_sessions(session, user)
        end_links(session, user)
        audit.record(session, by, "user given a password", target=user.name)


@needs(Role.ADMIN)
def disable(name: str, *, by: Actor) -> None:
    """Let a user sign in no more; wherever they are signed in ends. Harmless when done before."""
    with db.writing() as session:
        _alone(session)
        user = existing(session, name)
        if user.disabled_at:
            return
        _refuse(*_last_administrator(session, user))
        user.disabled_at = db.now(session)
        end_sessions(session, user)
        end_links(session, user)
        audit.record(session, by, "user disabled", target=user.name)


@needs(Role.ADMIN)
def enable(name: str, *, by: Actor) -> None:
    """Let a user sign in again with the password they had. Harmless when they may."""
    with db.writing() as session:
        user = existing(session, name)
        if user.disabled_at:
            user.disabled_at = None
            audit.record(session, by, "user enabled", target=user.name)


@needs(Role.ADMIN)
def set_role(name: str, role: Role, *, by: Actor) -> None:
    """Let a user do more or less, from their next click on.

    Raises Invalid for an unknown name, and for the only administrator.
    """
    with db.writing() as session:
        _alone(session)
        user = existing(session, name)
        before = user.role
        if before == role.word:
            return
        if role is not Role.ADMIN and not user.disabled_at:
            _refuse(*_last_administrator(session, user))
        user.role = role.word
        told = {"role": before}, {"role": role.word}
        audit.record(session, by, "role changed", target=user.name, before=told[0], after=told[1])


@needs(Role.ADMIN)
def invite(name: str, *, role: Role, by: Actor) -> None:
    """A new user whose password nobody knows: they choose one by a link (core/password_links.py).

    Raises Invalid with every problem of `name`.
    """
    add(name, role=role, password=secrets.token_urlsafe(32), by=by)


def setup_code() -> str | None:
    """A fresh one-time code for the first administrator; null once there is a user.

    It takes the place of the one before; only its hash is kept.
    """
    with db.writing() as session:
        _alone(session)
        if session.exec(select(User.id).limit(1)).first() is not None:
            return None
        letters = [secrets.choice(_CODE_LETTERS) for _ in range(16)]
        code = "-".join("".join(letters[i : i + 4]) for i in range(0, 16, 4))
        kept = Setting(
            key=SETUP_CODE, value=_digest(code), updated_at=db.now(session), updated_by="start"
        )
        session.merge(kept)
        return code


def first_administrator(name: str, password: str, code: str) -> None:
    """Create the one user who needs nobody's leave. Raises Invalid (`code`, `name`, `password`).

    However many ask at once, one is created: the code is used up in the same transaction.
    """
    guesses.begin(("code", "setup"), field="code")
    with db.reading() as session:
        wrong_code = _code_problems(session, code)
        if not wrong_code:
            guesses.forgive(("code", "setup"))
        _refuse(*wrong_code, *_name_problems(session, name), *passwords.problems(password))
    stored = passwords.hashed(password)
    with db.writing() as session:
        _alone(session)
        _refuse(*_code_problems(session, code))
        _insert(session, name, role=Role.ADMIN, stored=stored, by=_SETUP)
        session.exec(delete(Setting).where(col(Setting.key) == SETUP_CODE))


def find(session: Session, name: str) -> User | None:
    """The user of that name, however it is capitalised."""
    # Folded here: SQLite's lower() knows ASCII only, and there are few users.
    return next((u for u in session.exec(select(User)) if _key(u.name) == _key(name)), None)


def existing(session: Session, name: str) -> User:
    """The user of that name. Raises Invalid when there is none."""
    user = find(session, name)
    if user is None:
        raise Invalid(Problem("name", "unknown", f"There is no user «{name}»."))
    return user


def end_sessions(session: Session, user: User) -> int:
    """Sign a user out everywhere; returns of how many browsers."""
    gone = session.exec(delete(UserSession).where(col(UserSession.user_id) == user.id))
    return gone.rowcount


def end_links(session: Session, user: User) -> None:
    """Take away by what a user could choose a password, and what is too old of others."""
    now = db.now(session)
    for one in session.exec(select(Setting).where(col(Setting.key).startswith(PASSWORD_LINK))):
        over = datetime.fromisoformat(one.value["until"]) <= now
        if over or one.value["user_id"] == user.id:
            session.delete(one)


def _insert(session: Session, name: str, *, role: Role, stored: str, by: Actor) -> None:
    user = User(
        name=_clean(name),
        role=role.word,
        password_hash=stored,
        created_at=db.now(session),
        created_by=by.name,
    )
    session.add(user)
    audit.record(session, by, "user added", target=user.name, after={"role": role.word})


def _alone(session: Session) -> None:
    """Let nobody else add or disable a user until this transaction ends."""
    if db.on_postgres(session):  # on SQLite every writer is alone
        session.execute(text('LOCK TABLE "user" IN SHARE ROW EXCLUSIVE MODE'))


def _clean(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip()


def _key(name: str) -> str:
    return unicodedata.normalize("NFKC", name).strip().casefold()


def _name_problems(session: Session, name: str) -> list[Problem]:
    clean = _clean(name)
    if not clean:
        return [Problem("name", "empty", "A name is needed.")]
    if len(clean) > LONGEST_NAME:
        long = f"The name has {len(clean)} characters; at most {LONGEST_NAME} are possible."
        return [Problem("name", "long", long)]
    if not clean.isprintable():
        return [Problem("name", "unprintable", "The name has a character that cannot be seen.")]
    if taken := find(session, clean):
        return [Problem("name", "taken", f"There is a user «{taken.name}» already.")]
    return []


def _code_problems(session: Session, code: str) -> list[Problem]:
    # The code first: it goes as the administrator comes, and whoever sees it gone sees them.
    kept = session.get(Setting, SETUP_CODE)
    if session.exec(select(User.id).limit(1)).first() is not None:
        used = "There is an administrator already. Sign in instead."
        return [Problem("code", "used", used)]
    if kept is None or not hmac.compare_digest(str(kept.value), _digest(code)):
        wrong = "This is not the code that Outbox printed when it was last started."
        return [Problem("code", "wrong", wrong)]
    return []


def _last_administrator(session: Session, user: User) -> list[Problem]:
    enabled = select(User.id).where(User.role == Role.ADMIN.word, col(User.disabled_at).is_(None))
    if session.exec(enabled).all() != [user.id]:
        return []
    only = f"«{user.name}» is the only administrator; add another one first."
    return [Problem("name", "last administrator", only)]


def _digest(code: str) -> str:
    typed = "".join(letter for letter in code.upper() if letter.isalnum())
    return hashlib.sha256(typed.encode()).hexdigest()


def _refuse(*problems: Problem) -> None:
    if problems:
        raise Invalid(*problems)


def _person(user: User, signed_in: int) -> Person:
    return Person(
        name=user.name,
        role=Role[user.role.upper()],
        created_at=user.created_at,
        created_by=user.created_by,
        disabled_at=user.disabled_at,
        last_seen_at=user.last_seen_at,
        signed_in=signed_in,
    )

"""Passwords: argon2 hashes, and what a new one has to be."""

from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from core.errors import Problem

SHORTEST, LONGEST = 10, 200

_hasher = PasswordHasher()


def problems(password: str) -> list[Problem]:
    """What is wrong with a new password."""
    if len(password) < SHORTEST:
        short = f"The password needs at least {SHORTEST} characters; this one has {len(password)}."
        return [Problem("password", "short", short)]
    if len(password) > LONGEST:
        return [Problem("password", "long", f"The password is over {LONGEST} characters.")]
    return []


def hashed(password: str) -> str:
    return _hasher.hash(password)


def matches(stored: str | None, password: str) -> bool:
    """Whether it is the password; with no stored hash it takes the same time to say no."""
    try:
        return _hasher.verify(stored or _nobody(), password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


@lru_cache
def _nobody() -> str:
    return _hasher.hash("nobody")

"""Tokens and app secrets at rest: Fernet, with a key that only its owner can read."""

from functools import lru_cache
from pathlib import Path
from uuid import uuid4

from cryptography.fernet import Fernet, InvalidToken

from core.errors import Misconfigured
from core.settings import settings


def encrypt(secret: str) -> str:
    """The secret as it may stand in the database."""
    return _fernet().encrypt(secret.encode()).decode()


def decrypt(stored: str) -> str:
    """The secret itself. Raises Misconfigured when it was encrypted with another key."""
    try:
        return _decrypted(_fernet(), stored)
    except InvalidToken:
        raise Misconfigured(
            "A stored token cannot be decrypted: OUTBOX_SECRET_KEY (or secret.key in the data "
            "folder) is not the key that it was stored with."
        ) from None


@lru_cache(maxsize=1000)  # a tick may need the tokens of hundreds of accounts
def _decrypted(fernet: Fernet, stored: str) -> str:
    return fernet.decrypt(stored.encode()).decode()


@lru_cache
def _fernet() -> Fernet:
    key = settings().secret_key or _key_file(settings().data_dir / "secret.key")
    try:
        return Fernet(key)
    except ValueError:
        raise Misconfigured(
            "OUTBOX_SECRET_KEY is not a Fernet key (32 bytes, URL-safe base64)."
        ) from None


def _key_file(path: Path) -> str:
    """The key in the file, made on the first start.

    The file is linked into place whole, so that two starts at the same moment agree on one.
    """
    draft = path.with_name(f"{path.name}.{uuid4().hex}")
    if not path.exists():
        draft.touch(mode=0o600)
        draft.write_bytes(Fernet.generate_key())
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text()

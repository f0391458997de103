"""Files in the database, so that a worker on another machine reads what a page was given.

The bytes are in chunks with a commit each; a file is there once its SHA-256 is: what a kill left
half stored is never read, and goes with the scan.
"""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import count
from typing import NamedTuple

from sqlalchemy import delete, select, update
from sqlmodel import Session, col

from core import audit, db
from core.access import Actor, Role, needs
from core.errors import Invalid, Problem, Refused
from core.models import Batch, File, FileChunk

CHUNK = 256 * 1024  # bytes
MOST = 50_000_000  # bytes of an upload
UNFINISHED = timedelta(hours=1)


class Kind(StrEnum):
    UPLOAD = "upload"
    WRONG_ROWS = "wrong_rows"
    EXPORT = "export"


LIVES = {
    Kind.UPLOAD: timedelta(days=30),
    Kind.WRONG_ROWS: timedelta(days=7),
    Kind.EXPORT: timedelta(hours=24),
}


class Earlier(NamedTuple):
    """A batch that was loaded from the same bytes."""

    batch_id: int
    name: str
    state: str
    at: datetime
    by: str


@needs(Role.OPERATOR)
def upload(data: bytes, *, name: str, by: Actor) -> int:
    """Store what a person chose; returns its id. Raises Invalid at `file`: empty, or over 50 MB."""
    check_size(len(data))
    file_id = store([data], kind=Kind.UPLOAD, name=name, media_type=_media_type(name), by=by.name)
    with db.writing() as session:
        audit.record(session, by, "file uploaded", target=name, after={"bytes": len(data)})
    return file_id


def check_size(size: int) -> None:
    """Refuse, before it is read, what is too large. Raises Invalid at `file`."""
    if not size:
        raise Invalid(Problem("file", "empty", "The file is empty."))
    if size > MOST:
        told = f"The file has {size / 1e6:.1f} MB; at most {MOST // 1_000_000} MB can be loaded."
        raise Invalid(Problem("file", "too_large", f"{told} Split it into several."))


def _media_type(name: str) -> str:
    xlsx = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return xlsx if name.lower().endswith(".xlsx") else "text/csv"


def store(
    pieces: Iterable[bytes],
    *,
    kind: Kind,
    name: str,
    media_type: str,
    by: str,
    operation_id: int | None = None,
) -> int:
    """Store a stream of bytes of any length as a file; returns its id. No transaction stays open
    while the next piece is made."""
    file_id = _begin(kind, name, media_type, by, operation_id)
    digest, size = hashlib.sha256(), 0
    for number, data in enumerate(_chunked(pieces)):
        digest.update(data)
        size += len(data)
        with db.writing() as session:
            session.add(FileChunk(file_id=file_id, number=number, data=data))
    with db.writing() as session:
        whole = {"size": size, "sha256": digest.hexdigest()}
        until = db.now(session) + LIVES[kind]
        mine = update(File).where(col(File.id) == file_id)
        session.execute(mine.values(expires_at=until, **whole))
    return file_id


def _begin(kind: Kind, name: str, media_type: str, by: str, operation_id: int | None) -> int:
    with db.writing() as session:
        now = db.now(session)
        made = File(
            kind=kind,
            name=name,
            media_type=media_type,
            size=0,
            sha256="",
            operation_id=operation_id,
            created_at=now,
            created_by=by,
            expires_at=now + UNFINISHED,
        )
        session.add(made)
        session.flush()
        return made.id


def _chunked(pieces: Iterable[bytes]) -> Iterator[bytes]:
    gathered = bytearray()
    for piece in pieces:
        for begins in range(0, len(piece), CHUNK):
            gathered += piece[begins : begins + CHUNK]
            while len(gathered) >= CHUNK:
                yield bytes(gathered[:CHUNK])
                del gathered[:CHUNK]
    if gathered:
        yield bytes(gathered)


def find(file_id: int) -> File:
    """What is known of a whole file. Raises Refused when it is not there any more."""
    with db.reading() as session:
        row = session.get(File, file_id)
    if row is None or not row.sha256:
        raise Refused("The file is not there any more; choose it again.")
    return row


def given(file_id: int, person: Actor) -> File:
    """A file that this person may download: their own, or any where they are an administrator.

    Raises Refused, and in the same words, for another's, for what is over, and for what never was.
    """
    with db.reading() as session:
        row, now = session.get(File, file_id), db.now(session)
    over = row is None or not row.sha256 or (row.expires_at is not None and row.expires_at <= now)
    if row is None or over or (row.created_by != person.name and person.role < Role.ADMIN):
        raise Refused("There is no such file for you, or not any more: an export is kept a day.")
    return row


def read(file_id: int) -> Iterator[bytes]:
    """Its bytes, a chunk at a time, with no transaction open in between."""
    for number in count():
        with db.reading() as session:
            chunk = session.get(FileChunk, (file_id, number))
        if chunk is None:
            return
        yield chunk.data


def loaded_before(session: Session, sha256: str) -> Earlier | None:
    """The latest batch of the same bytes whose messages were let go, or wait to be."""
    same = (
        select(Batch)
        .where(
            col(Batch.source_sha256) == sha256,
            col(Batch.state).not_in(("loading", "cancelled")),
        )
        .order_by(col(Batch.id).desc())
        .limit(1)
    )
    found = session.execute(same).scalar_one_or_none()
    if found is None:
        return None
    return Earlier(found.id, found.name, found.state, found.created_at, found.created_by)


def expire() -> None:
    """Take away the files whose time is over, a megabyte a transaction."""
    while _expire_some():
        pass


def _expire_some() -> bool:
    with db.writing() as session:
        over = select(col(File.id)).where(col(File.expires_at) <= db.now(session)).limit(1)
        file_id = session.execute(over).scalar()
        if file_id is None:
            return False
        first = (
            select(col(FileChunk.number))
            .where(col(FileChunk.file_id) == file_id)
            .order_by(col(FileChunk.number))
            .limit(4)
        )
        numbers = list(session.execute(first).scalars())
        mine = (col(FileChunk.file_id) == file_id, col(FileChunk.number).in_(numbers))
        session.execute(delete(FileChunk).where(*mine))
        if len(numbers) < 4:
            session.execute(delete(File).where(col(File.id) == file_id))
        return True

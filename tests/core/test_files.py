"""Files in the database: whole or not there, found by their bytes, gone when their time is over."""

import hashlib
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from core import db, files
from core.access import Actor, Role
from core.errors import Forbidden, Invalid, Refused
from core.files import CHUNK, LIVES, MOST, Kind
from core.models import Batch, File, FileChunk
from core.scan import scan
from tests.given import ANA

Move = Callable[[timedelta], None]


def kept() -> tuple[int, int]:
    """How many files and chunks there are."""
    with db.reading() as session:
        counts = [session.execute(select(func.count()).select_from(t)) for t in (File, FileChunk)]
        return counts[0].scalar_one(), counts[1].scalar_one()


def test_a_file_is_read_as_it_was_stored_in_chunks(database: str) -> None:
    data = bytes(range(256)) * 3 * 1024
    file_id = files.upload(data, name="people.xlsx", by=ANA)
    row = files.find(file_id)
    assert (row.size, row.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert row.media_type.endswith("sheet") and row.created_by == "ana"
    pieces = list(files.read(file_id))
    assert [len(one) for one in pieces] == [CHUNK] * 3 and b"".join(pieces) == data


def test_a_stream_of_small_pieces_becomes_whole_chunks(database: str) -> None:
    pieces = (b"0123456789" for _ in range(30_000))
    made = files.store(
        pieces, kind=Kind.EXPORT, name="out.csv", media_type="text/csv", by="ana", operation_id=None
    )
    assert [len(one) for one in files.read(made)] == [CHUNK, 300_000 - CHUNK]


@pytest.mark.parametrize(("size", "code"), [(0, "empty"), (MOST + 1, "too_large")])
def test_nothing_of_what_is_empty_or_too_large_is_stored(sqlite: str, size: int, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        files.upload(bytes(size), name="people.csv", by=ANA)
    assert refused.value.problems[0].code == code and kept() == (0, 0)
    with pytest.raises(Forbidden):
        files.upload(b"x", name="people.csv", by=Actor("vera", Role.VIEWER))


def _breaks() -> Iterator[bytes]:
    yield bytes(CHUNK)
    raise KeyboardInterrupt


def test_what_was_stored_half_is_not_read_and_goes(database: str, move_clock: Move) -> None:
    with pytest.raises(KeyboardInterrupt):
        files.store(_breaks(), kind=Kind.EXPORT, name="x", media_type="x", by="ana")
    assert kept() == (1, 1)
    with pytest.raises(Refused, match="not there"):
        files.find(1)
    move_clock(files.UNFINISHED)
    scan()
    assert kept() == (0, 0)


def test_a_file_goes_when_its_time_is_over(database: str, move_clock: Move) -> None:
    files.upload(bytes(9 * CHUNK), name="people.csv", by=ANA)
    scan()
    assert kept() == (1, 9)
    move_clock(LIVES[Kind.UPLOAD])
    scan()
    assert kept() == (0, 0)


def test_the_same_bytes_tell_who_loaded_them_and_when(database: str) -> None:
    made = files.find(files.upload(b"recipient\n", name="people.csv", by=ANA))
    with db.writing() as session:
        at = db.now(session)
        assert files.loaded_before(session, made.sha256) is None
        for state in ("released", "cancelled", "loading"):
            session.add(
                Batch(
                    name=state,
                    state=state,
                    source_sha256=made.sha256,
                    created_at=at,
                    created_by="ana",
                )
            )
    with db.reading() as session:
        found = files.loaded_before(session, made.sha256)
    assert found and (found.name, found.by, found.at) == ("released", "ana", at)

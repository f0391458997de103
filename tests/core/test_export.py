import io
import random
from datetime import UTC, timedelta

import pandas as pd
import pytest

from core import clock, db, listing
from core.export import CHUNK, csv_rows, neutral
from core.listing import Filter
from core.models import Message
from core.standing import Standing, m
from tests.core import stored

pytestmark = pytest.mark.usefixtures("database")

NASTY = [
    "Your order is ready 🛵👩‍👩‍👧",
    'He said "hi", twice; and\tleft',
    "Line one\nline two\r\nline three\n\n",
    "=HYPERLINK(A1)",
    "+62 is Indonesia",
    "-5 °C",
    "@everyone",
    "\t=1+1",
    "'quoted already",
    "Größe, naïve, Привет, 你好, שלום",
    "NA",
    "  spaces  ",
    ",;|",
]


def opened(wanted: Filter, *, zone: str = "UTC") -> pd.DataFrame:
    written = "".join(csv_rows(wanted, zone=zone))
    assert written.startswith("\ufeff")
    return pd.read_csv(
        io.BytesIO(written.encode()), dtype=str, keep_default_na=False, encoding="utf-8-sig"
    )


def test_the_file_equals_the_database_for_20000_messages() -> None:
    dice, now = random.Random(5), clock.wall()
    rows = [
        {
            "text": dice.choice(NASTY) + dice.choice(["", " 🙏", "\nend", '"']),
            "status": dice.choice(["sent", "failed", "cancelled", "pending"]),
            "due_at": now + timedelta(seconds=dice.randint(-9999, 9999)),
            "reference": f"={number}",
            "error_text": dice.choice([None, "=cmd|' /C calc'!A0", "Rate limit hit"]),
        }
        for number in range(20_000)
    ]
    ids = stored.messages(stored.account(), rows)
    frame = opened(Filter(), zone="Asia/Jakarta")
    assert list(frame["id"]) == [str(id_) for id_ in ids]
    with db.reading() as session:
        known = listing.rows(session, m.id >= ids[0])
    assert list(frame["text"]) == [neutral(row.text) for row in known]
    assert list(frame["recipient"]) == [row.recipient for row in known]
    assert list(frame["status"]) == [row.status for row in known]
    assert list(frame["reference"]) == [f"'={number}" for number in range(20_000)]
    assert list(frame["error_text"]) == [neutral(row.error_text) for row in known]
    told = pd.to_datetime(frame["due_at"], format="ISO8601", utc=True)
    local = pd.to_datetime(frame["due_at_local"], format="ISO8601", utc=True)
    assert list(told) == list(local) == [row.due_at for row in known]
    assert frame["due_at_local"].str.endswith("+07:00").all()
    assert frame["due_at"].str.endswith("+00:00").all()


def test_no_cell_but_the_recipient_can_be_a_formula() -> None:
    rows = [{"text": nasty, "error_text": nasty, "reference": nasty} for nasty in NASTY]
    stored.messages(stored.account("=Orders"), rows)
    frame = opened(Filter())
    begins = ("=", "+", "-", "@", "\t", "\r")
    for name in frame.columns.drop("recipient"):
        assert not frame[name].str.startswith(begins).any(), name
    assert frame["recipient"].str.fullmatch(r"\+\d+").all()


def test_only_what_matches_the_filter_is_exported_over_many_chunks() -> None:
    rows = [{"status": "sent"}] + [{"status": "cancelled"}] * (2 * CHUNK) + [{"status": "sent"}]
    ids = stored.messages(stored.account(), rows)
    frame = opened(Filter(frozenset({Standing.SENT})))
    assert list(frame["id"]) == [str(ids[0]), str(ids[-1])]


def test_a_message_that_moves_during_the_download_is_there_once() -> None:
    later = clock.wall() + timedelta(days=9)
    ids = stored.messages(stored.account(), [{}] * (CHUNK + 5))
    pieces = csv_rows(Filter())
    begun = next(pieces) + next(pieces)
    with db.writing() as session:
        for id_ in (ids[0], ids[-1]):
            row = session.get_one(Message, id_)
            row.due_at = later.astimezone(UTC)
    frame = pd.read_csv(io.StringIO(begun + "".join(pieces)), dtype=str)
    assert list(frame.iloc[:, 0]) == [str(id_) for id_ in ids]


def test_nothing_is_a_file_with_only_its_head() -> None:
    assert len(opened(Filter())) == 0

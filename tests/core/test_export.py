"""Exports as CSV, opened as another program opens them and compared with the database."""

import io
import json
import random
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlmodel import col, update

from core import clock, columns, db, export, export_xlsx, listing
from core.columns import What
from core.errors import Invalid
from core.export import CHUNK, Order
from core.export_csv import csv_rows
from core.filtering import Filter
from core.formulas import BEGINS, neutral, plain
from core.models import Attempt, Batch, Content, Message
from core.sheets import reading
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


def opened(
    wanted: Filter | None = None,
    *,
    what: What = What.MESSAGES,
    names: Collection[str] = (),
    zone: str = "UTC",
) -> pd.DataFrame:
    written = "".join(csv_rows(Order.of(what, wanted or Filter(), names=names, zone=zone)))
    assert written.startswith("\ufeff")
    return pd.read_csv(
        io.BytesIO(written.encode()), dtype=str, keep_default_na=False, encoding="utf-8-sig"
    )


def test_the_file_equals_the_database_for_5000_messages() -> None:
    dice, now = random.Random(5), clock.wall()
    rows = [
        {
            "text": dice.choice(NASTY) + dice.choice(["", " 🙏", "\nend", '"']),
            "status": dice.choice(["sent", "failed", "cancelled", "pending"]),
            "due_at": now + timedelta(seconds=dice.randint(-9999, 9999)),
            "reference": f"={number}",
            "error_text": dice.choice([None, "=cmd|' /C calc'!A0", "Rate limit hit"]),
        }
        for number in range(5_000)
    ]
    ids = stored.messages(stored.account(), rows)
    frame = opened(zone="Asia/Jakarta")
    assert list(frame["id"]) == [str(id_) for id_ in ids]
    with db.reading() as session:
        known = listing.rows(session, m.id >= ids[0])
    assert list(frame["text"]) == [neutral(row.text or "") for row in known]
    assert [plain(cell) for cell in frame["text"]] == [row.text for row in known]
    assert list(frame["recipient"]) == [row.recipient for row in known]
    assert list(frame["status"]) == [row.status for row in known]
    assert list(frame["reference"]) == [f"'={number}" for number in range(5_000)]
    assert list(frame["error_text"]) == [neutral(row.error_text or "") for row in known]
    told = pd.to_datetime(frame["due_at"], format="ISO8601", utc=True)
    local = pd.to_datetime(frame["due_at_local"], format="ISO8601", utc=True)
    assert list(told) == list(local) == [row.due_at for row in known]
    assert frame["due_at_local"].str.endswith("+07:00").all()
    assert frame["due_at"].str.endswith("+00:00").all()


def test_no_cell_but_the_recipient_can_be_a_formula() -> None:
    rows = [{"text": nasty, "error_text": nasty, "reference": nasty} for nasty in NASTY]
    stored.messages(stored.account("=Orders"), rows)
    frame = opened()
    begins = tuple(BEGINS)
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
    pieces = csv_rows(Order())
    begun = next(pieces) + next(pieces)
    with db.writing() as session:
        for id_ in (ids[0], ids[-1]):
            row = session.get_one(Message, id_)
            row.due_at = later.astimezone(UTC)
    frame = pd.read_csv(io.StringIO(begun + "".join(pieces)), dtype=str)
    assert list(frame.iloc[:, 0]) == [str(id_) for id_ in ids]


def test_nothing_is_a_file_with_only_its_head() -> None:
    assert len(opened()) == 0


def test_a_template_comes_with_its_parameters_its_batch_and_its_label() -> None:
    account, now = stored.account(), clock.wall()
    [one, other] = stored.messages(account, [{"reference": "A-1"}, {}])
    parameters = {"body.1": 'O"Hara, שלום', "url.0": "=1"}
    with db.writing() as session:
        batch = Batch(name="=Monday", state="released", created_at=now, created_by="ana")
        session.add(batch)
        session.flush()
        session.execute(update(Message).where(col(Message.id) == one).values(batch_id=batch.id))
        content = update(Content).where(col(Content.message_id) == one)
        values = {"template": "reminder", "language": "id", "label": "-North"}
        session.execute(content.values(parameters=parameters, **values))
    frame = opened()
    assert json.loads(frame["parameters"][0]) == parameters and frame["parameters"][1] == ""
    shown = ["template", "language", "label", "batch", "reference"]
    assert list(frame[shown].iloc[0]) == ["reminder", "id", "'-North", "'=Monday", "A-1"]
    assert list(frame[shown].iloc[1]) == [""] * 5 and frame["id"][1] == str(other)


def attempts(message_id: int, *posted: datetime, **more: Any) -> None:
    payload = '{"to": "+62812", "text": {"body": "Hello"}}'
    with db.writing() as session:
        session.add_all(
            Attempt(
                message_id=message_id,
                account_id=1,
                worker_id=1,
                slot_at=at,
                claimed_at=at,
                posted_at=at,
                payload=payload,
                payload_sha256="ab",
                **more,
            )
            for at in posted
        )


def test_each_attempt_is_a_row_with_the_facts_of_its_message() -> None:
    now = clock.wall()
    account = stored.account()
    first, _, third = stored.messages(
        account, [{"text": "=1"}, {}, {"status": "failed", "reference": "R"}]
    )
    attempts(third, now, outcome="transient", error_code=131000, error_text="@busy")
    attempts(first, now, now + timedelta(minutes=1), outcome="accepted")
    attempts(third, now + timedelta(minutes=2), outcome="permanent")
    frame = opened(what=What.ATTEMPTS, zone="Asia/Kolkata")
    assert list(frame["message_id"]) == [str(one) for one in (third, first, first, third)]
    assert list(frame["outcome"]) == ["transient", "accepted", "accepted", "permanent"]
    assert list(frame["text"]) == ["Hello", "'=1", "'=1", "Hello"]
    assert list(frame["error_text"]) == ["'@busy", "", "", ""]
    assert frame["posted_at_local"].str.endswith("+05:30").all()
    assert datetime.fromisoformat(frame["posted_at_local"][0]) == now
    assert "payload" not in frame.columns and "answer" not in frame.columns
    failed = opened(Filter(frozenset({Standing.FAILED})), what=What.ATTEMPTS, names=["payload"])
    assert [json.loads(cell)["to"] for cell in failed["payload"]] == ["+62812"] * 2


def test_the_columns_are_those_that_were_asked_for_in_that_order() -> None:
    stored.messages(stored.account(), [{"text": "a,b"}, {"text": 'say "x"'}])
    frame = opened(names=["text", "id", "text"])
    assert list(frame.columns) == ["text", "id"] and list(frame["text"]) == ["a,b", 'say "x"']


def test_a_row_of_one_empty_cell_is_still_a_row() -> None:
    stored.messages(stored.account(), [{}, {"reference": "R"}, {}])
    assert list(opened(names=["reference"])["reference"]) == ["", "R", ""]


@pytest.mark.parametrize(
    ("names", "zone", "told"),
    [
        (["id", "token"], "UTC", "There is no column «token» for messages; there are id, account"),
        (["id"], "Mars/Base", "There is no time zone Mars/Base."),
    ],
)
def test_what_is_not_known_is_refused_with_words(names: list[str], zone: str, told: str) -> None:
    with pytest.raises(Invalid) as refused:
        Order.of(What.MESSAGES, Filter(), names=names, zone=zone)
    assert refused.value.problems[0].message.startswith(told)


def test_no_column_reads_a_secret() -> None:
    read = {str(one.of) for known in columns.COLUMNS.values() for one in known.values()}
    assert read and not {one for one in read if "token" in one or "secret" in one}


def test_an_order_is_the_same_after_it_was_stored() -> None:
    wanted = Filter(frozenset({Standing.FAILED}), "Orders & more", "a b")
    order = Order.of(What.ATTEMPTS, wanted, names=["payload", "text"], zone="Asia/Tokyo")
    assert Order.read(json.loads(json.dumps(order.stored()))) == order


def test_a_clock_that_is_put_back_is_told_with_its_offset() -> None:
    begins = datetime(2026, 10, 25, 0, 30, 59, 123456, UTC)
    stored.messages(
        stored.account(), [{"due_at": begins + timedelta(hours=hour)} for hour in range(2)]
    )
    assert list(opened(names=["due_at_local"], zone="Europe/Berlin")["due_at_local"]) == [
        "2026-10-25T02:30:59.123456+02:00",
        "2026-10-25T02:30:59.123456+01:00",
    ]


def test_what_is_searched_for_is_found_in_each_chunk_as_on_the_page() -> None:
    rows = [{"text": "GRÖSSE 42"}] + [{"text": "other"}] * (2 * CHUNK) + [{"text": "größe 43"}]
    ids = stored.messages(stored.account(), rows)
    wanted = Filter(search="größe")
    shown = listing.page(wanted, now=clock.wall()).rows
    assert {int(one) for one in opened(wanted)["id"]} == {row.id for row in shown}
    attempts(ids[-1], clock.wall())
    attempts(ids[1], clock.wall())
    assert list(opened(wanted, what=What.ATTEMPTS)["message_id"]) == [str(ids[-1])]


def test_rows_are_counted_up_to_a_limit() -> None:
    account = stored.account()
    ids = stored.messages(account, [{}] * 5 + [{"status": "sent"}] * 2)
    attempts(ids[0], clock.wall(), clock.wall())
    assert export.count(Order(), most=100) == 7 and export.count(Order(), most=3) == 4
    sent = Filter(frozenset({Standing.SENT}))
    assert export.count(Order.of(What.MESSAGES, sent), most=100) == 2
    assert export.count(Order.of(What.ATTEMPTS, Filter()), most=100) == 2


def test_what_comes_in_during_the_download_does_not_make_it_longer() -> None:
    account = stored.account()
    ids = stored.messages(account, [{}] * (CHUNK + 1))
    pieces = csv_rows(Order())
    begun = next(pieces) + next(pieces)
    stored.messages(account, [{}] * 3)
    frame = pd.read_csv(io.StringIO(begun + "".join(pieces)), dtype=str)
    assert len(frame) == len(ids)


def test_however_sparse_the_matches_are_each_is_there_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "CHUNK", 3)
    monkeypatch.setattr(export, "WINDOW", 20)
    dice, account = random.Random(7), stored.account()
    shares = [0.02] * 80 + [1.0] * 30 + [0.3] * 90  # few, then all at once, then some
    rows = [{"status": "sent" if dice.random() < share else "failed"} for share in shares]
    ids = stored.messages(account, rows)
    sent = [one for one, row in zip(ids, rows, strict=True) if row["status"] == "sent"]
    wanted = Filter(frozenset({Standing.SENT, Standing.DELIVERED}))
    assert [int(one) for one in opened(wanted)["id"]] == sent
    largest = max(len(values[0]) for values in export.chunks(Order.of(What.MESSAGES, wanted)))
    assert largest == 3


def test_our_importer_reads_our_own_export_back_unchanged(tmp_path: Path) -> None:
    texts = [one for one in [*NASTY, "'=1", "+62812", "0812"] if one == one.strip()]
    rows = [{"text": text, "reference": f"={n}"} for n, text in enumerate(texts)]
    stored.messages(stored.account(), rows)
    order = Order.of(What.MESSAGES, Filter(), names=["recipient", "text", "reference"])
    book = tmp_path / "book.xlsx"
    with export_xlsx.writing(order, book) as sheet:
        for values in export.chunks(order):
            sheet.add(values)
    with db.reading() as session:
        known = listing.rows(session)
    said = [[row.recipient, row.text, row.reference] for row in known]
    comma = reading.read("".join(csv_rows(order)).encode(), "messages.csv")
    assert comma.headings == ("recipient", "text", "reference")
    assert [row.cells for row in comma.rows] == said
    cells = [row.cells for row in reading.read(book.read_bytes(), "messages.xlsx").rows]
    assert cells == [[one, str(two).replace("\r\n", "\n"), three] for one, two, three in said]

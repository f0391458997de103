"""Workbooks: written by an operation, read back cell by cell, killed and begun anew, taken away."""

import io
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from openpyxl.utils.escape import unescape
from sqlmodel import col, select, update

from core import (
    apart,
    clock,
    db,
    export,
    export_xlsx,
    exporting,
    files,
    leasing,
    operating,
    operations,
)
from core.access import Actor, Role
from core.columns import What
from core.errors import Refused
from core.export import Order
from core.filtering import Filter
from core.kinds import Kind
from core.models import Content, File, Message
from core.standing import Standing
from tests.core import stored
from tests.core.test_apart import child
from tests.core.test_export import NASTY, attempts
from tests.waiting import until

VERA, OLGA = Actor("vera", Role.VIEWER), Actor("olga", Role.OPERATOR)
ADA = Actor("ada", Role.ADMIN)
Rows = list[tuple[Any, ...]]
MANY = 12_000  # messages: a dozen chunks, in the middle of which a process is killed


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "CHUNK", 2)
    monkeypatch.setattr(exporting, "LIMIT", 5)


def run(operation_id: int, **more: Any) -> operations.Operation:
    mine = leasing.take({Kind.EXPORT})
    assert mine and mine.id == operation_id
    operating.run(mine, **more)
    return operations.state(operation_id)


def sheet(data: bytes) -> Any:
    return openpyxl.load_workbook(io.BytesIO(data)).active


def rows_of(data: bytes) -> int:
    """Of a workbook that is whole; counted without reading a cell."""
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        assert parts.testzip() is None
        return parts.read("xl/worksheets/sheet1.xml").count(b"<row ")


def the_file(operation_id: int) -> bytes:
    return b"".join(files.read(operations.state(operation_id).result["file_id"]))


def whole_files() -> list[int]:
    """Those that can be found now."""
    with db.reading() as session:
        now = db.now(session)
        there = select(File).where(col(File.expires_at) > now, col(File.sha256) != "")
        return [one.id for one in session.exec(there)]


def test_a_workbook_says_what_the_database_says(database: str) -> None:
    begins = datetime(2026, 3, 29, 0, 59, 59, 500_000, UTC)
    nasty = [*NASTY, "_x0041_", "'=1", "\x0b bell", "5", "1e5", "http://x.y", "x" * 4096, "{=1}"]
    rows = [
        {"text": text, "reference": f"={number}", "due_at": begins + timedelta(minutes=number)}
        for number, text in enumerate(nasty)
    ]
    ids = stored.messages(stored.account("=Orders"), rows)
    done = run(exporting.begin(Order.of(What.MESSAGES, Filter(), zone="Europe/Berlin"), by=VERA))
    assert (done.state, done.done, done.counted) == ("finished", len(ids), len(ids))
    made = sheet(the_file(done.id))
    heading, *read = made.iter_rows(values_only=True)
    at = {name: number for number, name in enumerate(heading)}
    assert [row[at["id"]] for row in read] == ids
    shown = [text.replace("\r\n", "\n") for text in nasty]
    assert [unescape(row[at["text"]]) for row in read] == shown
    assert [row[at["reference"]] for row in read] == [f"={n}" for n in range(len(ids))]
    assert {row[at["account"]] for row in read} == {"=Orders"}
    assert all(isinstance(row[at["recipient"]], str) for row in read)
    assert {cell.data_type for row in made.iter_rows() for cell in row} <= {
        "s",
        "n",
        "d",
        "inlineStr",
    }
    for number, row in enumerate(read):
        due = begins + timedelta(minutes=number)
        told = row[at["due_at"]].replace(tzinfo=UTC)
        local = row[at["due_at_local"]].replace(tzinfo=ZoneInfo("Europe/Berlin"))
        assert abs(told - due) < timedelta(milliseconds=1)
        assert abs(local - due) < timedelta(milliseconds=1)
    assert made.freeze_panes == "A2" and made.auto_filter.ref.startswith("A1:")
    assert made.column_dimensions["E"].width > made.column_dimensions["A"].width


def test_columns_and_filter_are_those_of_the_order(sqlite: str) -> None:
    account = stored.account()
    one, _, other = stored.messages(account, [{"status": "failed"}, {}, {"status": "failed"}])
    attempts(other, clock.wall(), outcome="permanent", error_code=131000)
    attempts(one, clock.wall(), outcome="transient")
    failed = Filter(frozenset({Standing.FAILED}))
    names = ["message_id", "error_code", "outcome"]
    done = run(exporting.begin(Order.of(What.ATTEMPTS, failed, names=names), by=OLGA))
    assert list(sheet(the_file(done.id)).iter_rows(values_only=True)) == [
        tuple(names),
        (other, 131000, "permanent"),
        (one, None, "transient"),
    ]


@pytest.mark.usefixtures("small")
def test_more_rows_than_a_workbook_has_are_refused_before_it_begins(sqlite: str) -> None:
    account = stored.account()
    with pytest.raises(Refused, match="Nothing matches"):
        exporting.begin(Order(), by=VERA)
    stored.messages(account, [{}] * 5)
    begun = exporting.begin(Order(), by=VERA)
    stored.messages(account, [{}])
    with pytest.raises(Refused, match="More than 5 rows are too many for XLSX: take CSV"):
        exporting.begin(Order(), by=VERA)
    row = run(begun)  # those that came after it was asked for are too many as well
    assert row.state == "failed" and "too many for XLSX" in str(row.error) and whole_files() == []


@pytest.mark.usefixtures("small")
def test_it_tells_how_far_it_is_and_what_was_called_off_leaves_no_file(sqlite: str) -> None:
    stored.messages(stored.account(), [{}] * 5)
    begun, seen = exporting.begin(Order(), by=VERA), []

    def tell(mine: leasing.Taken) -> None:
        seen.append(mine.done)
        if mine.done == 4:
            operations.cancel(begun, by=VERA)

    row = run(begun, tell=tell)
    assert seen == [2, 4] and row.state == "cancelled" and whole_files() == []


@pytest.mark.usefixtures("small")
def test_a_worker_that_stops_puts_it_back_and_the_next_begins_anew(sqlite: str) -> None:
    stored.messages(stored.account(), [{}] * 5)
    begun, stop = exporting.begin(Order(), by=VERA), Event()
    stop.set()
    assert run(begun, stop=stop).state == "queued"
    row = run(begun)
    assert (row.state, row.done, len(whole_files())) == ("finished", 5, 1)


@pytest.mark.usefixtures("small")
def test_of_two_that_wrote_it_only_the_file_of_who_ended_it_stays(
    sqlite: str, move_clock: Callable[[timedelta], None]
) -> None:
    stored.messages(stored.account(), [{}] * 5)
    begun = exporting.begin(Order(), by=VERA)
    slow = leasing.take({Kind.EXPORT})
    assert slow
    first = exporting.work(slow)
    next(first)
    move_clock(operations.LEASE + timedelta(seconds=1))
    row = run(begun)
    assert list(first) == [] and row.state == "finished"
    assert whole_files() == [row.result["file_id"]]


@pytest.mark.chaos
def test_what_a_killed_process_left_is_begun_anew_and_leaves_one_file(
    postgresql: str, move_clock: Callable[[timedelta], None]
) -> None:
    stored.exportable(MANY)
    begun = exporting.begin(Order(), by=VERA)
    killed = child(leasing.take({Kind.EXPORT}))
    until(lambda: operations.state(begun).done > 0, within=30, every=0.01)
    killed.kill()
    killed.wait()
    row = operations.state(begun)
    assert row.state == "running" and 0 < row.done < MANY and apart.run_waiting(Event()) == 0
    move_clock(operations.LEASE + timedelta(seconds=1))
    assert apart.run_waiting(Event()) == 1
    row = operations.state(begun)
    assert (row.state, row.done) == ("finished", MANY)
    assert whole_files() == [row.result["file_id"]]
    assert rows_of(the_file(begun)) == 1 + MANY


def test_a_file_is_for_who_asked_and_for_administrators_and_for_a_day(
    database: str, move_clock: Callable[[timedelta], None]
) -> None:
    stored.messages(stored.account(), [{}])
    done = run(exporting.begin(Order(), by=VERA))
    file_id = done.result["file_id"]
    assert files.given(file_id, VERA).name.startswith("messages-") and files.given(file_id, ADA)
    for person, number in ((OLGA, file_id), (VERA, 999)):
        with pytest.raises(Refused, match="no such file for you"):
            files.given(number, person)
    move_clock(timedelta(hours=23))
    assert files.given(file_id, VERA)
    move_clock(timedelta(hours=25))
    with pytest.raises(Refused):
        files.given(file_id, VERA)
    assert exporting.recent(VERA) == []


def test_a_person_finds_their_exports_again_and_takes_them_away(sqlite: str) -> None:
    stored.messages(stored.account(), [{}])
    order = Order.of(What.MESSAGES, Filter(), names=["id"], zone="Asia/Jakarta")
    done = run(exporting.begin(order, by=VERA))
    waiting = exporting.begin(Order(), by=VERA)
    exporting.begin(Order(), by=OLGA)
    found = exporting.recent(VERA)
    assert [(one.operation.id, one.file is None) for one in found] == [
        (waiting, True),
        (done.id, False),
    ]
    assert found[1].order == order
    with pytest.raises(Refused, match="no export of yours"):
        exporting.discard(done.id, by=OLGA)
    exporting.discard(done.id, by=VERA)
    assert [one.operation.id for one in exporting.recent(VERA)] == [waiting]


def test_a_text_that_is_longer_than_a_cell_is_cut_where_it_can_be_seen(
    sqlite: str, tmp_path: Path
) -> None:
    [one] = stored.messages(stored.account(), [{}])
    with db.writing() as session:
        session.execute(update(Content).values(text="a" * 40_000))
        session.execute(update(Message).where(col(Message.id) == one).values(reference="R"))
    order = Order.of(What.MESSAGES, Filter(), names=["text", "reference"])
    with export_xlsx.writing(order, tmp_path / "x.xlsx") as writing:
        for values in export.chunks(order):
            writing.add(values)
    _, (text, reference) = sheet((tmp_path / "x.xlsx").read_bytes()).iter_rows(values_only=True)
    assert text == "a" * 32_766 + "…" and reference == "R"

"""Many messages at once by command: what it says, and the code that a script sees."""

import json
import os
import signal
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from core import clock, db, operations
from core.choosing import Choice
from core.errors import Refused
from core.kinds import Kind
from core.models import Attempt, Message, MessageEvent
from tests import given
from tests.core import stored
from tests.core.worded import said
from tests.manage.command import here
from tests.processes import Process, Programs
from tests.waiting import until

FAILED: dict[str, Any] = {"status": "failed", "error_class": "transient", "error_code": 131016}
UNKNOWN = {"status": "failed", "error_class": "unknown", "error_text": "the connection broke"}


def rows(ids: list[int]) -> list[Message]:
    return [given.row(one) for one in ids]


def test_what_failed_is_listed_with_class_and_reason(sqlite: str) -> None:
    account = stored.account()
    first, second = stored.messages(account, [FAILED | {"error_text": "Busy"}, UNKNOWN])
    stored.messages(account, [{}])
    listed = here("failed", "--json", "--account", "orders").out.splitlines()
    found = [json.loads(one) for one in listed]
    assert {one["id"]: one["error_message"] for one in found} == {
        first: "Busy",
        second: "the connection broke",
    }
    (line,) = here("failed", "--class", "transient", "--limit", "1").out.splitlines()
    assert line.split()[0] == str(first) and line.endswith("transient 131016    Busy")
    assert here("failed").err == ""
    at = {"slot_at": clock.wall(), "claimed_at": clock.wall(), "payload": "", "payload_sha256": ""}
    with db.writing() as session:
        session.add(
            Attempt(message_id=first, account_id=account, worker_id=1, error_code=199999, **at)
        )
    told = here("failed", "--json")
    assert told.err == "New code 199999, which Outbox does not know: 1 today.\n"
    assert len(told.out.splitlines()) == 2
    assert here("failed", "--class", "odd").err.startswith("«odd» is no class: unreached,")


def test_a_bulk_retry_leaves_the_unconfirmed_and_ends_with_3(database: str) -> None:
    ids = stored.messages(stored.account(), [FAILED, UNKNOWN])
    shown = here("retry", "--all")
    assert (shown.code, shown.out) == (3, "1 message to be sent again.\n")
    assert shown.err.splitlines() == [
        "1 message skipped: 1 may have arrived.",
        "To send those too, which may arrive twice: --confirm-unknown",
    ]
    told = here("retry", "--filter", "class=unknown", "--confirm-unknown")
    assert told == (0, "1 message to be sent again.\n", "")
    assert [one.status for one in rows(ids)] == ["pending", "pending"]
    confirmed = rows(ids)[1].confirmed_by
    assert confirmed and confirmed.startswith("cli:")


def test_a_cancel_is_undone_by_the_number_that_it_told(sqlite: str) -> None:
    account = stored.account()
    ids = stored.messages(account, [{}, {"status": "sent"}])
    sent = here("cancel", str(ids[1]))
    assert sent == (1, "", "1 message skipped: 1 sent already.\n")
    told = here("cancel", "--filter", "account=Orders,status=pending")
    assert told == (0, "1 message cancelled. Undo: python manage.py undo 2\n", "")
    assert here("undo", "2") == (0, "1 message brought back.\n", "")
    assert "there is nothing to undo" in here("undo", "2").err
    assert rows(ids)[0].status == "pending"
    both = here("cancel", *map(str, ids))
    assert (both.code, both.err) == (3, "1 message skipped: 1 sent already.\n")
    assert here("cancel", "--all") == (0, "Nothing to do.\n", "")


def test_flushing_asks_and_deletes_only_what_failed(sqlite: str) -> None:
    ids = stored.messages(stored.account(), [FAILED, UNKNOWN, {}])
    assert here("flush") == (2, "", "Say what to flush: --failed.\n")
    shown = here("flush", "--failed", typed="n\n")
    assert shown.code == 1
    assert "Delete 2 failed messages (1 may have arrived)? [y/N]" in shown.out
    assert here("flush", "--failed", "--yes").out == "2 messages deleted.\n"
    assert [one.deleted_at is None for one in rows(ids)] == [False, False, True]
    assert here("delete", str(ids[2])).out == "1 message deleted.\n"
    assert rows(ids)[2].status == "cancelled"


def test_operations_are_listed_with_who_ordered_them_and_called_off(sqlite: str) -> None:
    stored.messages(stored.account(), [{}, {"status": "sent"}])
    assert here("cancel", "1", "2").code == 3
    operations.create(Kind.DELETE, Choice(), by=given.ANA)
    assert here("call-off", "2") == (0, "Operation 2 is called off.\n", "")
    assert here("call-off", "2").err == "Operation 2 has ended, or never was.\n"
    second, first = [json.loads(one) for one in here("operations", "--json").out.splitlines()]
    assert (second["kind"], second["state"], second["by"]) == ("delete", "cancelled", "ana")
    assert (first["done"], first["skipped"], first["counted"]) == (1, {"sent": 1}, 2)
    (line,) = here("operations", "--limit", "1").out.splitlines()
    assert line.endswith("delete   cancelled  0 of 2  ana")


def test_what_waits_gets_another_time_priority_and_number_and_its_former_ones_again(
    database: str,
) -> None:
    old, new = stored.account(), stored.account("Bills")
    ids = stored.messages(old, [{}, {}, {"status": "sent"}])
    stored.messages(new, [{"status": "sent"}])
    named, due = [str(one) for one in ids[:2]], given.row(ids[0]).due_at
    told = "2 messages given a new time. Undo: python manage.py undo 1\n"
    assert here("reschedule", *named, "--by", "2h") == (0, told, "")
    assert rows(ids)[1].due_at == due + timedelta(hours=2)
    assert here("reschedule", *named, "--by", "-1h").code == 0
    assert rows(ids)[1].due_at == due + timedelta(hours=1)
    window = ("--from", f"{due:%Y-%m-%dT%H:%M:%S}Z", "--until", f"{due:%Y-%m-%dT%H:%M:%S}.5Z")
    assert here("reschedule", *named, *window).code == 0
    first, second, _ = rows(ids)
    assert second.due_at - first.due_at == timedelta(seconds=0.5)
    assert here("reschedule", "--filter", "account=Orders", "--now").code == 0
    assert rows(ids)[1].due_at < due
    assert here("adjust", *named, "--priority", "0", "--max-retries", "5").out[:20] == (
        "2 messages changed. "
    )
    assert {(one.priority, one.max_retries) for one in rows(ids)[:2]} == {(0, 5)}
    moved = here("move", "--all", "--to", "bills")
    assert (moved.code, moved.out) == (0, "2 messages moved. Undo: python manage.py undo 6\n")
    assert [one.account_id for one in rows(ids)] == [new, new, old]
    assert here("move", *named, "--to", "Bills").err == (
        "2 messages skipped: 2 at that number already.\n"
    )
    assert here("undo", "6") == (0, "2 messages moved back.\n", "")
    assert [one.account_id for one in rows(ids)] == [old] * 3


def test_what_any_messages_say_is_corrected_after_a_look_at_it(database: str) -> None:
    ids = stored.messages(stored.account(), [{"text": "On Monday"}, {"text": "On Friday"}])
    line = ("correct", *map(str, ids), "--find", "Monday", "--put", "Tuesday")
    shown = here(*line, "--dry-run").out
    assert "- On Monday\n  + On Tuesday" in shown and "1 message would be corrected." in shown
    assert said(ids) == ["On Monday", "On Friday"]
    told = here(*line)
    assert (told.code, told.out) == (0, "1 message corrected. Undo: python manage.py undo 1\n")
    assert said(ids) == ["On Tuesday", "On Friday"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (("reschedule", "7"), "Say one of --by, --now, or --from with --until."),
        (("reschedule", "7", "--by", "soon"), "«soon» is no length of time."),
        (("reschedule", "7", "--from", "2020-01-01T09:00Z", "--until", "2020-01-02T09:00Z"), "Wed"),
        (("adjust", "7"), "Say --priority, --max-retries or both."),
        (("adjust", "7", "--priority", "9"), "priority cannot be 9."),
        (("correct", "7", "--text", "Hi", "--put", "Ho"), "Say one of --text, --find with --put,"),
        (("retry",), "Say which messages: ids, --all or --filter."),
        (("cancel", "7", "--all"), "Say which messages: ids, --all or --filter."),
        (("retry", "--filter", "colour=red"), "«colour=red» is no filter: KEY=VALUE, of account,"),
        (("retry", "--filter", "account=Ordres"), "There is no account «Ordres»."),
        (("retry", "--filter", "code=x"), "«x» is no code: a number."),
        (("delete", "--filter", "status=away"), "«away» is no status: pending,"),
    ],
)
def test_what_is_typed_wrongly_ends_with_2_and_changes_nothing(
    sqlite: str, line: tuple[str, ...], told: str
) -> None:
    ended = here(*line)
    assert (ended.code, ended.out) == (2, "") and ended.err.startswith(told)


def cancelling(folder: Path) -> Process:
    """`cancel --all` in the middle of its work."""
    line = [sys.executable, "manage.py", "cancel", "--all"]
    process = Process(line, log=folder / "cancel.log", env=dict(os.environ))
    until(lambda: _done(1) >= 1000, within=20, every=0.01)
    return process


@pytest.mark.chaos
def test_ctrl_c_calls_it_off_after_a_chunk_and_ends_with_3(sqlite: str, tmp_path: Path) -> None:
    ids = stored.messages(stored.account(), [{"recipient": f"+62{n}"} for n in range(6000)])
    process = cancelling(tmp_path)
    process.child.send_signal(signal.SIGINT)
    assert process.child.wait(20) == 3, process.said()
    row = operations.state(1)
    assert row.state == "cancelled" and 1000 <= row.done < 6000 and row.done % 1000 == 0
    assert f"{row.done:,} messages cancelled." in process.said()
    assert "called off before its end" in process.said()
    assert [one.status for one in rows([ids[row.done - 1], ids[row.done]])] == [
        "cancelled",
        "pending",
    ]


@pytest.mark.chaos
def test_what_a_killed_command_left_a_worker_finishes(
    sqlite: str, move_clock: Callable[[timedelta], None], tmp_path: Path
) -> None:
    ids = stored.messages(stored.account(), [{"recipient": f"+62{n}"} for n in range(5000)])
    cancelling(tmp_path).kill()
    left = operations.state(1)
    assert left.state == "running" and 1000 <= left.done < 5000
    move_clock(operations.LEASE + timedelta(seconds=1))
    worker = Programs(tmp_path).worker()
    try:
        until(lambda: operations.state(1).state == "finished", within=20)
    finally:
        worker.stop()
    assert operations.state(1).done == 5000
    with db.reading() as session:
        events = session.execute(select(col(MessageEvent.message_id))).scalars().all()
    assert sorted(events) == ids


def _done(operation_id: int) -> int:
    try:
        return operations.state(operation_id).done
    except Refused:
        return 0


def test_what_is_late_is_released_by_its_filter(sqlite: str) -> None:
    late, other = stored.messages(stored.account(), [{"hold": "late"}, {}])
    assert here("hold", str(other)).out == "1 message held. Undo: python manage.py undo 1\n"
    assert here("release", "--filter", "hold=late").out == "1 message released.\n"
    assert (given.row(late).hold, given.row(other).hold) == (None, "person")
    assert here("release", "--filter", "hold=odd").err.startswith("«odd» is no hold: late,")

"""Messages by command: scheduled, listed, imported from a file."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session

from core import accounts, db, messages
from tests import given
from tests.given import ANA
from tests.manage.command import SCHEDULE, listed, refused, said
from tests.processes import ROOT

FIELDS = [
    *("id", "account", "recipient", "content", "status", "delivery", "hold", "held_by"),
    *("scheduled_at", "due_at", "sent_at", "retry_count", "max_retries", "error_class"),
    *("error_code", "error_message", "meta_message_id", "reference"),
]


def test_a_message_is_scheduled_and_its_id_printed(database: str) -> None:
    given.account()
    at = (datetime.now(UTC) + timedelta(hours=1)).replace(microsecond=0)
    end = at + timedelta(hours=1)
    line = ("--at", at.isoformat(), "--reference", "A-1", "--max-retries", "5")
    line += ("--late", "skip", "--priority", "0", "--not-after", end.isoformat())
    made = said(*SCHEDULE, *line)
    row = given.row(int(made))
    assert made == f"{row.id}\n"
    assert (row.recipient, row.due_at, row.reference) == ("+628123456789", at, "A-1")
    assert (row.max_retries, row.late_policy) == (5, "skip")
    assert (row.priority, row.not_after) == (0, end)
    assert given.row(int(said(*SCHEDULE, "--now"))).due_at <= datetime.now(UTC)


def test_what_is_wrong_with_a_message_is_told_at_its_field_all_at_once(sqlite: str) -> None:
    given.account()
    line = ("schedule", "--account", "Orders", "--to", "0812", "--text", "")
    told = refused(*line, "--at", "2020-01-01T00:00Z", "--max-retries", "9")
    fields = [one.partition(": ")[0] for one in told.splitlines()]
    assert fields == ["recipient", "text", "when", "max_retries"]
    assert given.statuses() == []


@pytest.mark.parametrize(
    ("line", "told", "code"),
    [
        ((), "Say either --at or --now.", 2),
        (("--now", "--at", "2030-01-01T00:00Z"), "Say either --at or --now.", 2),
        (("--at", "tomorrow"), "when: «tomorrow» cannot be read as a date and time.", 1),
        (("--at", "2030-01-01T00:00"), "when: «2030-01-01T00:00» does not say how far", 1),
        (("--now", "--not-after", "noon"), "not_after: «noon» cannot be read", 1),
        (("--now", "--late", "drop"), "late_policy: What is late is one of send, skip, hold", 1),
        (("--now", "--max-retries", "many"), "Usage: ", 2),
    ],
)
def test_a_time_that_cannot_be_meant_is_told(
    sqlite: str, line: tuple[str, ...], told: str, code: int
) -> None:
    given.account()
    assert refused(*SCHEDULE, *line, code=code).startswith(told)


def test_a_reference_in_use_is_told(sqlite: str) -> None:
    given.message(given.account(), reference="A-1")
    told = refused(*SCHEDULE, "--now", "--reference", "A-1")
    assert told == "reference: The reference «A-1» is in use by another message of this account.\n"


def test_messages_are_listed_with_exactly_these_fields(database: str) -> None:
    account = given.account()
    made = given.message(
        account, text="Dear «Ana», 😀\nbye", when=given.in_(hours=1), reference="A-1"
    )
    (one,) = listed()
    row = given.row(made)
    assert list(one) == FIELDS
    assert one == dict.fromkeys(FIELDS) | {
        "id": made,
        "account": "Orders",
        "recipient": given.recipient(),
        "content": "Dear «Ana», 😀\nbye",
        "status": "pending",
        "scheduled_at": row.scheduled_at.isoformat(),
        "due_at": row.due_at.isoformat(),
        "retry_count": 0,
        "max_retries": 3,
        "reference": "A-1",
    }
    assert datetime.fromisoformat(one["due_at"]).utcoffset() == timedelta(0)


def test_messages_are_filtered_by_status_and_account(sqlite: str) -> None:
    orders, support = given.account("Orders"), given.account("Support")
    first, second, third = given.message(orders), given.message(orders), given.message(support)
    messages.cancel(second, by=ANA)
    messages.delete(given.message(orders), by=ANA)
    assert [one["id"] for one in listed()] == [first, second, third]
    assert [one["id"] for one in listed("--status", "pending")] == [first, third]
    assert [one["id"] for one in listed("--account", "support")] == [third]
    assert listed("--account", "Support", "--status", "sent") == []
    shown = said("messages", "--status", "cancelled")
    assert shown.split()[:3] == [str(second), given.recipient(), "cancelled"]


def test_what_holds_a_message_is_told(sqlite: str) -> None:
    made = given.message(given.account())
    accounts.pause("Orders", by=ANA)
    assert [(one["hold"], one["held_by"]) for one in listed()] == [(None, "account")]
    with db.writing() as session:
        hold(session, made, "template")
    assert [(one["hold"], one["held_by"]) for one in listed()] == [("template", "template")]


def hold(session: Session, message_id: int, why: str) -> None:
    row = messages.find(session, message_id)
    row.hold = why
    session.add(row)


def test_a_status_that_does_not_exist_is_told_with_the_five(sqlite: str) -> None:
    told = refused("messages", "--status", "delivered", code=2)
    assert told == ("«delivered» is not a status: pending, processing, sent, failed, cancelled.\n")


def test_a_listing_that_nobody_reads_to_its_end_ends_quietly(sqlite: str) -> None:
    account = given.account()
    for number in range(20):
        given.message(account, to=given.recipient(number), text="x" * 4000)
    line = [sys.executable, "manage.py", "messages", "--json"]
    with subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout and child.stderr
        child.stdout.readline()
        child.stdout.close()
        told = child.stderr.read().decode()
    assert "Traceback" not in told


def write(folder: Path, *rows: str, head: str = "recipient,content,scheduled_at") -> str:
    file = folder / "people.csv"
    file.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return str(file)


def test_a_file_is_imported(database: str, tmp_path: Path) -> None:
    given.account()
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    file = write(
        tmp_path,
        "+628123456789,Now,,R-1,0",
        f'+62 812-3456-780,"Later, with a comma",{at.isoformat()},R-2,2',
        head="\ufeffrecipient,content,scheduled_at,reference,priority",
    )
    assert said("import", file, "--account", "orders") == "2 messages scheduled.\n"
    stored = listed()
    found = [(one["recipient"], one["content"], one["reference"]) for one in stored]
    assert found == [
        ("+628123456789", "Now", "R-1"),
        ("+628123456780", "Later, with a comma", "R-2"),
    ]
    assert [one["hold"] for one in stored] == [None, None]
    assert datetime.fromisoformat(stored[1]["due_at"]) == at


def test_wrong_rows_are_told_with_line_and_reason_and_nothing_is_stored(
    sqlite: str, tmp_path: Path
) -> None:
    given.account()
    good = "+628123456789,Hello,"
    file = write(tmp_path, good, "0812x,Hello,", good, "+628123456789,,2020-01-01T00:00Z")
    told = refused("import", file, "--account", "Orders").splitlines()
    assert [one.split(": ")[:2] for one in told[:-1]] == [
        ["line 3", "recipient"],
        ["line 5", "content"],
        ["line 5", "scheduled_at"],
    ]
    assert told[-1] == "2 rows are wrong; nothing was stored."
    assert given.statuses() == []


def test_a_file_that_cannot_be_read_is_told(sqlite: str, tmp_path: Path) -> None:
    given.account()
    away = str(tmp_path / "away.csv")
    told = refused("import", away, "--account", "Orders")
    assert told == f"{away} cannot be read: No such file or directory.\n"
    foreign = tmp_path / "latin.csv"
    foreign.write_bytes("recipient,content,scheduled_at\n+628,Grüße,\n".encode("latin-1"))
    told = refused("import", str(foreign), "--account", "Orders")
    assert "is not UTF-8" in told and "Save it as «CSV UTF-8»" in told
    semicolons = write(tmp_path, head="recipient;content;scheduled_at")
    told = refused("import", semicolons, "--account", "Orders")
    assert told == "file: The columns are separated by «;»; save the file with commas.\n"
    assert refused("import", semicolons, "--account", "Ordres").startswith("There is no account")

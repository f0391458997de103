"""Messages by command: scheduled, listed, imported from a file."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, update

from core import accounts, db, export, export_csv, messages, optouts
from core.drafts import When
from core.models import Account
from tests import given
from tests.core import templated
from tests.given import ANA
from tests.manage.command import SCHEDULE, here, listed, refused, said
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


HEAD = "recipient,content,scheduled_at"


def write(folder: Path, *rows: str, head: str = HEAD) -> str:
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
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"")
    assert refused("import", str(empty), "--account", "Orders") == "file: The file is empty.\n"
    unknown = write(tmp_path, "+628123456789,Hello,", head="recipient,content,time")
    told = refused("import", unknown, "--account", "Orders")
    assert told == "file: The heading has unknown columns time.\n"
    assert refused("import", unknown, "--account", "Ordres").startswith("There is no account")


def test_files_of_other_programs_are_read_too(database: str, tmp_path: Path) -> None:
    given.account()
    foreign = tmp_path / "latin.csv"
    foreign.write_bytes("recipient;content\n+62812345678;Grüße\n".encode("latin-1"))
    assert said("import", str(foreign), "--account", "Orders") == "1 messages scheduled.\n"
    assert [one["content"] for one in listed()] == ["Grüße"]


def test_a_dry_run_tells_in_json_what_would_become_of_a_file(database: str, tmp_path: Path) -> None:
    given.account(rate=10.0)
    optouts.add(["+628123456783"], by=ANA)
    first = write(tmp_path, "+628123456789,Hello,,R-1", head=f"{HEAD},reference")
    line = ("import", first, "--account", "Orders", "--dry-run")
    assert json.loads(said(*line, "--json"))["good"] == 1
    assert "1 of 1 rows are good" in said(*line) and given.statuses() == []
    said("import", first, "--account", "Orders")
    rows = ["+628123456789,Hello,,R-1", "+628123456780,Hi,,", "+628123456780,Hi,,", "x,Hi,,"]
    rows += ["+628123456783,Hi,,"]
    second = write(tmp_path, *rows, head=f"{HEAD},reference")
    told = json.loads(said("import", second, "--account", "Orders", "--dry-run", "--json"))
    counts = ("good", "unchanged", "duplicates", "opted_out", "wrong_rows")
    assert [told[key] for key in counts] == [1, 1, 1, 1, 1]
    [wrong] = told["wrong"]
    assert (wrong["line"], wrong["column"], wrong["value"]) == (5, "recipient", "x")
    assert wrong["reason"] and datetime.fromisoformat(told["finish_at"]).tzinfo
    assert len(given.statuses()) == 1


def test_metas_daily_limit_is_told_where_a_file_passes_it(sqlite: str, tmp_path: Path) -> None:
    given.account(rate=10.0)
    with db.writing() as session:
        session.execute(update(Account).values(messaging_limit="TIER_250"))
    file = write(tmp_path, *(f"{given.recipient(number)},Hello," for number in range(251)))
    line = ("import", file, "--account", "Orders", "--dry-run")
    [passed] = json.loads(said(*line, "--json"))["passes_limit"]
    assert passed["limit"] == 250 and datetime.fromisoformat(passed["at"]).tzinfo
    assert "251 texts come when the person has not written" in said(*line)
    assert "Orders may write to 250 people in 24 hours: this is passed at" in said(*line)


def test_good_rows_are_held_or_let_go_when_it_is_said(database: str, tmp_path: Path) -> None:
    given.account()
    file = write(tmp_path, "+628123456789,Hello,", "x,Hello,")
    line = ("import", file, "--account", "Orders")
    partly = here(*line, "--hold", "--batch", "Monday")
    assert (
        partly.code == 3 and partly.out == "1 messages scheduled, held until they are released.\n"
    )
    assert partly.err.startswith("Left out: 1 wrong.\nline 3: recipient: ")
    assert [one["hold"] for one in listed()] == ["batch"]
    assert "loaded on" in refused(*line, "--release")
    told = here(*line, "--release", "--again", "--doubles", "--json")
    assert (told.code, json.loads(told.out)["scheduled"]) == (3, 1)
    assert [one["hold"] for one in listed()] == ["batch", None]
    assert "either" in refused(*line, "--hold", "--release", code=2)


def test_a_file_schedules_a_template(database: str, tmp_path: Path) -> None:
    templated.template(templated.account())
    file = write(tmp_path, "+628123456789,Budi", head="recipient,param.1")
    line = ("import", file, "--account", "Orders", "--template", "visit", "--language", "en_US")
    assert said(*line) == "1 messages scheduled.\n"
    assert [one["content"] for one in listed()] == ["Hello Budi"]


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_what_waits_is_the_same_as_in_our_own_export(
    sqlite: str, tmp_path: Path, ending: str
) -> None:
    account = given.account()
    terms = {"priority": 2, "late_policy": "hold", "max_retries": 1, "label": "-Bandung"}
    for number in range(3):
        wall = given.in_(hours=9).wall
        assert wall
        when = When("instant", wall=wall.replace(microsecond=300_000 * number), zone="Asia/Jakarta")
        until = (wall + timedelta(hours=1)).replace(microsecond=0)
        more = terms | {"not_after": until, "reference": f"={number}"}
        given.message(account, to=given.recipient(number), when=when, **more)
    file = str(tmp_path / f"export.{ending}")
    said("export", "messages", "--output", file, "--zone", "Asia/Jakarta")
    check = ("import", file, "--account", "Orders", "--dry-run", "--json")
    told = json.loads(said(*check))
    assert (told["unchanged"], told["good"], told["wrong"]) == (3, 0, [])
    assert json.loads(said(*check, "--zone", "Europe/Berlin"))["unchanged"] == 3


def test_our_own_export_is_read_back_unchanged(database: str, tmp_path: Path) -> None:
    account = given.account()
    texts = ["=SUM(A1)", "'=quoted", "+1 is not a number", '-10 %, "today"', "@all\nof you", "Ada"]
    for number, text in enumerate(texts):
        due = given.in_(hours=number + 1)
        given.message(account, to=given.recipient(number), text=text, when=due)
    file = tmp_path / "export.csv"
    file.write_bytes("".join(export_csv.csv_rows(export.Order())).encode())
    line = ("import", str(file), "--account", "Orders")
    assert here(*line) == (0, "0 messages scheduled.\n", "Left out: 6 there already.\n")
    assert said(*line, "--again", "--doubles") == "6 messages scheduled.\n"
    facts = ("recipient", "content", "due_at", "max_retries")
    stored = [{key: one[key] for key in facts} for one in listed()]
    assert stored[:6] == stored[6:] and [one["content"] for one in stored[:6]] == texts

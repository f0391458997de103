"""A file before it is loaded: what is good, wrong, there already, not wanted; when it ends."""

import csv
import io
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlmodel import col

from core import accounts, db, files, leasing, messages, operating, operations, optouts, preflight
from core.kinds import Kind
from core.leasing import Taken
from core.models import Account, Message
from core.sheets.plan import Fill, Plan
from core.sheets.table import UNREAD
from tests import given
from tests.core import stored, templated
from tests.core.loaded import HEAD, checked, checked_as, found, later, load, rows
from tests.given import ANA

Move = Callable[[timedelta], None]
COUNTS = ("good", "new", "changed", "same", "already", "double", "opted_out", "wrong_rows")


def wrong(check: Any) -> list[tuple[int, str, str]]:
    return [(one["line"], one["column"], one["code"]) for one in check.result["wrong"]]


def test_good_rows_are_counted_and_nothing_is_stored(database: str) -> None:
    given.account(rate=2.0)
    check = checked(rows(1200))
    assert found(check, *COUNTS) == (1200, 1200, 0, 0, 0, 0, 0, 0)
    assert (check.done, check.counted, given.statuses()) == (1200, 1200, [])
    assert [one["text"] for one in check.result["first"]] == ["Hello 0", "Hello 1", "Hello 2"]
    [account] = check.result["accounts"]
    begins, ends = (datetime.fromisoformat(account[key]) for key in ("begins_at", "ends_at"))
    assert timedelta(seconds=599) < ends - begins < timedelta(seconds=650)
    assert check.result["finish_at"] == account["ends_at"]


def test_every_wrong_row_is_told_and_can_be_corrected_and_loaded(database: str) -> None:
    given.account()
    head = "recipient,content,scheduled_at,reference,priority,max_retries,not_after,late_policy"
    good = f"{given.recipient()},Hello,,A,,,,"
    bad = [
        "0812x,Hello,,,,,,",
        f"{given.recipient()},,,,,,,",
        f"{given.recipient()},Hello,yesterday,,,,,",
        f"{given.recipient()},Hello,2020-01-01T00:00Z,,,,,",
        f"{given.recipient()},Hello {{name}},,,,,,",
        f"{given.recipient()},Hello,,A,,,,",
        f"{given.recipient()},Hello,,B,9,,,",
        f"{given.recipient()},Hello,,C,,many,,",
        f"{given.recipient()},Hello,,D,,,never,",
        f"{given.recipient()},Hello,,E,,,,drop",
        "=1+1,Hello,,,,,,",
    ]
    check = checked("\n".join([head, good, *bad]) + "\n")
    assert found(check, "good", "wrong_rows") == (1, len(bad))
    assert [one[:2] for one in wrong(check)] == [
        (3, "recipient"),
        (4, "content"),
        (5, "scheduled_at"),
        (6, "scheduled_at"),
        (7, "content"),
        (8, "reference"),
        (9, "priority"),
        (10, "max_retries"),
        (11, "not_after"),
        (12, "late_policy"),
        (13, "recipient"),
    ]
    assert all(one["reason"].endswith((".", "?")) for one in check.result["wrong"])
    text = b"".join(files.read(check.result["wrong_file"])).decode("utf-8-sig")
    told = list(csv.DictReader(io.StringIO(text)))
    assert [one["problem"] != "" for one in told] == [True] * len(bad)
    assert told[4]["content"] == "Hello {name}" and told[-1]["recipient"] == "'=1+1"
    again = checked(text.replace("{name}", "Budi").replace("'=1+1", given.recipient(9)))
    assert found(again, "good", "wrong_rows") == (3, len(bad) - 3)


def test_what_is_wrong_is_told_kind_by_kind_the_most_frequent_first(database: str) -> None:
    given.account()
    check = checked(
        rows(1) + "0812,Hello,,\n" * 3 + "x,Hello,,\n" * 23 + f"{given.recipient()},,,\n"
    )
    kinds = check.result["kinds"]
    assert [(one["column"], one["count"], len(one["flaws"])) for one in kinds] == [
        ("recipient", 23, preflight.EXAMPLES),
        ("recipient", 3, 3),
        ("content", 1, 1),
    ]
    assert kinds[0]["flaws"][0]["line"] == 6 and kinds[0]["flaws"][0]["value"] == "x"


def test_a_file_or_a_plan_that_cannot_be_used_ends_with_the_reason(database: str) -> None:
    given.account()
    check = checked_as("recipient\n+62812345678\n", Plan(1, {"recipient": "recipient"}))
    assert [one["field"] for one in check.result["problems"]] == ["text"]
    assert (check.state, check.done) == ("finished", 0)


def test_what_comes_twice_in_the_file_is_found(database: str) -> None:
    given.account()
    at, other = later(hours=1), later(hours=2)
    one, two = given.recipient(1), given.recipient(2)
    lines = [f"{one},Pill,{at},", f"{one},Pill,{other},", f"{one},Pill,{at},", f"{two},Pill,{at},"]
    check = checked(HEAD + "\n".join(lines) + "\n")
    assert found(check, "good", "double") == (3, 1)
    assert check.result["told"] == [
        {"line": 4, "kind": "double", "recipient": one, "of_line": 2, "message": None}
    ]
    everything = checked(HEAD + "\n".join(lines) + "\n", duplicates="load")
    assert found(everything, "good", "double") == (4, 0)


@pytest.mark.parametrize("at", ["", "later"])
def test_what_waits_or_was_sent_already_is_not_good_a_second_time(database: str, at: str) -> None:
    given.account()
    text = rows(3, at=later(hours=1) if at else "")
    load(text)
    _leaves(1), messages.cancel(2, by=ANA)
    check = checked(text)
    assert found(check, "good", "double") == (1, 2)
    assert check.result["earlier"]["by"] == "ana"
    assert found(checked(text.replace("Hello", "Hi")), "good") == (3,)


def _leaves(message_id: int, **more: Any) -> None:
    with db.writing() as session:
        values = {"status": "sent", "sent_at": db.now(session)} | more
        session.execute(update(Message).where(col(Message.id) == message_id).values(**values))


def test_without_times_the_same_words_are_double_for_a_day(database: str, move_clock: Move) -> None:
    given.account()
    load(rows(2))
    for message_id in (1, 2):
        _leaves(message_id)
    renamed = rows(2) + f"{given.recipient(7)},New,,\n"
    assert found(checked(renamed), "good", "double") == (1, 2)
    move_clock(timedelta(hours=25))
    assert found(checked(renamed), "good", "double") == (3, 0)
    assert found(checked(rows(2)), "good", "double") == (0, 2), "the very same file"


def test_a_daily_export_again_changes_only_what_changed(database: str) -> None:
    given.account()
    at = later(hours=1)
    load(rows(4, reference=True, at=at))
    _leaves(1)
    text = rows(5, reference=True, at=at).replace("Hello 2", "Hi 2").replace("Hello 0", "Hi 0")
    check = checked(text)
    assert found(check, *COUNTS) == (2, 1, 1, 2, 1, 0, 0, 0)


def test_what_left_at_a_time_that_is_over_is_no_wrong_row(database: str, move_clock: Move) -> None:
    given.account()
    with_reference, without = rows(2, reference=True, at=later(hours=1)), rows(3, at=later(hours=2))
    load(with_reference)
    load(without)
    for message_id in range(1, 6):
        _leaves(message_id)
    move_clock(timedelta(hours=3))
    assert found(checked(with_reference), "already", "wrong_rows") == (2, 0)
    assert found(checked(without), "double", "wrong_rows") == (3, 0)


def test_who_asked_not_to_be_contacted_is_counted(database: str) -> None:
    given.account()
    optouts.add([given.recipient(1)], by=ANA)
    check = checked(rows(3))
    assert found(check, "good", "opted_out") == (2, 1)
    assert [one["kind"] for one in check.result["told"]] == ["opted_out"]


def test_templates_are_checked_row_by_row(database: str) -> None:
    account = given.account()
    templated.template(account)
    lines = "phone,name\n+628123456789,Budi\n+628123456788,\n"
    fills = {"1": Fill("name")}
    plan = Plan(account, {"recipient": "phone"}, "", "visit", "en_US", fills)
    check = checked_as(lines, plan)
    assert found(check, "good") == (1,) and wrong(check) == [(3, "name", "empty")]
    [shown] = check.result["first"]
    assert (shown["template"], shown["text"]) == ("visit", "Hello Budi")
    assert check.result["unheard"] == 0  # a template may open a conversation
    unknown = checked_as(lines, Plan(account, plan.columns, template="other", language="id"))
    assert {one[1:] for one in wrong(unknown)} == {("template", "missing")}
    from_others = lines.replace("phone", "account,phone").replace("\n+", "\nClinc,+")
    plan = Plan(account, plan.columns | {"account": "account"}, "", "visit", "en_US", fills)
    # Whose templates they are depends on it: nothing else is said before it is known.
    assert [one[1:] for one in wrong(checked_as(from_others, plan))] == 2 * [("account", "unknown")]


def test_the_end_counts_quiet_hours_and_what_waits_before(database: str) -> None:
    account = given.account(rate=1.0)
    with db.writing() as session:
        now = db.now(session)
        quiet = {"quiet_from": f"{now + timedelta(hours=1, minutes=1):%H:%M}"}
        quiet |= {"quiet_to": f"{now + timedelta(hours=3):%H:%M}"}
        session.execute(update(Account).values(**quiet))
    stored.messages(account, [{"due_at": now, "recipient": f"+62877{n:07d}"} for n in range(50)])
    check = checked(rows(10) + f"{given.recipient(99)},Late,{later(hours=2)},\n")
    [one] = check.result["accounts"]
    begins, ends = (datetime.fromisoformat(one[key]) for key in ("begins_at", "ends_at"))
    assert one["ahead"] == 50 and begins - now > timedelta(seconds=50)
    assert f"{ends:%H:%M}" == quiet["quiet_to"]


def test_what_keeps_a_message_is_told_in_place_of_an_end(database: str) -> None:
    given.account()
    assert found(checked(rows(2)), "waits") == ({},)
    accounts.pause("Orders", by=ANA)
    check = checked(rows(2))
    assert found(check, "finish_at", "accounts") == (None, [])
    [(why, count)] = check.result["waits"].items()
    assert count == 2 and "paused" in why


def test_metas_daily_limit_is_told_with_the_time_at_which_it_is_passed(database: str) -> None:
    account = given.account(rate=10.0)
    with db.writing() as session:
        session.execute(update(Account).values(messaging_limit="TIER_250"))
        now = db.now(session)
    for number in range(3):
        _leaves(given.message(account, to=f"+6287700000{number}0"), sent_at=now)
    at = later(hours=1)
    assert checked(rows(247, at=at)).result["passings"] == []
    [told] = checked(rows(248, at=at)).result["passings"]
    assert told["limit"] == 250 and told["accounts"] == ["Orders"]
    passes = datetime.fromisoformat(told["at"]) - datetime.fromisoformat(at)
    assert timedelta(seconds=24) < passes < timedelta(seconds=27)


def test_a_killed_check_is_begun_anew_by_the_next_and_stores_nothing_twice(
    database: str, move_clock: Move
) -> None:
    given.account()
    text = rows(2500) + "x,,,\n"
    file_id = files.upload(text.encode(), name="people.csv", by=ANA)
    plan = Plan(1, {"recipient": "recipient", "content": "content"})
    made = preflight.order(file_id, plan, by=ANA)
    killed = leasing.take()
    assert killed

    def die(mine: Taken) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        operating.run(killed, tell=die)
    assert operations.state(made).done == preflight.CHUNK
    move_clock(operations.LEASE + timedelta(seconds=1))
    again = leasing.take({Kind.CHECK})
    assert again
    operating.run(again)
    assert found(operations.state(made), "good", "wrong_rows") == (2500, 1)
    operating.run(killed)
    with db.reading() as session:
        kept = select(func.count()).select_from(files.File)
        assert session.execute(kept).scalar_one() == 2


def test_a_person_may_say_in_which_alphabet_the_names_are(database: str) -> None:
    data = "phone,text\n+62812345678,דוד\n".encode("cp1255")
    file_id = files.upload(data, name="people.csv", by=ANA)
    columns = {"recipient": "phone", "content": "text"}
    plan = Plan(given.account(), columns, encoding="cp1255")
    made = preflight.order(file_id, plan, by=ANA, here=True)
    operating.run(leasing.held(made))
    assert operations.state(made).result["first"][0]["text"] == "דוד"


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("{},Hello, Ana: be here at 9", "ragged"),
        ("{}", "ragged"),
        ("{},#N/A", "error"),
        ("{},Dear Jos\ufffd", "control"),
    ],
)
def test_a_wrong_row_that_nobody_corrected_is_wrong_again(
    sqlite: None, row: str, code: str
) -> None:
    given.account()
    lines = ["recipient,content", row.format(given.recipient()), "x,Hi", f"{given.recipient(2)},Hi"]
    first = checked("\n".join(lines))
    assert found(first, "good", "wrong_rows") == (1, 2) and wrong(first)[0][2] == code
    again = checked(_wrong_file(first))
    assert found(again, "good", "wrong_rows") == (0, 2)
    third = checked(_wrong_file(again))
    assert found(third, "good", "wrong_rows") == (0, 2)
    assert _wrong_file(third).startswith(_wrong_file(again).partition("problem")[0])


def test_what_was_beyond_the_last_column_is_kept_until_the_row_is_put_right(sqlite: None) -> None:
    given.account()
    check = checked(f"recipient,content\n{given.recipient()},Hello, Ana: be here at 9\n")
    [row] = csv.DictReader(io.StringIO(_wrong_file(check)))
    assert row[UNREAD] == f"'{given.recipient()},Hello, Ana: be here at 9"  # no formula
    out = io.StringIO()
    writer = csv.DictWriter(out, row)
    writer.writeheader()
    writer.writerow(row | {"content": "Hello, Ana: be here at 9", UNREAD: ""})
    right = checked(out.getvalue())
    assert right.result["first"][0]["text"] == "Hello, Ana: be here at 9"


def _wrong_file(check: Any) -> str:
    return b"".join(files.read(check.result["wrong_file"])).decode("utf-8-sig")


def test_an_error_of_the_spreadsheet_is_wrong_also_where_a_text_asks_for_it(sqlite: None) -> None:
    given.account()
    plan = Plan(1, {"recipient": "phone"}, "Dear {name}")
    check = checked_as(f"phone,name,note\n{given.recipient()},#N/A,#REF!\n", plan)
    assert wrong(check) == [(2, "name", "error")]


def test_of_a_wrong_cell_the_result_keeps_the_beginning(sqlite: None) -> None:
    given.account()
    check = checked(f"recipient,content\n{given.recipient()},{'a' * 5_000}\n")
    [flaw] = check.result["wrong"]
    assert flaw["value"] == "a" * preflight.MOST_VALUE
    assert "a" * 5_000 in _wrong_file(check)

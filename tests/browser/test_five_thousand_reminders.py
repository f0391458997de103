"""What an operator does on most days, for five thousand people: a workbook that is partly wrong,
tried with twenty, stopped at a mistake, corrected, finished, and proven to the last message."""

import re
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
import requests
from playwright.sync_api import expect

from core import batch_reports, optouts
from tests import reminders
from tests.browser.conftest import Desk, Operator
from tests.core import templated
from tests.given import ANA
from tests.reminders import NEW, OLD, UNREACHABLE, phone
from tests.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]
Move = Callable[[timedelta], None]

COUNT = 5_000
WRONG = {61 + 121 * n: n % 10 for n in range(40)}  # row → way to be wrong
OPTED_OUT = [57 + 701 * n for n in range(7)]
LOADED = COUNT - len(WRONG) - len(OPTED_OUT)
LEFT = LOADED - len(UNREACHABLE)
# Times are a spreadsheet's own in the workbook, and text in the other.
SAME = ["id", "recipient", "text", "parameters", "status", "error_class", "batch", "reference"]


def upload(ana: Operator, data: bytes, name: str) -> None:
    ana.page.locator("input[type=file]").set_input_files(
        {"name": name, "mimeType": "application/octet-stream", "buffer": data}
    )


def pick(ana: Operator, label: str, option: str) -> None:
    ana.page.get_by_role("combobox", name=label, exact=True).last.click()
    ana.page.keyboard.type(option)
    ana.page.get_by_role("option", name=option, exact=True).click()
    ana.settled()


def numbers(ana: Operator, boxes: str, word: str, number: str) -> dict[str, int]:
    """What a row of boxes counts, by its words."""
    found = ana.page.locator(boxes).evaluate_all(
        "(all, [word, number]) => all.map((one) => [word, number].map((what) =>"
        " one.querySelector(what).textContent))",
        [word, number],
    )
    return {word: int(number.replace(",", "")) for word, number in found}


def counted(ana: Operator) -> dict[str, int]:
    return numbers(ana, ".counted", "span", "b")


def tiles(ana: Operator) -> dict[str, int]:
    return numbers(ana, ".tiles .tile", "small", "strong")


def open_batch(ana: Operator, name: str) -> None:
    ana.open("/batches")
    ana.page.get_by_role("link", name=re.compile(name)).click()
    ana.settled()
    expect(ana.page.get_by_role("heading", level=1)).to_contain_text(name)


def correct(ana: Operator) -> None:
    """One parameter, where it has the wrong words, seen before and after in real messages."""
    ana.press("Correct …")
    pick(ana, "Parameter", "due_date")
    ana.page.get_by_label("Only where it has these words").fill(OLD)
    ana.page.get_by_label("It becomes").fill(NEW)
    for mark, words in (("ins", NEW), ("del", OLD)):  # what becomes other alone: the day
        day = ana.page.locator(f".corrected {mark}", has_text=words.split()[0])
        expect(day).to_have_count(3)


def said(log: list[dict[str, Any]]) -> dict[str, str]:
    """Recipient → what they read, of what the sandbox took; fails where somebody got two."""
    found = {}
    for one in log:
        [body] = [part for part in one["template"]["components"] if part["type"] == "body"]
        words = {part["parameter_name"]: part["text"] for part in body["parameters"]}
        assert one["to"] not in found
        found[one["to"]] = (
            f"Halo {words['name']}, tagihan sebesar {words['amount']} jatuh tempo pada"
            f" {words['due_date']}."
        )
    return found


def progress(batch_id: int) -> batch_reports.Progress:
    whole = batch_reports.one(batch_id)
    assert whole
    return whole.progress


def downloaded(ana: Operator, name: str) -> Path:
    with ana.page.expect_download() as download:
        ana.page.get_by_role("link", name=name, exact=True).click()
    return Path(download.value.path())


def load_what_is_right(ana: Operator, workbook: bytes) -> bytes:
    """Match, fill, check and load; returns the workbook of the wrong rows."""
    ana.open("/many")
    upload(ana, workbook, "november.xlsx")
    ana.sees("5,000 rows · 9 columns")
    pick(ana, "Date and time", "Send at")  # the due date might be meant as well
    pick(ana, "Reference", "Invoice")
    ana.choose("A template")
    pick(ana, "Template", "payment_reminder · id")
    pick(ana, "Name", "Patient")
    ana.choose("From a column")
    ana.sees(reminders.text(0, reminders.OTHER))
    ana.press("Check 5,000 rows")
    ana.sees("40 rows are wrong", within=60)
    ana.settled()
    assert counted(ana) == {"good": LOADED, "wrong": len(WRONG), "opted out": len(OPTED_OUT)}
    with ana.page.expect_download() as download:
        ana.press("Download them, to correct")
    ana.page.get_by_label("Name of the batch").fill("November")
    ana.press("Load 4,953 messages")
    ana.sees("4,953 messages loaded", within=60)
    return download.value.path().read_bytes()


def load_what_was_corrected(ana: Operator, workbook: bytes) -> None:
    """The columns and the parameters are known from before."""
    ana.press("Load another file")
    upload(ana, workbook, "corrected.xlsx")
    ana.sees("40 rows · 10 columns")
    ana.choose("A template")
    pick(ana, "Template", "payment_reminder · id")
    ana.press("Check 40 rows")
    ana.sees("The first of them", within=60)
    assert counted(ana) == {"good": len(WRONG)}
    ana.press("Load 40 messages")
    ana.sees("40 messages loaded", within=60)


def try_twenty_then_stop_the_rest(ana: Operator, desk: Desk) -> dict[str, str]:
    """Until somebody sees the thirty-first of November; returns who has read it."""
    open_batch(ana, "November")
    ana.press("Release the first 20")
    ana.sees("20 of 4,953 have left", within=30)
    assert len(desk.programs.arrived()) == 20 and tiles(ana)["Held"] == LOADED - 20
    ana.press("Release the rest")
    until(lambda: progress(1).left >= 780, within=60)
    expect(ana.page.locator(".st-key-actions button").first).to_have_text("Pause")
    ana.press("Pause")
    ana.sees("Paused: nothing more of it leaves.")
    until(lambda: progress(1).open == progress(1).waiting, within=20)
    return said(desk.programs.arrived())


def export_all(ana: Operator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """As CSV and as a workbook."""
    ana.open("/messages")
    ana.press("Export")
    ana.sees("One row for each")
    csv = pd.read_csv(downloaded(ana, "Download CSV"), dtype=str, keep_default_na=False)
    ana.press("Make XLSX")
    ana.sees(re.compile(r"^4,993 rows"), within=60)
    book = pd.read_excel(downloaded(ana, "Download"), dtype=str, keep_default_na=False)
    assert sorted(csv) == sorted(book)
    return csv[SAME], book[SAME]


def test_a_mistake_seen_at_eight_hundred_is_corrected_for_all_who_have_not_read_it(
    desk: Desk, move_clock: Move
) -> None:
    account = templated.account("Clinic", country="ID", zone="Asia/Jakarta", rate=250)
    templated.read_again(account)
    fast = {"numbers": {"*": {"throughput": 1_000}}}
    requests.post(f"{desk.programs.api}/_sandbox/settings", json=fast, timeout=5).raise_for_status()
    optouts.add([phone(number) for number in OPTED_OUT], by=ANA)
    now = datetime.now(ZoneInfo("Asia/Jakarta")).replace(tzinfo=None)
    # Never at midnight, and nor is a last time: in a workbook that is a day alone.
    leaves = now.replace(minute=30, second=0, microsecond=0) + timedelta(hours=3)
    ways = reminders.ways(leaves)
    wrong = {number: ways[way] for number, way in WRONG.items()}

    ana = desk.newcomer()
    book = load_what_is_right(ana, reminders.workbook(COUNT, leaves, wrong))
    load_what_was_corrected(ana, reminders.corrected(book, leaves, wrong))
    assert desk.programs.arrived() == []
    move_clock(leaves - now + timedelta(seconds=1))
    early = try_twenty_then_stop_the_rest(ana, desk)
    have_read_it = [one for one, text in early.items() if OLD in text]

    correct(ana)
    ana.sees(f"{len(have_read_it)} messages left with the old text")
    ana.page.get_by_role("button", name=re.compile(r"^Correct [\d,]+ messages$")).click()
    ana.sees(f"{len(have_read_it)} left with the old text", within=60)
    assert said(desk.programs.arrived()) == early
    ana.press("Resume")
    ana.sees("finished, 3 failed", within=120)
    until(lambda: tiles(ana) == {"Failed": 3, "Read": LEFT}, within=60)

    open_batch(ana, "corrected")
    correct(ana)
    ana.press("Correct 36 messages")
    ana.sees(re.compile("36 messages changed"), within=60)
    ana.press("Release all 40")
    ana.sees("finished, none failed", within=60)

    log = said(desk.programs.arrived())
    everybody = set(range(COUNT)) - set(OPTED_OUT)
    due = {number: reminders.due(number).replace(OLD, NEW) for number in everybody}
    read = {phone(number): reminders.text(number, due[number]) for number in everybody}
    gone = set(UNREACHABLE.values())
    assert log == {one: text for one, text in (read | early).items() if one not in gone}
    exported, book = export_all(ana)
    assert exported.equals(book)
    sent = exported[exported["status"] == "sent"]
    assert dict(zip(sent["recipient"], sent["text"], strict=True)) == log
    assert Counter(sent["batch"])["November"] == LEFT and len(sent) == LEFT + len(WRONG)
    failed = exported[exported["status"] != "sent"]
    assert set(failed["recipient"]) == gone and set(failed["error_class"]) == {"recipient"}
    assert ana.outside == []

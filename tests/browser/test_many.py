"""A file of appointments, from the spreadsheet to the batch: what an operator does on most days."""

import io
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from sqlmodel import select

from core import db
from core.models import Batch, Message
from tests import given
from tests.browser.conftest import Desk, Operator
from tests.core import templated
from tests.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
HEAD = ["Phone", "Patient", "Appointment", "Booking ID"]


def xlsx(*rows: list[Any]) -> bytes:
    book, out = Workbook(), io.BytesIO()
    for row in (HEAD, *rows):
        book.active.append(row)
    book.save(out)
    return out.getvalue()


def upload(operator: Operator, data: bytes, name: str = "appointments.xlsx") -> None:
    operator.page.locator("input[type=file]").set_input_files(
        {"name": name, "mimeType": "application/octet-stream", "buffer": data}
    )


def stored() -> list[Message]:
    with db.reading() as session:
        return list(session.execute(select(Message).order_by(Message.id)).scalars())


def batches() -> list[Batch]:
    with db.reading() as session:
        return list(session.execute(select(Batch)).scalars())


def test_a_workbook_is_matched_checked_and_loaded_and_its_wrong_rows_come_back(
    desk: Desk,
) -> None:
    given.account("Clinic", country="ID", zone="Asia/Jakarta")
    day = datetime.now().replace(hour=9, minute=0, second=0, microsecond=0) + timedelta(days=3)
    good = [[f"08123450{n:03}", "محمد" if n else "Dewi 😀", day, f"B-{n}"] for n in range(30)]
    wrong = [["0812", "Short", day, "B-90"], ["081234509999", "", day, "B-91"]]
    ana = desk.newcomer()
    ana.open("/schedule")
    ana.page.get_by_role("link", name="Many", exact=True).click()
    ana.settled()
    upload(ana, xlsx(*good, *wrong))
    ana.sees("32 rows · 4 columns")
    ana.page.get_by_role("textbox", name="Text", exact=True).fill(
        "Dear {Patient}, see you at {Appointment}."
    )
    ana.sees("Dear Dewi 😀")
    ana.sees(re.compile(r"09:00 Jakarta"))
    ana.press("Check 32 rows")
    ana.sees("2 rows are wrong", within=60)
    ana.sees("«Patient» is empty, and the text asks for it.")
    shown = ana.page.locator(".kinds summary").all_inner_texts()
    assert sorted(shown) == ["1 × Patient is empty", "1 × Phone has too few digits"]
    with ana.page.expect_download() as download:
        ana.press("Download them, to correct")
    rows = load_workbook(download.value.path().open("rb")).active.iter_rows(2, values_only=True)
    assert [row[3] for row in rows] == ["B-90", "B-91"]

    ana.page.reload()  # what was chosen and found is there again
    ana.settled()
    ana.sees("2 rows are wrong", within=60)
    ana.press("Load 30 messages")
    ana.sees("30 messages loaded", within=60)
    [batch] = batches()
    assert (batch.state, batch.total) == ("held", 30)
    assert {row.hold for row in stored()} == {"batch"}
    assert stored()[0].recipient == "+628123450000" and stored()[0].reference == "B-0"
    assert ana.outside == []


def test_the_same_file_is_told_and_days_that_could_be_months_are_asked_for(desk: Desk) -> None:
    given.account("Clinic", country="ID", zone="Asia/Jakarta")
    year = datetime.now().year + 1
    rows = f"phone\ttext\tdate\n08123456789\tHalo\t03/04/{year} 09:00\n"
    ana = desk.newcomer()
    ana.open("/many")
    ana.choose("Pasted rows")
    ana.page.get_by_label("Rows with their heading, as a spreadsheet copies them").fill(rows)
    ana.press("Use these rows")
    ana.sees("can be read in two ways")
    ana.page.get_by_text(f"3 April {year}", exact=True).click()
    ana.sees(re.compile(r"3 April( \d+)? 09:00 Jakarta"))
    ana.press("Check 1 row")
    ana.sees("The first of them", within=60)
    ana.press("Load 1 message")
    ana.sees("1 message loaded", within=60)

    ana.press("Load another file")
    ana.choose("Pasted rows")
    ana.press("Use these rows")
    ana.page.get_by_text(f"3 April {year}", exact=True).click()
    ana.press("Check 1 row")
    ana.sees("not loaded twice", within=60)
    ana.unfold("More, the same for all rows")
    ana.page.get_by_text("Load doubles all the same").click()
    ana.sees("Something above was changed after this check")
    ana.press("Check again")
    ana.sees("somebody may get the same words twice", within=60)
    assert len(stored()) == 1


def test_what_cannot_be_read_gets_its_word_and_stores_nothing(desk: Desk, tmp_path: Path) -> None:
    given.account("Clinic", country="ID")
    ana = desk.newcomer()
    ana.open("/many")
    upload(ana, b"%PDF-1.7 ...", "list.xlsx")
    ana.sees("This is a PDF")
    upload(ana, b'phone,text\n08123456789,"Halo\n', "list.csv")
    ana.sees("opens a field")
    long = tmp_path / "long.csv"
    long.write_bytes(b"a" * 51 * 1024 * 1024)
    ana.page.locator("input[type=file]").set_input_files(long)
    ana.sees("50.0MB or smaller")
    box = ana.page.get_by_text("50.0MB or smaller").bounding_box()
    assert box and box["width"] > 100, "not for screen readers alone"
    assert stored() == []


def test_a_template_is_filled_from_a_column_tried_on_oneself_and_its_first_are_released(
    desk: Desk,
) -> None:
    account = templated.account("Clinic", country="ID", zone="Asia/Jakarta", rate=None)
    templated.read_again(account)
    people = "".join(f"+6281234500{n:02},Dewi {n},Rp {n}.000,besok\n" for n in range(25))
    ana = desk.newcomer()
    ana.open("/many")
    upload(ana, f"phone,nickname,amount,Due date\n{people}".encode(), "people.csv")
    ana.sees("25 rows · 4 columns")
    ana.choose("All at once, now")
    ana.choose("A template")
    ana.page.get_by_label("Template", exact=True).last.click()
    ana.page.keyboard.type("payment")  # a long list shows its beginning
    ana.page.get_by_role("option", name="payment_reminder · id").click()
    ana.sees("First say in step 3")
    ana.page.get_by_label("Name", exact=True).click()
    ana.page.get_by_role("option", name="nickname").click()
    ana.sees("Halo Dewi 0, tagihan sebesar Rp 0.000")
    ana.press("Check 25 rows")
    ana.sees("The first of them", within=60)
    ana.page.get_by_label("Send the first row to me first").fill("+62 811 1111 1111")
    ana.press("Send it")
    [test] = until(desk.programs.arrived, within=20)
    assert test["to"] == "+6281111111111"
    ana.page.get_by_text("Release the first 20, hold the rest").click()
    ana.press("Load 25 messages")
    ana.sees("25 messages loaded", within=60)
    until(lambda: len(desk.programs.arrived()) == 21, within=30)
    assert [row.hold for row in stored()].count("batch") == 5

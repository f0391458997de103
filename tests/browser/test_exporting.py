"""A list becomes a file: CSV at once, a workbook in the background, found again on another day."""

import csv
import io
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from playwright.sync_api import Download

from core import users
from core.access import Role
from tests import given
from tests.browser.conftest import PASSWORD, Desk, Operator
from tests.core import stored

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


def downloaded(who: Operator, name: str) -> Download:
    with who.page.expect_download() as found:
        who.page.get_by_role("link", name=name, exact=True).click()
    return found.value


def test_a_viewer_takes_the_list_as_csv_and_finds_the_workbook_after_closing_the_page(
    desk: Desk,
) -> None:
    account = given.account("Orders", country="ID")
    failed = {"status": "failed", "error_class": "permanent", "error_text": "=refused"}
    rows = [{"text": f"=1+{number}"} | failed for number in range(5)]
    ids = stored.messages(account, [*rows, {"status": "cancelled"}])
    ana = desk.newcomer()
    users.add("Vera", role=Role.VIEWER, password=PASSWORD, by=given.ANA)
    vera = desk.operator()
    vera.sign_in("vera")
    vera.open("/messages?state=Failed")
    vera.press("Export")
    vera.sees("One row for each")
    written = Path(downloaded(vera, "Download CSV").path()).read_text(encoding="utf-8-sig")
    assert [row["text"] for row in csv.DictReader(io.StringIO(written, newline=""))] == [
        f"'=1+{number}" for number in range(5)
    ]
    vera.press("Make XLSX")
    vera.sees("Exporting 5 messages as XLSX")
    vera.page.close()
    again = desk.operator()
    again.sign_in("vera")
    again.open("/messages")
    again.sees("5 rows")
    found = downloaded(again, "Download")
    assert found.suggested_filename.startswith("messages-")
    frame = pd.read_excel(found.path(), dtype={"recipient": str})
    assert list(frame["id"]) == ids[:5] and frame["recipient"][0] == "+6281200000000"
    made = openpyxl.load_workbook(io.BytesIO(found.path().read_bytes())).active
    assert made is not None and made["D2"].value == "=1+0" and made["D2"].data_type != "f"
    again.press("Remove")
    again.page.get_by_text("5 rows").wait_for(state="detached")
    ana.open("/messages")
    assert ana.page.get_by_role("link", name="Download", exact=True).count() == 0
    assert not vera.outside and not again.outside

"""Exports by command: the same rows and words as on the page, whole files or none."""

import csv
import io
from pathlib import Path

import openpyxl
import pytest

from core import exporting
from tests.core import stored, templated
from tests.core.batched import batch
from tests.manage.command import here, manage, said

pytestmark = pytest.mark.usefixtures("sqlite")


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def test_what_is_asked_for_is_in_the_file_and_nothing_else(tmp_path: Path) -> None:
    account = stored.account("Orders")
    stored.messages(
        account,
        [
            {"status": "sent", "delivery": "read", "text": "=1"},
            {"status": "failed"},
            {"status": "cancelled"},
        ],
    )
    stored.messages(stored.account("Other"), [{"status": "sent"}])
    made = tmp_path / "out.csv"
    line = ("--status", "sent", "--status", "failed", "--account", "Orders", "--zone", "Asia/Tokyo")
    said(
        "export", "messages", "--columns", "status, text,due_at_local", *line, "--output", str(made)
    )
    found = rows(made.read_bytes().decode("utf-8-sig"))
    assert [(row["status"], row["text"]) for row in found] == [("sent", "'=1"), ("failed", "Hello")]
    assert all(row["due_at_local"].endswith("+09:00") for row in found)
    assert list(tmp_path.glob(".*.part")) == []


def test_a_batch_or_what_has_one_template_is_exported_alone() -> None:
    account = templated.account()
    templated.template(account)
    templated.message(account)
    batch(account, [{"text": "In May"}])
    line = ("export", "messages", "--columns", "text", "--output", "-")
    assert rows(said(*line, "--batch", "may")) == [{"text": "In May"}]
    assert [row["text"] for row in rows(said(*line, "--template", "visit"))] == ["Hello Ana"]
    assert "There is no batch «June»." in here(*line, "--batch", "June").err


def test_csv_is_printed_for_another_program() -> None:
    stored.messages(stored.account(), [{"text": "Größe\n2"}])
    ended = manage("export", "messages", "--columns", "text", "--output", "-")
    assert ended.code == 0 and rows(ended.out) == [{"text": "Größe\n2"}]


def test_the_ending_of_the_file_says_xlsx_and_too_many_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored.messages(stored.account(), [{"text": "=1"}, {}])
    made = tmp_path / "out.xlsx"
    said("export", "messages", "--columns", "text,id", "--output", str(made))
    book = openpyxl.load_workbook(made).active
    assert book is not None and [cell.value for cell in book["A"]] == ["text", "=1", "Hello"]
    monkeypatch.setattr(exporting, "LIMIT", 1)
    kept = made.read_bytes()
    ended = here("export", "messages", "--output", str(made))
    assert ended.code == 1 and "are too many for XLSX: take CSV" in ended.err
    assert made.read_bytes() == kept and not list(tmp_path.glob(".*.part"))


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        (("messages", "--columns", "id,token"), 2, "There is no column «token» for messages"),
        (("attempts", "--zone", "Mars"), 2, "There is no time zone Mars."),
        (("messages", "--account", "Orderz"), 1, "Orderz"),
        (("messages", "--format", "pdf"), 2, "There is no format pdf: csv or xlsx."),
        (("messages", "--format", "xlsx"), 2, "XLSX needs a file"),
        (("people",), 2, "people"),
    ],
)
def test_what_cannot_be_done_is_told_in_words(line: tuple[str, ...], code: int, told: str) -> None:
    stored.account("Orders")
    ended = here("export", *line, "--output", "-")
    assert ended.code == code and told in ended.err and ended.out == ""


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    ended = here("export", "messages", "--output", str(tmp_path / "no" / "out.csv"))
    assert ended.code == 1 and "cannot be written" in ended.err


def test_the_evidence_of_a_message_is_written_as_one_file(tmp_path: Path) -> None:
    (one,) = stored.messages(stored.account(), [{"text": "Hello"}])
    made = tmp_path / "one.html"
    assert said("evidence", str(one), "--output", str(made)) == f"Written: {made}\n"
    assert "Hello" in made.read_text(encoding="utf-8")
    ended = here("evidence", "99", "--output", "-")
    assert ended.code == 1 and "There is no message 99." in ended.err

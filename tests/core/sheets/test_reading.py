"""Files as people have them: what is read of them, and the one clear word for what is not."""

import csv
import io
import string
import zipfile
from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from core.errors import Invalid
from core.sheets import reading, workbook, worksheet
from core.sheets.reading import pasted, read
from core.sheets.table import Cell, Table, letters

HEAD = "phone,name\n"
WHEN = datetime(2026, 11, 26, 9, 0)


def cells(found: Table) -> list[list[Cell]]:
    return [row.cells for row in found.rows]


def refused(data: bytes, name: str = "file.csv") -> str:
    """The code of the one word that is told."""
    with pytest.raises(Invalid) as wrong:
        read(data, name)
    (problem,) = wrong.value.problems
    assert problem.field == "file"
    assert problem.message.endswith(".")
    return problem.code


def xlsx(
    *sheets: Sequence[Sequence[Any]], change: Callable[[Workbook], None] | None = None
) -> bytes:
    book = Workbook()
    book.remove(book.active)
    for number, rows in enumerate(sheets, start=1):
        made = book.create_sheet(f"Sheet{number}")
        for row in rows:
            made.append(row)
    if change:
        change(book)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def rewritten(data: bytes, path: str, change: Callable[[bytes], bytes]) -> bytes:
    """The workbook with one of its parts changed, as another program may have written it."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for part in old.namelist():
            content = old.read(part)
            new.writestr(part, change(content) if part == path else content)
    return out.getvalue()


SHEET = "xl/worksheets/sheet1.xml"


def test_a_row_keeps_the_line_that_it_begins_on() -> None:
    found = read(b'phone,text\n\n1,"two\nlines"\n2,b\n', "a.csv")
    assert [(row.line, row.cells) for row in found.rows] == [
        (3, ["1", "two\nlines"]),
        (5, ["2", "b"]),
    ]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found_also_where_another_stands_in_quotes(separator: str) -> None:
    others = "".join({",", ";", "\t", "|"} - {separator})
    text = (
        f'phone{separator}text{separator}city\n1{separator}"a{others}b{separator}c"{separator}X\n'
    )
    found = pasted(text)
    assert found.separator == separator
    assert cells(found) == [["1", f"a{others}b{separator}c", "X"]]


def test_excels_own_line_about_the_separator_is_obeyed_and_counted() -> None:
    found = read(b"sep=;\r\nphone;text\r\n1;a,b\r\n", "a.csv")
    assert (found.separator, found.rows[0].line, cells(found)) == (";", 3, [["1", "a,b"]])


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("utf-8", "Müller محمد 王小明 👋🏽"),
        ("utf-8-sig", "Müller"),
        ("utf-16", "Müller"),
        ("utf-16-le", "Müller"),
        ("utf-16-be", "Müller"),
        ("cp1252", "José tiene una cita mañana"),
        ("cp1252", "Müller “9:00” – Größe"),
        ("cp1250", "Łukasz Wiśniewski"),
        ("cp1250", "Jiří Novák přijde zítra v devět"),
        ("cp1251", "Иван Петров"),
        ("cp1253", "Γιώργος Παπαδόπουλος"),
        ("cp1254", "Ayşe Yılmaz"),
        ("cp1256", "محمد أحمد"),
        ("gb18030", "李华 明天上午九点"),
        ("shift_jis", "田中さくら 明日の予約"),
        ("euc_kr", "이영희님 내일 예약"),
    ],
)
def test_names_are_read_as_they_were_written(encoding: str, names: str) -> None:
    assert cells(read(f"{HEAD}1,{names}\n".encode(encoding), "a.csv")) == [["1", names]]


def test_a_person_may_say_which_encoding_it_is() -> None:
    data = f"{HEAD}1,דוד\n".encode("cp1255")
    assert cells(read(data, "a.csv", encoding="cp1255")) == [["1", "דוד"]]


def test_a_row_with_too_few_or_too_many_fields_is_told_and_the_others_are_read() -> None:
    found = read(b"phone,name,city\n1,a\n2,b,c,d\n3,c,d,,\n4,d,e\n", "a.csv")
    assert [(flaw.line, flaw.code) for flaw in found.flaws] == [(2, "ragged"), (3, "ragged")]
    assert len(found.rows) == 4
    assert all(len(row.cells) == 3 for row in found.rows)


def test_a_column_without_heading_and_without_values_is_left_out() -> None:
    found = read(b"phone,,name,,\n1,,a,,\n", "a.csv")
    assert (found.headings, cells(found)) == (("phone", "name"), [["1", "a"]])


def test_what_systems_write_to_keep_excel_off_a_value_is_taken_away() -> None:
    found = read(b"phone,text\n=\"0812345\",'=SUM(A1)\n+62812,'-10%\n1,'tis\n", "a.csv")
    assert cells(found) == [["0812345", "=SUM(A1)"], ["+62812", "-10%"], ["1", "'tis"]]


@pytest.mark.parametrize(
    ("code", "data"),
    [
        ("empty", b""),
        ("empty", b" \r\n\n"),
        ("empty", b"\xef\xbb\xbf\n"),
        ("no_rows", b"phone,name\n"),
        ("no_rows", b"phone,name\n,\n"),
        ("heading_twice", b"phone,Phone \n1,2\n"),
        ("heading_empty", b"phone,,name\n1,2,3\n"),
        ("no_heading", b"+62812345678,Ana\n+62812345679,Ben\n"),
        ("no_heading", b"phone,2026-11-26 09:00\n1,2\n"),
        ("columns", b",".join(b"c%d" % n for n in range(201)) + b"\n1\n"),
        ("quote", b'phone,name\n1,"Ana\n2,Ben\n3,Cem\n'),
        ("quote", b'phone,name\n1,"Ana" Maria\n'),
        ("quote", b'phone,name\n1,"' + b"a" * 140_000 + b'"\n'),
        ("binary", b"phone,name\n1,a\0b\n"),
        ("encoding", b"\xff\xfea\0,\0b\0\n\0c"),
        ("encoding", "phone,name\n1,Müller Schröder Çelik\n".encode() + b"2,M\xfcller\n"),
        ("pdf", b"%PDF-1.7\n..."),
        ("image", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
        ("archive", b"\x1f\x8b\x08\0\0\0\0\0"),
        ("web_page", b"<html><table><tr><td>phone"),
        ("web_page", b'\xef\xbb\xbf<?xml version="1.0"?><Workbook>'),
        ("old_excel", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 512),
        (
            "protected",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
        ),
        ("damaged", b"PK\x03\x04 and nothing else"),
    ],
)
def test_what_cannot_be_read_gets_its_word(code: str, data: bytes) -> None:
    assert refused(data, "list.xls") == code


def test_a_lone_quote_is_told_with_its_line() -> None:
    with pytest.raises(Invalid, match="on line 3 opens a field"):
        read(b'phone,name\n1,Ana\n2,"Ben\n3,Cem\n', "a.csv")


def test_a_quote_inside_a_field_is_a_character() -> None:
    assert cells(read(b'phone,text\n1,a 5" screen\n', "a.csv")) == [["1", 'a 5" screen']]


def test_a_file_that_is_too_big_or_too_long_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refused(b"a" * (reading.MOST_BYTES + 1)) == "too_big"
    monkeypatch.setattr(reading, "MOST_ROWS", 2)
    assert refused(b"a\n1\n2\n3\n") == "too_many_rows"
    assert refused(xlsx([["a"], [1], [2], [3]])) == "too_many_rows"
    assert len(read(b"a\n1\n2\n", "a.csv").rows) == 2


@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_categories=("Cs", "Cc"))), min_size=3, max_size=3),
        min_size=1,
    ),
    st.sampled_from(",;\t|"),
)
def test_whatever_a_program_writes_as_csv_is_read_back(rows: list[list[str]], mark: str) -> None:
    rows = [["x", *row] for row in rows]  # a row of blanks is none
    out = io.StringIO()
    csv.writer(out, delimiter=mark).writerows([["one", "two", "three", "four"], *rows])
    found = read(out.getvalue().encode(), "a.csv")
    plain = [[reading.delimited._bare(cell) for cell in row] for row in rows]
    assert (cells(found), found.flaws, found.encoding) == (plain, (), "utf-8")


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_with_a_word(data: bytes) -> None:
    for whole in (data, HEAD.encode() + data):
        try:
            read(whole, "a.csv")
        except Invalid as wrong:
            assert wrong.problems[0].field == "file"


# Workbooks


def test_a_workbook_is_read_whatever_its_name() -> None:
    found = read(xlsx([["phone", "name"], [None, None], ["+62812", "محمد 👋"]]), "list.csv")
    assert (found.headings, found.sheet) == (("phone", "name"), "Sheet1")
    assert [(row.line, row.cells) for row in found.rows] == [(3, ["+62812", "محمد 👋"])]


def test_a_number_keeps_all_its_digits_and_gets_no_point() -> None:
    found = read(xlsx([["n"], [628123456789], [12.5], [1.0], [-3], [0.1 + 0.2], [True]]), "a.xlsx")
    assert [row[0] for row in cells(found)] == ["628123456789", "12.5", "1", "-3", "0.3", "TRUE"]


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ("6.28123456789E+11", "628123456789"),
        ("6.28123E+11", "628123000000"),
        ("1.0E-2", "0.01"),
        ("123456789012345678", "123456789012345678"),
        ("1e999999999", "1e999999999"),
    ],
)
def test_a_number_that_was_written_short_is_read_long(raw: str, told: str) -> None:
    data = rewritten(
        xlsx([["n"], [777]]), SHEET, lambda part: part.replace(b">777<", f">{raw}<".encode())
    )
    assert cells(read(data, "a.xlsx")) == [[told]]


def test_a_format_of_zeros_keeps_the_zeros_that_a_person_sees() -> None:
    def change(book: Workbook) -> None:
        book.active["A2"].number_format = "00000000000"

    assert cells(read(xlsx([["n"], [8123456789]], change=change), "a.xlsx")) == [["08123456789"]]


def test_times_come_as_times() -> None:
    rows = [["at", "day", "hour"], [WHEN, date(2026, 11, 27), time(9, 30)]]
    assert cells(read(xlsx(rows), "a.xlsx")) == [[WHEN, datetime(2026, 11, 27), "09:30"]]


def test_a_number_beyond_all_days_keeps_its_digits_though_it_is_formatted_as_a_day() -> None:
    def change(book: Workbook) -> None:
        book.active.cell(2, 1).number_format = "dd/mm/yyyy"

    found = read(xlsx([["phone", "name"], [6281200000001, "Ana"]], change=change), "a.xlsx")
    assert cells(found) == [["6281200000001", "Ana"]]


def test_a_workbook_that_counts_from_1904_tells_the_same_day() -> None:
    def change(book: Workbook) -> None:
        book.epoch = datetime(1904, 1, 1)

    assert cells(read(xlsx([["at"], [WHEN]], change=change), "a.xlsx")) == [[WHEN]]


@pytest.mark.parametrize("code", ["dd/mm/yyyy", "[$-409]d mmm yy;@", "yyyy-mm-dd hh:mm", "h:mm"])
def test_a_format_of_letters_for_days_or_hours_makes_a_time(code: str) -> None:
    assert workbook._style(164, code).is_time


@pytest.mark.parametrize("code", ['yyyy-mm-dd hh:mm "UTC"', 'yyyy\\-mm\\-dd\\ hh:mm:ss" UTC"'])
def test_a_time_that_is_shown_as_utc_is_one(code: str) -> None:
    def change(book: Workbook) -> None:
        book.active["A2"].number_format = code

    at = WHEN.replace(microsecond=600_000)
    found = cells(read(xlsx([["at"], [at]], change=change), "a.xlsx"))
    assert found == [[f"{at.isoformat(timespec='milliseconds')}000+00:00"]]


@pytest.mark.parametrize("code", ["General", "0.00", '"days" 0', "[Red]0", "# ##0 _s", "0\\d", "@"])
def test_other_formats_leave_a_number(code: str) -> None:
    assert not workbook._style(164, code).is_time


def test_a_formula_without_its_result_and_an_error_are_told_by_line() -> None:
    found = read(xlsx([["phone", "n"], ["1", "=1+1"], ["2", "#N/A"], ["3", "x"]]), "a.xlsx")
    assert [(flaw.line, flaw.column, flaw.code) for flaw in found.flaws] == [
        (2, "n", "formula"),
        (3, "n", "error"),
    ]
    assert len(found.rows) == 3


def test_a_formula_gives_its_result() -> None:
    data = rewritten(
        xlsx([["n"], ["=40+2"]]),
        SHEET,
        lambda part: (
            part.replace(b"<v></v>", b"<v>42</v>")
            .replace(b"<v />", b"<v>42</v>")
            .replace(b"<v/>", b"<v>42</v>")
        ),
    )
    found = read(data, "a.xlsx")
    assert (cells(found), found.flaws) == ([["42"]], ())


def test_the_first_sheet_with_rows_is_read_and_the_others_are_named() -> None:
    found = read(xlsx([], [["phone"]], [["phone"], ["1"]], [["other"], ["2"]]), "a.xlsx")
    assert (found.sheet, cells(found)) == ("Sheet3", [["1"]])
    assert found.notes == ("Read: the sheet «Sheet3». Not read: «Sheet1», «Sheet2», «Sheet4».",)


def test_a_hidden_sheet_comes_last_and_hidden_rows_are_told() -> None:
    def change(book: Workbook) -> None:
        book.worksheets[0].sheet_state = "hidden"
        book.worksheets[1].row_dimensions[3].hidden = True

    found = read(xlsx([["old"], ["1"]], [["new"], ["2"], ["3"]], change=change), "a.xlsx")
    assert (found.headings, len(found.rows)) == (("new",), 2)
    assert any("1 row is hidden" in note for note in found.notes)


def test_formatted_cells_without_a_value_make_no_rows() -> None:
    def change(book: Workbook) -> None:
        book.active.cell(1_048_576, 16_384).number_format = "0.00"

    assert len(read(xlsx([["a"], ["1"]], change=change), "a.xlsx").rows) == 1


def test_another_writers_prefixes_texts_and_missing_references_are_understood() -> None:
    sheet = (
        '<x:worksheet xmlns:x="http://purl.oclc.org/ooxml/spreadsheetml/main"><x:sheetData>'
        '<x:row><x:c t="inlineStr"><x:is><x:r><x:t>na</x:t></x:r><x:r><x:t>me</x:t></x:r>'
        "<x:rPh><x:t>no</x:t></x:rPh></x:is></x:c></x:row>"
        '<x:row> <x:c t="str"> <x:f>A1</x:f> <x:v>a_x000A_b</x:v> </x:c> '
        '<x:c t="d"/></x:row>'
        '<x:row><x:c t="d"><x:v>2026-11-26T09:00:00</x:v></x:c></x:row>'
        "</x:sheetData></x:worksheet>"
    )
    found = read(rewritten(xlsx([["a"]]), SHEET, lambda _: sheet.encode()), "a.xlsx")
    assert (found.headings, cells(found)) == (("name",), [["a\nb"], [WHEN]])


def test_texts_that_cells_share_are_found_by_number() -> None:
    def share(part: bytes) -> bytes:
        return part.replace(b'<c r="A2"', b'<c r="A2" s="0" t="s"><v>1</v></c><c r="B2"')

    book = rewritten(xlsx([["a", "b"], [5]]), SHEET, share)
    texts = (
        "<sst><si><t>no</t></si><si><r><t>two </t></r><r><t>parts</t></r>"
        "<rPh><t>aid</t></rPh></si></sst>"
    )
    out = io.BytesIO(book)
    with zipfile.ZipFile(out, "a") as whole:
        whole.writestr("xl/sharedStrings.xml", texts)
    assert cells(read(out.getvalue(), "a.xlsx")) == [["two parts", "5"]]


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("damaged", lambda part: part[:200]),
        ("damaged", lambda part: part.replace(b'r="1"', b'r="one"')),
        ("damaged", lambda part: part.replace(b'<c r="A2" t="inlineStr">', b'<c t="s"><v>9</v>')),
        ("bomb", lambda part: b'<!DOCTYPE a [<!ENTITY b "c">]>' + part),
        ("columns", lambda part: part.replace(b'r="A2"', b'r="XFD2"')),
        ("empty", lambda part: b"<worksheet><sheetData/></worksheet>"),
    ],
)
def test_a_sheet_that_no_program_should_write_gets_its_word(
    code: str, change: Callable[[bytes], bytes]
) -> None:
    assert refused(rewritten(xlsx([["a"], ["b"]]), SHEET, change), "a.xlsx") == code


def zipped(*parts: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in parts:
            made.writestr(name, content)
    return out.getvalue()


def test_a_zip_bomb_is_refused_before_it_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = zipped(("xl/workbook.xml", b"<a>" + b" " * 5_000_000))
    assert refused(bomb) == "bomb"
    monkeypatch.setattr(workbook, "MOST_INFLATED", 1_000)
    assert refused(xlsx([["a"], ["b"]])) == "bomb"


def test_a_directory_that_lies_about_a_size_is_found_out() -> None:
    honest = zipped(("xl/workbook.xml", b"<a>" + b" " * 5_000_000))
    with zipfile.ZipFile(io.BytesIO(honest)) as whole:
        size = whole.getinfo("xl/workbook.xml").file_size
    lying = honest.replace(size.to_bytes(4, "little"), (4_000).to_bytes(4, "little"))
    assert refused(lying) == "damaged"


@pytest.mark.parametrize(
    ("code", "part"),
    [("other_office", "xl/workbook.bin"), ("other_office", "content.xml"), ("archive", "a.csv")],
)
def test_other_zip_files_get_their_word(code: str, part: str) -> None:
    assert refused(zipped((part, b"phone,name"))) == code


def test_a_workbook_of_too_many_cells_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worksheet, "MOST_CELLS", 3)
    assert refused(xlsx([["a", "b"], [1, 2], [3, 4]])) == "too_many_cells"


WRITABLE = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Cn"), exclude_characters="\ufeff"), max_size=20
)


@given(
    st.lists(
        st.tuples(
            WRITABLE.filter(lambda text: not text.startswith(("=", "#")) and "_x" not in text),
            st.integers(-(10**14), 10**14),
            st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)).map(
                lambda at: at.replace(microsecond=0)
            ),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_whatever_a_program_writes_as_a_workbook_is_read_back(
    rows: list[tuple[str, int, datetime]],
) -> None:
    found = read(xlsx([["text", "number", "time"], *rows]), "a.xlsx")
    assert cells(found) == [
        [text if text.strip() else "", str(number), at] for text, number, at in rows
    ]


@given(st.integers(0, 20_000))
def test_columns_are_called_as_spreadsheets_do(number: int) -> None:
    name = letters(number)
    assert set(name) <= set(string.ascii_uppercase)
    assert worksheet._Columns()[name] == number

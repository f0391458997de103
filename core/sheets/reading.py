"""A file as a person has it, CSV or XLSX by what is in it and not by its name, as one Table."""

import re
from collections.abc import Iterator
from dataclasses import replace

from core.quoting import quoted
from core.sheets import decoding, delimited, workbook
from core.sheets.table import UNREAD, Flaw, Table, refuse
from core.sheets.worksheet import shown

MOST_BYTES = 50_000_000
MOST_ROWS = 100_000
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # the container of old Office files, and of locked ones
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_SAVE_AS = "Save it as XLSX or CSV and choose that file."
_IMAGES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*")
_ARCHIVES = (b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"BZh", b"\xfd7zXZ")
_MARKUP = re.compile(rb"\s*<(!doctype|html|head|body|table|meta|\?xml|!--|\?mso)", re.IGNORECASE)
_VALUE = re.compile(r"\+?\(?\d[\d ()./:-]{6,}")  # a telephone number, a time


def read(data: bytes, name: str, *, encoding: str | None = None) -> Table:
    """The first sheet with rows. `encoding`: a person's word, where the guess was wrong.

    `name` is only for the words that are told. Raises Invalid at `file`: `too_big`, `empty`,
    `no_rows`, `too_many_rows`, `columns`, `heading_twice`, `heading_empty`, `no_heading`, `quote`,
    `encoding`, `binary`, `pdf`, `image`, `archive`, `web_page`, `old_excel`, `protected`,
    `other_office`, `damaged`, `too_many_cells`, `bomb`.
    """
    _check_size(len(data))
    if not data.strip(b" \t\r\n\0\xef\xbb\xbf\xff\xfe"):
        refuse("empty", "The file is empty.")
    _refuse_other_kinds(data, name)
    if data.startswith(b"PK"):
        return _checked(workbook.table(data, most=MOST_ROWS))
    text, found = decoding.decoded(data, encoding)
    return _checked(delimited.table(text, most=MOST_ROWS, encoding=found))


def pasted(text: str) -> Table:
    """Rows copied from a spreadsheet or typed; the first is the heading. Raises as `read`."""
    _check_size(len(text.encode("utf-8", "replace")))
    if not text.strip():
        refuse("empty", "Paste the rows with their heading.")
    return _checked(delimited.table(text.replace("\0", ""), most=MOST_ROWS))


def _check_size(size: int) -> None:
    if size > MOST_BYTES:
        most = MOST_BYTES // 1_000_000
        told = f"The file has {size / 1e6:,.1f} MB; at most {most} MB can be read."
        refuse("too_big", f"{told} Divide it, or remove columns that are not needed.")


def _refuse_other_kinds(data: bytes, name: str) -> None:
    head = data[:4_096]
    if data.startswith(b"%PDF"):
        refuse("pdf", f"This is a PDF; its rows cannot be read. {_SAVE_AS}")
    if data.startswith(_OLE):
        if _ENCRYPTED in data:
            told = "This workbook is protected by a password. Save it without one."
            refuse("protected", told)
        refuse("old_excel", f"This is in Excel's old format (.xls). {_SAVE_AS}")
    if head.startswith(_IMAGES) and b"\0" in head:
        refuse("image", f"This is a picture; its rows cannot be read. {_SAVE_AS}")
    if data.startswith(_ARCHIVES):
        refuse("archive", "This is a compressed archive. Unpack it and choose the file in it.")
    if _MARKUP.match(head.removeprefix(b"\xef\xbb\xbf")):
        told = f"{quoted(name)} is a web page, whatever its name: some systems export tables so."
        refuse("web_page", f"{told} Open it in a spreadsheet. {_SAVE_AS}")


def _checked(found: Table) -> Table:
    if any(_VALUE.fullmatch(name) for name in found.headings):
        told = "The first row looks like a message and not like a heading."
        refuse("no_heading", f"{told} Put a row with the names of the columns above it.")
    if not found.rows:
        refuse("no_rows", "It has a heading and no rows.")
    return replace(found, flaws=(*found.flaws, *_unread(found)))


def _unread(found: Table) -> Iterator[Flaw]:
    """Rows of our own file of wrong ones that nobody has put right."""
    if UNREAD not in found.headings:
        return
    at = found.headings.index(UNREAD)
    for row in found.rows:
        value = shown(row.cells[at])
        if value.strip():
            told = f"Put the row right by what stands in «{UNREAD}», then empty that cell."
            yield Flaw(row.line, "", value, "unread", told)

"""Text that no spreadsheet takes for a formula, and what it was before.

Excel, LibreOffice and Google Sheets compute a cell of a CSV that begins so, and a formula can send
what stands beside it elsewhere (OWASP, «CSV injection»). A `'` in front makes it text.
"""

import re

# OWASP's list: the signs, their full-width forms, and the blanks that are skipped before them.
BEGINS = "=+-@\t\r\n＝＋－＠"
_FORMULA = re.compile(f"'*[{re.escape(BEGINS)}]")
_MARKED = re.compile(f"'+[{re.escape(BEGINS)}]")
_NUMBER = re.compile(r"\+[0-9]+")
_LOOKS = frozenset(BEGINS + "'")


def neutral(text: str) -> str:
    """The text with a `'` before it where it could be a formula; `plain` takes exactly that away.

    A telephone number, which is a `+` and nothing but digits, stays: other programs can read it,
    and no formula can be made of it. Text that looks as if it were marked already is marked again.
    """
    if text[:1] not in _LOOKS:  # nearly every text, a million times; "" too
        return text
    formula = _FORMULA.match(text) and not _NUMBER.fullmatch(text)
    return f"'{text}" if formula else text


def plain(cell: str) -> str:
    """What the cell of an export said before it was made harmless; any other cell as it is."""
    return cell[1:] if cell[:1] == "'" and _MARKED.match(cell) else cell

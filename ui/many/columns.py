"""Step 2: which column is what, with three rows to see it by."""

from collections.abc import Mapping, Sequence
from html import escape

import streamlit as st

from core import remembered
from core.sheets import matching
from core.sheets.drafting import plain
from core.sheets.table import Table
from ui import look
from ui.many.source import Source
from ui.words.files import COLUMNS

FIRST = ("recipient", "when", "clock", "content", "reference")  # the others few files have
SHOWN = 3  # rows


def choose(source: Source, began: Mapping[str, str]) -> dict[str, str]:
    """Field → heading. `began`: as an earlier check of this file had it."""
    headings, key = source.table.headings, f"{source.key}-column"
    found = matching.match(headings)
    start = dict(began) or _start(found.columns, remembered.columns(headings))
    chosen = dict[str, str]()
    rest = [what for what in COLUMNS if what not in FIRST]
    cells = st.columns(len(FIRST))
    for cell, what in zip(cells, FIRST, strict=True):
        with cell:
            _one(what, headings, start, found.open, chosen, key)
    known = [COLUMNS[what].lower() for what in rest if what in start]
    title = f"Other columns ({', '.join(known)})" if known else "Other columns"
    with st.expander(title):
        for group in (rest[:5], rest[5:]):
            for cell, what in zip(st.columns(5), group, strict=False):
                with cell:
                    _one(what, headings, start, found.open, chosen, key)
    _twice(chosen)
    st.html(_sample(source.table, chosen))
    return chosen


def _start(named: Mapping[str, str], before: Mapping[str, str]) -> dict[str, str]:
    """By their names, but as they were the last time; no column is two things."""
    if before.get("when") == named.get("clock"):  # this file has the day in a column of its own
        before = {what: heading for what, heading in before.items() if what != "when"}
    taken = set(before.values())
    return {what: one for what, one in named.items() if one not in taken} | dict(before)


def _one(
    what: str,
    headings: Sequence[str],
    start: Mapping[str, str],
    unsure: Mapping[str, Sequence[str]],
    chosen: dict[str, str],
    key: str,
) -> None:
    at = f"{key}-{what}"
    if at not in st.session_state and start.get(what) in headings:
        st.session_state[at] = start[what]
    heading = st.selectbox(
        COLUMNS[what],
        list(headings),
        index=None,
        placeholder=" or ".join(unsure[what]) + "?" if what in unsure else "none",
        key=at,
        persist_state="session",
    )
    if heading:
        chosen[what] = heading


def _twice(chosen: Mapping[str, str]) -> None:
    used: dict[str, str] = {}
    for what, heading in chosen.items():
        if heading in used and {what, used[heading]} != {"when", "content"}:
            one, other = COLUMNS[used[heading]], COLUMNS[what]
            look.wrong(f"«{heading}» is chosen twice: as {one.lower()} and as {other.lower()}.")
        used.setdefault(heading, what)


def _sample(table: Table, chosen: Mapping[str, str]) -> str:
    """The first rows, each column under what it is taken for."""
    of = {heading: COLUMNS[what] for what, heading in chosen.items()}
    heads = "".join(
        f"<th>{look.chip(of[h], 'blue') if h in of else ''}<span>{escape(h)}</span></th>"
        for h in table.headings
    )
    rows = "".join(
        f'<tr><td class="n">{row.line}</td>'
        + "".join(f"<td>{escape(plain(cell)[:80])}</td>" for cell in row.cells)
        + "</tr>"
        for row in table.rows[:SHOWN]
    )
    return (
        '<div class="sample" tabindex="0" aria-label="The first rows"><table><thead><tr>'
        f'<th class="n">line</th>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
    )

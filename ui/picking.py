"""Select mode of the list: rows are ticked over pages, what is ticked stands still meanwhile."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from core import choosing, listing, phone, reports
from core.choosing import Choice
from core.errors import Invalid
from core.filtering import Filter
from core.listing import MessageRow
from core.rendering import summary
from ui import moments, still
from ui.still import Still
from ui.words.states import WORDS, state_of

_KEY = "picking"


@dataclass
class Picked(Still):
    """What one person has selected under one filter, and the page before them."""

    ids: set[int] = field(default_factory=set)
    every: Choice | None = None  # all that matched when it was asked for
    begun: bool = False  # something is done to them: by this selection nothing else is

    @property
    def number(self) -> int | None:
        """How many are selected; None where that is all that match, uncounted."""
        if self.every is None:
            return len(self.ids)
        return None if self.every.ids is None else len(self.every.ids)

    @property
    def choice(self) -> Choice:
        return self.every or Choice(ids=tuple(sorted(self.ids)))


def mine(wanted: Filter, now: datetime) -> Picked:
    """The selection under this filter; another filter begins with nothing."""
    found: Picked | None = st.session_state.get(_KEY)
    if found is None or found.query != wanted.query:
        found = Picked(wanted.query, now, listing.seen(wanted, now=now))
        st.session_state[_KEY] = found
    return found


def over() -> None:
    """Nothing is selected any more; the list is read anew."""
    st.session_state.pop(_KEY, None)


def show_new(wanted: Filter) -> None:
    """Read the list anew from its beginning; what is ticked stays so."""
    mine(wanted, reports.now()).newest(wanted)


def grid(picked: Picked, wanted: Filter, *, zone: str) -> None:
    """The page with its ticks, and the ways to the pages beside it."""
    rows = picked.shown.rows
    key = f"pick-{picked.turn}"
    ids = [row.id for row in rows]
    st.dataframe(
        _frame(rows, picked.now, zone),
        key=key,
        on_select=lambda: _tick(picked, key, ids),
        selection_mode="multi-row",
        selection_default={"selection": {"rows": _ticked(picked, ids), "columns": []}},
        column_config=COLUMNS,
        hide_index=True,
        height=min(36 + 35 * len(rows), 36 + 35 * 20),
        alt="Messages",
    )
    still.ways(picked, wanted)


def _ticked(picked: Picked, ids: list[int]) -> list[int]:
    every = picked.every is not None
    return [n for n, one in enumerate(ids) if every or one in picked.ids]


def _tick(picked: Picked, key: str, ids: list[int]) -> None:
    rows = st.session_state[key]["selection"]["rows"]
    chosen = {ids[n] for n in rows if n < len(ids)}
    if picked.every is not None:  # all, less some, is what stands here
        picked.every = None
        picked.ids = set()
    picked.ids = (picked.ids - set(ids)) | chosen


COLUMNS: dict[str, Any] = {
    "State": st.column_config.MultiselectColumn(
        options=[word.word for word in WORDS.values()],
        color=[
            {"amber": "yellow", "cyan": "blue", "grey": "gray"}.get(word.colour, word.colour)
            for word in WORDS.values()
        ],
        width=120,
    ),
    "Recipient": st.column_config.TextColumn(width=150),
    "Message": st.column_config.TextColumn(width=430),
    "Account": st.column_config.TextColumn(width=110),
    "Time": st.column_config.TextColumn(width=130),
}


def _frame(rows: list[MessageRow], now: datetime, zone: str) -> pd.DataFrame:
    lines = [
        (
            [state_of(row, now, zone).word],
            readable(row.recipient),
            summary(row.text or row.template or "", 120),
            row.account,
            moments.clock(row.sent_at or row.due_at, zone, now),
        )
        for row in rows
    ]
    return pd.DataFrame(lines, columns=list(COLUMNS), index=[row.id for row in rows])


def readable(number: str) -> str:
    """A number as people read it."""
    try:
        return phone.read(number, home=None).readable
    except Invalid:
        return number


def select_all(picked: Picked, wanted: Filter, now: datetime) -> None:
    picked.every, picked.turn = choosing.of_filter(wanted, now=now), still.next_turn()

"""Select mode of the list: rows are ticked over pages, and what is ticked stands still meanwhile.

The page that is shown is a snapshot: ticks are positions in it, and it is read anew only when the
person turns the page, changes the filter, or asks for what is new.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from core import choosing, listing, phone, reports
from core.choosing import Choice
from core.errors import Invalid
from core.filtering import Filter
from core.listing import Cursor, MessageRow, Page, Seen
from core.rendering import summary
from ui import moments
from ui.words import WORDS, state_of

_KEY, _TURN = "picking", "picking-turn"


def _next() -> int:
    """A number that no page before had: a grid of the same key would show the ticks of another."""
    st.session_state[_TURN] = turn = st.session_state.get(_TURN, 0) + 1
    return turn


@dataclass
class Picked:
    """What one person has selected under one filter, and the page before them."""

    query: str
    now: datetime  # when the list was looked at
    seen: Seen
    ids: set[int] = field(default_factory=set)
    every: Choice | None = None  # all that matched when it was asked for
    places: list[Cursor | None] = field(default_factory=lambda: [None])
    turn: int = field(default_factory=_next)
    begun: bool = False  # something is done to them: by this selection nothing else is

    @property
    def shown(self) -> Page:
        return self.seen.page

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


def mode(allowed: bool) -> bool:
    """Whether the person selects; who reads has nothing selected."""
    chosen = allowed and st.toggle("Select", key="selecting", help="Tick rows, then act on them")
    if not chosen:
        over()
    return chosen


def show_new(wanted: Filter) -> None:
    """Read the list anew from its beginning; what is ticked stays so."""
    picked = mine(wanted, reports.now())
    picked.places = [None]
    _again(picked, wanted)


def _again(picked: Picked, wanted: Filter) -> None:
    picked.now, picked.turn = reports.now(), _next()
    picked.seen = listing.seen(wanted, now=picked.now, after=picked.places[-1])


def grid(picked: Picked, wanted: Filter, *, zone: str) -> None:
    """The page with its ticks, and the ways to the pages beside it."""
    rows = picked.shown.rows
    key = f"pick-{picked.turn}-{len(picked.places)}"
    ids = [row.id for row in rows]
    st.dataframe(
        _frame(rows, picked.now, zone),
        key=key,
        on_select=lambda: _tick(picked, key, ids),
        selection_mode="multi-row",
        selection_default={"selection": {"rows": _ticked(picked, ids), "columns": []}},
        column_config=_COLUMNS,
        hide_index=True,
        height=min(36 + 35 * len(rows), 36 + 35 * 20),
        alt="Messages",
    )
    with st.container(horizontal=True, key="pick-turn"):
        if len(picked.places) > 1:
            st.button("← Previous", key="pick-back", on_click=_turn, args=(picked, wanted, None))
        if after := picked.shown.after:
            st.button("Next →", key="pick-on", on_click=_turn, args=(picked, wanted, after))


def _turn(picked: Picked, wanted: Filter, to: Cursor | None) -> None:
    if to is None:
        picked.places.pop()
    else:
        picked.places.append(to)
    _again(picked, wanted)


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


_COLUMNS: dict[str, Any] = {
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
            _readable(row.recipient),
            summary(row.text or row.template or "", 120),
            row.account,
            moments.clock(row.sent_at or row.due_at, zone, now),
        )
        for row in rows
    ]
    return pd.DataFrame(lines, columns=list(_COLUMNS), index=[row.id for row in rows])


def _readable(number: str) -> str:
    try:
        return phone.read(number, home=None).readable
    except Invalid:
        return number


def select_all(picked: Picked, wanted: Filter, now: datetime) -> None:
    picked.every, picked.turn = choosing.of_filter(wanted, now=now), _next()

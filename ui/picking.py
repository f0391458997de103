"""Select mode of the list: rows are ticked over pages, what is ticked stands still meanwhile."""

from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from core import catalogue, choosing, listing, phone, reports, revising
from core.choosing import Choice
from core.errors import Invalid
from core.explain import explain_many
from core.filtering import Filter
from core.listing import MessageRow
from core.rendering import summary
from ui import addresses, asking, look, moments, preview, still
from ui.still import Still
from ui.words.states import WORDS, state_of

_KEY, _OPENED = "picking", "picked-opened"


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
        _frame(picked, zone),
        key=key,
        on_select=lambda: _tick(picked, key, ids),
        selection_mode="multi-row",
        selection_default={"selection": {"rows": _ticked(picked, ids), "columns": []}},
        column_config=_columns(picked, zone),
        hide_index=True,
        height=min(36 + 35 * len(rows), 36 + 35 * 20),
        alt="Messages",
    )
    still.ways(picked, wanted)
    opened = st.session_state.pop(_OPENED, None)
    if opened in ids:
        _open(opened, zone)


def _open(message_id: int, zone: str) -> None:
    """The message as it is now: its page may have stood for an hour."""
    if row := revising.rows([message_id]).get(message_id):
        asking.begin()
        _drawer(row, reports.now(), zone)
    else:
        look.note("It was deleted meanwhile.")


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


STATE = st.column_config.MultiselectColumn(
    options=[word.word for word in WORDS.values()],
    color=[
        {"amber": "yellow", "cyan": "blue", "grey": "gray"}.get(word.colour, word.colour)
        for word in WORDS.values()
    ],
    width=120,
)


def opening(turn: int, ids: list[int], into: str) -> Any:
    """The column whose click leaves the message's id in the session `into`."""
    key = f"open-{turn}"

    def opened() -> None:
        if (click := st.session_state.get(key)) and click["row"] < len(ids):
            st.session_state[into] = ids[click["row"]]

    return st.column_config.ButtonColumn("", type="tertiary", width=70, on_click=opened, key=key)


def _columns(picked: Picked, zone: str) -> dict[str, Any]:
    config = st.column_config
    return {
        "State": STATE,
        "Recipient": config.TextColumn(width=150),
        "Message": config.TextColumn(width=400),
        "Account": config.TextColumn(width=110),
        "Time": config.DatetimeColumn(
            f"Time ({moments.place(zone)})",
            format="DD/MM/YYYY HH:mm:ss",
            timezone=zone,
            width=160,
        ),
        "Open": opening(picked.turn, [row.id for row in picked.shown.rows], _OPENED),
    }


def _frame(picked: Picked, zone: str) -> pd.DataFrame:
    rows = picked.shown.rows
    lines = [
        (
            [state_of(row, picked.now, zone).word],
            readable(row.recipient),
            summary(row.text or row.template or "", 120),
            row.account,
            row.sent_at or row.due_at,
            "Open",
        )
        for row in rows
    ]
    names = ["State", "Recipient", "Message", "Account", "Time", "Open"]
    made = pd.DataFrame(lines, columns=names, index=[row.id for row in rows])
    made["Time"] = pd.to_datetime(made["Time"], utc=True)
    return made


@st.dialog("Message", position="right", on_dismiss=asking.over)
def _drawer(row: MessageRow, now: datetime, zone: str) -> None:
    """All that a row cuts off, and the way to its page, beside which the selection stays."""
    why = None if row.ended else explain_many([row.id]).get(row.id)
    at, state = row.sent_at or row.due_at, state_of(row, now, zone, why=why)
    st.html(
        f'<section class="state">{look.chip(state.word, state.colour, state.icon)}'
        f"<p>{escape(readable(row.recipient))} · {moments.shown(at, zone, now, seconds=True)}</p>"
        f'<p class="advice">{escape(state.sentence)}</p></section>'
    )
    shown = catalogue.shown(row)
    st.html(
        preview.phone(row.account, row.text or "", at=moments.clock(at, zone, now), shown=shown)
    )
    own = f'<a class="button plain" href="{addresses.message(row.id)}" target="_blank">'
    st.html(f"{own}Its page, in another tab</a>")


def readable(number: str) -> str:
    """A number as people read it."""
    try:
        return phone.read(number, home=None).readable
    except Invalid:
        return number


def select_all(picked: Picked, wanted: Filter, now: datetime) -> None:
    picked.every, picked.turn = choosing.of_filter(wanted, now=now), still.next_turn()

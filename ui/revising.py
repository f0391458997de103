"""Edit mode of the list: what waits or has failed, changed in its cells and saved together.

The grid knows its rows by position, and nobody but a person can write what it holds: each time
something else than a cell changes it is laid anew, under another key, with all that is typed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from core import listing, reports, revising, schedule
from core.access import Actor
from core.errors import Invalid
from core.filtering import Filter
from core.listing import MessageRow
from core.revising import CHANGEABLE, Revision
from core.standing import STATUS, Standing
from ui import editing, moments, picking, still
from ui.settling import Settling
from ui.still import Still
from ui.unsaved import Unsaved
from ui.words.states import state_of

_KEY, _OPENED = "sheet", "sheet-opened"
_CHANGEABLE = frozenset(one for one in Standing if STATUS[one] in CHANGEABLE)


@dataclass
class Sheet(Still):
    """The page that is edited. `rows`, and what was typed of them, are what its grid began with."""

    mine: Unsaved = field(default_factory=Unsaved)
    zone: str = "UTC"  # of all times in it
    names: dict[int, str] = field(default_factory=dict)  # of accounts
    rows: list[MessageRow] = field(default_factory=list)
    laid: dict[int, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return f"sheet-{self.turn}"

    def read(self) -> None:
        """Note what is typed in the cells by now."""
        deltas = st.session_state.get(self.key, {}).get("edited_rows", {})
        ids = {name: account_id for account_id, name in self.names.items()}
        for position, row in enumerate(self.rows):
            before, typed = _before(row, self.zone), dict(self.laid.get(row.id, {}))
            for column, value in deltas.get(position, {}).items():
                if column in _TYPED:
                    typed[_TYPED[column]] = _typed(column, value, ids)
            changed = {name: value for name, value in typed.items() if value != before[name]}
            self.mine.type(self.mine.of.get(row.id) or Revision(row, {}, self.zone), changed)

    def again(self, wanted: Filter) -> None:
        self.read()
        super().again(wanted)
        self.lay()

    def lay(self) -> None:
        """Begin anew; of a row that somebody types in, what they saw stays what they see."""
        self.turn, of = still.next_turn(), self.mine.of
        typed = {row.id for row in self.shown.rows} & of.keys()
        of.update((one, _in_zone(of[one], self.zone)) for one in typed)
        self.rows = [of[row.id].row if row.id in typed else row for row in self.shown.rows]
        self.laid = {one: of[one].typed for one in typed}

    def renew(self, ids: Iterable[int]) -> None:
        """Show these rows as they are now, where they stand; what was deleted goes."""
        if asked := set(ids):
            are = revising.rows(asked)
            left = [row for row in self.shown.rows if row.id in are or row.id not in asked]
            rows = [are.get(row.id, row) for row in left]
            self.seen = replace(self.seen, page=replace(self.shown, rows=rows))
            self.lay()

    def drop(self, message_id: int) -> None:
        """It was saved elsewhere: what was typed of it here is over."""
        self.mine.drop([message_id])
        self.renew([message_id])


def _in_zone(one: Revision, zone: str) -> Revision:
    """What was typed before a journey, as the clocks here show it."""
    wall = one.typed.get("due_at")
    if wall is None or one.zone == zone:
        return one
    try:
        at = schedule.from_local(wall, one.zone, fold=one.fold or 0)
    except Invalid:
        return one
    return replace(one, typed={**one.typed, "due_at": moments.wall(at, zone)}, zone=zone)


def changeable(wanted: Filter) -> Filter | None:
    """What of it can be changed; None: nothing."""
    standings = wanted.standings & _CHANGEABLE if wanted.standings else _CHANGEABLE
    return replace(wanted, standings=standings) if standings else None


def sheet(wanted: Filter, mine: Unsaved, *, now: datetime, zone: str) -> Sheet:
    """The page under this filter, as it was when it was first looked at."""
    found: Sheet | None = st.session_state.get(_KEY)
    if found is not None and found.query != wanted.query:
        found.read()
    if found is None or found.query != wanted.query:
        found = Sheet(wanted.query, now, listing.seen(wanted, now=now), mine=mine, zone=zone)
        found.lay()
        st.session_state[_KEY] = found
    return found


def over() -> None:
    """The list is read anew when somebody edits again; what is typed stays."""
    found: Sheet | None = st.session_state.pop(_KEY, None)
    if found is not None:
        found.read()


def draw(page: Sheet, wanted: Filter, *, by: Actor) -> None:
    """The grid, the ways to the pages beside it, and what is to be said of what is typed."""
    mine = page.mine
    page.names = {one.id: one.name for one in reports.accounts()}
    page.names |= {row.account_id: row.account for row in page.rows}
    if page.rows:
        _grid(page)
        still.ways(page, wanted)
    Settling(mine, page.names, page.read, page.renew, by).bar({row.id for row in page.rows})
    opened = st.session_state.pop(_OPENED, None)
    for row in page.rows:
        if row.id == opened:
            editing.begin(row, mine.of.get(row.id))
            editing.drawer(row, by=by, saved=partial(page.drop, row.id))


def _grid(page: Sheet) -> None:
    st.data_editor(
        _frame(page),
        key=page.key,
        column_config=_columns(page),
        disabled=["_index", "State"],
        num_rows="fixed",
        height=min(36 + 35 * len(page.rows), 36 + 35 * 20),
        placeholder="",  # what was emptied, else «None»
        alt="Messages to be edited",
    )
    page.read()


def _columns(page: Sheet) -> dict[str, Any]:
    config = st.column_config
    return {
        "_index": config.NumberColumn("Id", format="%d", width=60),
        "State": picking.STATE,
        "Recipient": config.TextColumn(width=150),
        "Message": config.TextColumn(width=400),
        "Account": config.SelectboxColumn(options=sorted(page.names.values()), width=110),
        "Leaves": config.DatetimeColumn(
            f"Leaves ({moments.place(page.zone)})", format="DD/MM/YYYY HH:mm", step=60, width=150
        ),
        "Retries": config.NumberColumn(width=70),
        "Open": picking.opening(page.turn, [row.id for row in page.rows], _OPENED),
    }


# The columns that are typed in, by the names of `Revision.typed`.
_TYPED = {
    "Recipient": "recipient",
    "Message": "text",
    "Account": "account_id",
    "Leaves": "due_at",
    "Retries": "max_retries",
}


def _before(row: MessageRow, zone: str) -> dict[str, Any]:
    """What stands in the cells of a row in which nobody typed."""
    return {
        "recipient": picking.readable(row.recipient),
        "text": row.text or "",
        "account_id": row.account_id,
        "due_at": moments.wall(row.due_at, zone).replace(second=0, microsecond=0),
        "max_retries": row.max_retries,
    }


def _frame(page: Sheet) -> pd.DataFrame:
    lines = []
    for row in page.rows:
        cells = _before(row, page.zone) | page.laid.get(row.id, {})
        cells["account_id"] = page.names.get(cells["account_id"])
        state = [state_of(row, page.now, page.zone).word]
        lines.append([state, *(cells[name] for name in _TYPED.values()), "Open"])
    ids = [row.id for row in page.rows]
    made = pd.DataFrame(lines, columns=["State", *_TYPED, "Open"], index=ids)
    made["Leaves"] = pd.to_datetime(made["Leaves"])
    return made.astype({"Retries": "float64"})  # none, where it was emptied


def _typed(column: str, value: Any, ids: Mapping[str, int]) -> Any:
    """A cell as the browser sends it; None where it is empty."""
    if value is None or value == "":
        return None
    if column == "Account":
        return ids.get(value)
    if column == "Leaves":
        at = datetime.fromisoformat(value)
        return at.replace(tzinfo=None, second=0, microsecond=0)
    if column == "Retries":
        return int(value) if value == int(value) else value
    return value

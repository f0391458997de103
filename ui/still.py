"""A page of the list that stands still while somebody selects or edits in it.

What a grid knows is by position, so its page is a snapshot: read anew only when the person turns
the page, changes the filter, or asks for what is new, and never under the key it had before.
"""

from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

import streamlit as st

from core import listing, reports
from core.filtering import Filter
from core.listing import Cursor, Page, Seen

# Not the session's: a click that waits ends a run where it reads the session, and a page would be
# laid anew by half.
_turns = count(1)


def next_turn() -> int:
    """A number that no page before had: a grid of the same key would show what another has."""
    return next(_turns)


@dataclass
class Still:
    """The page before a person, of what matched this filter when the list was looked at."""

    query: str
    now: datetime
    seen: Seen
    places: list[Cursor | None] = field(default_factory=lambda: [None])
    turn: int = field(default_factory=next_turn)

    @property
    def shown(self) -> Page:
        return self.seen.page

    def again(self, wanted: Filter) -> None:
        """Read the same page anew."""
        self.now, self.turn = reports.now(), next_turn()
        self.seen = listing.seen(wanted, now=self.now, after=self.places[-1])

    def newest(self, wanted: Filter) -> None:
        """Read the list anew from its beginning."""
        self.places = [None]
        self.again(wanted)

    def go(self, wanted: Filter, to: Cursor | None) -> None:
        """To the page that begins there; None: to the one before."""
        if to is None:
            self.places.pop()
        else:
            self.places.append(to)
        self.again(wanted)


def ways(page: Still, wanted: Filter) -> None:
    """The buttons to the pages beside this one."""
    with st.container(horizontal=True, key="pick-turn"):
        if len(page.places) > 1:
            st.button("← Previous", key="pick-back", on_click=page.go, args=(wanted, None))
        if after := page.shown.after:
            st.button("Next →", key="pick-on", on_click=page.go, args=(wanted, after))

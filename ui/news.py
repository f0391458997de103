"""«12 new, show them»: what somebody looks at is not refreshed under their hand."""

from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import parse_qs

import streamlit as st

from core import listing, reports
from core.filtering import Filter
from core.listing import CAP, Seen
from ui.words.numbers import count, plural

EVERY = "10s"
FRESH = timedelta(seconds=2)


@st.cache_data(ttl=5, max_entries=100, show_spinner=False)
def _news(
    query: str, ids: tuple[tuple[int, int], ...], matching: int, newest: int, _then: Seen
) -> tuple[int, int]:
    """Once for all who look at the same."""
    return listing.news(Filter.read(parse_qs(query)), _then, now=reports.now())


def told(wanted: Filter, then: Seen, *, now: datetime, show: Callable[[], None]) -> None:
    """Say what came or changed since, with the button that shows it; `now`: of the page's run."""
    st.fragment(_told, run_every=EVERY, key="news")(wanted, then, then.at == now, show)


def _told(wanted: Filter, then: Seen, just_read: bool, show: Callable[[], None]) -> None:
    if just_read and reports.now() - then.at < FRESH:  # in the page's own run
        return
    ids = tuple((row.id, row.version) for row in then.page.rows)
    more, changed = _news(wanted.query, ids, then.matching, then.newest, then)
    said = [f"{count(more, cap=CAP)} new"] if more else []
    said += [f"{plural(changed, 'row')} changed"] if changed else []
    if said and st.button(f"↻ {', '.join(said)}: show them", key="show-new", on_click=show):
        st.rerun()

"""All messages: filtered, paged by key; the filter and the place are in the address."""

from functools import partial

import streamlit as st

from core import listing, reports
from core.access import Role
from core.filtering import Filter
from core.listing import Cursor
from ui import (
    addresses,
    bulk,
    exports,
    filters,
    history,
    lately,
    live,
    look,
    news,
    paging,
    picking,
    revising,
    table,
    unsaved,
)
from ui.guard import signed_in, zone
from ui.words.bulk import EDIT, READ, SELECT
from ui.words.numbers import plural
from ui.words.states import VIEWS

person = signed_in()
operator = person.role >= Role.OPERATOR
now = reports.now()


def page() -> None:
    accounts = [load.account.name for load in live.pulse().accounts]
    with st.container(horizontal=True, vertical_alignment="bottom", key="head"):
        heading = st.empty()
        earlier = st.container(width="content")
        export = st.container(width="content")
        if operator:
            st.html(
                '<a class="go button" href="/schedule">Schedule new message</a>', width="content"
            )
    ready = st.container()
    wanted = filters.chosen(accounts)
    with ready:
        exports.shown(person)
        undoable = lately.outcomes(by=person)
    with earlier:
        lately.earlier(undoable, by=person, now=now, zone=zone())
    if wanted.standings == VIEWS["History"]:
        history.totals(wanted)
    number = _MODES[mode()](wanted)
    with heading:
        look.title("Messages", plural(number, "message"))
    if number:
        with export:
            exports.menu(wanted, by=person)


def mode() -> str:
    """What the person does with the list; who only looks has no choice."""
    if not operator:
        return READ
    mine, kept = unsaved.of(person), st.session_state
    kept.setdefault("mode", EDIT if mine.of else READ)
    chosen: str = st.segmented_control(
        "Mode", list(_MODES), required=True, key="mode", label_visibility="collapsed"
    )
    if chosen != SELECT:
        picking.over()
    if chosen != EDIT:
        revising.over()
        if mine.of:
            unfinished(len(mine.of))
    return chosen


def unfinished(number: int) -> None:
    """What was typed in Edit mode is not forgotten."""
    with st.container(horizontal=True, vertical_alignment="center", key="unfinished"):
        look.note(f"{plural(number, 'message')} changed in Edit mode and not saved yet.")
        st.button("Go on editing", on_click=lambda: st.session_state.update(mode=EDIT))


def selecting(wanted: Filter) -> int:
    """Rows with ticks, and what may be done with those that are ticked."""
    picked = picking.mine(wanted, now)
    bulk.bar(picked, wanted, by=person, now=now)
    news.told(wanted, picked.seen, now=now, show=lambda: picking.show_new(wanted))
    if picked.shown.rows:
        picking.grid(picked, wanted, zone=zone())
    else:
        nothing(wanted)
    return picked.seen.matching


def editing(wanted: Filter) -> int:
    """Rows whose cells are typed in, and saved together."""
    mine, some = unsaved.of(person), revising.changeable(wanted)
    if some is None:
        revising.over()
        if mine.of:
            look.note(f"{plural(len(mine.of), 'message')} changed and not saved yet: not of these.")
        look.empty("Nothing to edit here", "What has left or was cancelled stays as it is.")
        return 0
    page = revising.sheet(some, mine, now=now, zone=zone())
    if page.rows:
        look.quiet("What waits or has failed can be edited; nothing else is shown here.")
    else:
        look.empty("Nothing to edit here", "Take a filter away, or look for what waits or failed.")
    news.told(some, page.seen, now=now, show=lambda: page.newest(some))
    revising.draw(page, some, by=person)
    return page.seen.matching


def reading(wanted: Filter) -> int:
    """Rows that lead to their messages."""
    seen = listing.seen(wanted, now=now, **place())
    news.told(wanted, seen, now=now, show=paging.first_page)
    if seen.page.rows:
        st.html(table.messages(seen.page.rows, now=now, zone=zone()))
        here = seen.page
        paging.turn(partial(addresses.of, wanted), before=here.before, after=here.after)
    else:
        nothing(wanted)
    return seen.matching


def place() -> dict[str, Cursor]:
    """Where in the list the address says we are; the beginning where it makes no sense."""
    for name in ("after", "before"):
        try:
            return {name: Cursor.read(st.query_params[name])}
        except (KeyError, ValueError):
            continue
    return {}


def nothing(wanted: Filter) -> None:
    if wanted.query or place():
        look.empty(
            "No message matches", "Take a filter away to see more.", link=("Show all", "/messages")
        )
    else:
        look.empty(
            "No messages yet",
            "What you schedule appears here, soonest first.",
            link=("Schedule the first one", "/schedule"),
        )


_MODES = {READ: reading, SELECT: selecting, EDIT: editing}

page()

"""Audit trail, for administrators: who did what, before and after, from where; as CSV too."""

from functools import partial
from html import escape
from urllib.parse import urlencode

import streamlit as st

from core import audit_trail, reports
from core.access import Role
from ui import addresses, look, moments, paging, trail
from ui.guard import signed_in, zone

person = signed_in(Role.ADMIN)
now = reports.now()


def page() -> None:
    look.title("Audit trail")
    search = paging.search(
        "Search", "Who, what, to what, from where, before or after", width=420, autocomplete="off"
    ).strip()
    place = {"before": addresses.asked("before"), "after": addresses.asked("after")}
    before = place["before"]
    found = audit_trail.page(search, before=before, after=None if before else place["after"])
    if len(search.split()) > audit_trail.MOST_WORDS:
        look.quiet(f"Of what is searched for, the first {audit_trail.MOST_WORDS} words count.")
    if found.rows:
        st.html(trail.listed(found, now=now, zone=zone()))
    else:
        look.empty("Nothing found", "Nobody did anything that has all of these words.")
    if found.searched_to:
        at = moments.clock(found.searched_to.at, zone(), now)
        look.quiet(f"Searched back to {at}. «Older» goes on from there.")
    turn(search, found.before, found.after)


def turn(search: str, before: int | None, after: int | None) -> None:
    what = "what was found" if search else "all of it"
    export = (
        f'<a href="{address("/export/audit.csv", q=search)}" download target="_self">'
        f"Export {what} as CSV</a>"
    )
    beside, words = partial(address, "/audit", q=search), ("← Newer", "Older →")
    paging.turn(beside, before=before, after=after, words=words, export=export)


def address(path: str, **query: str | int) -> str:
    pairs = urlencode([pair for pair in query.items() if pair[1] != ""])
    return escape(f"{path}?{pairs}" if pairs else path)


page()

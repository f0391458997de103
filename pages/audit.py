"""Audit trail, for administrators: who did what, before and after, from where; as CSV too."""

from html import escape
from urllib.parse import urlencode

import streamlit as st

from core import audit_trail, reports
from core.access import Role
from ui import addresses, look, moments, trail
from ui.guard import signed_in, zone

person = signed_in(Role.ADMIN)
now = reports.now()


def page() -> None:
    look.title("Audit trail")
    search = (
        st.text_input(
            "Search",
            placeholder="Who, what, to what, or from where",
            key="q",
            bind="query-params",
            type="search",
            live="400ms",
            on_change=first_page,
            icon=":material/search:",
            width=420,
            autocomplete="off",
        )
        or ""
    ).strip()
    place = {"before": addresses.asked("before"), "after": addresses.asked("after")}
    before = place["before"]
    found = audit_trail.page(search, before=before, after=None if before else place["after"])
    if found.rows:
        st.html(trail.listed(found.rows, now=now, zone=zone()))
    else:
        look.empty("Nothing found", "Nobody did anything that has all of these words.")
    if found.searched_to:
        at = moments.clock(found.searched_to.at, zone(), now)
        look.quiet(f"Searched back to {at}. «Older» goes on from there.")
    turn(search, found.before, found.after)


def first_page() -> None:
    st.query_params.pop("after", None)
    st.query_params.pop("before", None)


def turn(search: str, before: int | None, after: int | None) -> None:
    links = "".join(
        f'<a class="go button plain" href="{address("/audit", q=search, **{name: str(to)})}">'
        f"{word}</a>"
        for name, to, word in (("before", before, "← Newer"), ("after", after, "Older →"))
        if to is not None
    )
    what = "what was found" if search else "all of it"
    export = (
        f'<a href="{address("/export/audit.csv", q=search)}" download target="_self">'
        f"Export {what} as CSV</a>"
    )
    st.html(f'<footer class="turn"><span>{links}</span>{export}</footer>')


def address(path: str, **query: str) -> str:
    pairs = urlencode([pair for pair in query.items() if pair[1]])
    return escape(f"{path}?{pairs}" if pairs else path)


page()

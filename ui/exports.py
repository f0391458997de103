"""Exporting what the list shows: a menu, the bar of a workbook that is being written, the files."""

from functools import cache
from html import escape
from urllib.parse import urlencode
from zoneinfo import available_timezones

import streamlit as st

from core import columns, exporting, reports
from core.access import Actor
from core.columns import COLUMNS, What
from core.errors import OutboxError
from core.export import Order
from core.exporting import Export
from core.filtering import Filter
from core.models import File
from ui import look, moments
from ui.guard import zone
from ui.progress import progress
from ui.words.numbers import plural

SHOWN = 3  # exports at a time
# What somebody begins with who chooses columns.
_FEW = {
    What.MESSAGES: ["recipient", "text", "status", "delivery", "due_at_local", "reference"],
    What.ATTEMPTS: ["message_id", "recipient", "posted_at_local", "outcome", "error_text"],
}
_EXPLAINED = (
    "All that the list’s filter finds, on every page of it. CSV takes any number of rows, XLSX"
    f" up to {exporting.LIMIT:,}; it is made in the background and waits here for a day."
)
_ROWS = {What.MESSAGES: "Messages", What.ATTEMPTS: "Attempts"}


def menu(wanted: Filter, *, by: Actor) -> None:
    """What to export of the messages that the list shows, and as what."""
    opened = st.popover("Export", key="export", on_change="rerun")
    if opened.open:  # six hundred zones need not be drawn with each page
        with opened:
            _choices(wanted, by)


@st.fragment(key="export-choices")
def _choices(wanted: Filter, by: Actor) -> None:
    what = What(
        st.segmented_control(
            "One row for each",
            list(What),
            default=What.MESSAGES,
            format_func=_one,
            required=True,
            key="export-what",
        )
    )
    names = _columns(what)
    place = st.selectbox(
        "Zone of the times «_local»; the others are UTC", _zones(zone()), key="export-zone"
    )
    if not names:
        look.wrong("Choose at least one column.")
        return
    order = Order.of(what, wanted, names=names, zone=place)
    with st.container(horizontal=True, key="export-as"):
        st.html(
            f'<a class="button" href="{_address(order)}" download target="_self">Download CSV</a>',
            width="content",
        )
        made = st.button("Make XLSX", key="export-xlsx", on_click=_begin, args=(order, by))
    if refused := st.session_state.pop("export-refused", None):
        look.wrong(refused)
    elif made:
        st.rerun()
    st.html(f'<p class="read">{_EXPLAINED}</p>')


def _one(what: What) -> str:
    return _ROWS[what].removesuffix("s")


def _columns(what: What) -> list[str]:
    known, usual = list(COLUMNS[what]), columns.usual(what)
    sets = {"usual": f"Usual ({len(usual)})", "all": f"All ({len(known)})", "some": "Choose"}
    which = st.segmented_control(
        "Columns",
        list(sets),
        default="usual",
        format_func=lambda one: sets[one],
        required=True,
        key="export-set",
    )
    if which == "some":
        return st.multiselect(
            "Which", known, default=_FEW[what], key=f"export-{what}", label_visibility="collapsed"
        )
    return known if which == "all" else usual


@cache
def _zones(first: str) -> list[str]:
    """The person's own first, then UTC, then all others."""
    return list(dict.fromkeys([first, "UTC", *sorted(available_timezones())]))


def _address(order: Order) -> str:
    """Where the gateway writes it; the usual columns need no name."""
    pairs = {"zone": order.zone}
    if order.names != columns.usual(order.what):
        pairs["columns"] = ",".join(order.names)
    query = f"{order.wanted.query}&{urlencode(pairs, safe=',/')}".lstrip("&")
    return escape(f"/export/{order.what}.csv?{query}")


def _begin(order: Order, by: Actor) -> None:
    """Close the menu over what has begun; what was refused is said in it."""
    try:
        exporting.begin(order, by=by)
        st.session_state["export"] = False
    except OutboxError as refused:
        st.session_state["export-refused"] = str(refused)


def shown(person: Actor) -> None:
    """The person's workbooks: those being written, and those that wait to be downloaded."""
    open_: set[int] = st.session_state.setdefault("exports", set())
    for one in exporting.recent(person)[:SHOWN]:
        row = one.operation
        if one.file:
            _ready(one, one.file, person)
        elif row.state in ("queued", "running") or row.id in open_:
            # What failed or was called off is told to whoever saw it under way.
            open_.add(row.id)
            progress(row.id, doing=_doing(one))


def _doing(one: Export) -> str:
    counted = one.operation.counted or 0
    rows = plural(counted, _one(one.order.what).lower(), cap=counted)
    return f"Exporting {rows} as XLSX"


def _ready(one: Export, file: File, person: Actor) -> None:
    with st.container(
        key=f"ready-{one.operation.id}", horizontal=True, vertical_alignment="center"
    ):
        rows = plural(one.operation.done, "row", cap=one.operation.done)
        until = ""
        if file.expires_at:
            until = f" · kept until {moments.clock(file.expires_at, zone(), reports.now())}"
        st.html(
            f'<p class="ready"><b>{escape(file.name)}</b>'
            f"<span>{rows} · {_size(file.size)}{until}</span></p>"
        )
        st.html(
            f'<a class="button plain" href="/files/{file.id}" download target="_self">Download</a>',
            width="content",
        )
        if st.button("Remove", key=f"remove-{one.operation.id}", type="tertiary"):
            exporting.discard(one.operation.id, by=person)
            st.rerun()


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{max(size / 1e3, 0.1):.1f} kB"

"""All messages: filtered, paged by key; the filter and the place are in the address."""

from dataclasses import replace
from html import escape

import streamlit as st

from core import batch_reports, catalogue, listing, reports
from core.access import Role
from core.listing import Cursor, Filter, Page
from core.standing import Standing
from ui import addresses, exports, look, table
from ui.guard import signed_in, zone
from ui.words import WORDS, plural

person = signed_in()
now = reports.now()


def page() -> None:
    accounts = [account.name for account in reports.accounts()]
    with st.container(horizontal=True, vertical_alignment="bottom", key="head"):
        heading = st.empty()
        export = st.container(width="content")
        if person.role >= Role.OPERATOR:
            st.html(
                '<a class="go button" href="/schedule">Schedule new message</a>', width="content"
            )
    ready = st.container()
    wanted = filters(accounts)
    found = listing.page(wanted, now=now, **place())
    number = listing.count(wanted, now=now)
    with heading:
        look.title("Messages", plural(number, "message"))
    with ready:
        exports.shown(person)
    narrowed(wanted)
    if found.rows:
        with export:
            exports.menu(wanted, by=person)
        st.html(table.messages(found.rows, now=now, zone=zone()))
        turn(found, wanted)
    else:
        nothing(wanted)


def filters(accounts: list[str]) -> Filter:
    with st.container(horizontal=True, vertical_alignment="bottom", key="filters"):
        search = st.text_input(
            "Search",
            placeholder="Part of a number, or of the text",
            key="q",
            bind="query-params",
            type="search",
            live="400ms",
            on_change=first_page,
            icon=":material/search:",
            width=320,
        )
        account = st.selectbox(
            "Account",
            accounts,
            index=None,
            placeholder="All accounts",
            key="account",
            bind="query-params",
            on_change=first_page,
            width=220,
        )
    states = st.pills(
        "State",
        [s.value for s in Standing],
        format_func=lambda value: WORDS[Standing(value)].word,
        selection_mode="multi",
        key="state",
        bind="query-params",
        on_change=first_page,
        label_visibility="collapsed",
    )
    # What no widget here chooses comes from the address: a batch, a template.
    beside = Filter.read({name: st.query_params.get_all(name) for name in st.query_params})
    standings = frozenset(Standing(s) for s in states)
    return replace(beside, standings=standings, account=account, search=search or "")


def narrowed(wanted: Filter) -> None:
    """That only the messages of one batch, or of one template, are shown."""
    if wanted.batch is not None:
        named = escape(batch_reports.name(wanted.batch) or f"number {wanted.batch}")
        everything = addresses.of(replace(wanted, batch=None))
        st.html(
            f'<p class="note grey">Only messages of the batch '
            f'<a class="go" href="{addresses.batch(wanted.batch)}">{named}</a>.'
            f' <a class="go" href="{everything}">Show all</a></p>'
        )
    one = catalogue.template(wanted.template) if wanted.template is not None else None
    if one is not None:
        everything = addresses.of(replace(wanted, template=None))
        st.html(
            f'<p class="note grey">Only messages of the template '
            f'<a class="go" href="{addresses.template(one.id)}">{escape(one.name)}</a>'
            f' ({escape(one.language)}). <a class="go" href="{everything}">Show all</a></p>'
        )


def first_page() -> None:
    st.query_params.pop("after", None)
    st.query_params.pop("before", None)


def place() -> dict[str, Cursor]:
    """Where in the list the address says we are; the beginning where it makes no sense."""
    for name in ("after", "before"):
        try:
            return {name: Cursor.read(st.query_params[name])}
        except (KeyError, ValueError):
            continue
    return {}


def turn(found: Page, wanted: Filter) -> None:
    links = [
        f'<a class="go button plain" href="{addresses.of(wanted, **{name: cursor})}">{word}</a>'
        for name, cursor, word in (
            ("before", found.before, "← Previous"),
            ("after", found.after, "Next →"),
        )
        if cursor
    ]
    if links:
        st.html(f'<footer class="turn"><span>{"".join(links)}</span></footer>')


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


page()

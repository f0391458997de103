"""Who was not reached, for the telephone: number, reference, why, and what can be done."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from html import escape

import streamlit as st

from core import house_rules, not_reached, reports, second_try
from core.access import Role
from core.listing import Cursor, MessageRow
from core.models import Batch
from core.not_reached import WINDOWS, Missed
from ui import addresses, asking, look, moments, paging, table, trying
from ui.guard import signed_in, zone
from ui.words.numbers import plural
from ui.words.states import state_of

person = signed_in()
now = reports.now()


def page() -> None:
    asking.over()  # a run of the whole page closes every dialog
    st.html('<p class="crumb"><a class="go" href="/messages">← Messages</a></p>')
    wanted = Missed.read({name: st.query_params.get_all(name) for name in st.query_params})
    found = not_reached.page(wanted, now=now, after=_after())
    number = not_reached.count(wanted, now=now)
    with st.container(horizontal=True, vertical_alignment="bottom", key="head"):
        look.title("Not reached", plural(number, "message"))
        if number:
            st.html(
                f'<a class="button" href="{addresses.not_reached_csv(wanted, zone())}" download'
                ' target="_self">Export for the telephone</a>',
                width="content",
            )
            if person.role >= Role.OPERATOR and st.button("Try another template …", key="try"):
                trying.ask(wanted, by=person)
    trying.way_on()
    choices(wanted)
    look.quiet(
        "What failed, what nobody knows of, and what WhatsApp took over"
        f" {house_rules.undelivered() / timedelta(hours=1):g} hours ago and has not delivered."
    )
    if not found.rows:
        look.empty("Everybody was reached", "Nothing of these days is waiting for a call.")
        return
    tried = second_try.where_tried([row.id for row in found.rows])
    lines = "".join(line(row, tried.get(row.id)) for row in found.rows)
    st.html(f'<div class="list missed">{lines}</div>')
    paging.turn(partial(addresses.not_reached, wanted), after=found.after)


def choices(wanted: Missed) -> None:
    """The days, then the accounts, as links: what is chosen is the address."""
    days = [(f"Last {plural(one, 'day')}", replace(wanted, days=one)) for one in WINDOWS]
    names = [account.name for account in reports.accounts()]
    accounts = [("All accounts", replace(wanted, account=None))]
    accounts += [(name, replace(wanted, account=name)) for name in names]
    for label, ways in (("Days", days), ("Accounts", accounts if names[1:] else [])):
        links = "".join(
            f'<a class="go" href="{addresses.not_reached(one)}"'
            f"{' aria-current=page' if one == wanted else ''}>{escape(word)}</a>"
            for word, one in ways
        )
        if links:
            st.html(f'<nav class="ways" aria-label="{label}">{links}</nav>')


def line(row: MessageRow, again: Batch | None) -> str:
    """HTML; `again` is the batch in which another template was prepared for them."""
    state, (reason, advice) = state_of(row, now, zone()), not_reached.why(row, now)
    reference = f"<small>{escape(row.reference)}</small>" if row.reference else ""
    if again is not None:
        named = f'<a class="go" href="{addresses.batch(again.id)}">{escape(again.name)}</a>'
        tried = f"Tried again in {named}"
    else:
        tried = escape(advice)
    at = moments.shown(row.sent_at or row.due_at, zone(), now)
    return (
        '<div class="row">'
        f'<a class="go state-cell" href="{addresses.message(row.id)}">'
        f"{look.chip(state.word, state.colour, state.icon)}</a>"
        f'<span class="to"><a href="tel:{escape(row.recipient)}">'
        f"{table.recipient(row.recipient)}</a>{reference}</span>"
        f'<span class="why">{escape(reason)}<small>{tried}</small></span>'
        f'<span class="by">{escape(row.account)}</span><span class="at">{at}</span></div>'
    )


def _after() -> Cursor | None:
    try:
        return Cursor.read(st.query_params["after"])
    except (KeyError, ValueError):
        return None


page()

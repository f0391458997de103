"""People: what somebody asked, what waits for them, what was sent; and who is left in peace."""

from functools import partial
from html import escape

import streamlit as st

from core import optout_list, people, reports
from core.access import Role
from core.errors import Invalid
from core.people import Person
from core.phone import Phone
from ui import addresses, asking, lately, look, optouts, paging, peace, table
from ui.guard import signed_in, zone
from ui.words.numbers import plural

person = signed_in()
now = reports.now()


def page() -> None:
    asking.over()  # a run of the whole page closes every dialog
    typed = search()
    chosen = meant(typed) if typed else None
    if chosen is not None:
        draw(people.find(chosen, **place()))
    elif not typed:
        everybody()


def search() -> str:
    look.title("People")
    any_shape = "A number in any shape, such as +62 812-3456-789"
    typed = paging.search("Number", any_shape, key="number", width=420, autocomplete="off")
    return typed.strip()


def place() -> dict[str, int]:
    """Where in a list the address says we are; its beginning where that makes no sense."""
    for name in ("after", "before"):
        told = st.query_params.get(name, "")
        if told.isascii() and told.isdecimal() and len(told) < 19:
            return {name: int(told)}
    return {}


def meant(typed: str) -> Phone | None:
    """The number; of several that it may be, the person chooses."""
    try:
        found = people.read(typed)
    except Invalid as refused:
        for problem in refused.problems:
            look.wrong(problem.message)
        return None
    if len(found) == 1:
        return found[0]
    links = " ".join(
        f'<a class="go" href="{addresses.person(one.e164)}">{escape(one.shown)}</a>'
        for one in found
    )
    st.html(f'<p class="note amber" role="status">Which is meant? {links}</p>')
    return None


def draw(who: Person) -> None:
    st.html(peace.card(who, now=now, zone=zone()))
    if person.role >= Role.OPERATOR:
        lately.outcomes(by=person)
        peace.offered(who, now=now, zone=zone(), by=person)
    rows = [*(who.open if who.before is None else []), *who.ended]
    if rows:
        st.html('<h2 class="part-title">Messages</h2>')
        st.html(table.messages(rows, now=now, zone=zone()))
        beside = partial(addresses.person, who.phone.e164)
        paging.turn(beside, before=who.before, after=who.after)
    else:
        look.empty("Nothing was ever sent to this number", "Nor is anything scheduled for it.")
    if who.opt_outs:
        st.html('<h2 class="part-title">What they asked</h2>')
        st.html(peace.history(who, now=now, zone=zone()))


def everybody() -> None:
    """Who is left in peace, with the way in and out for many."""
    found, number = optout_list.page(**place()), optout_list.count()
    if found.rows:
        entries = plural(number, "entry", "entries")
        st.html(f'<h2 class="part-title">Not to be contacted: {entries}</h2>')
        st.html(optouts.listed(found, now=now, zone=zone()))
        export = (
            '<a href="/export/optouts.csv" download target="_self">'
            f"Export all {number:,} as CSV</a>"
        )
        beside = partial(addresses.person, "")
        paging.turn(beside, before=found.before, after=found.after, export=export)
    else:
        look.empty(
            "Everybody may be contacted",
            "Find a number above to put it on the list, or import a list below.",
        )
    if person.role >= Role.OPERATOR:
        optouts.importing(by=person)


page()

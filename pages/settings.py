"""Settings, for administrators: who may sign in, what holds for everybody, how Outbox is set."""

from html import escape

import streamlit as st

from core import reports, users
from core.access import Role
from core.settings import shown
from core.users import Person
from ui import asking, house_forms, look, moments, people_forms, timeline
from ui.guard import signed_in, zone
from ui.words.house import HOUSE, SETTINGS
from ui.words.numbers import plural

person = signed_in(Role.ADMIN)
now = reports.now()


def page() -> None:
    asking.over()  # a run of the whole page closes every dialog
    everybody = users.all_users()
    look.title("Settings")
    people = plural(len(everybody), "person", "people")
    st.html(f'<h2 class="part-title">Who may sign in: {people}</h2>')
    people_forms.handed_over()
    for one in everybody:
        row(one)
    if st.button("Add somebody …", key="add-user"):
        people_forms.add(person)
    st.html('<h2 class="part-title">What holds for everybody</h2>')
    house_forms.drawn(now=now, by=person)
    st.html('<h2 class="part-title">How this installation is set</h2>')
    look.quiet(
        "From the environment or the file .env, at the start of each program. The ten minutes in"
        " which WhatsApp's word on an unclear outcome is awaited are part of how Outbox sends."
    )
    lines = [
        (f"OUTBOX_{name.upper()}", told(name, value))
        for name, value in shown().items()
        if name not in HOUSE
    ]
    st.html(timeline.facts(lines))


def told(name: str, value: str) -> str:
    """HTML of one setting: its value, and what it means."""
    return f"<code>{escape(value)}</code><br><small>{escape(SETTINGS[name])}</small>"


def row(one: Person) -> None:
    with st.container(key=f"card-{one.name}", horizontal=True, vertical_alignment="center"):
        st.html(card(one))
        if not one.disabled_at and st.button("Change …", key=f"change-{one.name}"):
            people_forms.change(one, person)
        if one.disabled_at and st.button("Let in again", key=f"enable-{one.name}"):
            asking.carry_out(
                lambda: users.enable(one.name, by=person), did=f"{one.name} may sign in again."
            )


def card(one: Person) -> str:
    chip = look.chip("Disabled", "grey") if one.disabled_at else look.chip(one.role.title, "blue")
    seen = moments.shown(one.last_seen_at, zone(), now) if one.last_seen_at else "never"
    open_ = plural(one.signed_in, "browser") if one.signed_in else "nowhere"
    since = f"added {moments.shown(one.created_at, zone(), now)} by {escape(one.created_by)}"
    return (
        f'<div class="account"><div><h2>{escape(one.name)}{chip}</h2>'
        f'<p class="quiet">Last here: {seen} · signed in: {open_} · {since}</p></div></div>'
    )


page()

"""Stopping all sending from any page, and who stopped it, on every page, until it is released."""

from html import escape

import streamlit as st

from core import installation
from core.access import Actor, Role
from core.installation import Stop
from ui import asking, live, moments
from ui.guard import zone
from ui.words.numbers import plural


def button(stop: Stop | None, *, by: Actor) -> None:
    """In the bar, for those who may send; nothing while all sending is stopped."""
    may = stop is None and by.role >= Role.OPERATOR
    if may and st.button("Stop all sending", key="stop-all", type="tertiary"):
        _stop(by)


def banner(stop: Stop | None, *, by: Actor) -> None:
    """Who stopped everything, why and since when, with the way to release it."""
    if stop is None:
        return
    with st.container(key="stopped", horizontal=True, vertical_alignment="center"):
        st.html(f'<div class="stopped" role="alert"><p>{_told(stop)}</p></div>')
        if by.role >= Role.OPERATOR and st.button("Send again …", key="resume-all"):
            _resume(stop, by)


def _told(stop: Stop) -> str:
    since = moments.shown(stop.since, zone(), live.pulse().at)
    why = escape(stop.reason.rstrip("."))
    return f"<b>All sending is stopped</b> since {since} by {escape(stop.by)}: {why}."


@st.dialog("Stop all sending?", on_dismiss=asking.over)
def _stop(by: Actor) -> None:
    asking.begin()
    st.write(
        "No account sends any more until somebody releases it. What is due waits; what is already"
        " on its way arrives."
    )
    reason = st.text_input("Why", key="stop-reason", placeholder="Everybody will see it")
    if st.button("Stop all sending", type="primary", key="yes-stop-all"):
        asking.carry_out(lambda: installation.stop_all(reason, by=by))


@st.dialog("Send again?", on_dismiss=asking.over)
def _resume(stop: Stop, by: Actor) -> None:
    asking.begin()
    due = live.pulse().due
    waiting = f"{plural(due, 'message')} came due meanwhile" if due else "Nothing is due now"
    leaves = (
        " Each leaves at its account's rate, but for what is late by now: its own rule, or its"
        " account's, says whether that is sent, held or expires."
    )
    st.write(f"{waiting}.{leaves if due else ''}")
    if st.button("Send again", type="primary", key="yes-resume-all"):
        asking.carry_out(lambda: installation.resume_all(by=by))

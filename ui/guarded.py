"""The restore guard on every page while it is on, and its answer."""

from html import escape

import streamlit as st

from core import guarding
from core.access import Actor, Role
from core.errors import OutboxError
from core.guarding import Guard, Overdue
from core.sending import twin
from ui import asking, live, look, moments
from ui.guard import zone
from ui.words.house import OVERDUE
from ui.words.numbers import plural


def banner(guard: Guard | None, *, by: Actor) -> None:
    """Why nothing is sent from this database, with the way to answer it for administrators."""
    if guard is None:
        return
    with st.container(key="guarded", horizontal=True, vertical_alignment="center"):
        st.html(f'<div class="stopped" role="alert">{_told(guard)}</div>')
        if by.role >= Role.ADMIN and st.button("Decide …", key="answer-guard"):
            _answer(by)


def _told(guard: Guard) -> str:
    since = moments.shown(guard.since, zone(), live.pulse().at)
    why = "".join(f"<p>{escape(line)}</p>" for line in guard.reason.splitlines())
    return f"<p><b>The restore guard is on</b> since {since}: nothing is sent.</p>{why}"


@st.dialog("Send from this database?", on_dismiss=asking.over)
def _answer(by: Actor) -> None:
    asking.begin()
    count = guarding.overdue()
    st.write(
        f"{plural(count, 'message')} came due until now. In a restored or copied database such"
        " may have left already: what is sent now could arrive twice."
    )
    chosen = st.radio(
        "What becomes of the overdue?",
        [Overdue.HOLD, Overdue.CANCEL, Overdue.SEND],
        format_func=lambda one: OVERDUE[one],
        key="guard-overdue",
    )
    if st.button("Turn the guard off", type="primary", key="yes-answer-guard"):
        try:
            done = twin.answer(chosen, by=by)
        except OutboxError as refused:
            look.wrong(str(refused))
            return
        asking.over()
        if chosen is not Overdue.SEND:
            verb = "held" if chosen is Overdue.HOLD else "cancelled"
            st.toast(f"{plural(done, 'message')} {verb}.")
        st.rerun()

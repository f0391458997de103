"""Pausing an account, and resuming it with the question what becomes of the overdue."""

from datetime import timedelta
from html import escape

import streamlit as st

from core import accounts, resuming
from core.access import Actor, Role
from core.accounts import BY_ITSELF
from core.models import Account
from ui import asking, live, look, moments
from ui.guard import zone
from ui.words.numbers import plural

ALL, LAST, NONE = "Send all of them", "Only the latest, hold the rest", "Hold all of them"


def offers(*, by: Actor) -> None:
    """A button for each account that a person paused, which the sentence about it presses: a
    fragment that draws itself anew can ask nothing."""
    paused = _paused()
    _watch([one.id for one in paused])
    if not paused or by.role < Role.OPERATOR:
        return
    with st.container(key="paused"):
        for account in paused:
            if st.button(look.label(f"Resume {account.name} …"), key=f"resume-{account.id}"):
                resume(account, by)


def _paused() -> list[Account]:
    of_all = [one.account for one in live.pulse().accounts]
    return [one for one in of_all if one.state == "paused" and one.state_by not in BY_ITSELF]


@st.fragment(run_every="5s", key="pausing")
def _watch(shown: list[int]) -> None:
    """Draw the buttons anew when an account was paused or resumed; a dialog is left alone."""
    if [one.id for one in _paused()] != shown and not asking.under_way():
        st.rerun()


@st.dialog("Pause this account?", on_dismiss=asking.over)
def pause(account: Account, by: Actor) -> None:
    asking.begin()
    st.write("Nothing leaves from it until somebody resumes it. What is due waits.")
    reason = st.text_input("Why", key="pause-reason", placeholder="Everybody will see it")

    def paused() -> None:
        accounts.pause(account.name, reason=reason or "", by=by)
        live.forget()

    if st.button("Pause it", type="primary", key="yes-pause"):
        asking.carry_out(paused, did=f"{account.name} is paused.")


@st.dialog("Send again?", on_dismiss=asking.over)
def resume(account: Account, by: Actor) -> None:
    asking.begin()
    st.html(f"<p>{_why(account)}</p>")
    overdue = resuming.overdue(account.name)
    only_last = _choice(account.name, overdue) if overdue else None
    if st.button("Resume", type="primary", key="yes-resume"):
        _do(account, only_last, by)


def _why(account: Account) -> str:
    since = ""
    if account.state_since:
        since = f" since {moments.shown(account.state_since, zone(), live.pulse().at)}"
    by = f" by {escape(account.state_by)}" if account.state_by else ""
    reason = f": {escape(account.state_reason.rstrip('.'))}" if account.state_reason else ""
    return f"<b>{escape(account.name)}</b> is paused{since}{by}{reason}."


def _choice(name: str, overdue: int) -> timedelta | None:
    """Ask what becomes of the overdue; returns what `resuming.resume` wants."""
    chosen = st.radio(
        f"{plural(overdue, 'message')} came due meanwhile", [ALL, LAST, NONE], key="resume-choice"
    )
    if chosen == ALL:
        return None
    if chosen == NONE:
        return timedelta()
    typed = st.number_input(
        "Those due in the last … minutes", min_value=1, value=30, step=5, key="resume-minutes"
    )
    only_last = timedelta(minutes=typed)
    older = resuming.overdue(name, longer_than=only_last)
    are = "is" if older == 1 else "are"
    st.caption(f"{plural(older, 'older one')} {are} held, for somebody to release or cancel.")
    return only_last


def _do(account: Account, only_last: timedelta | None, by: Actor) -> None:
    def resumed() -> str:
        held = resuming.resume(account.name, only_last=only_last, by=by)
        live.forget()
        kept = f", {plural(held, 'message')} held" if held else ""
        return f"{account.name} sends again{kept}."

    asking.carry_out(resumed, told=str)

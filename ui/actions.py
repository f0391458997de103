"""What a person may do with one message, each with the question that it deserves."""

from collections.abc import Callable

import streamlit as st

from core import holding, messages, reports
from core.access import Actor
from core.event_words import WAITS_AGAIN
from core.history import History
from core.listing import MessageRow
from core.standing import Standing, standing
from core.states import Status
from ui import asking, editing, look
from ui.words.states import RISK


def pressed(message_id: int, *, by: Actor) -> str | None:
    """Hold or release it if that was pressed, before the page reads it: so it is drawn once, with
    what has become of it. Returns why that is refused."""
    refused = None
    if st.session_state.get("hold"):
        refused = asking.refusal(
            lambda: holding.hold(message_id, by=by), did=_DONE["hold"], of_one=True
        )
    elif st.session_state.get("release"):
        refused = asking.refusal(
            lambda: holding.release(message_id, by=by), told=_released, of_one=True
        )
    asking.say()
    return refused


def offered(history: History, *, by: Actor) -> None:
    """The buttons that this message allows now; the most likely one is coloured."""
    row, status = history.row, history.row.status
    with st.container(horizontal=True, key="actions"):
        if status == Status.FAILED and st.button("Send again", type="primary", key="retry"):
            _again(row, by)
        if status in (Status.PENDING, Status.FAILED) and st.button("Edit", key="edit"):
            editing.begin(row)
            editing.drawer(row, by=by)
        if status == Status.PENDING and holding.may_go(row):
            st.button("Release", type="primary", key="release")
        elif status == Status.PENDING and holding.may_hold(row):
            st.button("Hold", key="hold")
        if status == Status.PENDING and st.button("Cancel message", key="cancel"):
            _dialog("cancel", row, by)
        if status != Status.PROCESSING and st.button("Delete", key="delete"):
            _dialog("delete", row, by)


_QUESTIONS = {  # the title, what becomes of it, the button
    "cancel": (
        "Cancel this message?",
        *("It will not be sent. It stays in the list as cancelled.", "Cancel it"),
    ),
    "delete": (
        "Delete this message?",
        *("It leaves every list, and is not sent if it has not left yet.", "Delete it"),
    ),
}
_DONE = {
    "cancel": "Cancelled.",
    "delete": "Deleted.",
    "retry": "It leaves at its next turn.",
    "hold": "Held until somebody releases it.",
}


def _released(held: str | None) -> str:
    """By what holds it now."""
    return f"{WAITS_AGAIN[0]}." if held else "Released: it leaves when its turn comes."


def _dialog(what: str, row: MessageRow, by: Actor) -> None:
    st.dialog(_QUESTIONS[what][0], on_dismiss=asking.over)(_ask)(what, row, by)


def _ask(what: str, row: MessageRow, by: Actor) -> None:
    asking.begin()
    _, question, yes = _QUESTIONS[what]
    st.write(question)
    verb = {"cancel": messages.cancel, "delete": messages.delete}[what]
    if st.button(yes, type="primary", key=f"yes-{what}"):
        _do(what, lambda: verb(row.id, by=by))


@st.dialog("Send it again?", on_dismiss=asking.over)
def _again(row: MessageRow, by: Actor) -> None:
    asking.begin()
    risky = standing(row, reports.now()) is Standing.UNCONFIRMED
    if risky:
        look.note(RISK, "orange")
        sure = st.checkbox("I accept that it may arrive twice", key="accept-risk")
    else:
        st.write("It leaves now, as soon as its turn comes, with a new budget of retries.")
        sure = True
    if st.button("Send it again", type="primary", key="yes-retry", disabled=not sure):
        _do("retry", lambda: messages.retry(row.id, by=by, confirmed=risky and sure))


def _do(what: str, verb: Callable[[], None]) -> None:
    asking.carry_out(verb, did=_DONE[what], of_one=True)

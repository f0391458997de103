"""What a person may do with a batch, the most urgent first, each with the question it deserves."""

from collections.abc import Callable

import streamlit as st

from core import operations, steering
from core.access import Actor
from core.batch_reports import Whole
from core.kinds import FILLS, OPEN, Kind
from ui import asking, look
from ui.words.numbers import plural
from ui.words.states import RISK

FIRST = 20
_NOT_LEFT = ("held", "trial", "released", "paused")


def offered(whole: Whole, correct: Callable[[], None], *, by: Actor) -> None:
    """The buttons that its state allows; `correct` opens the drawer of a correction."""
    batch_id, state, counted = whole.batch.id, whole.state, whole.progress
    with st.container(horizontal=True, key="actions"):
        if state in ("released", "trial"):
            _button("Pause", "pause", lambda: steering.pause(batch_id, by=by), first=True)
        if state == "paused":
            _button("Resume", "resume", lambda: steering.resume(batch_id, by=by), first=True)
        if state in ("held", "trial"):
            what = "Release the rest" if state == "trial" else f"Release all {counted.waiting:,}"
            _button(
                what, "release", lambda: steering.release(batch_id, by=by), first=state == "held"
            )
            # Its own key: pressed where somebody else was quicker, it must not release more.
            key = "more" if state == "trial" else "first"
            label = f"Release {FIRST} more" if key == "more" else f"Release the first {FIRST}"
            _button(label, key, lambda: steering.release_first(batch_id, FIRST, by=by))
        if state == "loading":
            _loading(whole, by)
        may_retry = counted.failed and state in ("held", "trial", "released", "finished")
        again = f"Send the {counted.failed:,} failed again"
        if may_retry and st.button(again, key="retry-failed"):
            _retry(whole, by)
        if state in (*_NOT_LEFT, "finished") and st.button("Correct …", key="correct"):
            correct()
        if state in _NOT_LEFT and st.button("Cancel batch", key="cancel-batch"):
            _cancel(whole, by)


def _button(label: str, key: str, verb: Callable[[], object], *, first: bool = False) -> None:
    if st.button(label, key=key, type="primary" if first else "secondary"):
        do(key, verb)


def _loading(whole: Whole, by: Actor) -> None:
    """Its file is still being stored; what ended before it was full goes on, or is removed."""
    batch_id = whole.batch.id
    loads = [one for one in whole.operations if one.kind in FILLS]
    if loads and operations.fills_again(loads[0]):
        what = "Go on loading" if loads[0].kind == Kind.LOAD else "Go on preparing it"
        _button(what, "load", lambda: steering.load_again(batch_id, by=by), first=True)
    if not loads or loads[0].state not in OPEN:
        _button("Remove what was loaded", "remove", lambda: steering.discard(batch_id, by=by))


@st.dialog("Cancel this batch?", on_dismiss=asking.over)
def _cancel(whole: Whole, by: Actor) -> None:
    asking.begin()
    counted = whole.progress
    st.write(
        f"{plural(counted.waiting, 'message', cap=counted.waiting)} of «{whole.batch.name}» will"
        f" not be sent. {counted.left:,} have left already and stay."
    )
    look.note("This cannot be undone. To stop it for a while, pause it.", "orange")
    if st.button(f"Cancel {counted.waiting:,}", type="primary", key="yes-cancel-batch"):
        do("cancel", lambda: steering.cancel(whole.batch.id, by=by))


@st.dialog("Send the failed again?", on_dismiss=asking.over)
def _retry(whole: Whole, by: Actor) -> None:
    asking.begin()
    unclear = sum(one.count for one in whole.progress.failures if one.error_class == "unknown")
    st.write("They leave as soon as their turn comes, with a new budget of retries.")
    sure = False
    if unclear:
        look.note(f"{unclear:,} may have arrived. {RISK.split('. ')[1]}", "orange")
        sure = st.checkbox("Send those too: they may arrive twice", key="accept-risk")
    if st.button("Send them again", type="primary", key="yes-retry-failed"):
        do("retry", lambda: steering.retry_failed(whole.batch.id, by=by, confirmed=sure))


_DONE = {
    "pause": "Paused: nothing more of it leaves.",
    "resume": "It goes on.",
    "release": "Released: each leaves when its time and turn come.",
    "first": "The first may leave; the rest stays held.",
    "more": "They may leave; the rest stays held.",
    "cancel": "Cancelled.",
    "retry": "They leave at their next turn.",
    "load": "It goes on.",
    "remove": "What was loaded is being removed.",
    "correct": "It is being corrected.",
    "uncorrect": "The correction is being undone.",
    "follow-up": "A batch with the correction is being prepared. It waits for your release.",
}


def do(what: str, verb: Callable[[], object]) -> None:
    asking.carry_out(verb, did=_DONE[what])

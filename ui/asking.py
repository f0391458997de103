"""Questions to a person: a page that refreshed itself meanwhile would close the dialog."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from core.errors import OutboxError
from ui import look


def begin() -> None:
    st.session_state["asking"] = True


def over() -> None:
    """The dialog was answered or dismissed."""
    st.session_state["asking"] = False


def under_way() -> bool:
    return bool(st.session_state.get("asking"))


def carry_out(
    verb: Callable[[], Any], *, did: str | None = None, told: Callable[[Any], str] | None = None
) -> None:
    """Do what was asked, have it said, and draw the page anew; what is refused is said here.

    `did` is what is said, or `told` makes it of what the verb returned.
    """
    try:
        done = verb()
    except OutboxError as refused:
        look.wrong(str(refused))
        return
    if said := told(done) if told else did:
        st.session_state["did"] = said
    over()
    st.rerun()


def say() -> None:
    """What was done in the run before, on whichever page."""
    if done := st.session_state.pop("did", None):
        st.toast(look.label(done), icon=":material/check:")

"""Questions to a person: a page that refreshed itself meanwhile would close the dialog."""

from collections.abc import Callable

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


def carry_out(verb: Callable[[], object], *, did: str) -> None:
    """Do what was asked, have `did` said, and draw the page anew; what is refused is said here."""
    try:
        verb()
    except OutboxError as refused:
        look.wrong(str(refused))
        return
    st.session_state["did"] = did
    over()
    st.rerun()

"""Whether a dialog is open: what refreshes a page by itself waits, or it would close the dialog."""

import streamlit as st


def begin() -> None:
    st.session_state["asking"] = True


def over() -> None:
    """The dialog was answered or dismissed."""
    st.session_state["asking"] = False


def under_way() -> bool:
    return bool(st.session_state.get("asking"))

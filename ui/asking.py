"""Questions to a person: a page that refreshed itself meanwhile would close the dialog."""

from collections.abc import Callable, Hashable
from math import inf
from time import monotonic
from typing import Any, TypeVar, cast

import streamlit as st

from core import plenty
from core.errors import OutboxError
from ui import look

T = TypeVar("T")
_KEPT = 60.0  # seconds


def begin() -> None:
    st.session_state["asking"] = True


def over() -> None:
    """The dialog was answered or dismissed."""
    st.session_state["asking"] = False
    st.session_state.pop("asked", None)


def once(ask: Callable[[], T], *what: Hashable) -> T:
    """The answer to `what`, asked once in a minute for as long as this dialog is open: each key
    that is pressed draws it anew."""
    asked = st.session_state.setdefault("asked", {})
    at, answer = asked.get(what, (-inf, None))
    if monotonic() - at > _KEPT:
        at, answer = asked[what] = monotonic(), ask()
    return cast(T, answer)


def under_way() -> bool:
    return bool(st.session_state.get("asking"))


def carry_out(
    verb: Callable[[], Any],
    *,
    did: str | None = None,
    told: Callable[[Any], str] | None = None,
    of_one: bool = False,
) -> None:
    """Do what was asked, have it said, and draw the page anew; what is refused is said here.

    `did` is what is said, or `told` makes it of what the verb returned. `of_one`: about one
    message, so that no large number looks any different.
    """
    if refused := refusal(verb, did=did, told=told, of_one=of_one):
        look.wrong(refused)
        return
    st.rerun()


def refusal(
    verb: Callable[[], Any],
    *,
    did: str | None = None,
    told: Callable[[Any], str] | None = None,
    of_one: bool = False,
) -> str | None:
    """The same for a run that draws only afterwards what it changed; returns why it is refused."""
    try:
        done = verb()
    except OutboxError as refused:
        return str(refused)
    if not of_one:
        plenty.forget()
    if said := told(done) if told else did:
        st.session_state["did"] = said
    over()
    return None


def say() -> None:
    """What was done in the run before, on whichever page."""
    if done := st.session_state.pop("did", None):
        st.toast(look.label(done), icon=":material/check:")

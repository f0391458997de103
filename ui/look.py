"""How Outbox looks: one style sheet, and HTML where Streamlit has no widget for it."""

from html import escape
from json import dumps
from pathlib import Path

import streamlit as st

from ui.words.house import LINE

_HERE = Path(__file__).parent
_SCRIPTS = ("outbox.js", "cells.js", "shortcuts.js")
_GIVEN = {
    "LINE": LINE,
    "PATHS": ["/", *(f"/{path.stem}" for path in (_HERE.parent / "pages").glob("*.py"))],
}
_SCRIPT = "".join((_HERE / name).read_text() for name in _SCRIPTS)
for _name, _value in _GIVEN.items():
    _SCRIPT = _SCRIPT.replace(_name, dumps(_value))


def dress() -> None:
    """Once on every run, before anything is drawn."""
    st.html(_HERE / "outbox.css")
    st.html(f"<script>{_SCRIPT}</script>", unsafe_allow_javascript=True, width="content")


def title(text: str, beside: str = "") -> None:
    """The page's heading, with a quiet word beside it."""
    quiet = f"<span>{escape(beside)}</span>" if beside else ""
    st.html(f'<header class="title"><h1>{escape(text)}</h1>{quiet}</header>')


def empty(heading: str, text: str, *, link: tuple[str, str] | None = None) -> None:
    """What stands where nothing is yet: why, and the next step."""
    step = f'<p><a class="go" href="{escape(link[1])}">{escape(link[0])}</a></p>' if link else ""
    body = f"<h2>{escape(heading)}</h2><p>{escape(text)}</p>{step}"
    st.html(f'<section class="empty">{body}</section>')


def wrong(message: str) -> None:
    """A problem at the field above it."""
    st.html(f'<p class="wrong" role="alert">{escape(message)}</p>')


def quiet(message: str) -> None:
    """A word in passing, of what is read back or still to be done."""
    st.html(f'<p class="read">{escape(message)}</p>')


def note(message: str, colour: str = "amber") -> None:
    """One calm sentence that wants to be read."""
    st.html(f'<p class="note {colour}" role="status">{escape(message)}</p>')


def chip(word: str, colour: str, icon: str = "") -> str:
    """The HTML of a state's word."""
    mark = f'<b aria-hidden="true">{icon}</b>' if icon else ""
    return f'<span class="chip {colour}">{mark}{escape(word)}</span>'


def label(text: str) -> str:
    """Text where Streamlit reads Markdown."""
    return "".join(f"\\{sign}" if sign in r"\`*_{}[]()<>#+-.!:$~|" else sign for sign in text)

"""The two ways of scheduling, and the headings of the steps of the second."""

from html import escape

import streamlit as st

WAYS = {"schedule": "One message", "many": "Many"}


def switch(here: str) -> None:
    """One message | Many."""
    links = "".join(
        f'<a class="go" href="/{path}"{" aria-current=page" if path == here else ""}>{name}</a>'
        for path, name in WAYS.items()
    )
    st.html(f'<nav class="ways" aria-label="How many">{links}</nav>')


def step(number: int, name: str) -> None:
    st.html(f'<h2 class="step"><i>{number}</i>{escape(name)}</h2>')

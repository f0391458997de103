"""A list that is searched and paged, its words and its place in the address."""

from collections.abc import Callable
from typing import Any

import streamlit as st

WORDS = ("← Previous", "Next →")


def search(
    label: str, placeholder: str, *, width: int, key: str = "q", autocomplete: str | None = None
) -> str:
    """The search above a list, as typed; another one begins at the first page."""
    typed = st.text_input(
        label,
        placeholder=placeholder,
        key=key,
        bind="query-params",
        type="search",
        live="400ms",
        on_change=first_page,
        icon=":material/search:",
        width=width,
        autocomplete=autocomplete,
    )
    return typed or ""


def first_page() -> None:
    st.query_params.pop("after", None)
    st.query_params.pop("before", None)


def turn(
    address: Callable[..., str],
    *,
    before: Any = None,
    after: Any = None,
    words: tuple[str, str] = WORDS,
    export: str = "",
) -> None:
    """The links to the pages beside this one, where there are any, and one to take the list away.

    `address` takes a place as `before` or as `after`, and gives what stands in the link.
    """
    places = (("before", before, words[0]), ("after", after, words[1]))
    links = "".join(
        f'<a class="go button plain" href="{address(**{name: place})}">{word}</a>'
        for name, place, word in places
        if place is not None
    )
    if links or export:
        st.html(f'<footer class="turn"><span>{links}</span>{export}</footer>')

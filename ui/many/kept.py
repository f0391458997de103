"""What a person chose for a file: there again when the page is loaded anew, or its line broke.

A dashboard keeps it in its memory for a day; once a file is checked, its plan is in the database.
"""

from typing import Any

import streamlit as st

from core.access import Actor
from ui.many.source import Source

_BUTTONS = ("-check", "-go", "-send")  # Streamlit lets nobody press one but a person
_ANSWERS = ("-again-", "-overwrites-")  # to what one check found: asked anew


@st.cache_resource(max_entries=200, ttl="24h", show_spinner=False)
def _of(file: str, person: str) -> dict[str, Any]:
    return {}


def _mine(source: Source, by: Actor) -> dict[str, Any]:
    return _of(f"{source.file.id} {source.file.created_at.isoformat()}", by.name)


def restore(source: Source, *, by: Actor) -> None:
    """Before the fields are drawn."""
    for key, value in list(_mine(source, by).items()):
        st.session_state.setdefault(key, value)


def keep(source: Source, *, by: Actor) -> None:
    """After the fields were drawn."""
    _mine(source, by).update(
        (key, value)
        for key, value in st.session_state.items()
        if str(key).startswith(f"{source.key}-")
        and not str(key).endswith(_BUTTONS)
        and not any(one in str(key) for one in _ANSWERS)
    )

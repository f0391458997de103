"""The list of what the keyboard does; ui/shortcuts.js does it, and opens this."""

from html import escape

import streamlit as st

from ui.words.house import SHORTCUTS


def listed() -> None:
    """The dialog, closed, on every page."""
    rows = "".join(
        f"<dt>{_keys(keys)}</dt><dd>{escape(does)}</dd>" for keys, does in SHORTCUTS.items()
    )
    st.html(
        '<dialog class="shortcuts" aria-labelledby="shortcuts-title">'
        f'<h2 id="shortcuts-title">Keyboard shortcuts</h2><dl>{rows}</dl>'
        '<button class="shortcuts-close" autofocus>Close</button></dialog>',
        width="content",
    )


def _keys(keys: str) -> str:
    return " ".join(f"<kbd>{escape(key)}</kbd>" for key in keys.split())

"""What is the same for all rows and few change: step 4's «More»."""

from datetime import datetime
from typing import Any

import streamlit as st

from core.sheets.plan import Plan
from ui import fields
from ui.many.source import Source
from ui.words.bulk import PRIORITIES


def choose(source: Source, began: Plan | None) -> dict[str, Any]:
    """By the names of `Plan`; what a column of the file says goes before it."""
    key, start = f"{source.key}-rest", began or Plan()
    with st.expander("More, the same for all rows"):
        priority, late = _priority(f"{key}-priority", start), _late(f"{key}-late", start)
        return {
            "priority": priority,
            "late_policy": late,
            "not_after": _not_after(f"{key}-not-after", start),
            "duplicates": "load" if _doubles(f"{key}-doubles", start) else "skip",
            "unfilled": _unfilled(f"{key}-unfilled", start),
        }


def _priority(key: str, start: Plan) -> int:
    st.session_state.setdefault(key, start.priority)
    chosen = st.segmented_control(
        "Which goes first where many are due",
        list(PRIORITIES),
        format_func=PRIORITIES.__getitem__,
        required=True,
        key=key,
        persist_state="session",
    )
    return start.priority if chosen is None else int(chosen)


def _late(key: str, start: Plan) -> str | None:
    st.session_state.setdefault(key, start.late_policy or fields.AS_ACCOUNT)
    return fields.late_policy(key)


def _not_after(key: str, start: Plan) -> str:
    kept = datetime.fromisoformat(start.not_after) if start.not_after else None
    st.session_state.setdefault(key, kept)
    until = st.datetime_input(
        "Not after: what has not left by then expires",
        step=60,
        key=key,
        format="DD/MM/YYYY",
        persist_state="session",
    )
    return until.isoformat(timespec="minutes") if until else ""


def _doubles(key: str, start: Plan) -> bool:
    st.session_state.setdefault(key, start.duplicates == "load")
    return st.checkbox(
        "Load doubles all the same: the same words for the same person at the same time",
        key=key,
        help="Twice in the file, waiting already, or sent already: somebody may get them twice.",
        persist_state="session",
    )


def _unfilled(key: str, start: Plan) -> bool:
    st.session_state.setdefault(key, start.unfilled)
    return st.checkbox(
        "{this}, [this] or %this% in a text is meant as it stands",
        key=key,
        help="Else such rows are wrong: they look as if nobody had filled them in.",
        persist_state="session",
    )

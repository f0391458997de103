"""What is done to many messages now, and what became of it, with its undo."""

from collections.abc import Mapping
from datetime import datetime
from html import escape

import streamlit as st

from core import bulk
from core.access import Actor, Role
from core.models import Operation
from core.reasons import REASONS
from ui import asking, look, moments, picking
from ui.progress import EVERY, progress
from ui.words.bulk import bulk_of
from ui.words.numbers import plural

BARS, LINES = 3, 5  # that are drawn at most
_CLOSED = "bulk-closed"  # the operations whose end was read


def outcomes(*, by: Actor) -> list[Operation]:
    """How far bulk actions are, whoever asked for them, and what became of this person's last;
    returns what else of theirs can still be undone."""
    found = bulk.lately(by)
    for row in found.under_way[:BARS]:
        mine = row.created_by == by.name
        doing = bulk_of(row.kind).doing + ("" if mine else f", asked for by {row.created_by}")
        progress(row.id, doing=doing, one="message", every=EVERY if mine else "5s")
    if more := len(found.under_way[BARS:]):
        look.quiet(f"{plural(more, 'other action')} under way.")
    closed: set[int] = st.session_state.setdefault(_CLOSED, set())
    told_ = [row for row in found.told if row.id not in closed]
    for row in told_:
        _outcome(row, closed, undoable=row in found.undoable, by=by)
    return [row for row in found.undoable if row not in told_]


def _outcome(row: Operation, closed: set[int], *, undoable: bool, by: Actor) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key=f"bulk-outcome-{row.id}"):
        look.note(told(row), "red" if row.state == "failed" else "grey")
        if undoable and by.role >= Role.OPERATOR:
            _undo_button(row, by)
        st.button("Close", key=f"close-{row.id}", on_click=closed.add, args=(row.id,))


def earlier(undoable: list[Operation], *, by: Actor, now: datetime, zone: str) -> None:
    """What this person did in the last day and may still take back, folded."""
    if not undoable or by.role < Role.OPERATOR:
        return
    with st.popover("Earlier actions", key="earlier-actions"):
        for row in undoable[:LINES]:
            with st.container(
                horizontal=True, vertical_alignment="center", key=f"earlier-{row.id}"
            ):
                at = moments.shown(row.finished_at or row.created_at, zone, now)
                st.html(f'<p class="earlier">{at} {escape(told(row))}</p>')
                _undo_button(row, by)


def _undo_button(row: Operation, by: Actor) -> None:
    if st.button("Undo", key=f"undo-{row.id}"):
        asking.carry_out(lambda: _undo(row.id, by))


def _undo(operation_id: int, by: Actor) -> None:
    bulk.undo(operation_id, by=by)
    picking.over()


def told(row: Operation) -> str:
    """«412 messages cancelled. 8 left as they are: being sent.»"""
    done = bulk_of(row.kind).done
    said = f"{plural(row.done, 'message', cap=row.done)} {done}."
    if row.skipped:
        said += f" {row.skipped:,} left as they are: {why_told(row.cursor['why'])}."
    if beaten := row.arguments.get("called_off"):
        said += f" Called off: {plural(len(beaten), 'action')} that would have sent some of them."
    if row.state == "failed":
        said += f" It ended before its time: {row.error}."
    elif row.state == "cancelled":
        said += " It was called off before its end."
    return said


def why_told(why: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {REASONS[reason]}" for reason, number in why.items())

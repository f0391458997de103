"""What may be done with the messages that are selected: each says first what it will do."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from json import dumps
from typing import Any

import streamlit as st

from core import bulk, operations
from core.access import Actor
from core.bulk import Foreseen
from core.choosing import Choice
from core.filtering import Filter
from core.models import Operation
from core.operations import UNDONE_BY, Kind
from core.reasons import REASONS
from ui import asking, changes, correcting, look, picking
from ui.picking import Picked
from ui.progress import progress
from ui.words.bulk import ASKED_AS, BULK, bulk_of
from ui.words.numbers import count, plural

_CLOSED = "bulk-closed"  # the operation whose end was read


def bar(picked: Picked, wanted: Filter, *, by: Actor, now: datetime) -> None:
    """How many are selected, and the buttons."""
    chosen = bool(picked.ids) or picked.every is not None
    with st.container(key="bulk-bar"):
        with st.container(horizontal=True, vertical_alignment="center", key="bulk-chosen"):
            st.html(f'<p class="picked">{_selected(picked)}</p>', width="content")
            if picked.every is None and picked.seen.matching:
                st.button(
                    f"Select all {count(picked.seen.matching)} that match",
                    key="select-all",
                    on_click=picking.select_all,
                    args=(picked, wanted, now),
                )
            if chosen:
                st.button("Clear", key="select-none", on_click=picking.over)
        with st.container(horizontal=True, key="bulk-actions"):
            for what, words in BULK.items():
                if st.button(words.button or words.verb, key=f"bulk-{what}", disabled=not chosen):
                    _dialog(what, picked, by)


def _selected(picked: Picked) -> str:
    if picked.number is None:
        return f"All <b>{count(picked.seen.matching)}</b> that match are selected"
    return f"<b>{picked.number:,}</b> selected"


def _dialog(what: str, picked: Picked, by: Actor) -> None:
    if what == "correct":  # as a batch is corrected: its three messages want room
        drawn = st.dialog(ASKED_AS[what], position="right", width="medium", on_dismiss=asking.over)
    else:
        drawn = st.dialog(ASKED_AS[what], on_dismiss=asking.over)
    drawn(_ask)(what, picked, by)


def _ask(what: str, picked: Picked, by: Actor) -> None:
    asking.begin()
    question(what, picked, by)


def question(what: str, picked: Picked, by: Actor) -> None:
    """What it will do and what it will leave alone, before it is done."""
    if what == "correct":
        _correct(picked, by)
        return
    words, choice, sure, said = BULK[what], picked.choice, False, changes.said(what)
    if said is None:
        return
    foreseen = _foreseen(words.kind, choice, said)
    if words.kind is Kind.RETRY and foreseen.why.get("unconfirmed"):
        sure = st.checkbox("Also those that may have arrived: they may arrive twice", key="risk")
        foreseen = _foreseen(words.kind, choice, said, sure=sure)
    if not foreseen.able:
        look.note(f"Nothing to do: {_why(foreseen.why)}." if foreseen.why else "Nothing to do.")
        return
    st.write(f"{words.verb} **{foreseen.able:,}** of the {foreseen.meant:,} selected?")
    if foreseen.why:
        look.quiet(f"The others stay as they are: {_why(foreseen.why)}.")
    changes.foretold(said, foreseen, choice)
    look.note(words.undone, "grey" if words.kind in UNDONE_BY else "orange")
    if st.button(f"{words.verb} {foreseen.able:,}", type="primary", key=f"yes-bulk-{what}"):
        asked = {"counted": foreseen.counted, "confirmed": sure, "arguments": said}
        begin = partial(bulk.begin, words.kind, choice, by=by, **asked)
        asking.carry_out(lambda: _once(picked, begin))


def _foreseen(
    kind: Kind, choice: Choice, said: Mapping[str, Any], *, sure: bool = False
) -> Foreseen:
    ask = partial(bulk.foresee, kind, choice, confirmed=sure, arguments=said)
    return asking.once(ask, kind, choice, dumps(said), sure)


def _correct(picked: Picked, by: Actor) -> None:
    asked = correcting.typed(picked.choice)
    if asked is None or not asked[1].touches:
        return
    wanted, found = asked
    look.note(BULK["correct"].undone, "grey")
    if st.button(correcting.button(found), type="primary", key="yes-bulk-correct"):
        correct = partial(bulk.correct, picked.choice, wanted, by=by)
        asking.carry_out(lambda: _once(picked, correct))


def _once(picked: Picked, begin: Callable[[], Operation]) -> None:
    """Once, also by a double click: twice an hour later would be two hours.

    Kept in the selection itself: a click that waits ends this run where it reads the session's.
    """
    if not picked.begun:
        picked.begun = True
        try:
            begin()
        except Exception:
            picked.begun = False
            raise
    picking.over()


def _why(why: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {REASONS[reason]}" for reason, number in why.items())


def outcome(*, by: Actor) -> None:
    """How far the last bulk action of this person is, or what became of it, with its undo."""
    row = bulk.latest(by)
    if row is None or st.session_state.get(_CLOSED) == row.id:
        return
    kind = Kind(row.kind)
    if row.state in operations.OPEN:
        progress(row.id, by=by, doing=bulk_of(kind).doing, one="message")
        return
    with st.container(horizontal=True, vertical_alignment="center", key="bulk-outcome"):
        look.note(told(row), "red" if row.state == "failed" else "grey")
        may = kind in UNDONE_BY and row.done and row.state in ("finished", "cancelled")
        if may and st.button("Undo", key=f"undo-{row.id}"):
            asking.carry_out(lambda: _undo(row.id, by))
        st.button("Close", key=f"close-{row.id}", on_click=_close, args=(row.id,))


def _undo(operation_id: int, by: Actor) -> None:
    bulk.undo(operation_id, by=by)
    picking.over()


def _close(operation_id: int) -> None:
    st.session_state[_CLOSED] = operation_id


def told(row: Operation) -> str:
    """«412 messages cancelled. 8 left as they are: being sent.»"""
    done = bulk_of(row.kind).done
    said = f"{plural(row.done, 'message', cap=row.done)} {done}."
    if row.skipped:
        said += f" {row.skipped:,} left as they are: {_why(row.cursor['why'])}."
    if beaten := row.arguments.get("called_off"):
        said += f" Called off: {plural(len(beaten), 'action')} that would have sent some of them."
    if row.state == "failed":
        said += f" It ended before its time: {row.error}."
    elif row.state == "cancelled":
        said += " It was called off before its end."
    return said

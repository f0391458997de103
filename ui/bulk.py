"""What may be done with the messages that are selected: each says first what it will do."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from json import dumps
from typing import Any

import streamlit as st

from core import bulk, plenty
from core.access import Actor
from core.bulk import Foreseen
from core.choosing import Choice
from core.filtering import Filter
from core.kinds import UNDONE_BY, Kind
from core.models import Operation
from ui import asking, changes, correcting, lately, look, picking
from ui.picking import Picked
from ui.words.bulk import ASKED_AS, BULK
from ui.words.numbers import count


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
        look.note(
            f"Nothing to do: {lately.why_told(foreseen.why)}." if foreseen.why else "Nothing to do."
        )
        return
    st.write(f"{words.verb} **{foreseen.able:,}** of the {foreseen.meant:,} selected?")
    if foreseen.why:
        look.quiet(f"The others stay as they are: {lately.why_told(foreseen.why)}.")
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
        plenty.forget()
    picking.over()

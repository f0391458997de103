"""What is to be said of messages that are edited: how many, what is wrong, whose version counts."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import streamlit as st

from core import reports, revising
from core.access import Actor
from core.errors import Problem
from core.listing import MessageRow
from core.revising import Revision, Theirs
from core.schedule import from_local, told
from core.states import Status
from ui import look, moments, picking
from ui.unsaved import Unsaved
from ui.words.bulk import EDITED
from ui.words.numbers import plural
from ui.words.states import RISK, state_of

_ASKED = ("risk", "fold")  # codes of what is no mistake, but a question


@dataclass(frozen=True)
class Settling:
    """`names` of accounts; `read` notes what is typed in this moment, before anything is done;
    `renew` shows these messages as they are now."""

    mine: Unsaved
    names: Mapping[int, str]
    read: Callable[[], None]
    renew: Callable[[Iterable[int]], None]
    by: Actor

    def bar(self, shown: Collection[int]) -> None:
        """How much is typed and not saved, the way to save it, and what stands in that way.

        `shown`: the messages of the page before the person.
        """
        mine = self.mine
        wrong = revising.judge(list(mine.of.values()))
        with st.container(key="edit-bar", gap="small"):
            with st.container(horizontal=True, vertical_alignment="center", key="edit-save"):
                st.html(f'<p class="picked">{_typed(mine, shown)}</p>')
                self._buttons()
            if mine.answer:
                look.note(mine.answer, "amber" if mine.of else "green")
            if mine.thrown:
                label = f"Bring back {plural(len(mine.thrown), 'change')}"
                st.button(label, key="edits-back", on_click=self._back_again)
            for message_id, one in sorted(mine.of.items()):
                self._one(one, wrong.get(message_id) or mine.refused.get(message_id, ()))

    def _buttons(self) -> None:
        number = len(self.mine.of)
        st.button(
            f"Save {number}" if number else "Save",
            type="primary",
            key="save-edits",
            help="Ctrl+S",
            disabled=not number,
            on_click=self._save,
        )
        every, label = list(self.mine.of), "Discard all"
        st.button(label, key="drop-edits", disabled=not number, on_click=self._drop, args=(every,))

    def _save(self) -> None:
        """Once what is typed was read nothing here touches the session: a second press, which would
        end this run there, must not find rows that are saved and shown as they were."""
        self.read()
        if asked := list(self.mine.of):
            self.mine.save(asked, by=self.by)
            self.renew(one for one in asked if one not in self.mine.of)

    def _drop(self, ids: Sequence[int]) -> None:
        self.read()
        self.mine.throw(ids)
        self.renew(ids)

    def _back_again(self) -> None:
        self.read()
        self.renew(self.mine.back())

    def _put(self, message_id: int) -> None:
        self.read()
        self.mine.put(message_id, by=self.by)
        self.renew([message_id])

    def _one(self, one: Revision, problems: Sequence[Problem]) -> None:
        """What is to be said of one message, where there is something."""
        theirs = self.mine.theirs.get(one.row.id)
        if not (theirs or problems or one.confirmed or one.fold is not None):
            return
        mistakes = () if theirs else (one for one in problems if one.code not in _ASKED)
        with st.container(key=f"edited-{one.row.id}", gap="small"):
            with st.container(horizontal=True, vertical_alignment="center", key=f"of-{one.row.id}"):
                st.html(_named(one, mistakes))
                if theirs is None or not theirs.changeable:
                    self._back(one, "Take mine back")
            if theirs:
                self._theirs(one, theirs)
                return
            codes = {problem.code for problem in problems}
            if one.confirmed or "risk" in codes:
                self._ask_risk(one)
            if one.fold is not None or "fold" in codes:
                self._ask_which(one)

    def _back(self, one: Revision, label: str) -> None:
        args = ([one.row.id],)
        st.button(label, key=f"drop-{one.row.id}", on_click=self._drop, args=args)

    def _theirs(self, one: Revision, theirs: Theirs) -> None:
        """Both versions, and whose counts."""
        zone, now = one.zone, reports.now()
        by = f" Last by {theirs.by}, {moments.clock(theirs.at, zone, now)}." if theirs.at else ""
        look.note(f"{theirs.sentence}{by}", "orange")
        if theirs.row is None or not theirs.changeable:
            return
        st.html(_both(one, theirs.row, self.names, zone))
        with st.container(horizontal=True, key=f"whose-{one.row.id}"):
            self._back(one, "Keep theirs")
            key, args = f"put-{one.row.id}", (one.row.id,)
            st.button("Put mine in its place", key=key, on_click=self._put, args=args)

    def _ask_risk(self, one: Revision) -> None:
        key, label = f"sure-{one.row.id}", f"{RISK} I accept that it may arrive twice."
        sure = st.checkbox(label, one.confirmed, key=key)
        if sure != one.confirmed:
            self.mine.confirm(one.row.id, sure=sure)
            st.rerun()

    def _ask_which(self, one: Revision) -> None:
        """Where the clocks go back and a time happens twice."""
        wall = one.typed["due_at"]
        both = [told(from_local(wall, one.zone, fold=n), one.zone) for n in (0, 1)]
        fold = st.radio(
            f"Leaves: {wall:%H:%M} happens twice that day. Which of the two?",
            [0, 1],
            index=one.fold,
            format_func=both.__getitem__,
            key=f"fold-{one.row.id}-{wall:%Y%m%d%H%M}",
        )
        if fold != one.fold:
            self.mine.mean(one.row.id, fold)
            st.rerun()


def _typed(mine: Unsaved, shown: Collection[int]) -> str:
    """HTML: how much is changed, where, and what saving does beside."""
    if not mine.of:
        return "Change a cell: nothing is saved before you say so."
    away = sum(one not in shown for one in mine.of)
    failed = sum(one.row.status == Status.FAILED for one in mine.of.values())
    said = f'<b class="unsaved">{plural(len(mine.of), "message")}</b> changed, not saved yet'
    said += f", {away} of them not on this page" if away else ""
    if failed:
        said += f". {failed} failed before: saved, sent again, at once where you give no new time"
    return f"{said}."


def _named(one: Revision, mistakes: Iterable[Problem]) -> str:
    """HTML: which message, and what is wrong with it at which column."""
    number = escape(picking.readable(one.row.recipient))
    said = f'<p class="picked"><b>Message {one.row.id}</b> · {number}</p>'
    for problem in mistakes:
        column = EDITED.get(problem.field, "Message")
        said += f'<p class="wrong" role="alert"><b>{column}</b> {escape(problem.message)}</p>'
    return said


def _both(one: Revision, theirs: MessageRow, names: Mapping[int, str], zone: str) -> str:
    """HTML: what it was, what it is by now, what was typed; the columns that somebody changed."""
    now = reports.now()
    states = [state_of(row, now, zone).word for row in (one.row, theirs)]
    lines = [("State", *states, "")] if states[0] != states[1] else []
    for name, column in EDITED.items():
        if hasattr(theirs, name):
            was, is_ = getattr(one.row, name), getattr(theirs, name)
            if was != is_ or name in one.typed:
                said = [_cell(value, name, names, zone) for value in (was, is_)]
                mine = _cell(one.typed[name], name, names, zone) if name in one.typed else None
                lines.append((column, *said, "as it is now" if mine is None else mine))
    head = "".join(f"<th>{escape(word)}</th>" for word in ("", "You saw", "It is now", "You typed"))
    body = "".join(_line(*line) for line in lines)
    return f'<table class="both"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _line(column: str, *values: str) -> str:
    cells = "".join(f"<td><span>{escape(value)}</span></td>" for value in values)
    return f'<tr><th scope="row">{escape(column)}</th>{cells}</tr>'


def _cell(value: Any, name: str, names: Mapping[int, str], zone: str) -> str:
    if value in (None, ""):
        return "nothing"
    if name == "account_id":
        return names.get(value, f"number {value}")
    if name == "due_at":
        wall = moments.wall(value, zone) if value.tzinfo else value
        return f"{wall.day} {wall:%b %Y, %H:%M}"
    return picking.readable(value) if name == "recipient" else str(value)

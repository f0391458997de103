"""What a person typed in Edit mode and has not saved: it stays over pages, filters and modes.

Also over a reload or a broken line: a dashboard keeps it in its memory for a day.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import streamlit as st

from core import revising
from core.access import Actor
from core.errors import Problem
from core.revising import Revision, Theirs
from ui.words.numbers import plural

_KEY = "unsaved"


@dataclass
class Unsaved:
    """By message. `refused`: what only saving told of it; `theirs`: what it holds by now."""

    of: dict[int, Revision] = field(default_factory=dict)
    refused: dict[int, tuple[Problem, ...]] = field(default_factory=dict)
    theirs: dict[int, Theirs] = field(default_factory=dict)
    answer: str = ""  # to the last Save
    thrown: dict[int, Revision] = field(default_factory=dict)  # until something else is typed
    store: dict[int, Revision] = field(default_factory=dict)  # what a reload brings back
    kept: set[int] = field(default_factory=set)  # what of that is from here

    def keep(self) -> None:
        """Once something is typed or no longer; what another window of theirs holds stays."""
        for message_id in self.kept - self.of.keys():
            self.store.pop(message_id, None)
        self.store.update(self.of)
        self.kept = set(self.of)

    def type(self, revision: Revision, typed: Mapping[str, Any]) -> None:
        """This is typed of it now; nothing any more where that is empty."""
        message_id = revision.row.id
        if typed == revision.typed:
            return
        self.answer, self.thrown = "", {}
        if not typed:
            self.drop([message_id])
            return
        same_time = typed.get("due_at") == revision.typed.get("due_at")
        fold = revision.fold if same_time else None
        self._put(replace(revision, typed=dict(typed), fold=fold))

    def _put(self, revision: Revision) -> None:
        self.of[revision.row.id] = revision
        self.refused.pop(revision.row.id, None)
        self.keep()

    def drop(self, ids: Iterable[int]) -> None:
        """Nothing is typed of these any more."""
        for message_id in list(ids):
            for held in (self.of, self.refused, self.theirs):
                held.pop(message_id, None)
        self.keep()

    def throw(self, ids: Iterable[int]) -> None:
        """They do not want what they typed of these; `back` brings it back."""
        self.answer, self.thrown = "", {one: self.of[one] for one in ids if one in self.of}
        self.drop(self.thrown)

    def back(self) -> list[int]:
        """Bring back what was thrown away last; returns of which messages."""
        again, self.thrown = self.thrown, {}
        self.of.update(again)
        self.keep()
        return list(again)

    def confirm(self, message_id: int, *, sure: bool) -> None:
        """Whether they accept that it may arrive twice."""
        self._put(replace(self.of[message_id], confirmed=sure))

    def mean(self, message_id: int, fold: int | None) -> None:
        """Which of the two is meant of a time that happens twice."""
        self._put(replace(self.of[message_id], fold=fold))

    def save(self, ids: Iterable[int], *, by: Actor) -> None:
        """Save what is typed of these messages, and note the answer."""
        asked, self.thrown = [self.of[one] for one in ids if one in self.of], {}
        saved = revising.save(asked, by=by)
        self.drop(saved.done)
        self.refused.update(saved.wrong)
        self.theirs.update(saved.theirs)
        self.answer = told(len(saved.done), len(saved.wrong), len(saved.theirs))

    def put(self, message_id: int, *, by: Actor) -> None:
        """Put what is typed in the place of what was shown to be there by now."""
        row = self.theirs.pop(message_id).row
        if row is not None:
            self._put(replace(self.of[message_id], row=row))
            self.save([message_id], by=by)


def told(done: int, wrong: int, theirs: int) -> str:
    """«3 saved. 1 not: somebody changed it meanwhile.»"""
    said = f"{plural(done, 'message')} saved." if done else "Nothing was saved."
    if theirs:
        said += f" {theirs} not: changed by somebody else, or gone, since you looked."
    if wrong:
        said += f" {wrong} not: see what is wrong."
    return said


@st.cache_resource(max_entries=200, ttl="24h", show_spinner=False)
def _kept(person: str) -> dict[int, Revision]:
    return {}


def of(by: Actor) -> Unsaved:
    """Theirs; after a reload what they had typed before it."""
    found: Unsaved | None = st.session_state.get(_KEY)
    store = _kept(by.name)
    if found is None:
        st.session_state[_KEY] = found = Unsaved(dict(store), kept=set(store))
    if found.store is not store:  # the day is over
        found.store = store
        found.keep()
    return found

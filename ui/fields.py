"""The fields of one message, shared by the schedule form and the edit drawer.

Each widget's key ends with the form's generation: a new generation is an empty form, and a second
click that the browser sent for the old one still carries the old one's idempotency key.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from html import escape
from typing import Any
from zoneinfo import available_timezones

import streamlit as st

from core import house_rules, phone, rendering
from core.drafts import Draft, When
from core.errors import Invalid, Problem
from core.models import Account
from core.schedule import from_local, told
from ui import look, moments, table
from ui.words.states import LATE

QUICK: dict[str, timedelta] = {
    "+5 min": timedelta(minutes=5),
    "+30 min": timedelta(minutes=30),
    "+1 h": timedelta(hours=1),
    "+1 day": timedelta(days=1),
}
NOW, TOMORROW, AT, KEEP = "Now", "Tomorrow 9:00", "At a time", "As it is"
AS_ACCOUNT = "account"
_ORDER = ("first", "second")
_UNTOUCHED = {"empty", "missing", "required"}  # codes that do not scold before the first press


class Problems:
    """What is wrong, to be said once at each field; the rest is said under the button."""

    def __init__(self, problems: Iterable[Problem], *, pressed: bool) -> None:
        self._left = [p for p in problems if pressed or p.code not in _UNTOUCHED]

    def at(self, field: str) -> None:
        """Say the problems of this field here."""
        mine = [p for p in self._left if p.field == field]
        self._left = [p for p in self._left if p.field != field]
        for problem in mine:
            if problem.code != "fold":  # asked, in the same words, where the time is typed
                look.wrong(problem.message)

    def rest(self) -> None:
        for problem in self._left:
            look.wrong(problem.message)
        self._left = []


def account(accounts: Sequence[Account], key: str) -> Account | None:
    """The number that sends."""
    names = {a.id: f"{a.name} · {a.display_phone or a.phone_number_id}" for a in accounts}
    st.session_state.setdefault(key, accounts[0].id if len(accounts) == 1 else None)
    chosen = st.selectbox(
        "From",
        list(names),
        format_func=lambda id_: names.get(id_, "?"),
        placeholder="Choose the number that sends",
        key=key,
        persist_state="session",
    )
    return next((a for a in accounts if a.id == chosen), None)


def recipient(key: str, *, home: str | None) -> str:
    """The recipient as typed, read back as soon as it can be read."""
    typed = st.text_input(
        "To",
        placeholder="+62 812-3456-789",
        key=key,
        live="400ms",
        autocomplete="off",
        persist_state="session",
    )
    if read := _readable(typed or "", home):
        mark = table.region(read)
        st.html(f'<p class="read">{mark}<b>{escape(read.readable)}</b>, {escape(read.country)}</p>')
    return typed or ""


def _readable(typed: str, home: str | None) -> phone.Phone | None:
    try:
        return phone.read(typed, home=home)
    except Invalid:  # said at the field by whoever checks the whole draft
        return None


def text(key: str) -> str:
    """The text, with its length as WhatsApp counts it."""
    typed = st.text_area("Message", height=140, key=key, persist_state="session") or ""
    used = rendering.length(typed)
    over = " over" if used > rendering.LIMIT else ""
    st.html(f'<p class="count{over}">{used:,} / {rendering.LIMIT:,}</p>')
    return typed


def when(key: str, *, zone: str, now: datetime, keep: bool = False) -> When:
    """When it leaves; `keep` offers to leave the time as it is."""
    offered = [*([KEEP] if keep else []), NOW, *QUICK, TOMORROW, AT]
    st.session_state.setdefault(key, KEEP if keep else "+5 min")
    chosen = st.pills("When", offered, required=True, key=key, persist_state="session")
    if chosen == KEEP:
        return When(kind="keep")
    if chosen == NOW:
        return When(kind="now", zone=zone)
    if chosen in QUICK:
        return When(kind="quick", delay=QUICK[chosen], zone=zone)
    if chosen == TOMORROW:
        return When(kind="at", wall=moments.tomorrow(now, zone, hour=9), zone=zone)
    return _at(key, zone, now)


def _at(key: str, zone: str, now: datetime) -> When:
    wall_key, zone_key = f"{key}-wall", f"{key}-zone"
    suggested = moments.next_hour(now, zone)
    st.session_state.setdefault(wall_key, suggested)
    st.session_state.setdefault(zone_key, zone)
    left, right = st.columns(2)
    with left:
        wall = st.datetime_input(
            "Date and time", step=60, key=wall_key, format="DD/MM/YYYY", persist_state="session"
        )
    with right:
        place = st.selectbox("Time zone", zones(), key=zone_key, persist_state="session")
    where = place or zone
    return When(kind="at", wall=wall, zone=where, fold=which_of_two(wall, where, key))


@lru_cache
def zones() -> list[str]:
    """Every place with a clock of its own, by name."""
    return sorted(z for z in available_timezones() if "/" in z or z == "UTC")


def which_of_two(wall: datetime | None, place: str, key: str) -> int | None:
    """Ask which is meant where clocks go back and a time happens twice; None: no answer."""
    try:
        if wall is not None:
            from_local(wall, place)
    except Invalid as refused:
        for problem in refused.problems:
            if problem.code == "fold":
                both = (problem.details["first"], problem.details["second"])
                names = [f"The {n}: {told(at, place)}" for n, at in zip(_ORDER, both, strict=True)]
                return st.radio(
                    problem.message,
                    [0, 1],
                    format_func=names.__getitem__,
                    index=None,
                    key=f"{key}-fold-{wall:%Y%m%d%H%M}-{place}",
                )
    return None


def more(key: str, *, new: bool = True) -> dict[str, Any]:
    """Max retries, and for a new message what else few change; by the names of `Draft`."""
    with st.expander("More"):
        st.session_state.setdefault(f"{key}-retries", 3)
        retries = st.segmented_control(
            "Retries if WhatsApp is busy",
            range(6),
            required=True,
            key=f"{key}-retries",
            help=f"After {house_rules.retries()}. An unknown outcome is never sent again.",
            persist_state="session",
        )
        given = {"max_retries": int(retries if retries is not None else 3)}
        if not new:
            return given
        late = late_policy(f"{key}-late")
        return given | {"late_policy": late, "reference": _reference(f"{key}-reference")}


def late_policy(key: str) -> str | None:
    """What becomes of it when its number cannot send in time; None: as the account says."""
    st.session_state.setdefault(key, AS_ACCOUNT)
    chosen = st.segmented_control(
        "If its number cannot send in time",
        [AS_ACCOUNT, *LATE],
        format_func=lambda policy: LATE.get(policy, "as the account says").capitalize(),
        required=True,
        key=key,
        help="Paused, stopped, WhatsApp not reached, or no worker running.",
        persist_state="session",
    )
    return chosen if chosen in LATE else None


def _reference(key: str) -> str | None:
    typed = st.text_input(
        "Reference",
        key=key,
        placeholder="Your own number for it, if it has one",
        persist_state="session",
    )
    return (typed or "").strip() or None


def draft(
    *,
    account_id: int | None,
    to: str,
    says: Mapping[str, Any],
    leaves: When,
    rest: Mapping[str, Any],
) -> Draft:
    """`says`: what it says, by the names of `Draft`."""
    return Draft(account_id=account_id, recipient=to, when=leaves, **says, **rest)


def say(problems: Problems, places: Mapping[str, st.container]) -> None:
    """Each problem at its field; what has no field here, at the end."""
    beside = {"when": ("when", "zone"), "max_retries": ("max_retries", "reference")}
    for name, place in places.items():
        with place:
            for field in beside.get(name, (name,)):
                problems.at(field)
    problems.rest()

"""One person on the page People: whether they may be contacted, and changing that."""

from collections.abc import Iterator
from datetime import datetime
from html import escape
from typing import Any

import streamlit as st

from core import covering, happened, optouts, people, reports
from core.access import Actor
from core.errors import Invalid
from core.models import OptOut
from core.optout_file import BY_PERSON, EVERYTHING
from core.people import Person
from core.quoting import quoted
from core.states import Status
from ui import asking, look, moments, table, timeline
from ui.words.house import SCOPES
from ui.words.numbers import plural

EVERY = "Every number"


def card(who: Person, *, now: datetime, zone: str) -> str:
    """HTML: who they are, and whether they may be contacted."""
    asked = [covering.told_of(one, who.accounts, zone=zone, now=now) for one in who.in_force]
    told = "".join(f"<p>Asked not to be contacted {escape(one)}.</p>" for one in asked)
    lines = timeline.facts(_facts(who, now, zone))
    return (
        f'<section class="state person-card"><h2>{table.region(who.phone)}'
        f"{escape(who.phone.readable)} <small>{escape(who.phone.country)}</small></h2>"
        f"{look.chip(*_state(who))}{told}{lines}</section>"
    )


def _state(who: Person) -> tuple[str, str]:
    """The word and its colour."""
    if not who.in_force:
        return "May be contacted", "green"
    wide = any(one.scope == EVERYTHING for one in who.in_force)
    return ("Do not contact", "red") if wide else ("No marketing", "orange")


def _facts(who: Person, now: datetime, zone: str) -> list[tuple[str, str]]:
    count = who.counts
    left = " · ".join(
        f"{count[status]:,} {word}"
        for status, word in (
            (Status.PENDING, "to be sent"),
            (Status.PROCESSING, "being sent"),
            (Status.SENT, "sent"),
            (Status.FAILED, "failed"),
            (Status.CANCELLED, "cancelled"),
        )
        if count.get(status)
    )
    return [("Messages", left or "none"), ("Last wrote to us", _wrote(who, now, zone))]


def _wrote(who: Person, now: datetime, zone: str) -> str:
    """HTML: when, what and to which number."""
    if who.last_inbound_at is None:
        return "never"
    when = moments.shown(who.last_inbound_at, zone, now)
    if who.wrote is None:
        return when
    said = quoted(happened.wrote(who.wrote.kind, who.wrote.text))
    return f"{when}, to {escape(who.accounts.get(who.wrote.account_id, '?'))}: {escape(said)}"


def offered(who: Person, *, now: datetime, zone: str, by: Actor) -> None:
    """What can be done: lift, cancel all, do not contact; each asks first."""
    with st.container(horizontal=True, key="actions"):
        wide = any(one.account_id is None and one.scope == EVERYTHING for one in who.in_force)
        if not wide and st.button("Do not contact …", key="forbid"):
            _forbid(who, by)
        for one in who.in_force:
            alone = len(who.in_force) == 1
            word = "Lift …" if alone else f"Lift: {covering.covers(one, who.accounts)} …"
            if st.button(look.label(word), key=f"lift-{one.id}"):
                _lift(one, who, by)
        if who.pending and st.button("Cancel all …", key="cancel-all"):
            _cancel_all(who, by)


@st.dialog("Do not contact", on_dismiss=asking.over)
def _forbid(who: Person, by: Actor) -> None:
    asking.begin()
    st.write(f"**{who.phone.readable}** is written to no more. What is pending is cancelled.")
    scope = st.radio("What", list(SCOPES), format_func=lambda one: SCOPES[one], key="forbid-scope")
    accounts = {EVERY: None} | {one.name: one.id for one in reports.accounts()}
    account = st.selectbox("From", list(accounts), key="forbid-account")
    reason = st.text_input("Why", key="forbid-reason", placeholder="e.g. phoned us")
    wrong = st.empty()
    if st.button("Do not contact them", type="primary", key="yes-forbid"):
        wanted: dict[str, Any] = {"scope": scope, "account_id": accounts[account or EVERY]}
        try:
            [done] = optouts.add([who.phone.e164], reason=reason, by=by, **wanted)
        except Invalid as refused:
            with wrong.container():
                for problem in refused.problems:
                    look.wrong(problem.message)
            return
        word = "On the list already" if done.already else "On the list"
        _done(f"{word}; {plural(done.cancelled, 'message')} cancelled.")


@st.dialog("Allow contacting them again?", on_dismiss=asking.over)
def _lift(one: OptOut, who: Person, by: Actor) -> None:
    asking.begin()
    what = look.label(covering.covers(one, who.accounts))
    st.write(
        f"**{who.phone.readable}** may be sent {what} again. Do so only if they said so."
        " What was cancelled stays cancelled."
    )
    if st.button("Lift it", type="primary", key="yes-lift"):
        asking.carry_out(lambda: optouts.lift(one.id, by=by), did="Lifted.")


@st.dialog("Cancel all?", on_dismiss=asking.over)
def _cancel_all(who: Person, by: Actor) -> None:
    asking.begin()
    waits = plural(who.pending, "message")
    st.write(f"{waits} to **{who.phone.readable}** will not be sent. They can be brought back.")
    if st.button(f"Cancel {waits}", type="primary", key="yes-cancel-all"):
        asking.carry_out(lambda: people.cancel_all(who.phone.e164, by=by))


def _done(told: str) -> None:
    st.session_state["did"] = told
    asking.over()
    st.rerun()


def history(who: Person, *, now: datetime, zone: str) -> str:
    """HTML: what they asked and what was lifted, oldest first."""
    lines = sorted(_lines(who, now, zone), key=lambda line: line[0])
    return f'<ol class="timeline">{"".join(html for _, html in lines)}</ol>'


def _lines(who: Person, now: datetime, zone: str) -> Iterator[tuple[datetime, str]]:
    for one in who.opt_outs:
        what = covering.covers(one, who.accounts)
        source = f" ({escape(one.source)})" if one.source != BY_PERSON else ""
        why = f'<p class="change">{escape(one.reason)}</p>' if one.reason else ""
        yield (
            one.created_at,
            _line("red", f"<b>Asked not to get</b> {escape(what)}", one.created_at, now, zone)
            + f"<p>by {escape(one.created_by)}{source}</p>{why}</li>",
        )
        if one.lifted_at is not None:
            yield (
                one.lifted_at,
                _line("green", f"<b>Lifted</b>: {escape(what)}", one.lifted_at, now, zone)
                + f"<p>by {escape(one.lifted_by or '')}</p></li>",
            )


def _line(colour: str, told: str, at: datetime, now: datetime, zone: str) -> str:
    when = moments.shown(at, zone, now, seconds=True)
    return f'<li class="line {colour}"><p>{told}</p><p class="when">{when}</p>'

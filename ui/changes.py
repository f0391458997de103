"""What many messages are to become, as a person says it; what is wrong is said at its field."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import streamlit as st

from core import adjusting, moving, reports, rescheduling, schedule
from core.bulk import Foreseen
from core.choosing import Choice
from core.errors import Invalid
from core.moving import There
from core.rescheduling import Pace
from ui import asking, fields, look, moments
from ui.guard import zone
from ui.words.bulk import ADJUSTED
from ui.words.numbers import plural

LATER, EARLIER, SPREAD = "Later", "Earlier", "Spread over a window"
_HOW_MUCH = "Such as 30m, 2h or 1d; after whole days the clocks show the same time"


def said(what: str) -> Mapping[str, Any] | None:
    """The arguments of such a bulk action; None: what they need is not said yet."""
    try:
        if what == "reschedule":
            return _time()
        if what == "move":
            return _number()
        if what in ADJUSTED:
            return _value(what)
    except Invalid as refused:
        look.wrong(str(refused))
        return None
    return {}


def _value(name: str) -> dict[str, Any] | None:
    label, values = ADJUSTED[name]
    value = st.segmented_control(
        label, list(values), format_func=values.__getitem__, key=f"bulk-to-{name}"
    )
    return None if value is None else adjusting.to(**{name: value})


def _number() -> dict[str, Any] | None:
    """To which of our numbers; one that sends nothing now is told."""
    accounts = {one.id: one for one in reports.accounts()}
    chosen = st.selectbox(
        "To which number",
        list(accounts),
        index=None,
        format_func=lambda one: accounts[one].name,
        placeholder="Choose the number that is to send them",
        key="bulk-number",
    )
    if chosen is None:
        return None
    if accounts[chosen].state == "paused":
        look.note(f"«{accounts[chosen].name}» is paused: they wait there until it is resumed.")
    return moving.to(chosen)


def _time() -> dict[str, Any] | None:
    ways = [LATER, EARLIER, SPREAD]
    way = st.segmented_control("Leave", ways, default=LATER, required=True, key="bulk-way")
    if way == SPREAD:
        return _window(reports.now(), zone())
    typed = st.text_input("By how much", "1h", key="bulk-by", help=_HOW_MUCH)
    span = schedule.from_span(typed or "")
    return rescheduling.by(span if way == LATER else -span)


def _window(now: datetime, place: str) -> dict[str, Any] | None:
    """Both ends on the clocks of this place."""
    next_hour = moments.next_hour(now, place)
    left, right = st.columns(2)
    with left:
        first = _instant("From", "bulk-first", next_hour, place)
    with right:
        last = _instant("Until", "bulk-last", next_hour + timedelta(hours=2), place)
    st.caption(
        f"Times of {place}. They keep the order of the times that they have now, evenly apart."
    )
    if first is None or last is None:
        return None
    return rescheduling.over(first, last, now=now, zone=place)


def _instant(label: str, key: str, suggested: datetime, place: str) -> datetime | None:
    wall = st.datetime_input(label, suggested, step=60, key=key, format="DD/MM/YYYY")
    if wall is None:
        return None
    return schedule.from_local(wall, place, fold=fields.which_of_two(wall, place, key))


def foretold(arguments: Mapping[str, Any], foreseen: Foreseen, choice: Choice) -> None:
    """What else is worth knowing before it is done."""
    if "account_id" in arguments:
        ask = partial(moving.foretold, choice, arguments)
        _there(asking.once(ask, "there", choice, arguments["account_id"]))
    if "first" in arguments:
        if foreseen.able > rescheduling.PARTS:
            look.quiet("Of so many, those that lie close together may change places.")
        ask = partial(rescheduling.paces, choice, arguments, foreseen.accounts)
        _pace(arguments, foreseen.able, asking.once(ask, "paces", choice, *arguments.values()))


def _there(found: There | None) -> None:
    if found is None:
        return
    finish, now = found.finish, reports.now()
    ends = moments.clock(finish.ends_at, zone(), now)
    behind = f", behind {plural(finish.ahead, 'message')} there" if finish.ahead else ""
    look.quiet(f"From «{finish.account}» all would have left by {ends}{behind}.")
    for one in found.passings:
        at = moments.clock(one.at, zone(), now)
        look.note(f"From {at} on that passes Meta's limit there: {one.limit:,} people in 24 hours.")


def _pace(arguments: Mapping[str, Any], able: int, paces: list[Pace]) -> None:
    first, last = rescheduling.window(arguments)
    window = last - first
    seconds = window.total_seconds() / max(able - 1, 1)
    between = f"{seconds:.2g} s" if seconds < 1 else schedule.span(timedelta(seconds=seconds))
    able = ", ".join(f"«{one.account}» sends {one.rate:g} a second" for one in paces if one.rate)
    look.quiet(f"One each {between}{able and f'; {able}'}.")
    for one in paces:
        if one.quiet:
            look.note(_quiet(one, window))
        if one.quiet < window and one.needs > window - one.quiet:
            look.note(_narrow(one))


def _quiet(one: Pace, window: timedelta) -> str:
    theirs = f"in the quiet hours of «{one.account}» ({one.hours})"
    if one.quiet >= window:
        return f"All of the window lies {theirs}: they leave one after the other once these end."
    part = schedule.span(one.quiet)
    return f"Of the window {part} lie {theirs}: what would leave then leaves once these end."


def _narrow(one: Pace) -> str:
    others = f" and {plural(one.others, 'other')} that wait there for a time in it"
    return (
        f"The window is too narrow: «{one.account}» needs {schedule.span(one.needs)} for its"
        f" {one.messages:,}{others if one.others else ''}."
        " They leave in this order, the last ones after the window."
    )

"""What every page shows of the engine's state, asked once for all who look."""

from datetime import datetime
from html import escape

import streamlit as st

from core import coming, reports, trends
from core.batch_reports import Failed
from core.coming import Coming
from core.reports import Pulse
from core.standing import Standing
from core.trends import RANGES, Sample
from ui import addresses, moments
from ui.guard import zone
from ui.words import plural


@st.cache_data(ttl=2, show_spinner=False)
def _pulse(midnight: datetime) -> Pulse:
    return reports.pulse(midnight=midnight)


def pulse() -> Pulse:
    """The state of everything, at most two seconds old."""
    return _pulse(moments.midnight(reports.now(), zone()))


# What is drawn of a range (its name): samples come once a minute, what is ahead is dear to count.
@st.cache_data(ttl=10, show_spinner=False)
def trend(over: str) -> list[Sample]:
    return trends.trend(RANGES[over])


@st.cache_data(ttl=10, show_spinner=False)
def failures(over: str) -> list[Failed]:
    return trends.failures(RANGES[over])


@st.cache_data(ttl=60, show_spinner=False)
def ahead(over: str) -> Coming:
    return coming.coming(RANGES[over].ahead)


@st.cache_data(ttl=60, show_spinner=False)
def next_day() -> Coming:
    return coming.coming(coming.DAY)


def forget() -> None:
    """Ask anew at once: the person has just changed something and looks for it."""
    _pulse.clear()


def needs_somebody(pulse: Pulse) -> list[tuple[str, str]]:
    """What waits for a person, as HTML, each with the address where they can look."""
    found = []
    if not pulse.workers:
        found.append(
            ("No worker is running, so nothing is sent. Start one with <code>make run</code>.", "")
        )
    if since := pulse.queue.engine.unreached_since:
        at = moments.clock(since, zone(), pulse.at)
        told = f"<b>WhatsApp cannot be reached</b> since {at}: nothing leaves until it can."
        found.append((f"{told} Check this machine's connection.", ""))
    for load in pulse.accounts:
        if load.account.state == "paused":
            why = (load.account.state_reason or "a person paused it").rstrip(".")
            address = addresses.listed(Standing.HELD, account=load.account.name)
            found.append((f"<b>{escape(load.account.name)}</b> is paused: {escape(why)}.", address))
    if pulse.late:
        what, it = plural(pulse.late, "message"), "it" if pulse.late == 1 else "them"
        found.append(
            (
                f"<b>{what}</b> late and held: release or cancel {it}.",
                addresses.listed(Standing.HELD),
            )
        )
    for code, attempts in pulse.new_codes.items():
        told = f"WhatsApp gave the new code <b>{code}</b> today, {plural(attempts, 'time')}."
        found.append((f"{told} Tell your administrator.", addresses.listed(Standing.FAILED)))
    if pulse.unconfirmed:
        what = plural(pulse.unconfirmed, "message")
        found.append(
            (f"<b>{what}</b> may or may not have arrived.", addresses.listed(Standing.UNCONFIRMED))
        )
    return found


@st.fragment(run_every="10s", key="troubles")
def troubles() -> None:
    """One calm line above each page while something needs somebody; nothing otherwise."""
    found = needs_somebody(pulse())
    if not found:
        return
    text, address = found[0]
    look = f' <a class="go" href="{address}">Look</a>' if address else ""
    rest = f' <a class="go more" href="/">and {len(found) - 1} more</a>' if found[1:] else ""
    st.html(f'<div class="trouble" role="status"><p>{text}{look}{rest}</p></div>')

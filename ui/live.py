"""What every page shows of the engine's state, asked once for all who look."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from html import escape

import streamlit as st

from core import coming, meta_clock, reports, trends, volumes
from core import tiers as tiers_of
from core.batch_reports import Failed
from core.blocking import Reason
from core.coming import Coming
from core.meta_clock import Ahead
from core.reports import AccountLoad, Earlier, Pulse
from core.schedule import span
from core.standing import Standing
from core.tiers import Used
from core.trends import RANGES, Sample
from core.volumes import Volume
from ui import addresses, moments
from ui.guard import zone
from ui.volumes import sentence
from ui.words.numbers import brief, plural

LONG_DUE = timedelta(minutes=10)
MOST_SKEW = timedelta(seconds=5)
# Why something is due for long, where no other sentence says it.
LONG: defaultdict[Reason, str] = defaultdict(
    str,
    {
        Reason.TURN: "more is due than it may send a second",
        Reason.SLOWED: "WhatsApp asked to send more slowly",
        Reason.THROTTLED: "WhatsApp told it to wait",
    },
)


# Drawn anew beside those who look, who are handed what there is: nobody waits for it but who is the
# first to look for as long again as it holds. As resources, which are handed out as they are: of
# data each viewer gets a copy, every 2 s.
@st.cache_resource(ttl=20, refresh_mode="background", show_spinner=False)
def _earlier(midnight: datetime) -> Earlier:
    return reports.earlier(midnight=midnight)


@st.cache_resource(ttl=2, refresh_mode="background", show_spinner=False)
def _pulse(midnight: datetime) -> Pulse:
    return reports.pulse(midnight=midnight, before=_earlier(midnight))


def pulse() -> Pulse:
    """The state of everything, two seconds old, and at most four."""
    return _pulse(moments.midnight(reports.now(), zone()))


# What is drawn of a range (its name): samples come once a minute, what is ahead is dear to count.
@st.cache_resource(ttl=10, refresh_mode="background", show_spinner=False)
def trend(over: str) -> list[Sample]:
    return trends.trend(RANGES[over])


@st.cache_resource(ttl=10, refresh_mode="background", show_spinner=False)
def failures(over: str) -> list[Failed]:
    return trends.failures(RANGES[over])


@st.cache_resource(ttl=60, refresh_mode="background", show_spinner=False)
def ahead(over: str) -> Coming:
    return coming.coming(RANGES[over].ahead)


@st.cache_resource(ttl=60, refresh_mode="background", show_spinner=False)
def next_day() -> Coming:
    return coming.coming(coming.DAY)


@st.cache_resource(ttl=30, refresh_mode="background", show_spinner=False)
def expected() -> list[Volume]:
    return volumes.expected()


@st.cache_resource(ttl=60, refresh_mode="background", show_spinner=False)
def tiers() -> dict[int, Used]:
    return tiers_of.used()


@st.cache_resource(ttl=30, show_spinner=False)
def _ahead() -> tuple[Ahead | None]:
    return (meta_clock.ahead(),)


def forget() -> None:
    """Ask anew at once: the person has just changed something and looks for it."""
    _pulse.clear()


def needs_somebody(pulse: Pulse) -> list[tuple[str, str]]:
    """What waits for a person, as HTML, each with the address where they can look."""
    found = []
    if not pulse.workers:
        seen = pulse.queue.engine.seen_at
        since = f"has run since {moments.clock(seen, zone(), pulse.at)}" if seen else "is running"
        told = f"<b>No worker {since}</b>, so nothing is sent."
        found.append((f"{told} Start one with <code>make run</code>.", ""))
    if since := pulse.queue.engine.unreached_since:
        at = moments.clock(since, zone(), pulse.at)
        told = f"<b>WhatsApp cannot be reached</b> since {at}: nothing leaves until it can."
        found.append((f"{told} Check this machine's connection.", ""))
    if abs(pulse.skew) > MOST_SKEW:
        told = f"<b>The clock is off</b>: here it is {span(abs(pulse.skew))}"
        side = "behind" if pulse.skew > timedelta() else "ahead of"
        found.append((f"{told} {side} the database's. Have the time set by the network.", ""))
    found += _of_clock(pulse.at)
    for load in pulse.accounts:
        found += _of_account(load, pulse)
    found += [(sentence(one), "/batches") for one in expected() if one.missing]
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


def _of_clock(now: datetime) -> Iterator[tuple[str, str]]:
    [ahead] = _ahead()
    if ahead and abs(ahead.by) > MOST_SKEW:
        side, when = ("ahead of", "early") if ahead.by > timedelta() else ("behind", "late")
        told = f"<b>The clock is off</b>: it is {span(abs(ahead.by))} {side} WhatsApp's"
        read = f"as read {moments.clock(ahead.at, zone(), now)}"
        told += f", {read}: messages leave as much too {when}. Have the time set by the network."
        yield told, ""


def _of_account(load: AccountLoad, pulse: Pulse) -> Iterator[tuple[str, str]]:
    account, name = load.account, f"<b>{escape(load.account.name)}</b>"
    if account.state == "paused":
        why = (account.state_reason or "a person paused it").rstrip(".")
        by = " by Meta" if account.state_by == "Meta" else ""
        yield f"{name} is paused{by}: {escape(why)}.", addresses.account(account.id)
    first, engine = load.oldest_due_at, pulse.queue.engine
    if not first or pulse.at - first < LONG_DUE or engine.bars(account.id):
        return
    why = LONG[engine.stalls(account.id).reason]
    if why:
        due = f"{name} has had {plural(load.due, 'message')} due for up to"
        address = addresses.listed(Standing.WAITING, account=account.name)
        yield f"{due} {brief(pulse.at - first)}: {why}.", address


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

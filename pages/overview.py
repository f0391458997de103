"""Is all well? One look, refreshed by itself."""

from datetime import timedelta
from html import escape
from math import floor

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core import guarding, waits
from core.access import Actor
from core.filtering import Filter
from core.listing import CAP
from core.models import Account
from core.reports import AccountLoad, Pulse
from core.standing import Standing
from core.telling import depth_in_words
from core.trends import RANGES
from ui import live, look, moments, needs, pausing, since, trends, volumes
from ui.accounts import none_yet
from ui.addresses import listed, of
from ui.guard import signed_in, zone
from ui.words.accounts import ACCOUNTS, quality, tier
from ui.words.numbers import brief, count, per_second, plural

person = signed_in()


def page() -> None:
    well = st.empty()
    if told := since.told(person, now=live.pulse().at, zone=zone()):
        st.html(told)
    pausing.offers(by=person)
    moving(well)
    if live.pulse().accounts:
        trends.drawn()


@st.fragment(run_every="2s", key="overview")
def moving(well: DeltaGenerator) -> None:
    """All that is live of the overview, by one run: also what stands at its head, in `well`."""
    by = signed_in()  # a fragment runs by itself: a session that ended stops it here
    pulse = live.pulse()
    well.html(_well(pulse, by))
    st.html(f'<div class="tiles">{"".join(_tiles(pulse))}</div>')
    if pulse.accounts:
        lines = "".join(_account(load, pulse) for load in pulse.accounts)
        st.html(
            f'<h2 class="part-title">Accounts</h2><div class="list accounts">{_HEAD}{lines}</div>'
        )
        if usual := volumes.listed(live.expected()):
            st.html(usual)
    else:
        none_yet(by=person)


def _well(pulse: Pulse, by: Actor) -> str:
    found = needs.of_halt(guarding.halt()) + needs.of(pulse)
    at = f"<p>as of {moments.shown(pulse.at, zone(), pulse.at, seconds=True)}</p>"
    if not found:
        said = "All is well" if pulse.accounts else "Ready to begin"
        return f'<section class="well"><div><h1>{said}</h1></div>{at}</section>'
    items = "".join(f"<li>{needs.drawn(one, by=by)}</li>" for one in found)
    head = plural(len(found), "thing needs you", "things need you")
    return (
        f'<section class="well orange"><div><h1>{head}</h1><ul class="needs">{items}</ul></div>'
        f"{at}</section>"
    )


_ARRIVED = (Standing.SENT, Standing.DELIVERED, Standing.READ)
_DUE = of(Filter(hold=waits.DUE))


def _tiles(pulse: Pulse) -> list[str]:
    oldest = brief(pulse.at - pulse.oldest_due_at) if pulse.oldest_due_at else "–"
    late = bool(pulse.oldest_due_at and (pulse.at - pulse.oldest_due_at).total_seconds() > 300)
    return [
        _tile("Due now", count(pulse.due), _DUE),
        _tile("Oldest due", oldest, _DUE, "warn" if late else ""),
        _tile("Waiting to retry", count(pulse.retrying), listed(Standing.RETRYING)),
        _tile("Next 24 hours", count(pulse.next_day), listed(Standing.SCHEDULED)),
        _tile("Sent today", f"{pulse.sent_today:,}", listed(*_ARRIVED), beside=_well_off(pulse)),
        _tile(
            "Failed today",
            f"{pulse.failed_today:,}",
            listed(Standing.FAILED, Standing.UNCONFIRMED),
            "bad" if pulse.failed_today else "",
        ),
        _tile("Workers", f"{pulse.workers}", "", "" if pulse.workers else "bad"),
    ]


def _well_off(pulse: Pulse) -> str:
    """Of what was tried today, how much was taken; a share that is not whole is never «100 %»."""
    tried = pulse.sent_today + pulse.failed_today
    return f"{floor(1000 * pulse.sent_today / tried) / 10:g} % ok" if tried else ""


def _tile(label: str, value: str, address: str, look: str = "", *, beside: str = "") -> str:
    more = f" <em>{beside}</em>" if beside else ""
    inner = f"<small>{label}</small><strong>{value}{more}</strong>"
    if not address:
        return f'<div class="tile {look}">{inner}</div>'
    return f'<a class="tile go {look}" href="{address}">{inner}</a>'


_LATELY = timedelta(minutes=2.5)  # of a sample that still tells what is sent now; one a minute
_HEAD = (
    '<div class="row head" aria-hidden="true"><span>State</span><span>Account</span>'
    "<span>Rate</span>"
    '<span>Quality, daily limit</span><span>Due now</span><span class="at">Next</span></div>'
)


def _account(load: AccountLoad, pulse: Pulse) -> str:
    account = load.account
    word, colour = ACCOUNTS[account.state]
    why = f"{account.state_reason}." if account.state_reason else _rate(load, pulse)
    waiting = depth_in_words(load.depth.counts)
    return (
        f'<a class="row go" href="{listed(account=account.name)}">'
        f'<span class="state-cell">{look.chip(word, colour)}</span>'
        f'<span class="to">{escape(account.name)}'
        f"<small>{escape(account.display_phone or account.phone_number_id)}</small></span>"
        f'<span class="says">{escape(why)}{waiting and f"<small>{waiting}</small>"}</span>'
        f"{_standing(account)}"
        f'<span class="by">{plural(load.due, "message")}</span>'
        f'<span class="at">{_next(load, pulse)}</span></a>'
    )


def _standing(account: Account) -> str:
    """What Meta thinks of it, and how much of its daily limit is used."""
    word, colour = quality(account.quality)
    used = live.tiers().get(account.id)
    full = ' class="full"' if used and used.people >= used.limit else ""
    return (
        f'<span class="quality"><i class="dot {colour}"></i>{word}'
        f"<small{full}>{escape(tier(account.messaging_limit, used))}</small></span>"
    )


def _rate(load: AccountLoad, pulse: Pulse) -> str:
    """What it sends now of what it may, and to how much Meta has slowed it."""
    depth, last = load.depth, live.last_minute().get(load.account.id)
    sent, most, first = "", depth.number.rate, load.oldest_due_at
    if last and pulse.at - last.at < _LATELY and (last.sent or (first and first < last.at)):
        sent = per_second(last.sent / RANGES["1 h"].step)
    if most is None or depth.rate_now is None:
        return f"{sent} a second, no pacing" if sent else "no pacing"
    slowed = f", slowed to {depth.rate_now:.3g}" if depth.rate_now < most else ""
    return f"{sent and f'{sent} of '}{most:g} a second{slowed}"


def _next(load: AccountLoad, pulse: Pulse) -> str:
    """When all that is due has left; with nothing due, when something is."""
    depth = load.depth
    if depth.empty_at and depth.due:
        least = "after " if depth.due > CAP else ""
        shown = moments.shown(depth.empty_at, zone(), pulse.at, seconds=True)
        return f"empty {least}{shown}"
    if load.account.state != "active" or depth.next_due_at is None:
        return "–" if depth.waiting else "nothing scheduled"
    return moments.shown(depth.next_due_at, zone(), pulse.at)


page()

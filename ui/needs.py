"""What needs somebody: each problem a sentence, with its cure as a button."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from html import escape
from typing import NamedTuple

import streamlit as st

from core import checking, waits
from core.access import Actor, Role
from core.accounts import BY_ITSELF
from core.blocking import Reason
from core.filtering import Filter
from core.guarding import Halt
from core.models import Account
from core.reports import AccountLoad, Pulse
from core.schedule import span
from core.standing import Standing
from ui import addresses, live, moments, volumes
from ui.guard import zone
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


class Cure(NamedTuple):
    """Where it is done and who may; `press`: the key of a button that does it where there is one
    on the page."""

    label: str
    address: str
    may: Role = Role.OPERATOR
    press: str = ""


class Need(NamedTuple):
    """A problem, as HTML, and its cure; whoever may not do that can look at `address`.

    Without either the cure lies elsewhere, and the sentence says where.
    """

    told: str
    address: str = ""
    cure: Cure | None = None


def drawn(need: Need, *, by: Actor) -> str:
    """The sentence and the button, as HTML."""
    cure = need.cure
    if cure and by.role >= cure.may:
        press = f' data-press="{cure.press}"' if cure.press else ""
        return f'{need.told} <a class="go cure" href="{cure.address}"{press}>{cure.label}</a>'
    look = f' <a class="go cure" href="{need.address}">Look</a>' if need.address else ""
    return f"{need.told}{look}"


def of_halt(halt: Halt) -> list[Need]:
    """What stops everything. The banners of each page tell more of it and have its cure."""
    stops = {
        "All sending is stopped.": halt.stop,
        "The restore guard is on: nothing is sent.": halt.guard,
    }
    return [Need(told) for told, is_on in stops.items() if is_on]


def of(pulse: Pulse) -> list[Need]:
    """All that waits for a person, but for what stops everything, which the pages tell apart."""
    return [
        *_of_engine(pulse),
        *_of_clock(pulse),
        *(need for load in pulse.accounts for need in _of_account(load, pulse)),
        *_of_volumes(),
        *_of_messages(pulse),
    ]


def _of_engine(pulse: Pulse) -> Iterator[Need]:
    if not pulse.workers:
        seen = pulse.queue.engine.seen_at
        since = f"has run since {moments.shown(seen, zone(), pulse.at)}" if seen else "is running"
        told = f"<b>No worker {since}</b>, so nothing is sent."
        yield Need(f"{told} Start one with <code>make run</code>.")
    if unreached := pulse.queue.engine.unreached_since:
        at = moments.shown(unreached, zone(), pulse.at)
        told = f"<b>WhatsApp cannot be reached</b> since {at}: nothing leaves until it can."
        asks = [one.account.id for one in pulse.accounts if one.account.state == "active"]
        cure = Cure("Check with Meta", addresses.account(asks[0])) if asks else None
        yield Need(f"{told} Check this machine's connection.", cure=cure)


def _of_clock(pulse: Pulse) -> Iterator[Need]:
    if abs(pulse.skew) > MOST_SKEW:
        told = f"<b>The clock is off</b>: here it is {span(abs(pulse.skew))}"
        side = "behind" if pulse.skew > timedelta() else "ahead of"
        yield Need(f"{told} {side} the database's. Have the time set by the network.")
    [ahead] = live.clock_ahead()
    if ahead and abs(ahead.by) > MOST_SKEW:
        side, when = ("ahead of", "early") if ahead.by > timedelta() else ("behind", "late")
        told = f"<b>The clock is off</b>: it is {span(abs(ahead.by))} {side} WhatsApp's"
        read = f"as read {moments.shown(ahead.at, zone(), pulse.at)}"
        told += f", {read}: messages leave as much too {when}. Have the time set by the network."
        yield Need(told)


def _of_account(load: AccountLoad, pulse: Pulse) -> Iterator[Need]:
    account, name = load.account, f"<b>{escape(load.account.name)}</b>"
    if account.state == "paused":
        why = (account.state_reason or "a person paused it").rstrip(".")
        by = " by Meta" if account.state_by == "Meta" else ""
        told = f"{name} is paused{by}: {escape(why)}."
        yield Need(told, addresses.account(account.id), _of_pause(account))
    first, engine = load.oldest_due_at, pulse.queue.engine
    if not first or pulse.at - first < LONG_DUE or engine.bars(account.id):
        return
    why = LONG[engine.stalls(account.id).reason]
    if why:
        due = f"{name} has had {plural(load.due, 'message')} due for up to"
        address = addresses.of(Filter(account=account.name, hold=waits.DUE))
        cure = Cure("See what waits", address, Role.VIEWER)
        yield Need(f"{due} {brief(pulse.at - first)}: {why}.", cure=cure)


def _of_pause(account: Account) -> Cure:
    there = addresses.account(account.id)
    if checking.wants_token(account):
        return Cure("Replace the token", there, Role.ADMIN, f"token-{account.id}")
    if account.state_by in BY_ITSELF:  # to resume it cures nothing while Meta's reason lasts
        return Cure("Check with Meta", there)
    return Cure("Resume …", there, press=f"resume-{account.id}")


def _of_volumes() -> Iterator[Need]:
    for one in live.expected():
        if one.missing:
            yield Need(volumes.sentence(one), "/batches", Cure("Load a file", "/many"))


def _of_messages(pulse: Pulse) -> Iterator[Need]:
    if pulse.late:
        it = "it" if pulse.late == 1 else "them"
        held = addresses.of(Filter(frozenset({Standing.HELD}), hold="late"))
        told = f"<b>{plural(pulse.late, 'message')}</b> late and held."
        yield Need(told, held, Cure(f"Release or cancel {it}", held))
    for code, attempts in pulse.new_codes.items():
        told = f"WhatsApp gave the new code <b>{code}</b> today, {plural(attempts, 'time')}."
        cure = Cure("See what failed", addresses.listed(Standing.FAILED), Role.VIEWER)
        yield Need(f"{told} Tell your administrator.", cure=cure)
    if pulse.unconfirmed:
        it = "it" if pulse.unconfirmed == 1 else "them"
        there = addresses.listed(Standing.UNCONFIRMED)
        told = f"<b>{plural(pulse.unconfirmed, 'message')}</b> may or may not have arrived."
        yield Need(told, there, Cure(f"Decide about {it}", there))


def line(by: Actor) -> None:
    """One calm line above each page while something needs somebody; nothing otherwise."""
    found = of(live.pulse())
    if not found:
        return
    rest = f' <a class="go more" href="/">and {len(found) - 1} more</a>' if found[1:] else ""
    st.html(f'<div class="trouble" role="status"><p>{drawn(found[0], by=by)}{rest}</p></div>')

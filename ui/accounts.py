"""HTML of accounts: a card for each, what is set, what a check found."""

from collections.abc import Mapping
from datetime import datetime
from html import escape

from core import numbering, reports, telling
from core.access import Actor, Role
from core.account_reports import Card
from core.blocking import Reason
from core.checking import Checked, Finding
from core.models import Account
from core.reports import AccountLoad
from core.sending.sieve import late_after
from ui import addresses, look, moments
from ui.words.accounts import ACCOUNTS, CHECKS, LIMITS, quality
from ui.words.numbers import brief, count
from ui.words.states import LATE

_FOUND = {True: ("well", "green"), False: ("wrong", "red"), None: ("not known", "amber")}


def none_yet(*, by: Actor) -> None:
    """What stands on a page of a new installation: only administrators add numbers."""
    admin = by.role >= Role.ADMIN
    told = "Outbox sends from a WhatsApp business number"
    look.empty(
        "No number to send from yet",
        f"{told}." if admin else f"{told}, which an administrator adds on the page Accounts.",
        link=("Add the first one", addresses.NEW_ACCOUNT) if admin else None,
    )


def card(one: Card, load: AccountLoad | None) -> str:
    """Its state, the figure that matters, and how it sends; `load` is None where it is retired."""
    account = one.account
    where = escape(account.display_phone or account.phone_number_id)
    settings = " · ".join((where, *_settings(account)))
    figure = ""
    if load is not None:
        figure = f'<div class="figure">{_figure(load)}</div>'
    return (
        f'<div class="account"><div><h2><a class="go" href="{addresses.account(account.id)}">'
        f"{escape(account.name)}</a>{look.chip(*ACCOUNTS[account.state])}</h2>"
        f"<p>{sentence(account, load)}</p>"
        f'<p class="quiet">{settings}</p></div>{figure}</div>'
    )


def _figure(load: AccountLoad) -> str:
    """How many matter most, as HTML: the way to them."""
    paused, name = load.account.state == "paused", load.account.name
    number, what = (load.depth.waiting, "kept back") if paused else (load.due, "due now")
    inner = f"<strong>{count(number)}</strong><small>{what}</small>"
    address = addresses.waiting(Reason.PAUSED if paused else Reason.TURN, name)
    return f'<a class="go" href="{address}">{inner}</a>' if number else inner


def sentence(account: Account, load: AccountLoad | None) -> str:
    """Whether it sends, and what waits for what, as HTML."""
    if account.state == "retired":
        return f"It sends no more: {escape(account.state_reason or 'retired')}."
    if account.state == "paused":
        by = f" by {account.state_by}" if account.state_by else ""
        reason = (account.state_reason or "").rstrip(".")
        return escape(f"Paused{by}: {reason}." if reason else f"Paused{by}.")
    waits = _waits(load) if load else ""
    return f"It sends. Waiting: {waits}." if waits else "It sends. Nothing waits."


def _waits(load: AccountLoad) -> str:
    """«3 held · 1,204 due», each with the way to them."""
    quiet, name = load.depth.number.quiet_until(reports.now()), load.account.name
    return " · ".join(
        f'<a class="go" href="{addresses.waiting(reason, name, quiet_until=quiet)}">'
        f"{telling.depth_in_words({reason: number})}</a>"
        for reason, number in load.depth.counts.items()
        if number
    )


def _settings(account: Account) -> list[str]:
    """The most telling settings, as HTML."""
    told = [rate(account)]
    if account.quiet_from:
        told.append(f"quiet {account.quiet_from}–{account.quiet_to}")
    return [*told, escape(account.zone)]


def rate(account: Account) -> str:
    return "no pacing" if account.rate is None else f"{account.rate:g} a second"


def facts(one: Card, *, now: datetime, zone: str) -> list[tuple[str, str]]:
    """Everything that is set or known of it, for all to read."""
    account, business = one.account, one.business
    limit = account.messaging_limit
    none = "none"
    quiet = f"{account.quiet_from}–{account.quiet_to}" if account.quiet_from else none
    late = f"{LATE[account.late_policy]}, after {brief(late_after(account.late_after))}"
    shares = f", shared with {escape(', '.join(one.shares))}" if one.shares else ""
    country = numbering.name(account.country) if account.country else none
    return [
        ("Rate", rate(account)),
        ("Quiet hours", quiet),
        ("What is late", late),
        ("Time zone", escape(account.zone)),
        ("Home country", escape(country)),
        ("Test number", escape(account.test_number or none)),
        ("Phone-number id", f"<code>{escape(account.phone_number_id)}</code>"),
        ("WABA", f"<code>{escape(business.waba_id)}</code>" if business.waba_id else none),
        ("Access token", f"since {moments.shown(business.token_since, zone, now)}{shares}"),
        ("Quality", quality(account.quality)[0]),
        ("Meta's daily limit", escape(LIMITS.get(limit or "", limit or "not known yet"))),
        (
            "Asked Meta",
            moments.shown(account.checked_at, zone, now) if account.checked_at else "not yet",
        ),
    ]


def found(checked: Checked) -> str:
    """What a check found, part by part, each with its cure."""
    return f'<ul class="findings">{"".join(map(_finding, checked.findings))}</ul>'


def _finding(one: Finding) -> str:
    word, colour = _FOUND[one.well]
    chip = look.chip(f"{CHECKS[one.field]} {word}", colour)
    cure = f"<small>{escape(one.cure)}</small>" if one.cure else ""
    return f"<li>{chip}<span>{escape(one.told)}</span>{cure}</li>"


def loads(found: list[AccountLoad]) -> Mapping[int, AccountLoad]:
    return {one.account.id: one for one in found}

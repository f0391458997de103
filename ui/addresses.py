"""Where things are: the links between pages, as Streamlit's bound widgets read them."""

from dataclasses import replace
from datetime import datetime, timedelta
from html import escape
from urllib.parse import urlencode

import streamlit as st

from core import waits
from core.blocking import Reason
from core.filtering import Filter
from core.listing import Cursor
from core.not_reached import Missed
from core.standing import STATUS, Standing
from core.states import Status
from ui.words.states import WORDS

NEW_ACCOUNT = "/accounts?new=1"


def asked(name: str = "id") -> int | None:
    """The number that the address of this page names; None where it names none."""
    typed = st.query_params.get(name, "")
    return int(typed) if typed.isdecimal() and len(typed) < 19 else None


def listed(*standings: Standing, account: str | None = None, batch: int | None = None) -> str:
    """The messages that stand so, of that account or batch; everything without any."""
    return of(Filter(frozenset(standings), account, batch=batch))


_DUE = (Reason.NO_WORKER, Reason.UNREACHED, Reason.TURN)  # what keeps back all that is due
_WAITS = frozenset(one for one, status in STATUS.items() if status == Status.PENDING)


def waiting(reason: Reason, account: str, *, quiet_until: datetime | None = None) -> str:
    """The messages of an account that wait for this, for an `href`.

    `quiet_until`: when its quiet hours end, where it has them now; what is for later is so beyond.
    """
    hold = waits.DUE if reason in _DUE else str(reason)
    if hold in waits.CHOICES:
        return of(Filter(account=account, hold=hold))
    if reason is not Reason.SCHEDULED:
        return of(Filter(_WAITS, account))
    beyond = quiet_until and quiet_until + timedelta.resolution
    return of(Filter(frozenset({Standing.SCHEDULED}), account, due_from=beyond))


def of(wanted: Filter, **place: Cursor) -> str:
    """One page of a filtered list, for an `href`; `place`: `after` or `before`."""
    # A widget that is bound to the address writes and reads the word that it shows.
    pairs = [("state", WORDS[s].word) for s in Standing if s in wanted.standings]
    pairs += replace(wanted, standings=frozenset()).pairs
    pairs += [(name, str(cursor)) for name, cursor in place.items()]
    query = urlencode(pairs)
    return escape(f"/messages?{query}" if query else "/messages")


def person(number: str = "", **place: int) -> str:
    """Somebody on the page People, for an `href`; without a number the list of opt-outs.

    `place`: `after` or `before`.
    """
    pairs = [("number", number), *((name, str(to)) for name, to in place.items())]
    query = urlencode([pair for pair in pairs if pair[1]])
    return escape(f"/people?{query}" if query else "/people")


def message(message_id: int) -> str:
    return f"/message?id={message_id}"


def evidence(message_id: int, zone: str) -> str:
    """What the gateway gives of it as one file, for an `href`."""
    return escape(f"/export/evidence/{message_id}.html?{urlencode({'zone': zone}, safe='/')}")


def not_reached(wanted: Missed, **place: Cursor) -> str:
    """Who was not reached, for an `href`; `place`: `after`."""
    return escape(f"/not_reached?{_missed(wanted, **place)}")


def not_reached_csv(wanted: Missed, zone: str) -> str:
    """The same as the gateway gives it as one file."""
    return escape(f"/export/not-reached.csv?{_missed(wanted, zone=zone)}")


def _missed(wanted: Missed, **more: Cursor | str) -> str:
    pairs = {"days": wanted.days, "account": wanted.account or "", **more}
    return urlencode({name: str(said) for name, said in pairs.items() if said}, safe="/")


def batch(batch_id: int) -> str:
    return f"/batches?id={batch_id}"


def account(account_id: int) -> str:
    return f"/accounts?id={account_id}"


def template(template_id: int) -> str:
    return f"/template?id={template_id}"


def of_template(template_id: int) -> str:
    """The messages that use it, for an `href`."""
    return of(Filter(template=template_id))

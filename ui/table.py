"""The list of messages: each row is a link, times tell the exact instant on hover."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from html import escape

from core import phone
from core.blocking import Reason
from core.errors import Invalid
from core.explain import explain_list
from core.listing import MessageRow
from core.phone import Phone
from core.rendering import bubble, summary
from core.standing import Standing
from ui import addresses, look, moments
from ui.words.states import OPTED_OUT, State, state_of

# What these say is in their word already; the others add why.
_PLAIN = {Standing.SCHEDULED, Standing.SENT, Standing.DELIVERED, Standing.READ, Standing.CANCELLED}
_HEAD = (
    '<div class="row head" aria-hidden="true"><span>State</span><span>Recipient</span>'
    '<span>Message</span><span>Account</span><span class="at">Time</span></div>'
)


def messages(rows: Sequence[MessageRow], *, now: datetime, zone: str) -> str:
    """HTML of the list; the halves that have not and that have ended are told apart."""
    return f'<div class="list">{_HEAD}{"".join(_lines(rows, now, zone))}</div>'


def _lines(rows: Sequence[MessageRow], now: datetime, zone: str) -> Iterator[str]:
    half, whys = None, explain_list(row.id for row in rows if not row.ended)
    for row in rows:
        if row.ended is not half:
            half = row.ended
            named = "Finished, latest first" if half else "To be sent, soonest first"
            yield f'<div class="part">{named}</div>'
        why = whys.get(row.id)
        state = state_of(row, now, zone, why=why)
        plain = state.standing in _PLAIN and (why is None or why.reason is Reason.SCHEDULED)
        plain = plain and row.error_class != OPTED_OUT
        yield _line(row, state, "" if plain else state.sentence, now, zone)


_SHORT = 60  # characters that a line has room for on any screen


def _whole(text: str) -> str:
    """HTML: a text that the line cannot show, as the phone does, where somebody unfolds it."""
    if len(text) <= _SHORT and "\n" not in text:
        return ""
    unfold = '<summary aria-label="Read it whole" title="Read it whole"></summary>'
    return f'<details class="whole">{unfold}<div>{bubble(text)}</div></details>'


def _line(row: MessageRow, state: State, why: str, now: datetime, zone: str) -> str:
    why = why and f'<small title="{escape(why)}">{escape(why)}</small>'
    named = f'<i class="from" title="Template">{escape(row.template)}</i>' if row.template else ""
    says = named + escape(summary(row.text or "", 120))
    at = row.sent_at if row.sent_at else row.due_at
    whole = _whole(row.text or "")
    return (
        f'<a class="row go{" long" if whole else ""}" href="{addresses.message(row.id)}">'
        f'<span class="state-cell">{look.chip(state.word, state.colour, state.icon)}</span>'
        f'<span class="to">{recipient(row.recipient)}</span>'
        f'<span class="says">{says}{why}</span>'
        f'<span class="by">{escape(row.account)}</span>'
        f'<span class="at">{moments.shown(at, zone, now)}</span></a>{whole}'
    )


@lru_cache(maxsize=10_000)
def _known(number: str) -> Phone | None:
    try:
        return phone.read(number, home=None)
    except Invalid:  # stored by an earlier numbering plan, and shown as it is
        return None


def recipient(number: str) -> str:
    """HTML of a number as people read it, with its country's letters."""
    known = _known(number)
    if known is None:
        return escape(number)
    return f"{region(known)}{escape(known.readable)}"


def region(known: Phone) -> str:
    """The country's flag, its name on hover; systems without flags show its two letters."""
    flag = "".join(chr(ord(letter) - ord("A") + 0x1F1E6) for letter in known.region or "")
    return f'<span class="region" title="{escape(known.country)}">{flag or "🌐"}</span>'

"""What became of all that a filter finds, above its list: sent, delivered, read, failed, why."""

from collections.abc import Iterator
from dataclasses import replace
from html import escape
from urllib.parse import parse_qs

import streamlit as st

from core import reports
from core import totals as core_totals
from core.filtering import Filter
from core.standing import Standing
from core.totals import TOTALLED, Totals
from ui import addresses
from ui.words.states import FAILURES, WORDS

_SENT = (Standing.SENT, Standing.DELIVERED, Standing.READ)


@st.cache_resource(ttl=30, refresh_mode="background", max_entries=200, show_spinner=False)
def _totals(query: str) -> Totals:
    """Once for all who look at it, and again beside them."""
    return core_totals.totals(Filter.read(parse_qs(query)), now=reports.now())


def totals(wanted: Filter) -> None:
    found = _totals(wanted.query)
    st.html(f'<div class="tiles">{"".join(_tiles(found, wanted))}</div>')
    reasons = "".join(
        f'<a class="go chip red" href="{addresses.of(_failed(wanted, error))}">'
        f"{escape(FAILURES.get(error, error))} · {number:,}</a>"
        for error, number in found.failures.items()
        if error != "unknown"
    )
    if reasons:
        st.html(f'<p class="chosen">{reasons}</p>')
    if found.capped:
        st.html(f'<p class="read">Of each state the latest {TOTALLED:,} are counted.</p>')


def _failed(wanted: Filter, error: str) -> Filter:
    return replace(wanted, standings=frozenset({Standing.FAILED}), error=error)


def _tiles(found: Totals, wanted: Filter) -> Iterator[str]:
    counts = found.standings
    sent = sum(counts.get(one, 0) for one in _SENT)
    arrived = counts.get(Standing.DELIVERED, 0) + counts.get(Standing.READ, 0)
    read = counts.get(Standing.READ, 0)
    failed, unclear = counts.get(Standing.FAILED, 0), counts.get(Standing.UNCONFIRMED, 0)
    cancelled = counts.get(Standing.CANCELLED, 0)
    yield _tile(sent, _of(sent, sent + failed + unclear), wanted, *_SENT)
    yield _tile(arrived, _of(arrived, sent), wanted, Standing.DELIVERED, Standing.READ)
    yield _tile(read, _of(read, sent), wanted, Standing.READ)
    yield _tile(failed, "", wanted, Standing.FAILED, look="bad")
    yield _tile(unclear, "", wanted, Standing.UNCONFIRMED, look="warn")
    yield _tile(cancelled, "", wanted, Standing.CANCELLED)


def _of(part: int, whole: int) -> str:
    """«99.4 %»; 100 only where it is all of it."""
    if not whole:
        return ""
    share = 100 * part / whole
    return "100 %" if part == whole else f"{min(share, 99.9):.1f} %"


def _tile(number: int, beside: str, wanted: Filter, *standings: Standing, look: str = "") -> str:
    """What has come as far as the first of them."""
    name = WORDS[standings[0]].word
    address = addresses.of(replace(wanted, standings=frozenset(standings)))
    mood = f" {look}" if look and number else ""
    return (
        f'<a class="tile go{mood}" href="{address}"><small>{name}</small>'
        f"<strong>{number:,}</strong><em>{beside or '&nbsp;'}</em></a>"
    )

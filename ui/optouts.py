"""The list of who is not to be contacted, and many more of them from a file."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from html import escape

import streamlit as st

from core import numbering, operations, optout_import, people, reports
from core.access import Actor
from core.errors import OutboxError
from core.kinds import OPEN, Kind
from core.models import OptOut
from core.optout_file import BY_PERSON, WrongLine
from core.optout_list import Listed
from ui import addresses, look, moments, table
from ui.progress import progress
from ui.words.house import SCOPES
from ui.words.numbers import plural

_HEAD = (
    '<div class="row head" aria-hidden="true"><span>Number</span><span>What</span>'
    '<span>Why</span><span>By</span><span class="at">Since</span></div>'
)
SHOWN = 100  # wrong lines
AGO = timedelta(days=1)
NO_COUNTRY = "None: each has its country code"


def listed(found: Listed, *, now: datetime, zone: str) -> str:
    """HTML of a page of the list; each row leads to the person."""
    lines = "".join(_line(one, found, now, zone) for one in found.rows)
    return f'<div class="list optouts">{_HEAD}{lines}</div>'


def _line(one: OptOut, found: Listed, now: datetime, zone: str) -> str:
    account = found.accounts.get(one.account_id, "?") if one.account_id else "every number"
    why = escape(one.reason or "")
    source = escape(one.source) if one.source != BY_PERSON else ""
    return (
        f'<a class="row go" href="{addresses.person(one.number)}">'
        f'<span class="to">{table.recipient(one.number)}</span>'
        f'<span class="what">{SCOPES[one.scope]}<small>from {escape(account)}</small></span>'
        f'<span class="says">{why}{source and f"<small>{source}</small>"}</span>'
        f'<span class="by">{escape(one.created_by)}</span>'
        f'<span class="at">{moments.shown(one.created_at, zone, now)}</span></a>'
    )


def importing(*, by: Actor) -> None:
    """Many at once, pasted or from a file; what is wrong stays where it was typed."""
    st.html('<h2 class="part-title">Import a list</h2>')
    left, right = st.columns(2, gap="large")
    with left:
        pasted = st.text_area(
            "Paste numbers, one a line",
            key="optouts-pasted",
            height=140,
            placeholder="+62 812-3456-789\n+62 812-3456-780",
            persist_state="session",
        )
    with right:
        file = st.file_uploader("or choose a CSV file", type=["csv", "txt"], key="optouts-file")
        st.html(
            '<p class="read">Columns, named in the first line: <b>number</b>, and if you like'
            " scope (everything, marketing), account, reason, source.</p>"
        )
    home = _home()
    given = file.getvalue() if file else pasted or ""
    if st.button("Import", type="primary", key="import-optouts"):
        st.session_state["optouts-imported"] = (_digest(given), _import(given, home, by))
        st.rerun()  # what is above has more rows now
    of, said = st.session_state.get("optouts-imported", (None, _under_way(by)))
    if said and of in (None, _digest(given)):
        _told(said)


def _under_way(by: Actor) -> int | None:
    """What this person began elsewhere, or before the page was closed."""
    now = reports.now()
    asked = operations.of(by, {Kind.OPT_OUTS}, since=now - AGO)
    return next((one.id for one in asked if one.state in OPEN), None)


def _digest(given: str | bytes) -> str:
    """Which import something was said of: it is said no more when there is another."""
    return sha256(given if isinstance(given, bytes) else given.encode()).hexdigest()


def _home() -> str | None:
    """The country of numbers like 0812…, where there is a choice."""
    countries = people.countries()
    if not countries:
        return None
    # Never guessed where it may be two: 0812… is a number in many countries, a stranger's in most.
    first = {} if len(countries) == 1 else {NO_COUNTRY: None}
    names = first | {numbering.name(one): one for one in countries} | {NO_COUNTRY: None}
    chosen = st.selectbox(
        "Numbers without a country code are from",
        list(names),
        key="optouts-home",
        persist_state="session",
        width=420,
    )
    return names.get(chosen)


def _import(given: str | bytes, home: str | None, by: Actor) -> int | str:
    """The operation; a sentence where nothing can be read."""
    if not given.strip():
        empty = isinstance(given, bytes)
        return "The file is empty." if empty else "Paste numbers, or choose a file."
    try:
        return optout_import.import_(given, home=home, by=by)
    except OutboxError as refused:
        return str(refused)


def _told(said: int | str) -> None:
    if isinstance(said, str):
        look.wrong(said)
        return
    row = progress(said, doing="Importing the list", one="line")
    if row.state != "finished":
        return
    added, already = row.result["added"], row.result["already"]
    if added or already:
        cancels = " What is pending for them is being cancelled." if added else ""
        look.note(
            f"{plural(added, 'entry', 'entries')} added, {already:,} on the list already.{cancels}",
            "green",
        )
    elif not row.result["wrong"]:
        look.note("Nobody is on it: it has no line with a number.")
    if row.result["wrong"]:
        lines = [WrongLine(**one) for one in row.result["wrong"]]
        st.html(_wrong(lines, row.result["wrong_lines"]))


def _wrong(lines: Sequence[WrongLine], wrong: int) -> str:
    count = plural(wrong, "line", cap=wrong)
    rows = "".join(
        f"<li>Line {one.line:,}: {_value(one)}{escape(one.reason)}</li>" for one in lines[:SHOWN]
    )
    more = f"<li>and {len(lines) - SHOWN:,} more</li>" if len(lines) > SHOWN else ""
    told = "Correct what is wrong and import again: what counts already is not doubled."
    return (
        f'<div class="note orange" role="alert"><b>{count} wrong.</b> {told}'
        f'<ul class="wrong-lines">{rows}{more}</ul></div>'
    )


def _value(one: WrongLine) -> str:
    """What stood there, unless the reason quotes it."""
    said = not one.value or one.value.strip() in one.reason
    return "" if said else f"<b>{escape(one.value[:60])}</b> "

"""Which messages the list shows: all that is chosen is in the address, so that a view is a link."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from html import escape
from typing import Any

import streamlit as st

from core import batch_reports, catalogue, filtering, schedule
from core.errors import Invalid
from core.filtering import Filter
from core.not_reached import Missed
from core.standing import Standing
from ui import addresses, look, moments, paging
from ui.guard import zone
from ui.words.states import FAILURES, KEPT_BY, VIEWS, WORDS

_DAY = timedelta(days=1)
_TURN = "more-filters-turn"


def chosen(accounts: Sequence[str]) -> Filter:
    """Draw the filters and return what they say."""
    # What no widget of the bar chooses comes from the address: a batch, a label, a time.
    beside = Filter.read({name: st.query_params.get_all(name) for name in st.query_params})
    views = st.container()
    with st.container(horizontal=True, vertical_alignment="bottom", key="filters"):
        search = paging.search(
            "Search in numbers and texts", "Part of a number, or of the text", width=320
        )
        account = st.selectbox(
            "Account",
            accounts,
            index=None,
            placeholder="All accounts",
            key="account",
            bind="query-params",
            on_change=paging.first_page,
            width=220,
        )
        _more(beside)
    states = st.pills(
        "State",
        [s.value for s in Standing],
        format_func=lambda value: WORDS[Standing(value)].word,
        selection_mode="multi",
        key="state",
        bind="query-params",
        on_change=paging.first_page,
        label_visibility="collapsed",
    )
    standings = frozenset(Standing(s) for s in states)
    wanted = replace(beside, standings=standings, account=account, search=search)
    with views:
        _views(wanted)
    _looked_for(wanted)
    _told(wanted)
    return wanted


def _views(wanted: Filter) -> None:
    """The views that everybody needs; what is chosen beside the state stays."""
    links = "".join(
        f'<a class="go" href="{addresses.of(replace(wanted, standings=standings))}"'
        f"{' aria-current=page' if wanted.standings == standings else ''}>{escape(name)}</a>"
        for name, standings in VIEWS.items()
    )
    links += f'<a class="go" href="{addresses.not_reached(Missed())}">Not reached</a>'
    st.html(f'<nav class="ways" aria-label="Views">{links}</nav>')


def _looked_for(wanted: Filter) -> None:
    """Where it is looked for, where that is not what stands in the field."""
    words, number = filtering.fragments(wanted.search)
    if number and number != words:
        look.quiet(f"Looked for «{words}» in texts, and for {number} in numbers.")


def _more(wanted: Filter) -> None:
    turn = st.session_state.get(_TURN, 0)
    number = len(_pairs(wanted))
    label = f"More filters · {number}" if number else "More filters"
    opened = st.popover(label, key=f"more-{turn}", on_change="rerun")
    if opened.open:  # batches and templates need not be read for each page
        with opened:
            _form(wanted, turn)


def _form(wanted: Filter, turn: int) -> None:
    def key(name: str) -> str:
        return f"more-{name}-{turn}"

    with st.form(f"more-filters-{turn}", border=False):
        left, right = st.columns(2)
        with left:
            _select("Kept back by", KEPT_BY, wanted.hold, key("hold"))
            _select("Batch", batch_reports.names(also=wanted.batch), wanted.batch, key("batch"))
        with right:
            _select("Failed because", FAILURES, wanted.error, key("class"))
            _select("Template", catalogue.names(), wanted.template, key("template"))
        left.text_input("Label", wanted.label or "", key=key("label"))
        right.text_input("Scheduled by", wanted.by or "", key=key("by"))
        due = _days(wanted.due_from, wanted.due_until)
        sent = _days(wanted.sent_from, wanted.sent_until)
        st.date_input("Due between", due, key=key("due"), format="DD/MM/YYYY")
        st.date_input("Sent between", sent, key=key("sent"), format="DD/MM/YYYY")
        st.form_submit_button("Show these", type="primary", on_click=_apply, args=(wanted, turn))


def _select(label: str, options: Mapping[Any, str], value: Any, key: str) -> None:
    known = list(options)
    st.selectbox(
        label,
        known,
        index=known.index(value) if value in options else None,
        format_func=lambda one: options.get(one, str(one)),
        placeholder="Any",
        key=key,
    )


def _apply(wanted: Filter, turn: int) -> None:
    """What the form says goes to the address; the next form is another one, and closed."""

    def typed(name: str) -> Any:
        return st.session_state.get(f"more-{name}-{turn}")

    said = replace(
        wanted,
        hold=typed("hold"),
        error=typed("class"),
        batch=typed("batch"),
        template=typed("template"),
        label=(typed("label") or "").strip() or None,
        by=(typed("by") or "").strip() or None,
        **_between("due", typed("due")),
        **_between("sent", typed("sent")),
    )
    before, after = _parameters(wanted), _parameters(said)
    for name in before.keys() - after.keys():
        st.query_params.pop(name, None)
    for name, value in after.items():
        st.query_params[name] = value
    paging.first_page()
    st.session_state[_TURN] = turn + 1


def _parameters(wanted: Filter) -> dict[str, str]:
    """What of it no widget of the bar is bound to, as the address has it."""
    return dict(replace(wanted, standings=frozenset(), account=None, search="").pairs)


def _between(name: str, days: Sequence[date] | date | None) -> dict[str, datetime | None]:
    """From the first day's midnight until the end of the last; one day alone is a day."""
    chosen_ = [days] if isinstance(days, date) else list(days or ())
    if not chosen_:
        return {f"{name}_from": None, f"{name}_until": None}
    first, last = _midnight(chosen_[0]), _midnight(chosen_[-1] + _DAY)
    return {f"{name}_from": first, f"{name}_until": last}


def _midnight(day: date) -> datetime:
    """Where the day begins here; an hour later where the clocks leave midnight out."""
    wall = datetime(day.year, day.month, day.day)
    try:
        return schedule.from_local(wall, zone(), fold=0)
    except Invalid:
        return schedule.from_local(wall + timedelta(hours=1), zone(), fold=0)


def _days(first: datetime | None, until: datetime | None) -> tuple[date, ...]:
    """The same, back: the days of a range as the calendar here has them."""
    if first is None or until is None:
        return ()
    last = until - timedelta(microseconds=1)
    return tuple(moments.wall(at, zone()).date() for at in (first, last))


def _told(wanted: Filter) -> None:
    """What is chosen beside the bar, each with the way back."""
    chips = "".join(
        f'<span class="chip grey">{label} {value}'
        f'<a class="go" href="{addresses.of(replace(wanted, **dict.fromkeys(names)))}"'
        f' aria-label="Take this filter away">×</a></span>'
        for label, value, names in _pairs(wanted)
    )
    if chips:
        st.html(f'<p class="chosen">{chips}</p>')


def _pairs(wanted: Filter) -> list[tuple[str, str, tuple[str, ...]]]:
    """Label, value as HTML, and the names of what would have to go."""
    found = []
    if wanted.batch is not None:
        named = escape(batch_reports.name(wanted.batch) or f"number {wanted.batch}")
        link = f'<a class="go" href="{addresses.batch(wanted.batch)}">{named}</a>'
        found.append(("Batch", link, ("batch",)))
    if wanted.template is not None:
        one = catalogue.template(wanted.template)
        named = f"{one.name} ({one.language})" if one else f"number {wanted.template}"
        link = f'<a class="go" href="{addresses.template(wanted.template)}">{escape(named)}</a>'
        found.append(("Template", link, ("template",)))
    said = (
        ("Kept back by", KEPT_BY.get(wanted.hold or ""), "hold"),
        ("Failed because", FAILURES.get(wanted.error or ""), "error"),
        ("Label", wanted.label, "label"),
        ("Scheduled by", wanted.by, "by"),
    )
    found += [(label, escape(value), (name,)) for label, value, name in said if value]
    for label, name in (("Due", "due"), (WORDS[Standing.SENT].word, "sent")):
        names = (f"{name}_from", f"{name}_until")
        first, until = (getattr(wanted, one) for one in names)
        if first or until:
            found.append((label, escape(_range(first, until)), names))
    return found


def _range(first: datetime | None, until: datetime | None) -> str:
    """«24 Nov 2026 – 26 Nov 2026», as the clocks here show it."""
    days = _days(first, until)
    if len(days) == 2 and (first, until) == (_midnight(days[0]), _midnight(days[1] + _DAY)):
        told = [f"{day.day} {day:%b %Y}" for day in dict.fromkeys(days)]
        return " – ".join(told)
    ends = [moments.wall(at, zone()) if at else None for at in (first, until)]
    return " – ".join(f"{at.day} {at:%b %Y, %H:%M}" if at else "" for at in ends).strip()

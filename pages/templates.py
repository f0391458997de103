"""The templates of every business: which send, why one does not, what waits for each."""

from collections.abc import Callable
from html import escape

import streamlit as st

from core import catalogue, reports, syncing, usable
from core.access import Role
from core.catalogue import Entry, Reading, Wanted
from core.errors import Unanswered
from core.models import Template
from core.rendering import summary
from ui import addresses, counting, look, moments, paging
from ui.guard import signed_in, zone
from ui.words.accounts import QUALITIES, TEMPLATES, template_word
from ui.words.numbers import count, plural

person = signed_in()
now = reports.now()
MOST = 100  # shown at once; a search finds the others


def page() -> None:
    readings = catalogue.readings()
    with st.container(horizontal=True, vertical_alignment="bottom", key="head"):
        heading = st.empty()
        if readings and person.role >= Role.OPERATOR and st.button("Read again from Meta"):
            read_again(readings)
    waiting = counting.waiting()
    known = catalogue.read(Wanted(), waiting)
    wanted = filters([entry.template for entry in known])
    found = [entry for entry in known if wanted.matches(entry.template)]
    with heading:
        look.title("Templates", plural(len(found), "template"))
    for reading in readings:
        say(reading, alone=len(readings) == 1)
    if found:
        st.html(listed(found, capped=waiting.capped))
        if len(found) > MOST:
            st.caption(f"The first {MOST} are shown. Search to find the others.")
    else:
        nothing(readings, filtered=bool(known))


def read_again(readings: list[Reading]) -> None:
    """Ask Meta about each business; what went wrong stays on the page until it works."""
    changes: list[str] = []
    with st.spinner("Reading from Meta…"):
        for one in readings:
            try:
                changes += syncing.sync(one.business_id, by=person).changes
            except Unanswered:
                continue  # kept with the business, and told on this page and the next run
    told = plural(len(changes), "change") if changes else "nothing has changed"
    st.session_state["did"] = f"Read from Meta: {told}."
    st.rerun()


def say(reading: Reading, *, alone: bool) -> None:
    whose = "" if alone else f" of {reading.name}"
    at = reading.synced_at
    read = f"Read from Meta {moments.clock(at, zone(), now)}" if at else "Not read from Meta yet"
    if reading.error:
        look.note(f"{read}{whose}. The last try failed: {reading.error}", "orange")
    else:
        st.html(f'<p class="read">{escape(f"{read}{whose}.")}</p>')


def filters(known: list[Template]) -> Wanted:
    with st.container(horizontal=True, vertical_alignment="bottom", key="filters"):
        search = paging.search("Search", "Part of a name, or of the words", width=300)
        language = choice("Language", "language", sorted({one.language for one in known}))
        categories = sorted({one.category for one in known if one.category})
        category = choice("Category", "category", categories, str.capitalize)
        quality = choice("Quality", "quality", [*QUALITIES], lambda one: QUALITIES[one][0])
        states = [one for one in TEMPLATES if one == "HELD" or one in {t.status for t in known}]
        status = choice("State", "status", states, lambda one: TEMPLATES[one][0])
    return Wanted(search, language, category, quality, status)


def choice(
    label: str, key: str, options: list[str], named: Callable[[str], str] = str
) -> str | None:
    """One filter; nothing chosen means all. The address carries the word that it shows."""
    return st.selectbox(
        label,
        options,
        index=None,
        format_func=named,
        placeholder="All",
        key=key,
        bind="query-params",
        width=160,
    )


_HEAD = (
    '<div class="row head" aria-hidden="true"><span>State</span><span>Template</span>'
    '<span>What it says</span><span>Quality</span><span class="at">In the queue</span></div>'
)


def listed(found: list[Entry], *, capped: bool) -> str:
    lines = "".join(_line(entry, capped=capped) for entry in found[:MOST])
    return f'<div class="list templates">{_HEAD}{lines}</div>'


def _line(entry: Entry, *, capped: bool) -> str:
    one = entry.template
    word, colour = template_word(entry)
    kind = (one.category or "").lower()
    stopped = f"{usable.capital(entry.stop.reason)}." if entry.stop else ""
    earlier = f"{usable.capital(usable.changed(one))}." if entry.earlier else ""
    why = entry.refusal or stopped or earlier
    told = why and f"<small>{escape(why)}</small>"
    quality, tint = QUALITIES.get(one.quality or "UNKNOWN", QUALITIES["UNKNOWN"])
    waits = f"{count(entry.waiting)}{'+' if capped else ''}" if entry.waiting else "–"
    held = f"<small>{count(entry.held)} held</small>" if entry.held else ""
    return (
        f'<a class="row go" href="{addresses.template(one.id)}">'
        f'<span class="state-cell">{look.chip(word, colour)}</span>'
        f'<span class="to">{escape(one.name)}<small>{escape(f"{one.language} · {kind}")}</small>'
        f'</span><span class="says">{escape(summary(entry.shape.body, 120))}{told}</span>'
        f'<span class="by"><i class="dot {tint}"></i>{quality}</span>'
        f'<span class="at">{waits}{held}</span></a>'
    )


def nothing(readings: list[Reading], *, filtered: bool) -> None:
    if filtered:
        look.empty(
            "No template matches",
            "Take a filter away to see more.",
            link=("Show all", "/templates"),
        )
    elif readings:
        look.empty(
            "No templates yet",
            "They are written in Meta's WhatsApp Manager, and read from there each hour.",
        )
    else:
        look.empty(
            "No number with templates",
            "They belong to a WhatsApp Business Account (WABA), whose id is told when a number is"
            " added, or later on its page.",
            link=("The numbers", "/accounts"),
        )


page()

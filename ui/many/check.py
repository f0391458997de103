"""Step 5: what the check found, before anything is stored."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from html import escape
from typing import Any

import streamlit as st

from core import catalogue, composing, files, operations, preflight, telling, templating
from core.access import Actor
from core.errors import OutboxError, Refused
from core.kinds import OPEN
from core.models import Operation
from core.sheets.plan import Plan
from core.templating import Shown
from ui import look, moments, preview
from ui.many.source import Source
from ui.progress import progress
from ui.words.files import CHECKED, FLAWS
from ui.words.numbers import plural

OPENED = 10  # wrong cells that are shown at once; more are opened kind by kind
_SENTENCE = re.compile(r"(?:«[^»]*»|[^«])*?[.?](?= |$)")


def run(source: Source, plan: Plan | None, *, by: Actor, check_id: int | None) -> int | None:
    """The button that checks; the operation's id when it was pressed."""
    if check_id and operations.state(check_id).state in OPEN:
        return None
    same = check_id is not None and plan is not None and is_of(check_id, plan)
    rows = plural(source.found.total, "row", cap=source.found.total)
    label = "Check again" if check_id else f"Check {rows}"
    pressed = st.button(
        label,
        type="secondary" if same else "primary",
        disabled=plan is None,
        key=f"{source.key}-check",
    )
    if not pressed or plan is None:
        if check_id and not same:
            look.note("Something above was changed after this check. Check again before loading.")
        return None
    try:
        return preflight.order(source.file.id, plan, by=by)
    except OutboxError as refused:
        look.wrong(str(refused))
        return None


def overwrites(source: Source, check_id: int | None) -> bool:
    """Whether what was changed here is to be as the file says; asked where there is any."""
    row = operations.state(check_id) if check_id else None
    if row is None or row.state != "finished":
        return bool(row and row.arguments["plan"].get("overwrites"))
    chosen = bool(row.arguments["plan"].get("overwrites"))
    kept = int((row.result or {}).get("kept", 0))
    if not (kept or chosen):
        return False
    those = plural(kept, "row that was", "rows that were", cap=kept) if kept else "what was"
    return st.checkbox(
        f"Overwrite {those} changed here since",
        value=chosen,
        key=f"{source.key}-overwrites-{check_id}",
    )


def is_of(check_id: int, plan: Plan) -> bool:
    """Whether the check was made of this very plan."""
    return Plan.read(operations.state(check_id).arguments["plan"]) == plan


def results(check_id: int, *, zone: str, now: datetime) -> Operation | None:
    """Draw the bar, then what was found; the operation when it can be loaded."""
    row = progress(check_id, doing="Checking the rows")
    if row.state != "finished":
        return None
    found: Mapping[str, Any] = row.result or {}
    if problems := found.get("problems"):
        for problem in problems:
            look.wrong(problem["message"])
        return None
    _counts(found)
    _earlier(found, zone, now)
    _times(found, zone, now)
    _wrong(found)
    _first(found["first"], zone, now)
    return row


def _counts(found: Mapping[str, Any]) -> None:
    cells = [(found["wrong_rows"], *CHECKED["wrong"])]
    cells += [(found.get(kind, 0), *word) for kind, word in CHECKED.items() if kind != "wrong"]
    cells = [cell for cell in cells if cell[0]]
    good = (found["good"], "good", "green", "to be loaded")
    boxes = "".join(_count(*cell) for cell in (good, *cells))
    st.html(f'<div class="counts">{boxes}</div>')


def _count(number: int, word: str, colour: str, means: str) -> str:
    return (
        f'<div class="counted {colour}"><b>{number:,}</b><span>{escape(word)}</span>'
        f"<small>{escape(means)}</small></div>"
    )


def _earlier(found: Mapping[str, Any], zone: str, now: datetime) -> None:
    if one := found.get("earlier"):
        at = _at(one["at"], zone, now)
        look.note(
            f"This file was loaded before: by {one['by']}, {at}, as «{one['name']}».", "orange"
        )


def _times(found: Mapping[str, Any], zone: str, now: datetime) -> None:
    lines = [_span(one, zone, now) for one in found["accounts"]]
    if lines:
        st.html(f'<p class="finish">{"<br>".join(lines)}</p>')
    for why, count in found["waits"].items():
        look.note(f"{plural(count, 'message', cap=10**6)}: {why}", "orange")
    if unheard := found.get("unheard"):
        look.note(telling.unheard(unheard), "orange")
    for one in found["passings"]:
        names = ", ".join(f"«{name}»" for name in one["accounts"])
        at = _at(one["at"], zone, now)
        look.note(f"{names} pass Meta's limit of {one['limit']:,} people in 24 hours {at}.")
    if guessed := found.get("guessed"):
        told = plural(guessed, "row", cap=10**6)
        look.note(f"The zone of {told} was guessed from the country of the number.", "blue")
        with st.expander("Which rows, and when they leave"):
            st.html(_guessed(found.get("guessed_rows", ()), guessed, now))


def _guessed(rows: Sequence[Mapping[str, Any]], count: int, now: datetime) -> str:
    """Each with its time in the zone that was guessed."""
    lines = "".join(
        f'<tr><td class="n">{one["line"]:,}</td><td>{escape(one["recipient"])}</td>'
        f"<td>{escape(one['zone'])} (guessed)</td><td>{_at(one['due_at'], one['zone'], now)}</td>"
        "</tr>"
        for one in rows
    )
    more = count - len(rows)
    rest = f'<p class="read">and {more:,} more</p>' if more else ""
    return f'<div class="sample" tabindex="0"><table><tbody>{lines}</tbody></table></div>{rest}'


def _span(one: Mapping[str, Any], zone: str, now: datetime) -> str:
    begins, ends = (datetime.fromisoformat(one[key]) for key in ("begins_at", "ends_at"))
    seconds = ends - begins < timedelta(minutes=2)
    first, last = (moments.clock(at, zone, now, seconds=seconds) for at in (begins, ends))
    messages = plural(one["messages"], "message", cap=10**6)
    return f"«{escape(one['account'])}»: {messages}, the first {first}, done <b>{last}</b>"


def _at(stamp: str, zone: str, now: datetime) -> str:
    return moments.clock(datetime.fromisoformat(stamp), zone, now)


def _wrong(found: Mapping[str, Any]) -> None:
    if found["wrong_rows"]:
        rows = plural(found["wrong_rows"], "row is", "rows are", cap=10**6)
        left, right = st.columns([3, 1], vertical_alignment="center")
        left.html(f'<h2 class="part-title">{rows} wrong and will not be loaded</h2>')
        with right:
            _download(found["wrong_file"])
        st.html(_kinds(found))
    if found["double"]:
        look.quiet("To load the doubles all the same, say so in step 4 under «More».")
    if found["told"]:
        with st.expander(f"{plural(len(found['told']), 'row')} that will not be sent"):
            st.html(_told(found["told"]))


def _download(file_id: int) -> None:
    try:
        file = files.find(file_id)
    except Refused:
        look.quiet("Their file was kept for a week: check again to get it.")
        return
    st.download_button(
        "Download them, to correct",
        data=lambda: b"".join(files.read(file_id)),
        file_name=file.name,
        mime=file.media_type,
        on_click="ignore",
        key=f"many-wrong-{file_id}",
        width="stretch",
    )


def _kinds(found: Mapping[str, Any]) -> str:
    """What is wrong, kind by kind, the most frequent first; each opens to its lines."""
    kinds = found["kinds"]
    open_ = " open" if sum(one["count"] for one in kinds) <= OPENED else ""
    return f'<div class="kinds">{"".join(_kind(one, open_) for one in kinds)}</div>'


def _kind(one: Mapping[str, Any], open_: str) -> str:
    flaws: Sequence[Mapping[str, Any]] = one["flaws"]
    lines = "".join(
        f'<tr><td class="n">{flaw["line"]:,}</td><td>{escape(str(flaw["value"])[:60])}</td>'
        f"<td>{escape(flaw['reason'])}</td></tr>"
        for flaw in flaws
    )
    more = one["count"] - len(flaws)
    rest = f'<p class="read">and {more:,} more in the file to download</p>' if more else ""
    column = escape({"": "The row", "text": "Text"}.get(one["column"], one["column"]))
    told = FLAWS.get(one["code"]) or _in_general(flaws[0]["reason"])
    return (
        f'<details{open_}><summary><b>{one["count"]:,} ×</b> <span class="chip grey">{column}'
        f"</span> {escape(told)}</summary>"
        '<div class="sample wrongs" tabindex="0"><table><thead><tr><th class="n">line</th>'
        f"<th>value</th><th>what is wrong</th></tr></thead><tbody>{lines}</tbody></table></div>"
        f"{rest}</details>"
    )


def _in_general(reason: str) -> str:
    """A reason without the value that it is about: «0812» is too short … → is too short …"""
    first = _SENTENCE.match(reason)
    told = re.sub("^«[^»]*» ", "", first[0] if first else reason)
    return re.sub("«[^»]*»", "«…»", told).rstrip(".")


def _told(rows: Iterable[Mapping[str, Any]]) -> str:
    def why(one: Mapping[str, Any]) -> str:
        word = CHECKED[one["kind"]][2]
        if one["of_line"]:
            return f"{word}: line {one['of_line']:,} says the same"
        if one["message"]:
            return f'{word}: <a class="go" href="/message?id={one["message"]}">this message</a>'
        return word

    lines = "".join(
        f'<tr><td class="n">{one["line"]:,}</td><td>{escape(one["recipient"])}</td>'
        f"<td>{why(one)}</td></tr>"
        for one in rows
    )
    return f'<div class="sample"><table><tbody>{lines}</tbody></table></div>'


def _first(first: Iterable[Mapping[str, Any]], zone: str, now: datetime) -> None:
    shown = list(first)
    if not shown:
        return
    st.html('<h2 class="part-title">The first of them, as the phone shows them</h2>')
    for cell, one in zip(st.columns(3), shown, strict=False):
        with cell:
            at = _at(one["due_at"], zone, now)
            to = f"to {one['recipient']}"
            shown = _shown(one)
            st.html(preview.phone(one["account"], one["text"], at=at, number=to, shown=shown))


def _shown(one: Mapping[str, Any]) -> Shown | None:
    """A template as the phone shows it; None of a text."""
    template = catalogue.template(one["template_id"]) if one["template_id"] else None
    if template is None:
        return None
    return templating.shown(composing.shape_of(template), one["parameters"])

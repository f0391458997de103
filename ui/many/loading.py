"""Step 6: the name of the batch, how it starts, and the loading itself."""

from datetime import datetime, timedelta
from html import escape
from urllib.parse import urlencode

import streamlit as st

from core import first_row, load_orders, operations, reports
from core.access import Actor
from core.errors import Invalid, OutboxError, Refused
from core.judging import Is
from core.kinds import OPEN, Kind
from core.loading import Then
from core.models import Account, Operation
from core.sheets.plan import Plan
from ui import addresses, look
from ui.many.source import Source
from ui.progress import progress
from ui.words.files import CHECKED, STARTS
from ui.words.numbers import plural

FIRST = 20  # messages of a trial
RECENT = timedelta(days=1)


def order(
    source: Source,
    plan: Plan,
    check: Operation,
    account: Account | None,
    *,
    by: Actor,
    now: datetime,
) -> int | None:
    """What is asked before it is loaded; the operation's id when it was ordered. `now`: where the
    person is."""
    key, good = f"{source.key}-load", int(check.result["good"])
    if not good:
        look.note("Nothing in this file is to be loaded: see the check.")
        return None
    if plan.duplicates == "load":
        look.note("Doubles are loaded all the same: somebody may get the same words twice.")
    _to_me(source, plan, account, by=by)
    stem = source.file.name.rpartition(".")[0] or source.file.name
    st.session_state.setdefault(f"{key}-name", f"{stem} {now.day} {now:%b %H:%M}")
    name = st.text_input("Name of the batch", key=f"{key}-name", persist_state="session") or ""
    then = st.radio(
        "When all of it is in",
        list(STARTS),
        format_func=lambda one: STARTS[one].format(first=FIRST),
        key=f"{key}-then",
        persist_state="session",
    )
    before = bool(check.result.get("earlier"))
    again = before and _again(key, check)
    if not st.button(
        f"Load {plural(good, 'message', cap=good)}",
        type="primary",
        key=f"{key}-go",
        disabled=before and not again,
    ):
        return None
    if not name.strip():
        look.wrong("Give the batch a name.")
        return None
    try:
        return load_orders.order(
            check.id, name=name.strip(), by=by, then=Then(then), first=FIRST, again=again
        )
    except OutboxError as refused:
        look.wrong(str(refused))
        return None


def _again(key: str, check: Operation) -> bool:
    """A file that was loaded before asks for a word; since the check, the load itself refuses."""
    return st.checkbox(
        "This file was loaded before. Load it all the same.", key=f"{key}-again-{check.id}"
    )


def _to_me(source: Source, plan: Plan, account: Account | None, *, by: Actor) -> None:
    """The first row to a number of our own."""
    key = f"{source.key}-test"
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    st.session_state.setdefault(f"{key}-number", first_row.own_number(account, by=by))
    with left:
        number = (
            st.text_input(
                "Send the first row to me first",
                placeholder="Your own number",
                key=f"{key}-number",
                persist_state="session",
            )
            or ""
        )
    with right:
        pressed = st.button("Send it", key=f"{key}-send")
    if pressed:
        try:
            made = first_row.send(source.file.id, plan, number, by=by)
        except Invalid as refused:
            for problem in refused.problems:
                look.wrong(problem.message)
            return
        except OutboxError as refused:
            look.wrong(str(refused))
            return
        st.session_state[f"{key}-made"] = made
    if made := st.session_state.get(f"{key}-made"):
        link = f'<a class="go" href="{addresses.message(made)}">See it leave</a>'
        st.html(f'<div class="note green" role="status">On its way. {link}</div>')


def under_way(load_id: int) -> None:
    """The bar; then what was stored, and where it is. Raises Refused where it is no load."""
    if operations.state(load_id).kind != Kind.LOAD:
        raise Refused(f"Operation {load_id} loads no file.")
    row = progress(load_id, doing="Loading the messages")
    if row.state == "cancelled" and operations.is_put_back(row):
        link = f'<a class="go" href="{addresses.batch(row.batch_id)}">See what became of them</a>'
        told = "Waiting messages that it had changed are put back as they were."
        st.html(f'<div class="note grey">{told} {link}</div>')
    if row.state == "finished":
        load = operations.state(load_id)
        found = load.result or {}
        parts = [
            f"{plural(n, 'message', cap=n)} {word}"
            for n, word in ((found.get("new", 0), "loaded"), (found.get("changed", 0), "changed"))
            if n
        ]
        if wrong := load.arguments["left_out"].get(Is.WRONG, 0):
            parts.append(f"{plural(wrong, 'wrong row', cap=wrong)} left out")
        link = f'<a class="go" href="{addresses.batch(row.batch_id)}">Open the batch</a>'
        told = escape(", ".join(parts) or "Nothing new was in it")
        st.html(f'<div class="note green" role="status"><b>Done</b>: {told}. {link}</div>')
        _lost(load)


def _lost(load: Operation) -> None:
    """What was good when it was checked and was not loaded: it must not go unnoticed."""
    count, kinds = load_orders.lost(load)
    if not count:
        return
    why = " or ".join(CHECKED[kind][0] for kind in kinds)
    again = f"/many?file={load.arguments['file_id']}"
    rows = plural(count, "good row was", "good rows were", cap=10**6)
    st.html(
        f'<div class="note orange" role="alert"><b>{rows} not loaded</b>, for what came since the'
        f" check: {escape(why)} by now."
        f' <a class="go" href="{again}">Check the file again to see which</a></div>'
    )


def open_ones(by: Actor) -> None:
    """What this person left to go on by itself, to be found again."""
    for row in operations.of(by, {Kind.CHECK, Kind.LOAD}, since=reports.now() - RECENT):
        if row.state in OPEN:
            what, name = ("check", "checked") if row.kind == Kind.CHECK else ("load", "loaded")
            link = f"/many?file={row.arguments['file_id']}&{what}={row.id}"
            st.html(
                f'<div class="note blue" role="status">A file is being {name}.'
                f' <a class="go" href="{escape(link)}">See how far it is</a></div>'
            )


def left(one: tuple[str, dict[str, str]] | None) -> None:
    """A file that was left for another page: its name and where it was."""
    if one:
        name, asked = one
        link = f'<a class="go" href="/many?{escape(urlencode(asked))}">Go on with it</a>'
        st.html(
            f'<div class="note blue" role="status">You left «{escape(name)}» here. {link}</div>'
        )

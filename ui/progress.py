"""How far an operation is: a bar that moves by itself, and stops when its operation has ended."""

from collections.abc import Callable
from html import escape

import streamlit as st

from core import operations, plenty, reports
from core.access import Actor, Role
from core.errors import OutboxError
from core.kinds import OPEN
from core.models import Operation
from ui import asking, look
from ui.guard import signed_in
from ui.words.numbers import brief, plural

EVERY = "1s"
Stop = tuple[str, Callable[[Actor], object]]  # what the button says, and does


def progress(
    operation_id: int,
    *,
    doing: str,
    one: str = "row",
    stop: Stop | None = None,
    every: str = EVERY,
) -> Operation:
    """Draw how far an operation is, and return its row as it stood when the page was drawn.

    `doing` heads the bar («Exporting 4,812 messages»); `one` is what it counts, in the singular.
    While it is queued or running the bar refreshes itself `every` second, whatever the page does,
    with Cancel for who asked for it and for operators; `stop` takes Cancel's place where something
    else than the operation decides. When it has ended, the page runs once more,
    without a bar: what was cancelled or failed is said here, and what a finished one has made is
    for the caller to draw:

        row = progress(operation_id, doing="Checking the file")
        if row.state == "finished":
            results(row.result)

    A page finds what is under way again by `operations.of(person, {Kind.…}, since=…)`.
    """
    row = operations.state(operation_id)
    if row.state in OPEN:
        moving = st.fragment(_moving, run_every=every, key=f"progress-of-{operation_id}")
        moving(operation_id, doing, one, stop)
    elif row.state == "cancelled":
        look.note(f"{doing}: cancelled after {_so_far(row, one)}.", "grey")
    elif row.state == "failed":
        look.note(f"{doing} failed after {_so_far(row, one)}: {row.error}.", "red")
    return row


def _moving(operation_id: int, doing: str, one: str, stop: Stop | None) -> None:
    by = signed_in()  # a fragment runs by itself, also in a page that stays open
    row = operations.state(operation_id)
    if row.state not in OPEN and not asking.under_way():
        plenty.forget()  # while it went on, others may have counted
        st.rerun()
    with st.container(key=f"progress-{operation_id}", horizontal=True, vertical_alignment="center"):
        st.html(_bar(row, doing, one))
        may = row.created_by == by.name or by.role >= Role.OPERATOR
        open_ = row.state in OPEN
        label, verb = stop or ("Cancel", lambda by: operations.cancel(operation_id, by=by))
        if may and open_ and st.button(label, key=f"cancel-{operation_id}"):
            _carry_out(lambda: verb(by))


def _bar(row: Operation, doing: str, one: str) -> str:
    done = row.done + row.skipped
    known = row.counted and row.state != "queued"
    value = f' value="{min(done, row.counted)}" max="{row.counted}"' if known else ""
    return (
        f'<div class="progress"><p><b>{escape(doing)}</b><span>{escape(_told(row, one))}</span></p>'
        f'<progress aria-label="{escape(doing)}"{value}></progress></div>'
    )


def _told(row: Operation, one: str) -> str:
    """«34,600 of 84,210 rows · 12 s left»."""
    if row.state == "queued":
        return "waits for a worker"
    done = row.done + row.skipped
    if not row.counted:
        return _so_far(row, one)
    told = f"{done:,} of {plural(row.counted, one, cap=row.counted)}"
    now = reports.now()
    if quiet := operations.quiet(row, now):
        return f"{told} · no progress for {brief(quiet)}; what was cut off goes on by itself"
    left = operations.remaining(row, now)
    if left is None or row.state != "running":
        return told
    return f"{told} · {brief(left) if done < row.counted else 'a moment'} left"


def _so_far(row: Operation, one: str) -> str:
    done = row.done + row.skipped
    return plural(done, one, cap=done)


def _carry_out(verb: Callable[[], object]) -> None:
    try:
        verb()
    except OutboxError as refused:
        look.wrong(str(refused))
        return
    st.rerun()

"""Batches: the list, newest first; and one of them (`?id=`), with Pause as its first button."""

from html import escape

import streamlit as st

from core import batch_reports, reports
from core import steering as core_steering
from core.access import Role
from core.batch_reports import PAGE, Whole
from core.kinds import FILLS, OF_BATCHES, OPEN, Kind
from core.reasons import REASONS
from core.standing import Standing
from ui import (
    addresses,
    asking,
    batches,
    charts,
    correcting,
    counting,
    look,
    moments,
    steering,
    timeline,
)
from ui.guard import signed_in, zone
from ui.progress import progress
from ui.words.numbers import plural

person = signed_in()
now = reports.now()
_DOING = {
    Kind.LOAD: "Loading",
    Kind.UNLOAD: "Putting back what its file changed",
    Kind.FOLLOW_UP: "Preparing",
    Kind.CORRECT: "Correcting",
    Kind.UNCORRECT: "Undoing the correction",
    Kind.BATCH_CANCEL: "Cancelling",
    Kind.BATCH_RELEASE: "Releasing",
    Kind.RETRY: "Sending the failed again",
}
_SHOWN = {Kind.BATCH_CANCEL, Kind.BATCH_RELEASE}


def page() -> None:
    batch_id = addresses.asked()
    if batch_id is not None:
        asking.over()
        one(counting.whole(batch_id))
    else:
        every()


def every() -> None:
    look.title("Batches")
    before = addresses.asked("before")
    found = batch_reports.latest(before=before, size=PAGE + 1, counted=counting.counted)
    if not found:
        look.empty("No batches yet", "What is loaded from a file appears here, newest first.")
        return
    st.html(batches.listed(found[:PAGE], now=now, zone=zone()))
    if len(found) > PAGE:
        older = f"/batches?before={found[PAGE - 1].batch.id}"
        st.html(
            f'<footer class="turn"><a class="go button plain" href="{older}">Older →</a></footer>'
        )


def one(whole: Whole | None) -> None:
    st.html('<p class="crumb"><a class="go" href="/batches">← Batches</a></p>')
    if whole is None:
        look.empty(
            "No such batch",
            "The address names a batch that does not exist.",
            link=("All batches", "/batches"),
        )
        return
    look.title(whole.batch.name, whole.account or "several accounts")
    if person.role >= Role.OPERATOR:
        steering.offered(whole, lambda: correcting.drawer(whole, by=person), by=person)
    under_way(whole)
    moving = st.fragment(watched, run_every="2s" if whole.progress.open else "20s", key="watched")
    moving(whole)
    correcting.made(whole, zone=zone(), by=person)
    results(whole)
    st.html(timeline.facts(facts(whole)))
    st.html('<h2 class="part-title">Who did what</h2>')
    st.html(batches.record(whole.record, whole, zone()))


def under_way(whole: Whole) -> None:
    """What is being done to its messages, or ended before it was full; a pause holds before its
    holds follow."""
    for row in whole.operations:
        kind = Kind(row.kind)
        fills = whole.state == "loading" and kind in FILLS
        open_ = row.state in OPEN and kind not in OF_BATCHES - _SHOWN
        if fills or open_:
            # Without its operation the scan would let the rest go: what ends a release is a pause.
            hold = ("Hold it again", lambda by: core_steering.pause(whole.batch.id, by=by))
            stop = hold if kind is Kind.BATCH_RELEASE else None
            doing = _DOING.get(kind, row.kind)
            progress(row.id, doing=doing, one="message", stop=stop)


def watched(drawn: Whole) -> None:
    """How far it is, live; the whole page follows when its state has changed.

    The state is asked each time; the larger a batch, the less often it is counted.
    """
    signed_in()
    whole = counting.seen(drawn)
    if whole is None:
        st.rerun()
    if _told(whole) != _told(drawn) and not asking.under_way():
        st.rerun()
    waits = batches.waits(whole)
    said = [escape(batches.told(whole)) + ".", batches.ends(whole, zone())]
    if waits:
        said.append(f"Waiting: {escape(waits)}.")
    sentences = "".join(f"<p>{sentence}</p>" for sentence in said if sentence)
    st.html(
        f'<section class="state" aria-live="polite">{batches.chip(whole)}'
        f"{batches.bar(whole.progress)}{sentences}</section>"
    )
    st.html(batches.standings(whole))
    if whole.outlook and (whole.outlook.ahead or whole.outlook.so_far):
        chart = charts.outlook(whole.outlook, zone=zone(), total=whole.progress.total)
        st.altair_chart(chart, key=f"outlook-{whole.batch.id}")


def _told(whole: Whole) -> tuple[str, str, bool]:
    return whole.batch.state, whole.state, whole.progress.failed > 0


def results(whole: Whole) -> None:
    counted = whole.progress
    if not counted.failed:
        return
    failed = (Standing.FAILED, Standing.UNCONFIRMED)
    address = addresses.listed(*failed, batch=whole.batch.id)
    query = "".join(f"state={one}&" for one in failed) + f"batch={whole.batch.id}"
    export = escape(f"/export/messages.csv?{query}&zone={zone()}")
    st.html(
        f'<h2 class="part-title">{plural(counted.failed, "message", cap=counted.failed)} failed'
        f"</h2>{batches.failures(whole)}"
        f'<footer class="turn"><a class="go" href="{address}">Look at them</a>'
        f'<a href="{export}" download target="_self">Export them as CSV</a></footer>'
    )


def facts(whole: Whole) -> list[tuple[str, str]]:
    batch = whole.batch
    at = moments.shown(batch.created_at, zone(), now)
    lines = [("Loaded", f"{at} by {escape(batch.created_by)}")]
    lines.append(("Messages", plural(whole.progress.total, "message", cap=whole.progress.total)))
    if whole.file:
        lines.append(("From", f"{escape(whole.file.name)}, {whole.file.size:,} bytes"))
    if batch.trial_since:
        lines.append(("On trial since", moments.shown(batch.trial_since, zone(), now)))
    if batch.released_at:
        lines.append(("Released", moments.shown(batch.released_at, zone(), now)))
    if batch.finished_at:
        lines.append(("Finished", moments.shown(batch.finished_at, zone(), now)))
    if back := batches.put_back(whole):
        lines.append(("Called off", back))
    if out := left_out(whole):
        lines.append(("Left out", out))
    every = addresses.listed(batch=batch.id)
    lines.append(("All of it", f'<a class="go" href="{every}">in the list of messages</a>'))
    return lines


def left_out(whole: Whole) -> str:
    """Who got the old words, and is not in the batch that corrects them."""
    fills = [one for one in whole.operations if one.kind == Kind.FOLLOW_UP]
    why = fills[0].cursor["why"] if fills else {}
    told = (f"{count:,} {REASONS[reason]}" for reason, count in why.items() if reason != "right")
    return escape(", ".join(told))


page()

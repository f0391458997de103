"""One message: how it looks, where it stands, what can be done, and all that happened to it."""

from collections.abc import Iterator
from datetime import datetime
from html import escape

import streamlit as st

from core import batch_reports, catalogue, people, reports
from core.access import Role
from core.explain import explain_many
from core.listing import MessageRow
from core.reports import History
from core.schedule import told
from core.standing import Standing
from ui import actions, addresses, asking, look, moments, preview, table, timeline
from ui.guard import signed_in, zone
from ui.words import LATE, State, state_of

person = signed_in()
now = reports.now()


def page() -> None:
    st.html('<p class="crumb"><a class="go" href="/messages">← Messages</a></p>')
    asking.over()  # a run of the whole page closes every dialog
    message_id = addresses.asked()
    history = reports.message(message_id) if message_id is not None else None
    if history is None:
        look.empty(
            "No such message",
            "The address names a message that does not exist.",
            link=("All messages", "/messages"),
        )
        return
    draw(history)


def draw(history: History) -> None:
    row = history.row
    look.title(f"Message {row.id}", row.account)
    left, right = st.columns([2, 3], gap="large")
    with left:
        at = moments.clock(row.sent_at or row.due_at, zone(), now)
        st.html(preview.phone(row.account, row.text or "", at=at, shown=catalogue.shown(row)))
    with right:
        watched(row.id, (row.version, row.hold))
        if person.role >= Role.OPERATOR and not row.deleted_at:
            actions.offered(history, by=person)
        st.html(timeline.facts(facts(history)))
    st.html('<h2 class="part-title">What happened</h2>')
    st.html(timeline.drawn(history, now=now, zone=zone()))


@st.fragment(run_every="2s")
def watched(message_id: int, seen: tuple[int, str | None]) -> None:
    """The state, live; the whole page follows when the message has changed."""
    history = reports.message(message_id)
    now_is = history and (history.row.version, history.row.hold)
    if history is None or (now_is != seen and not asking.under_way()):
        st.rerun()
    row, at = history.row, reports.now()
    if row.deleted_at:
        when = moments.clock(row.deleted_at, zone(), at)
        look.note(f"Deleted by {row.deleted_by} {when}. Lists do not show it any more.", "grey")
    why = None if row.ended else explain_many([row.id]).get(row.id)
    state = state_of(row, at, zone(), why=why)
    advice = "".join(f'<p class="advice">{escape(said)}</p>' for said in more(history, state, at))
    chip = look.chip(state.word, state.colour, state.icon)
    st.html(
        f'<section class="state" aria-live="polite">{chip}'
        f"<p>{escape(state.sentence)}</p>{advice}</section>"
    )


def more(history: History, state: State, at: datetime) -> list[str]:
    """What can be done about the state, and what the history adds to it: who did it."""
    said = [state.advice] if state.advice else []
    if state.standing is Standing.CANCELLED:
        ends = [event for event in history.events if event.kind in ("cancel", "delete")]
        said += [f"By {end.actor}, {moments.clock(end.at, zone(), at)}." for end in ends[-1:]]
        said += _asked(history)
    return said


def _asked(history: History) -> Iterator[str]:
    """When and by whom it was asked that they be left in peace."""
    for event in [event for event in history.events if event.kind == "opted out"][-1:]:
        if asked := people.asked_before(history.row.id, event.at, zone=zone()):
            yield f"Asked {asked}."


def _person(number: str) -> str:
    """HTML: the recipient, with the way to all about them."""
    return f'<a class="go" href="{addresses.person(number)}">{table.recipient(number)}</a>'


def facts(history: History) -> list[tuple[str, str]]:
    row = history.row
    lines = [
        ("To", _person(row.recipient)),
        ("From", escape(row.account)),
        ("Scheduled for", escape(told(row.scheduled_at, row.zone, now=now)) + _guessed(history)),
        ("Written by", f"{escape(row.created_by)}, {moments.shown(row.created_at, zone(), now)}"),
        ("Retries", f"{row.retry_count} of {row.max_retries}"),
    ]
    if row.template:
        lines[2:2] = _template(row)
    if row.not_after:
        lines.append(("Not after", moments.shown(row.not_after, zone(), now)))
    if row.late_policy:
        lines.append(("If late", LATE[row.late_policy]))
    if row.due_at != row.scheduled_at:
        lines.insert(3, ("Due", moments.shown(row.due_at, zone(), now, seconds=True)))
    if row.batch_id is not None:
        named = escape(batch_reports.name(row.batch_id) or f"number {row.batch_id}")
        link = f'<a class="go" href="{addresses.batch(row.batch_id)}">{named}</a>'
        lines.append(("Batch", link))
    if row.reference:
        lines.append(("Reference", escape(row.reference)))
    if row.meta_message_id:
        lines.append(("Meta id", f"<code>{escape(row.meta_message_id)}</code>"))
    return lines


def _guessed(history: History) -> str:
    if not history.zone_guessed:
        return ""
    told = "its time zone was guessed from the country of the number"
    return f'<br><span class="quiet">{told}</span>'


def _template(row: MessageRow) -> list[tuple[str, str]]:
    named = escape(f"{row.template} ({row.language})")
    link = f'<a class="go" href="{addresses.template(row.template_id or 0)}">{named}</a>'
    given = timeline.told(row.parameters or {}, "parameters", now, zone())
    return [("Template", link), *([("With", escape(given))] if row.parameters else [])]


page()

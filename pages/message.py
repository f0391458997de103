"""One message: how it looks, where it stands, what can be done, and all that happened to it."""

from collections.abc import Iterator
from datetime import datetime
from html import escape

import streamlit as st

from core import batch_reports, catalogue, happened, history, people, posted, replies, reports
from core.access import Role
from core.explain import explain_many
from core.history import History
from core.listing import MessageRow
from core.standing import Standing
from ui import actions, addresses, asking, look, moments, preview, table, timeline
from ui.guard import signed_in, zone
from ui.words.states import LATE, State, state_of

person = signed_in()
now = reports.now()


def page() -> None:
    st.html('<p class="crumb"><a class="go" href="/messages">← Messages</a></p>')
    asking.over()  # a run of the whole page closes every dialog
    message_id = addresses.asked()
    may = person.role >= Role.OPERATOR
    refused = actions.pressed(message_id, by=person) if message_id and may else None
    found = history.read(message_id) if message_id is not None else None
    if found is None:
        look.empty(
            "No such message",
            "The address names a message that does not exist.",
            link=("All messages", "/messages"),
        )
        return
    draw(found, refused)


def draw(found: History, refused: str | None) -> None:
    row = found.row
    look.title(f"Message {row.id}", row.account)
    left, right = st.columns([2, 3], gap="large")
    with left:
        phone(found)
    with right:
        watched(row.id, signs(found))
        if person.role >= Role.OPERATOR and not row.deleted_at:
            actions.offered(found, by=person)
        if refused:
            look.wrong(refused)
        st.html(timeline.facts(facts(found)))
    st.html(
        f'<h2 class="part-title">What happened</h2><p class="read">Times of {escape(zone())},'
        " exact on hover. All of it as one file that can be checked later:"
        f' <a href="{addresses.evidence(row.id, zone())}" download target="_self">'
        "download the evidence</a></p>"
    )
    st.html(timeline.drawn(happened.lines(found, now=now, zone=zone()), now=now, zone=zone()))


def phone(found: History) -> None:
    """What the person has, by the request itself; before there is one, what they will have."""
    row, attempt, back = found.row, found.handed_over, list(answers(found))
    if attempt is None:
        at, text, shown = row.due_at, row.text or "", catalogue.shown(row)
    else:
        at = attempt.posted_at or attempt.claimed_at
        text, shown = posted.said(row, attempt.payload)
    when = moments.clock(at, zone(), now)
    st.html(preview.phone(row.account, text, at=when, shown=shown, answers=back))
    if attempt is not None:
        look.quiet("As it was handed to WhatsApp.")
    if len(back) == replies.MOST:
        look.quiet(f"The first {replies.MOST} that they wrote after it.")


def answers(found: History) -> Iterator[preview.Answer]:
    for one in found.replies:
        if said := happened.wrote(one.kind, one.text):
            yield preview.Answer(said, moments.clock(one.at, zone(), now), one.answers)


Signs = tuple[int, str | None, str | None, int, int, int]


def signs(found: History) -> Signs:
    """What tells that more has happened; a delivery alone makes no new version."""
    row = found.row
    return (
        row.version,
        row.hold,
        row.delivery,
        len(found.attempts),
        len(found.told),
        len(found.replies),
    )


@st.fragment(run_every="2s")
def watched(message_id: int, seen: Signs) -> None:
    """The state, live; the whole page follows when something has happened."""
    found = history.read(message_id)
    if found is None or (signs(found) != seen and not asking.under_way()):
        st.rerun()
    row, at = found.row, reports.now()
    if row.deleted_at:
        by = f"{escape(row.deleted_by or '')} {moments.shown(row.deleted_at, zone(), at)}"
        gone = f"Deleted by {by}. Lists do not show it any more."
        st.html(f'<p class="note grey" role="status">{gone}</p>')
    why = None if row.ended else explain_many([row.id]).get(row.id)
    state = state_of(row, at, zone(), why=why)
    advice = "".join(f'<p class="advice">{said}</p>' for said in more(found, state, at))
    chip = look.chip(state.word, state.colour, state.icon)
    told = moments.marked(state.sentence, state.times, zone())
    st.html(f'<section class="state" aria-live="polite">{chip}<p>{told}</p>{advice}</section>')


def more(found: History, state: State, at: datetime) -> list[str]:
    """HTML: what can be done about the state, and what the history adds to it: who did it."""
    said = [escape(state.advice)] if state.advice else []
    if state.standing is Standing.CANCELLED:
        ends = [event for event in found.events if event.kind in ("cancel", "delete")]
        said += [
            f"By {escape(end.actor)}, {moments.shown(end.at, zone(), at)}." for end in ends[-1:]
        ]
        said += _asked(found)
    return said


def _asked(found: History) -> Iterator[str]:
    """HTML: when and by whom it was asked that they be left in peace."""
    for event in [event for event in found.events if event.kind == "opted out"][-1:]:
        if asked := people.asked_before(found.row.id, event.at, zone=zone()):
            yield f"Asked {escape(asked)}."


def _person(number: str) -> str:
    """HTML: the recipient, with the way to all about them."""
    return f'<a class="go" href="{addresses.person(number)}">{table.recipient(number)}</a>'


def facts(found: History) -> list[tuple[str, str]]:
    row = found.row
    lines = [
        ("To", _person(row.recipient)),
        ("From", escape(row.account)),
        ("Scheduled for", moments.shown(row.scheduled_at, zone(), now) + _elsewhere(found)),
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
    if found.source:
        named = escape(found.source.file or "its file")
        lines.append(("Read from", f"line {found.source.line:,} of {named}"))
    if row.reference:
        lines.append(("Reference", escape(row.reference)))
    if row.meta_message_id:
        lines.append(("Meta id", f"<code>{escape(row.meta_message_id)}</code>"))
    return lines


def _elsewhere(found: History) -> str:
    """The same time where it was meant, if the clocks there show another one."""
    row = found.row
    here, there = (moments.clock(row.scheduled_at, place, now) for place in (zone(), row.zone))
    said = (
        [f"{there} in {row.zone}, where it was meant"]
        if row.zone != "UTC" and here != there
        else []
    )
    if found.zone_guessed:
        said.append("its time zone was guessed from the country of the number")
    return f'<br><span class="quiet">{escape(", ".join(said))}</span>' if said else ""


def _template(row: MessageRow) -> list[tuple[str, str]]:
    named = escape(f"{row.template} ({row.language})")
    link = f'<a class="go" href="{addresses.template(row.template_id or 0)}">{named}</a>'
    given = happened.value(row.parameters or {}, "parameters", now, zone())
    return [("Template", link), *([("With", escape(given))] if row.parameters else [])]


page()

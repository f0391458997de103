"""What happened since somebody was last here, in a few words."""

import re
from datetime import datetime
from html import escape

import streamlit as st

from core import presence
from core.access import Actor
from core.models import AuditEvent
from core.presence import Since
from ui import addresses, moments
from ui.words.house import SINCE
from ui.words.numbers import count

MOST = 6  # events; the rest are counted


@st.cache_data(ttl=30, max_entries=200, show_spinner=False)
def _since(left_at: datetime, name: str) -> Since:
    return presence.since(left_at, actions=list(SINCE), but=name)


def told(person: Actor, *, now: datetime, zone: str) -> str:
    """HTML; empty on a first visit."""
    left_at = presence.left(person)
    if left_at is None:
        return ""
    found = _since(left_at, person.name)
    counts = [f"<b>{found.sent:,}</b> sent", f"<b>{count(found.failed)}</b> failed"]
    if found.unconfirmed:
        counts.append(f"<b>{count(found.unconfirmed)}</b> unconfirmed")
    lines = "".join(f"<li>{_event(one, now, zone)}</li>" for one in found.events[-MOST:])
    more = len(found.events) - MOST
    rest = f"<li>and {more} earlier</li>" if more > 0 else ""
    when = moments.shown(left_at, zone, now)
    return (
        f'<section class="since"><p>Since you were last here, {when}: {", ".join(counts)}.</p>'
        f"<ul>{rest}{lines}</ul></section>"
    )


def _event(one: AuditEvent, now: datetime, zone: str) -> str:
    target = escape(one.target or "")
    if batch := re.fullmatch(r"batch (\d{1,18})", one.target or ""):
        target = f'<a class="go" href="{addresses.batch(int(batch[1]))}">batch {batch[1]}</a>'
    by = "" if one.actor == "outbox" else f" by {escape(one.actor)}"
    done = " ".join(part for part in (target, SINCE[one.action]) if part)
    return f"{moments.shown(one.at, zone, now)} {done}{by}"

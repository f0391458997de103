"""Everything that happened to one message, as one line of time: people's changes and attempts."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from html import escape
from typing import Any

from core.models import Attempt, MessageEvent
from core.reports import History
from core.schedule import span
from ui import moments
from ui.words import ATTEMPTS, EVENTS, FIELDS

_HIDDEN = {"version", "status", "kept", "template_sha256"}  # told by the sentence itself


def drawn(history: History, *, now: datetime, zone: str) -> str:
    """HTML, oldest first."""
    lines = [(e.at, _event(e, now, zone)) for e in history.events]
    lines += [(a.claimed_at, _attempt(a, history, now, zone)) for a in history.attempts]
    lines.sort(key=lambda line: line[0])
    return f'<ol class="timeline">{"".join(html for _, html in lines)}</ol>'


def _event(event: MessageEvent, now: datetime, zone: str) -> str:
    word, colour = EVENTS.get(event.kind, (event.kind.replace("_", " ").capitalize(), "grey"))
    when = moments.shown(event.at, zone, now, seconds=True)
    changes = "".join(_changes(event.before, event.after, now, zone))
    return (
        f'<li class="line {colour}"><p><b>{escape(word)}</b> by {escape(event.actor)}</p>'
        f'<p class="when">{when}</p>{changes}</li>'
    )


def _changes(before: Any, after: Any, now: datetime, zone: str) -> Iterator[str]:
    """What changed, field by field; only where both sides are known."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return
    for name in after:
        if name in before and name not in _HIDDEN and before[name] != after[name]:
            old, new = (told(side[name], name, now, zone) for side in (before, after))
            label = escape(FIELDS.get(name, name.replace("_", " ").capitalize()))
            yield f'<p class="change">{label}: {_difference(old, new)}</p>'


def _difference(old: str, new: str) -> str:
    return f"<del>{escape(old)}</del> → <ins>{escape(new)}</ins>"


def told(value: Any, name: str, now: datetime, zone: str) -> str:
    """A stored value as people read it."""
    if value is None or value in ("", {}):
        return "none"
    if isinstance(value, dict):
        return " · ".join(f"{key}: {each}" for key, each in value.items())
    if name.endswith("_at") or name == "not_after":
        at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        return moments.clock(at, zone, now)
    return str(value)


def _attempt(attempt: Attempt, history: History, now: datetime, zone: str) -> str:
    number = 1 + sum(other.id < attempt.id for other in history.attempts)
    word, colour = ATTEMPTS.get(attempt.outcome or "", ("Refused", "red"))
    when = moments.shown(attempt.posted_at or attempt.claimed_at, zone, now, seconds=True)
    facts = " · ".join(_facts(attempt, history))
    return (
        f'<li class="line {colour}"><p><b>Attempt {number}</b>: {word}</p>'
        f'<p class="when">{when}{" · " if facts else ""}{facts}</p>'
        f"{''.join(_unfolding(attempt))}</li>"
    )


def _exactly(took: timedelta) -> str:
    """«84 ms», or as people say it from ten seconds on: who disputes it wants to know."""
    milliseconds = took / timedelta(milliseconds=1)
    return f"{milliseconds:,.0f} ms" if milliseconds < 10_000 else span(took)


def _facts(attempt: Attempt, history: History) -> Iterator[str]:
    if attempt.posted_at and attempt.answered_at:
        took = attempt.answered_at - attempt.posted_at
        said = "answered" if attempt.http_status else "nothing came"
        yield f"{said} within {_exactly(took)}"
    if attempt.http_status:
        yield f"HTTP {attempt.http_status}"
    if attempt.error_code is not None:
        sub = f"/{attempt.error_subcode}" if attempt.error_subcode else ""
        yield f"code {attempt.error_code}{sub}"
    if attempt.confirmed_by:
        yield f"risk accepted by {escape(attempt.confirmed_by)}"
    host = history.workers.get(attempt.worker_id)
    yield f"worker {attempt.worker_id}{f' on {escape(host)}' if host else ''}"


def _unfolding(attempt: Attempt) -> Iterator[str]:
    if attempt.error_text:
        yield f'<p class="change">{escape(attempt.error_text)}</p>'
    if attempt.meta_message_id:
        yield f'<p class="change">Meta id <code>{escape(attempt.meta_message_id)}</code></p>'
    for word, body in (("Request", attempt.payload), ("Answer", attempt.answer)):
        if body:
            yield (
                f"<details><summary>{word}</summary><pre>{escape(_indented(body))}</pre></details>"
            )


def _indented(body: str) -> str:
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:  # a gateway's HTML page, or nothing that anybody meant
        return body


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """HTML of labelled values; the values are HTML already."""
    inner = "".join(f"<dt>{escape(label)}</dt><dd>{value}</dd>" for label, value in pairs)
    return f'<dl class="facts">{inner}</dl>'

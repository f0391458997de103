"""What happened to a message, a line for each thing: the words of its page and of its evidence.

Here and not in `ui/`, because the gateway and the command line give the evidence.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from core import schedule
from core.causes import CLASSES, failure
from core.event_words import ATTEMPTS, EVENTS, FIELDS, KINDS, PRIORITIES, STEERED, TOLD, WAITS_AGAIN
from core.history import History, Told
from core.meta.codes import classify
from core.models import Attempt, MessageEvent
from core.replies import Reply

UNKNOWN = "Nobody can tell whether it arrived, so it is not sent again by itself."
# Told by the sentence itself, or by another of these.
_HIDDEN = {"version", "status", "kept", "template_sha256", "line", "scheduled_at"}
_HIDDEN |= {"account_id", "template_id"}
_AT_ONCE = timedelta(seconds=5)


class Change(NamedTuple):
    field: str
    before: str
    after: str


@dataclass(frozen=True)
class Line:
    """One thing that happened. `by`: who did it; `colour`: a class of outbox.css.

    `times` are exact ones, `unfolds` what is shown to whoever asks: a heading and its text.
    """

    at: datetime
    colour: str
    title: str
    by: str = ""
    facts: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    times: tuple[tuple[str, datetime], ...] = ()
    unfolds: tuple[tuple[str, str], ...] = ()


def lines(history: History, *, now: datetime, zone: str) -> list[Line]:
    """All that happened, oldest first; what was changed is told with the times of `zone`."""
    found = [_event(one, history, now, zone) for one in history.events]
    found += _steered(history)
    found += [_attempt(one, history) for one in history.attempts]
    found += [_told(one) for one in history.told]
    found += [replied(one) for one in history.replies]
    found += _proved(history)
    found += _due(history, now)
    return sorted(found, key=lambda line: line.at)


def _event(event: MessageEvent, history: History, now: datetime, zone: str) -> Line:
    word, colour = EVENTS.get(event.kind, (event.kind.replace("_", " ").capitalize(), "grey"))
    if event.kind in ("release", "undo hold") and (event.after or {}).get("hold") == "batch":
        word, colour = WAITS_AGAIN
    changes = tuple(_changes(event.before, event.after, now, zone))
    sentences = tuple(_beside(event, history))
    return Line(event.at, colour, word, event.actor, sentences=sentences, changes=changes)


def _steered(history: History) -> Iterator[Line]:
    for one in history.steered:
        if told := STEERED.get(one.action):
            word, colour = told
            yield Line(one.at, colour, word, one.actor)


def _beside(event: MessageEvent, history: History) -> Iterator[str]:
    after = event.after if isinstance(event.after, dict) else {}
    if history.source and "line" in after and event.kind == "imported":
        yield f"From line {history.source.line:,} of {history.source.file or 'a file'}."
    if event.kind == "second try":
        yield f"In batch {after.get('batch_id')}, which waits for its release."
    if after.get("confirmed"):
        yield "They took the risk that it arrives twice."


def _changes(before: Any, after: Any, now: datetime, zone: str) -> Iterator[Change]:
    """What changed, field by field; only where both sides are known."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return
    for name in after:
        if name in before and name not in _HIDDEN and before[name] != after[name]:
            old, new = (value(side[name], name, now, zone) for side in (before, after))
            yield Change(FIELDS.get(name, name.replace("_", " ").capitalize()), old, new)


def value(stored: Any, name: str, now: datetime, zone: str) -> str:
    """A stored value as people read it."""
    if stored is None or stored in ("", {}):
        return "none"
    if name == "priority":
        return PRIORITIES.get(stored, str(stored))
    if isinstance(stored, dict):
        return " · ".join(f"{key}: {each}" for key, each in stored.items())
    if name.endswith("_at") or name == "not_after":
        at = stored if isinstance(stored, datetime) else datetime.fromisoformat(str(stored))
        return schedule.clock(at, zone, now)
    return str(stored)


def _due(history: History, now: datetime) -> Iterator[Line]:
    """When its time came, unless it was to leave at once, or no longer was to leave then."""
    row, at = history.row, history.row.scheduled_at
    stops = ("cancel", "delete", "opted out", "reached")
    ended = [one.at for one in history.events if one.kind in stops]
    if row.created_at + _AT_ONCE < at <= now and not (ended and ended[-1] < at):
        yield Line(at, "grey", "Due")


def _attempt(attempt: Attempt, history: History) -> Line:
    number = 1 + sum(other.id < attempt.id for other in history.attempts)
    word, colour = ATTEMPTS.get(attempt.outcome or "", ("Refused", "red"))
    moments = {
        "Claimed": attempt.claimed_at,
        "Its turn": attempt.slot_at,
        "Posted": attempt.posted_at,
        "Answered": attempt.answered_at,
        "Proved": attempt.proved_at,
    }
    bodies = {"Request": attempt.payload, "Answer": attempt.answer}
    return Line(
        attempt.posted_at or attempt.claimed_at,
        colour,
        f"Attempt {number}: {word}",
        facts=tuple(_facts(attempt, history)),
        sentences=tuple(_refused(attempt, history)),
        times=tuple((name, at) for name, at in moments.items() if at),
        unfolds=tuple((name, indented(body)) for name, body in bodies.items() if body),
    )


def _facts(attempt: Attempt, history: History) -> Iterator[str]:
    if attempt.posted_at and attempt.answered_at:
        said = "answered" if attempt.http_status else "nothing came"
        yield f"{said} within {_exactly(attempt.answered_at - attempt.posted_at)}"
    if attempt.http_status:
        yield f"HTTP {attempt.http_status}"
    if attempt.error_code is not None:
        sub = f"/{attempt.error_subcode}" if attempt.error_subcode else ""
        yield f"code {attempt.error_code}{sub}"
    if attempt.confirmed_by:
        yield f"risk accepted by {attempt.confirmed_by}"
    host = history.workers.get(attempt.worker_id)
    yield f"claimed by worker {attempt.worker_id}{f' on {host}' if host else ''}"


def _exactly(took: timedelta) -> str:
    """«84 ms», or as people say it from ten seconds on: who disputes it wants to know."""
    milliseconds = took / timedelta(milliseconds=1)
    return f"{milliseconds:,.0f} ms" if milliseconds < 10_000 else schedule.span(took)


class _Refusal(NamedTuple):
    error_class: str | None
    error_code: int | None
    error_text: str | None


def _refused(attempt: Attempt, history: History) -> Iterator[str]:
    """Meta's code in plain words and what to do; then Meta's own."""
    if attempt.outcome == "unknown":
        yield UNKNOWN
    failed = {one.attempt_id for one in history.told if one.update.status == "failed"}
    if attempt.outcome in CLASSES:
        yield from _causes(attempt.outcome, attempt.error_code, attempt.error_text)
    elif attempt.error_text and attempt.id not in failed:
        yield attempt.error_text


def _causes(error_class: str, code: int | None, text: str | None) -> Iterator[str]:
    sentence, advice = failure(_Refusal(error_class, code, text))
    yield f"{sentence} {advice}"
    if text and text not in sentence:
        yield f"In Meta’s words: {text}" if code is not None else text


def _told(told: Told) -> Line:
    update = told.update
    word, colour = TOLD[update.status]
    said = ": ".join(part for part in (update.title, update.details) if part) or None
    error_class = str(classify(update.code).error_class) if update.code is not None else ""
    causes = _causes(error_class, update.code, said) if update.status == "failed" else ()
    return Line(
        told.received_at,
        colour,
        word,
        facts=("told by webhook",),
        sentences=tuple(causes),
        times=(("By Meta’s clock", update.at), ("Received", told.received_at)),
        unfolds=(("Webhook", indented(json.dumps(told.said))),),
    )


def replied(reply: Reply) -> Line:
    """That they wrote, and what."""
    word = "They answered it" if reply.answers else "They wrote after it"
    if reply.kind == "reaction":
        word = "They reacted to it" if reply.text else "They took back their reaction"
    received = [("Received", reply.received_at)] if reply.received_at else []
    said = wrote(reply.kind, reply.text)
    return Line(
        reply.received_at or reply.at,
        "cyan",
        word,
        facts=("told by webhook",),
        sentences=(said,) if said else (),
        times=(("By Meta’s clock", reply.at), *received),
    )


def wrote(kind: str, text: str | None) -> str:
    """What they wrote as people read it: «a picture: Here it is»; «» of a reaction taken back."""
    if kind == "reaction":
        return text or ""
    what = KINDS.get(kind)
    if text:
        return f"{what}: {text}" if what else text
    return what or "something without words"


def _proved(history: History) -> Iterator[Line]:
    """What Meta told before its webhooks were kept for each message."""
    heard = {one.attempt_id for one in history.told}
    for one in history.attempts:
        if one.id not in heard and one.delivery in TOLD and one.proved_at:
            word, colour = TOLD[one.delivery]
            # Meta tells whole seconds, which would stand before their cause.
            at = max(one.proved_at, one.answered_at or one.proved_at)
            yield Line(at, colour, word, facts=("told by webhook",))


def indented(body: str) -> str:
    """JSON for people to read; anything else as it is."""
    try:
        told = json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):  # a gateway's HTML page, or nothing that anybody meant
        return body
    # Half of a pair, as where Meta cuts a text within an emoji, is no text that a page can have.
    return told.encode(errors="backslashreplace").decode()

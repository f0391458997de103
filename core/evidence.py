"""All that is known of one message as a single HTML file, for whoever asks afterwards.

Everything is in the file, and nothing in it is a link, a script or a token: the engine keeps none
with an attempt. It ends with the record itself and with SHA-256 sums; that of the file is kept in
the audit trail, so that a file can be told from one that somebody changed.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from html import escape
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from sqlmodel import Session, select

from core import audit, db, happened, history, posted, replies
from core.access import Actor, Role, needs
from core.causes import failure
from core.errors import Invalid, Problem, Refused
from core.happened import Line
from core.history import History
from core.models import Account, Installation
from core.rendering import bubble
from core.workers import VERSION

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #14211e; max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem; } h1 { margin: 0; } h2 { margin: 2rem 0 .5rem; font-size: 1.1rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.5rem; margin: .5rem 0; }
dt, small { color: #5b6a66; } dd { margin: 0; overflow-wrap: anywhere; }
ol { padding: 0; list-style: none; } li { padding: .6rem 0; border-top: 1px solid #cfd9d6; }
li p { margin: 0; } pre, .said { padding: .7rem; background: #f1f5f4; white-space: pre-wrap;
  overflow-wrap: anywhere; } pre { font-size: .8rem; } code { overflow-wrap: anywhere; }
@media print { body { margin: 0; max-width: none; } li { break-inside: avoid; } }
"""


@dataclass(frozen=True)
class Evidence:
    name: str
    html: str


@needs(Role.VIEWER)
def of(message_id: int, *, zone: str = "UTC", by: Actor, address: str | None = None) -> Evidence:
    """The file, its times in UTC and in `zone`; that it was taken is on record with its sum.

    Raises Refused where there never was such a message, Invalid at `zone` for none.
    """
    if zone not in available_timezones():
        raise Invalid(Problem("zone", "unknown", f"There is no time zone {zone[:60]}."))
    found = history.read(message_id)
    if found is None:
        raise Refused(f"There is no message {message_id}.")
    with db.reading() as session:
        document = "".join(_document(session, found, zone, by))
    target, after = f"message {message_id}", {"sha256": _sum(document)}
    with db.writing() as session:
        audit.record(session, by, "evidence taken", target=target, after=after, address=address)
    return Evidence(f"message-{message_id}-evidence.html", document)


def _document(session: Session, found: History, zone: str, by: Actor) -> Iterator[str]:
    now, row = db.now(session), found.row
    whole = session.exec(select(Installation)).one()
    account = session.get_one(Account, row.account_id)
    exact = _Clock(zone)
    record = json.dumps(_record(found), indent=1, sort_keys=True, default=db.stamp)
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    yield (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Message {row.id}'
        f'</title><meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<style>{_STYLE}</style></head><body><h1>Message {row.id}</h1>"
        f"<p>Taken {exact(now)} by {escape(by.name)} from Outbox {VERSION}, installation"
        f" <code>{escape(whole.id)}</code>. The SHA-256 of this file is in its audit trail.</p>"
    )
    yield _pairs(_facts(found, account, exact))
    yield from _said(found, exact)
    yield "<h2>What happened</h2><ol>"
    yield from (_line(one, exact) for one in happened.lines(found, now=now, zone=zone))
    yield "</ol><h2>SHA-256</h2>"
    yield _pairs(_sums(found, record, replies.bodies(session, found.replies)))
    yield f"<h2>The record</h2><pre>{escape(record)}</pre></body></html>\n"


class _Clock:
    def __init__(self, zone: str) -> None:
        self.place = ZoneInfo(zone)

    def __call__(self, at: datetime) -> str:
        """«2026-11-26 02:00:00.123 UTC (09:00:00 Asia/Jakarta)»; the date where it is another."""
        utc, here = at.astimezone(UTC), at.astimezone(self.place)
        told = f"{utc:%Y-%m-%d %H:%M:%S}.{utc.microsecond // 1000:03} UTC"
        if here.utcoffset() == utc.utcoffset():
            return told
        day = "" if here.date() == utc.date() else f"{here:%Y-%m-%d} "
        return f"{told} ({day}{here:%H:%M:%S} {self.place.key})"


def _facts(found: History, account: Account, exact: _Clock) -> Iterator[tuple[str, str]]:
    row = found.row
    number = account.display_phone or f"phone number ID {account.phone_number_id}"
    yield "To", escape(row.recipient)
    yield "From", escape(f"{account.name}, {number}")
    yield "State", escape(" ".join(_state(found, exact)))
    yield "Scheduled for", f"{exact(row.scheduled_at)}, meant in {escape(row.zone)}"
    yield "Written by", f"{escape(row.created_by)}, {exact(row.created_at)}"
    if row.template:
        yield "Template", escape(f"{row.template} ({row.language})")
    if found.source:
        file = found.source.file or "a file that is not kept any more"
        yield "Read from", escape(f"line {found.source.line} of {file}")
    if row.reference:
        yield "Reference", escape(row.reference)
    if row.meta_message_id:
        yield "Meta’s id", f"<code>{escape(row.meta_message_id)}</code>"
    if row.deleted_at:
        yield "Deleted by", f"{escape(row.deleted_by or '')}, {exact(row.deleted_at)}"


def _state(found: History, exact: _Clock) -> Iterator[str]:
    row = found.row
    yield f"{row.status.capitalize()}."
    if row.sent_at:
        yield f"WhatsApp took it {exact(row.sent_at)}."
    if row.delivery and row.delivery_at and row.delivery != "accepted":
        yield f"Its last word: {row.delivery}, {exact(row.delivery_at)}."
    if row.status == "failed" and row.error_class == "unknown":
        yield happened.UNKNOWN
    elif row.status == "failed":
        yield " ".join(failure(row))


def _said(found: History, exact: _Clock) -> Iterator[str]:
    row, attempt = found.row, found.handed_over
    text, shown = posted.said(row, attempt.payload) if attempt else (row.text or "", None)
    at = attempt and (attempt.posted_at or attempt.claimed_at)
    parts = [shown.header, shown.body, shown.footer, *shown.buttons] if shown else [text]
    medium = [": ".join(shown.medium)] if shown and shown.medium else []
    words = "".join(f"<div>{bubble(part)}</div>" for part in [*medium, *parts] if part)
    yield f"<h2>{'What was handed to WhatsApp' if attempt else 'What it is to say'}</h2>"
    yield f"<small>{exact(at)}</small>" if at else ""
    yield f'<div class="said">{words}</div>'


def _line(line: Line, exact: _Clock) -> str:
    by = f" by {escape(line.by)}" if line.by else ""
    facts = "".join(f" · {escape(fact)}" for fact in line.facts)
    said = "".join(f"<p>{escape(one)}</p>" for one in line.sentences)
    changes = "".join(
        f"<p>{escape(one.field)}: <del>{escape(one.before)}</del> →"
        f" <ins>{escape(one.after)}</ins></p>"
        for one in line.changes
    )
    bodies = "".join(f"<p>{escape(h)}</p><pre>{escape(text)}</pre>" for h, text in line.unfolds)
    return (
        f"<li><p><b>{escape(line.title)}</b>{by}</p><small>{exact(line.at)}{facts}</small>{said}"
        f"{changes}{_pairs((name, exact(at)) for name, at in line.times)}{bodies}</li>"
    )


def _sums(found: History, record: str, replied: Mapping[int, str]) -> Iterator[tuple[str, str]]:
    """Of what was posted as it was kept before the request, and of what is there now."""
    yield "The record below", f"<code>{_sum(record)}</code>"
    for number, one in enumerate(found.attempts, start=1):
        same = _sum(one.payload) == one.payload_sha256
        told = "" if same else f" <b>but what is kept now has {_sum(one.payload)}</b>"
        yield f"Request {number}, as posted", f"<code>{escape(one.payload_sha256)}</code>{told}"
        if one.answer is not None:
            yield f"Answer {number}, as kept", f"<code>{_sum(one.answer)}</code>"
    bodies = {one.event_id: one.body_sha256 for one in found.told}
    bodies |= replied
    for event_id, digest in sorted(bodies.items()):
        yield f"Webhook {event_id}, its whole body", f"<code>{digest}</code>"
    if found.source and found.source.sha256:
        yield "The file that it was read from", f"<code>{escape(found.source.sha256)}</code>"


def _record(found: History) -> dict[str, Any]:
    """As it is stored; the webhooks without what they tell of other people."""
    return {
        "message": asdict(found.row),
        "events": [one.model_dump() for one in found.events],
        "batch": [one.model_dump(exclude={"address"}) for one in found.steered],
        "attempts": [one.model_dump() for one in found.attempts],
        "webhooks": [
            {"id": one.event_id, "received_at": one.received_at, "status": one.said}
            for one in found.told
        ],
        "replies": [asdict(one) for one in found.replies],
    }


def _sum(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    """HTML of labelled values; the values are HTML already."""
    inner = "".join(f"<dt>{escape(label)}</dt><dd>{value}</dd>" for label, value in pairs)
    return f"<dl>{inner}</dl>" if inner else ""

"""HTML of the audit trail: each line says when, who, what, to what, and what it was before."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape
from typing import Any

from core.happened import FIELDS
from core.models import AuditEvent
from ui import moments
from ui.words import OF_ACCOUNTS

LONGEST = 300  # characters of one value

_HEAD = (
    '<div class="row head" aria-hidden="true"><span>Who</span><span>What</span>'
    '<span>Before and after</span><span class="at">When</span></div>'
)


def listed(rows: Sequence[AuditEvent], *, now: datetime, zone: str) -> str:
    lines = "".join(_line(one, now, zone) for one in rows)
    return f'<div class="list trail">{_HEAD}{lines}</div>'


def _line(one: AuditEvent, now: datetime, zone: str) -> str:
    where = f"<small>from {escape(one.address)}</small>" if one.address else ""
    target = f"<small>{escape(one.target)}</small>" if one.target else ""
    action = escape(one.action[:1].upper() + one.action[1:])
    changes = "".join(_changes(one.before, one.after))
    return (
        f'<div class="row"><span class="to">{escape(one.actor)}{where}</span>'
        f'<span class="what">{action}{target}</span><span class="changes">{changes}</span>'
        f'<span class="at">{moments.shown(one.at, zone, now, seconds=True)}</span></div>'
    )


def _changes(before: Any, after: Any) -> Iterator[str]:
    """Field by field; where one side is not known, what the other says."""
    old, new = _fields(before), _fields(after)
    for name in dict.fromkeys((*old, *new)):
        label = OF_ACCOUNTS.get(name) or FIELDS.get(name) or name.replace("_", " ").capitalize()
        told = [
            f"<{tag}>{escape(_told(side[name]))}</{tag}>"
            for tag, side in (("del", old), ("ins", new))
            if name in side
        ]
        yield f"<p>{escape(label)}: {' → '.join(told)}</p>"


def _fields(side: Any) -> dict[str, Any]:
    if side is None:
        return {}
    return side if isinstance(side, dict) else {"": side}


def _told(value: Any) -> str:
    """A stored value as people read it."""
    if value is None or value in ("", {}, []):
        return "none"
    if isinstance(value, dict):
        text = " · ".join(f"{key}: {each}" for key, each in value.items())
    else:
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"

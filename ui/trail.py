"""HTML of the audit trail: each line says when, who, what, to what, and what it was before."""

from collections.abc import Iterator
from datetime import datetime
from html import escape
from typing import Any
from urllib.parse import parse_qsl

from core import acts
from core.audit_trail import Trail
from core.models import AuditEvent
from ui import moments
from ui.words.audit import AMONG, AUDITED, AUDITED_AS, TOLD_AS

LONGEST = 300  # characters of one value

_HEAD = (
    '<div class="row head" aria-hidden="true"><span>Who</span><span>What</span>'
    '<span>Before and after</span><span class="at">When</span></div>'
)


def listed(found: Trail, *, now: datetime, zone: str) -> str:
    lines = "".join(Line(one, found, now, zone).drawn() for one in found.rows)
    return f'<div class="list trail">{_HEAD}{lines}</div>'


class Line:
    """One event, with what is needed to tell it."""

    def __init__(self, one: AuditEvent, found: Trail, now: datetime, zone: str) -> None:
        self.one, self.accounts, self.now, self.zone = one, found.accounts, now, zone
        self.old, self.new = _fields(one.before), _fields(one.after)

    def drawn(self) -> str:
        one = self.one
        where = f"<small>from {escape(one.address)}</small>" if one.address else ""
        what = one.target if one.target not in self.new else ""  # told by its value already
        target = f"<small>{escape(what)}</small>" if what else ""
        return (
            f'<div class="row"><span class="to">{escape(one.actor)}{where}</span>'
            f'<span class="what">{escape(acts.told(one.action, one.after))}{target}</span>'
            f'<span class="changes">{"".join(self._changes())}</span>'
            f'<span class="at">{moments.shown(one.at, self.zone, self.now, seconds=True)}</span>'
            "</div>"
        )

    def _changes(self) -> Iterator[str]:
        """Field by field; where one side is not known, what the other says."""
        for name in dict.fromkeys((*self.old, *self.new)):
            label = AUDITED.get(name) or name.replace("_", " ").capitalize()
            told = [
                f"<{tag}>{escape(self._told(name, side[name]))}</{tag}>"
                for tag, side in (("del", self.old), ("ins", self.new))
                if name in side
            ]
            yield f"<p>{escape(label)}: {' → '.join(told)}</p>"

    def _told(self, name: str, value: Any) -> str:
        """A stored value as people read it."""
        text = self._text(name, value)
        return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"

    def _text(self, name: str, value: Any) -> str:
        if name == "filter" and isinstance(value, dict):
            return " · ".join(self._among(value)) or "all"
        if value is None or value in ("", {}, []):
            return "none"
        if isinstance(value, dict):
            return " · ".join(f"{key}: {self._part(key, each)}" for key, each in value.items())
        if isinstance(value, list):
            return ", ".join(self._part(name, each) for each in value)
        if name in ("account", "account_id") and isinstance(value, int):
            return self.accounts.get(value, f"number {value}")
        if name in TOLD_AS and isinstance(value, int | float):
            return TOLD_AS[name](value)
        return AUDITED_AS.get(name, {}).get(value) or self._plain(value)

    def _part(self, name: str, value: Any) -> str:
        """In brackets where it has parts of its own."""
        told = self._text(name, value)
        return f"({told})" if value and isinstance(value, dict | list) else told

    def _plain(self, value: str | float) -> str:
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, int | float):
            return f"{value:,.15g}"
        try:
            at = datetime.fromisoformat(value) if value[10:11] in (" ", "T") else None
        except ValueError:
            return value
        return moments.clock(at, self.zone, self.now) if at and at.tzinfo else value

    def _among(self, choice: dict[str, Any]) -> Iterator[str]:
        """Which messages were meant, in the order in which they were chosen."""
        for name, value in choice.items():
            if name == "query":
                yield from (self._of(*pair) for pair in parse_qsl(str(value)))
            elif name == "ids":
                yield f"{len(value):,} chosen"
            elif name not in ("at", "newest"):  # until when it was looked
                yield self._of(name, value)

    def _of(self, name: str, value: Any) -> str:
        label = AMONG.get(name, AUDITED.get(name, name.replace("_", " ").capitalize()))
        told = self._text({"class": "error_class"}.get(name, name), value)
        return f"{label} {told}".strip()


def _fields(side: Any) -> dict[str, Any]:
    """Each by its name; what many were given stands for itself, a risk only where it was taken."""
    if side is None:
        return {}
    if not isinstance(side, dict):
        return {"": side}
    given = side.get("to")
    flat = side | given if isinstance(given, dict) else dict(side)
    if isinstance(given, dict):
        del flat["to"]
    if flat.get("counted", 0) is None:  # of a file, say, which means no messages that there are
        del flat["counted"], flat["filter"]
    return {name: value for name, value in flat.items() if (name, value) != ("confirmed", False)}

"""Why a template cannot be sent, and what Meta changed in it, in an operator's words. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

APPROVED = "APPROVED"
META = "Meta"  # who holds a template that a send was refused for

# Meta's page message_template_status_update; each as part of a sentence.
SAID = {
    "PENDING": "Meta has not approved it yet",
    "REJECTED": "Meta rejected it",
    "PAUSED": "Meta paused it",
    "DISABLED": "Meta disabled it",
    "IN_APPEAL": "Meta rejected it and is looking at it again",
    "ARCHIVED": "Meta archived it, unused for a year",
    "LIMIT_EXCEEDED": "it is beyond Meta's limit of templates",
    "PENDING_DELETION": "it is being deleted at Meta",
    "DELETED": "it was deleted at Meta",
}
_PARTS = {"HEADER": "header", "BODY": "text", "FOOTER": "footer", "BUTTONS": "buttons"}


class Known(Protocol):
    """What is told from; read-only, so that any row with these names will do."""

    @property
    def status(self) -> str: ...
    @property
    def status_since(self) -> datetime | None: ...
    @property
    def category(self) -> str | None: ...
    @property
    def parameter_format(self) -> str | None: ...
    @property
    def components(self) -> Any: ...
    @property
    def sha256(self) -> str: ...
    @property
    def rejected_reason(self) -> str | None: ...
    @property
    def hold(self) -> str | None: ...
    @property
    def hold_by(self) -> str | None: ...
    @property
    def hold_since(self) -> datetime | None: ...
    @property
    def changed_at(self) -> datetime | None: ...
    @property
    def previous(self) -> Any: ...


class Stop(NamedTuple):
    """Why messages of a template wait, as part of a sentence; `since` where that is known."""

    reason: str
    since: datetime | None


class Difference(NamedTuple):
    what: str
    before: str
    after: str


def sends(template: Known) -> bool:
    """As the claim asks it (core/sending/barring.py), of messages scheduled with it as it is."""
    return template.status == APPROVED and template.hold is None


def stop(template: Known, sha256: str | None = None) -> Stop | None:
    """What keeps back a message that was scheduled with `sha256`; None: nothing.

    Without a `sha256`: one that would be scheduled with the template as it is now.
    """
    if template.status != APPROVED:
        return Stop(said(template), template.status_since)
    if template.hold is not None:
        by = "Meta refused it" if template.hold_by == META else f"held by {template.hold_by}"
        return Stop(f"{by}: {template.hold.rstrip('.')}", template.hold_since)
    if sha256 not in (None, template.sha256):
        return Stop(changed(template), template.changed_at)
    return None


def kept_back(
    template: Known, name: str, sha256: str | None, *, misfit: str | None = None
) -> Stop | None:
    """As `stop`, as a whole sentence; `misfit`: what of its parameters no longer fits."""
    found = stop(template, sha256)
    if found is None:
        return None
    told = f"Its template «{name}» keeps it back: {found.reason}."
    changed_since = template.hold is None and template.status == APPROVED
    return Stop(f"{told} {misfit}" if misfit and changed_since else told, found.since)


def capital(reason: str) -> str:
    """A reason at the beginning of a sentence."""
    return f"{reason[:1].upper()}{reason[1:]}"


def said(template: Known) -> str:
    """What Meta says of it: «Meta paused it»."""
    word = template.status.lower().replace("_", " ")
    told = SAID.get(template.status, f"Meta has it as {word}")
    why = template.rejected_reason if template.status == "REJECTED" else None
    return f"{told} ({why.lower().replace('_', ' ')})" if why else told


def changed(template: Known) -> str:
    """What became other with its last change: «its text was changed at Meta»."""
    told = [one.what for one in differences(template) if one.what != "category"]
    parts = []
    if told:
        one = len(told) == 1 and told[0] not in ("buttons", "parameters")
        listed = " and ".join([", ".join(told[:-1]), told[-1]] if told[1:] else told)
        parts.append(f"its {listed} {'was' if one else 'were'} changed at Meta")
    if template.previous and template.previous["category"] != template.category:
        parts.append(f"it became {(template.category or 'uncategorised').lower()}")
    return " and ".join(parts) or "it was changed at Meta"


def differences(template: Known) -> list[Difference]:
    """What its last change changed, as people read it."""
    before = template.previous
    if not before:
        return []
    found = [Difference("category", _word(before["category"]), _word(template.category))]
    old, new = _by_type(before["components"]), _by_type(template.components)
    for kind in dict.fromkeys([*_PARTS, *old, *new]):
        name = _PARTS.get(kind, kind.lower().replace("_", " "))
        found.append(Difference(name, _read(old.get(kind)), _read(new.get(kind))))
    names = (before["parameter_format"], template.parameter_format)
    found.append(Difference("parameters", *(_word(one or "POSITIONAL") for one in names)))
    return [one for one in found if one.before != one.after]


def _word(value: str | None) -> str:
    return (value or "none").lower()


def _by_type(components: Sequence[Mapping[str, Any]] | None) -> dict[str, Mapping[str, Any]]:
    return {str(one.get("type", "")).upper(): one for one in components or ()}


def _read(part: Mapping[str, Any] | None) -> str:
    """A part in one line: its words, or what it is in place of words."""
    if part is None:
        return "none"
    if "buttons" in part:
        return " · ".join(_button(one) for one in part["buttons"]) or "none"
    return str(part.get("text") or part.get("format") or "none")


def _button(one: Mapping[str, Any]) -> str:
    leads = one.get("url") or one.get("phone_number")
    return f"{one.get('text', '')}{f' → {leads}' if leads else ''}"

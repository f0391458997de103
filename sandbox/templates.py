"""The message templates of the sandbox's business account: listed, paged, found."""

import base64
import binascii
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from sandbox.errors import GraphError, not_found

_SEED = Path(__file__).with_name("templates.json")
_DEFAULT_FIELDS = ("name", "parameter_format", "components", "language", "status", "category", "id")
_FILTERS = ("name", "status", "category", "language")
_PAGE = 25


@dataclass(slots=True)
class Template:
    """One language of one template, with Meta's field names."""

    id: str
    name: str
    language: str
    status: str
    category: str
    parameter_format: str
    components: list[dict[str, Any]]
    rejected_reason: str = "NONE"
    quality: str = "UNKNOWN"

    def node(self, fields: list[str]) -> dict[str, Any]:
        """The fields asked for; unknown ones are left out, as Graph does for absent values."""
        every = asdict(self) | {"quality_score": {"score": self.quality}}
        return {name: every[name] for name in [*fields, "id"] if name in every}

    def component(self, kind: str) -> dict[str, Any]:
        """The component of this type (`HEADER`, `BODY`, `BUTTONS`), or an empty object."""
        return next((c for c in self.components if c["type"] == kind), {})

    def matches(self, query: dict[str, str]) -> bool:
        wanted = ((getattr(self, name), query[name]) for name in _FILTERS if name in query)
        text = query.get("name_or_content", "")
        return all(have.lower() == want.lower() for have, want in wanted) and (
            text in self.name or text in self.component("BODY")["text"]
        )


class Templates:
    """All templates, in the order in which they are listed."""

    def __init__(self) -> None:
        self.all = [Template(**node) for node in json.loads(_SEED.read_text(encoding="utf-8"))]
        self.refusals: list[int | None] = []  # of the next requests for the list; None: as usual

    def by_id(self, node: str, *, method: str) -> Template:
        """The template with this id. Raises GraphError 100/33."""
        for template in self.all:
            if template.id == node:
                return template
        raise not_found(method, node)

    def find(self, name: str, language: str) -> Template | None:
        found = (t for t in self.all if (t.name, t.language) == (name, language))
        return next(found, None)

    def change(self, name: str, changes: dict[str, Any]) -> None:
        """Change all languages of a template; one that is deleted is listed no more."""
        for template in self.all:
            if template.name == name:
                for field, value in changes.items():
                    setattr(template, field, value)
        self.all = [template for template in self.all if template.status != "DELETED"]

    def unpause(self, node: str) -> None:
        """Ends a pacing pause. Raises GraphError 100 when the template is not paused."""
        template = self.by_id(node, method="POST")
        if template.status != "PAUSED":
            raise GraphError(100, "Only a paused template can be unpaused.")
        template.status = "APPROVED"

    def page(self, query: dict[str, str], *, url: str) -> dict[str, Any]:
        """One page of the list; `next` and `previous` only where there is one.

        Raises GraphError 131059 for a cursor that this list did not give out, and what was ordered.
        """
        refusal = self.refusals.pop(0) if self.refusals else None
        if refusal is not None:
            raise GraphError(refusal)
        found = [template for template in self.all if template.matches(query)]
        size = _limit(query)
        start = _start(found, query, size)
        shown = found[start : start + size]
        fields = query["fields"].split(",") if query.get("fields") else list(_DEFAULT_FIELDS)
        body: dict[str, Any] = {"data": [template.node(fields) for template in shown]}
        if shown:
            before, after = _cursor(shown[0].id), _cursor(shown[-1].id)
            body["paging"] = {"cursors": {"before": before, "after": after}}
            if start + size < len(found):
                body["paging"]["next"] = _link(url, query, limit=str(size), after=after)
            if start > 0:
                body["paging"]["previous"] = _link(url, query, limit=str(size), before=before)
        return body


def _link(url: str, query: dict[str, str], **turn: str) -> str:
    kept = {name: value for name, value in query.items() if name not in ("after", "before")}
    return f"{url}?{urlencode(kept | turn)}"


def _limit(query: dict[str, str]) -> int:
    text = query.get("limit", str(_PAGE))
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise GraphError(100, "Param limit must be a positive integer.")
    return int(text)


def _start(found: list[Template], query: dict[str, str], size: int) -> int:
    ids = [template.id for template in found]
    if query.get("after"):
        return ids.index(_known(query["after"], ids)) + 1
    if query.get("before"):
        return max(0, ids.index(_known(query["before"], ids)) - size)
    return 0


def _cursor(template_id: str) -> str:
    return base64.urlsafe_b64encode(f"t{template_id}".encode()).decode().rstrip("=")


def _known(cursor: str, ids: list[str]) -> str:
    try:
        node = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        node = ""
    if node[1:] not in ids:
        raise GraphError(131059, "The cursor is invalid or has expired: start without one.")
    return node[1:]

"""What beside its account decides whether a message may leave, and what is then posted. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import Row

from core import templating
from core.meta import payloads
from core.shapes import Shape


class Bar(StrEnum):
    OPTED_OUT = "opted_out"
    BATCH = "batch"
    TEMPLATE = "template"


@dataclass(frozen=True)
class Approved:
    """A template that sends."""

    name: str
    language: str
    sha256: str
    marketing: bool
    shape: Shape


@dataclass(frozen=True)
class Permits:
    """Which batches and templates let their messages go; what is not in them does not.

    A row has, beside its columns, `opted_out`: 2 where everything is covered, 1 only marketing.
    """

    batches: frozenset[int] = frozenset()
    templates: Mapping[int, Approved] = field(default_factory=dict)

    def bar(self, row: Row[Any]) -> Bar | None:
        """What keeps a candidate from leaving, in the order of rule 6; None: nothing."""
        chosen = self.templates.get(row.template_id) if row.kind == "template" else None
        if row.opted_out == 2 or (row.opted_out and chosen and chosen.marketing):
            return Bar.OPTED_OUT
        if row.batch_id is not None and row.batch_id not in self.batches:
            return Bar.BATCH
        if row.kind == "template" and not _fits(chosen, row):
            return Bar.TEMPLATE
        return None

    def with_more(self, other: "Permits") -> "Permits":
        """What was read first stands: one claim judges by one state of things."""
        return Permits(self.batches | other.batches, {**other.templates, **self.templates})

    def body(self, row: Row[Any], reference: str) -> str:
        """The JSON to post for a candidate that nothing bars."""
        if row.kind != "template":
            made = payloads.text(to=row.recipient, body=row.text, reference=reference)
            return payloads.encode(made)
        chosen = self.templates[row.template_id]
        components = templating.filled(chosen.shape, row.parameters)
        made = payloads.template(
            to=row.recipient,
            name=chosen.name,
            language=chosen.language,
            components=components,
            reference=reference,
        )
        return payloads.encode(made)


def _fits(chosen: Approved | None, row: Row[Any]) -> bool:
    """Whether it is still the template that the message was scheduled with."""
    if chosen is None or chosen.sha256 != row.template_sha256:
        return False
    return all(one.key in (row.parameters or {}) for one in chosen.shape.asks)

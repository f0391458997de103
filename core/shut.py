"""Which messages their template keeps back, as the claim would find it now, and why."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Row, select
from sqlmodel import Session, col

from core import shapes, templating, usable
from core.models import Content, Message, Template
from core.usable import Stop


def by_templates(session: Session, ids: Collection[int]) -> dict[int, Stop]:
    """By message, each with a sentence; those that may leave are not in it."""
    if not ids:
        return {}
    used = (
        select(col(Message.id), col(Content.template_sha256), col(Content.parameters), Template)
        .join(Content, col(Content.message_id) == col(Message.id))
        .join(Template, col(Template.id) == col(Message.template_id))
        .where(col(Message.id).in_(ids))
    )
    stops = {row.id: _stop(row) for row in session.execute(used)}
    return {message_id: stop for message_id, stop in stops.items() if stop}


def _stop(row: Row[Any]) -> Stop | None:
    template: Template = row.Template
    sha256 = row.template_sha256
    misfit = _misfit(template, row.parameters or {}) if sha256 != template.sha256 else None
    name = f"{template.name} ({template.language})"
    return usable.kept_back(template, name, sha256, misfit=misfit)


def _misfit(template: Template, parameters: dict[str, str]) -> str | None:
    """What has to be edited before the message can leave with the template as it is now."""
    parts, form = template.components, template.parameter_format
    shape = shapes.shape_of(template.sha256, parts, form)
    return templating.misfit(shape, parameters)

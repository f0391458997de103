"""What an attempt posted, as the phone shows it: its message may have been edited since."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from core import templating
from core.catalogue import scheduled_with, shown
from core.listing import MessageRow
from core.templating import Shown


def said(row: MessageRow, payload: str) -> tuple[str, Shown | None]:
    """The text of a payload, or a template as the phone shows it."""
    try:
        posted = json.loads(payload)
    except ValueError:
        posted = {}
    if chosen := posted.get("template"):
        return "", _posted(row, chosen)
    text = posted.get("text", {}).get("body")
    return (row.text or "", shown(row)) if text is None else (text, None)


def _posted(row: MessageRow, chosen: Mapping[str, Any]) -> Shown | None:
    named = (chosen.get("name"), chosen.get("language", {}).get("code"))
    parameters = given(chosen.get("components", ()))
    same = named == (row.template, row.language)
    if same and parameters == (row.parameters or {}):
        return shown(row)
    shape = scheduled_with(row) if same else None
    if shape is not None:
        return templating.shown(shape, parameters)
    body = " · ".join([f"{named[0]} ({named[1]})", *parameters.values()])
    return Shown(None, None, body, None, ())


def given(components: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The parameters that `templating.filled` made these components of."""
    found = {}
    for part in components:
        for number, one in enumerate(part.get("parameters", ()), start=1):
            kind = str(one.get("type"))
            if part.get("type") == "button":
                found[f"button.{int(part['index']) + 1}"] = unquote(str(one.get("text", "")))
            elif kind != "text":
                found[f"header.{kind}"] = str(one.get(kind, {}).get("link", ""))
            elif part.get("type") == "header":
                found["header.text"] = str(one.get("text", ""))
            else:
                found[one.get("parameter_name") or str(number)] = str(one.get("text", ""))
    return found

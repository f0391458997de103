"""A template's shape: what it shows and asks for, read from Meta's components.

Source: Meta's pages templates/components and templates/utility-templates.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal, NamedTuple

MEDIA = ("image", "video", "document")


VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")


_PLAIN_BUTTONS = ("QUICK_REPLY", "PHONE_NUMBER", "URL", "VOICE_CALL", "CALL_REQUEST")


_HEADERS = ("TEXT", *(medium.upper() for medium in MEDIA))


class Asked(NamedTuple):
    """One parameter that a template needs; `example` is what Meta was shown."""

    key: str
    kind: Literal["text", "link", "ending"]
    example: str


class Button(NamedTuple):
    text: str
    kind: str  # Meta's type
    url: str = ""  # with its variable, where it has one


@dataclass(frozen=True)
class Shape:
    """What a template shows and asks for. `unfillable`: why Outbox cannot send it, or None."""

    named: bool
    header: str | None  # its text
    medium: str | None  # image, video or document in place of a header's text
    body: str
    footer: str | None
    buttons: tuple[Button, ...]
    asks: tuple[Asked, ...]
    unfillable: str | None


def digest(category: str | None, parameter_format: str | None, components: Any) -> str:
    """SHA-256 of all that a person may have relied on when scheduling: words, shape, category.

    Not of the examples: those of media are links that Meta signs anew each time it is asked.
    """
    relied_on = [category, parameter_format or "POSITIONAL", _without_examples(components)]
    return sha256(json.dumps(relied_on, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _without_examples(part: Any) -> Any:
    if isinstance(part, dict):
        return {k: _without_examples(v) for k, v in part.items() if k != "example"}
    return [_without_examples(one) for one in part] if isinstance(part, list) else part


_KNOWN: dict[str, Shape] = {}  # by digest


MOST_KNOWN = 1_000


def shape_of(
    digest: str, components: Sequence[Mapping[str, Any]] | None, parameter_format: str | None
) -> Shape:
    """As `shape`, kept by its digest: each row of a file and each claim asks for it."""
    found = _KNOWN.get(digest)
    if found is None:
        if len(_KNOWN) >= MOST_KNOWN:
            _KNOWN.clear()
        found = _KNOWN[digest] = shape(components or (), parameter_format)
    return found


def shape(components: Sequence[Mapping[str, Any]], parameter_format: str | None) -> Shape:
    """Read what Meta lists as a template's `components`."""
    parts = {str(part.get("type", "")).upper(): part for part in components}
    named = parameter_format == "NAMED"
    header, body = parts.get("HEADER", {}), parts.get("BODY", {})
    kind = str(header.get("format", "TEXT")).upper() if header else ""
    buttons = tuple(map(_button, parts.get("BUTTONS", {}).get("buttons", ())))
    text = header.get("text") if kind == "TEXT" else None
    medium = kind.lower() if kind.lower() in MEDIA else None
    words = str(body.get("text", ""))
    return Shape(
        named=named,
        header=text,
        medium=medium,
        body=words,
        footer=parts.get("FOOTER", {}).get("text"),
        buttons=buttons,
        asks=(
            *_header_asks(text, medium, header),
            *_body_asks(words, body, named=named),
            *_button_asks(buttons, parts.get("BUTTONS", {}).get("buttons", ())),
        ),
        unfillable=_unfillable(parts, kind, buttons),
    )


def _button(node: Mapping[str, Any]) -> Button:
    return Button(str(node.get("text", "")), str(node.get("type", "")), str(node.get("url", "")))


def variables(text: str) -> list[str]:
    return list(dict.fromkeys(VARIABLE.findall(text)))


def _header_asks(text: str | None, medium: str | None, node: Mapping[str, Any]) -> list[Asked]:
    example = node.get("example") or {}
    if medium:
        return [Asked(f"header.{medium}", "link", "")]
    if not text or not variables(text):
        return []
    shown = example.get("header_text") or [
        one.get("example") for one in example.get("header_text_named_params") or ()
    ]
    return [Asked("header.text", "text", _first(shown))]


def _body_asks(text: str, node: Mapping[str, Any], *, named: bool) -> list[Asked]:
    example = node.get("example") or {}
    wanted = variables(text)
    if named:
        pairs = example.get("body_text_named_params") or ()
        shown = {one.get("param_name"): str(one.get("example", "")) for one in pairs}
    else:
        # Positional ones are sent in the order of their numbers, wherever they stand.
        wanted.sort(key=lambda name: int(name) if name.isdigit() else 0)
        first = (example.get("body_text") or [[]])[0]
        shown = {str(n): str(value) for n, value in enumerate(first, start=1)}
    return [Asked(name, "text", shown.get(name, "")) for name in wanted]


def _button_asks(buttons: Sequence[Button], nodes: Sequence[Mapping[str, Any]]) -> list[Asked]:
    found = []
    for number, (button, node) in enumerate(zip(buttons, nodes, strict=True), start=1):
        if button.kind == "URL" and VARIABLE.search(button.url):
            whole = _first(node.get("example") or ())
            begins = VARIABLE.split(button.url)[0]
            found.append(Asked(f"button.{number}", "ending", whole.removeprefix(begins)))
    return found


def _first(values: Any) -> str:
    return str(values[0]) if values else ""


def _unfillable(
    parts: Mapping[str, Mapping[str, Any]], header: str, buttons: Sequence[Button]
) -> str | None:
    strange = set(parts) - {"HEADER", "BODY", "FOOTER", "BUTTONS"}
    odd = [one.kind for one in buttons if one.kind not in _PLAIN_BUTTONS]
    if strange:
        what = f"it has a part that Outbox cannot fill ({', '.join(sorted(strange)).lower()})"
    elif header and header not in _HEADERS:
        what = f"its header is of a kind that Outbox cannot fill ({header.lower()})"
    elif odd:
        what = f"it has a button that Outbox cannot fill ({odd[0].lower().replace('_', ' ')})"
    elif "BODY" not in parts:
        what = "it has no body"
    else:
        return None
    return f"Outbox cannot send it: {what}."

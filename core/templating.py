"""A template's shape: what it asks for, how it is filled, what the phone then shows.

Parameters are a flat mapping from key to text, the same in the form, in a file (`param.KEY`), on
the command line (`--param KEY=VALUE`) and in `content.parameters`. The body's keys are Meta's names
or numbers; beside them there are `header.text`, `header.image`, `header.video`, `header.document`
(a link) and `button.1` to `button.10` (what the address of that button ends with).

Source: Meta's pages templates/components and templates/utility-templates.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal, NamedTuple
from urllib.parse import quote, urlsplit

from core.characters import unsendable
from core.errors import Invalid, Problem
from core.quoting import quoted

MOST_BODY, MOST_HEADER, MOST_LINK = 1024, 60, 2000
MEDIA = ("image", "video", "document")
_VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_UNPRINTABLE = re.compile(r"[\n\r\t]| {5,}")
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


class Shown(NamedTuple):
    """A template as the phone shows it. `medium` is the header's picture, film or document."""

    header: str | None
    medium: tuple[str, str] | None  # kind and link
    body: str
    footer: str | None
    buttons: tuple[str, ...]


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


def _variables(text: str) -> list[str]:
    return list(dict.fromkeys(_VARIABLE.findall(text)))


def _header_asks(text: str | None, medium: str | None, node: Mapping[str, Any]) -> list[Asked]:
    example = node.get("example") or {}
    if medium:
        return [Asked(f"header.{medium}", "link", "")]
    if not text or not _variables(text):
        return []
    shown = example.get("header_text") or [
        one.get("example") for one in example.get("header_text_named_params") or ()
    ]
    return [Asked("header.text", "text", _first(shown))]


def _body_asks(text: str, node: Mapping[str, Any], *, named: bool) -> list[Asked]:
    example = node.get("example") or {}
    wanted = _variables(text)
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
        if button.kind == "URL" and _VARIABLE.search(button.url):
            whole = _first(node.get("example") or ())
            begins = _VARIABLE.split(button.url)[0]
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


def check(wanted: Shape, parameters: Mapping[str, str]) -> None:
    """Refuse parameters that the template cannot be sent with.

    Raises Invalid with every problem, each at the field `param.KEY`.
    """
    known = {one.key for one in wanted.asks}
    found = [
        _wrong(one.key, "empty", "is empty") for one in wanted.asks if _is_empty(one, parameters)
    ]
    found += [
        _wrong(key, "unknown", f"is none of this template's ({_listed(wanted)})")
        for key in parameters
        if key not in known
    ]
    given = [one for one in wanted.asks if not _is_empty(one, parameters)]
    found += [problem for one in given for problem in _checked(one, parameters[one.key].strip())]
    if not found:
        found = _too_long(wanted, parameters)
    if found:
        raise Invalid(*found)


def misfit(wanted: Shape, parameters: Mapping[str, str]) -> str | None:
    """What `check` refuses, in words; None where the template can be sent with these."""
    try:
        check(wanted, parameters)
    except Invalid as wrong:
        return str(wrong)
    return None


def _is_empty(one: Asked, parameters: Mapping[str, str]) -> bool:
    return not parameters.get(one.key, "").strip()


def _listed(wanted: Shape) -> str:
    return ", ".join(one.key for one in wanted.asks) or "it has none"


def _checked(one: Asked, value: str) -> list[Problem]:
    if told := unsendable(value):
        return [_wrong(one.key, "control", f"holds what cannot be sent: {told}")]
    if one.kind == "link":
        if not _is_link(value):
            return [
                _wrong(one.key, "link", f"is no link: {quoted(value)}. It begins with https://")
            ]
        if len(value) > MOST_LINK:
            return [_wrong(one.key, "too_long", f"is longer than {MOST_LINK:,} characters")]
        return []
    if _UNPRINTABLE.search(value):
        return [
            _wrong(one.key, "line", "has a line break, a tab, or more than four spaces in a row")
        ]
    return []


def _is_link(value: str) -> bool:
    try:
        address = urlsplit(value)
        return address.scheme in ("http", "https") and bool(address.hostname) and " " not in value
    except ValueError:  # an address of IPv6 that is none
        return False


def _too_long(wanted: Shape, parameters: Mapping[str, str]) -> list[Problem]:
    seen = shown(wanted, parameters)
    problems = []
    if (size := len(seen.body)) > MOST_BODY:
        sentence = (
            f"With these parameters the text has {size:,} of at most {MOST_BODY:,} characters."
        )
        longest = max(_variables(wanted.body), key=lambda name: len(parameters[name]))
        problems.append(Problem(f"param.{longest}", "too_long", sentence))
    if seen.header and "header.text" in parameters and (size := len(seen.header)) > MOST_HEADER:
        sentence = f"With it the header has {size:,} of at most {MOST_HEADER} characters."
        problems.append(Problem("param.header.text", "too_long", sentence))
    return problems


def _wrong(key: str, code: str, what: str) -> Problem:
    return Problem(f"param.{key}", code, f"The parameter «{key}» {what}.")


def cleaned(parameters: Mapping[str, str]) -> dict[str, str]:
    """Without the blanks around each, and without those that are empty."""
    return {key: value.strip() for key, value in parameters.items() if value.strip()}


def shown(wanted: Shape, parameters: Mapping[str, str]) -> Shown:
    """What the phone shows; a parameter that is missing stays as it is written in the template."""

    def put_in(text: str, key: str | None = None) -> str:
        return _VARIABLE.sub(lambda one: parameters.get(key or one[1]) or one[0], text)

    medium = wanted.medium
    return Shown(
        put_in(wanted.header, "header.text") if wanted.header else None,
        (medium, parameters.get(f"header.{medium}", "")) if medium else None,
        put_in(wanted.body),
        wanted.footer,
        tuple(button.text for button in wanted.buttons),
    )


def samples(wanted: Shape) -> dict[str, str]:
    """The examples that Meta was shown, as parameters: for a preview before anything is typed."""
    return {one.key: one.example for one in wanted.asks if one.example}


def filled(wanted: Shape, parameters: Mapping[str, str]) -> list[dict[str, Any]]:
    """The `components` of a send; empty where the template has no variables.

    A button's value is percent-encoded: Meta appends it to the address as it is.
    """
    made: list[dict[str, Any]] = []
    if wanted.medium:
        given = _medium(wanted.medium, parameters[f"header.{wanted.medium}"])
        made.append({"type": "header", "parameters": [given]})
    elif wanted.header and (names := _variables(wanted.header)):
        given = _word(wanted, names[0], parameters["header.text"])
        made.append({"type": "header", "parameters": [given]})
    body = [key for key in (one.key for one in wanted.asks) if "." not in key]
    if body:
        words = [_word(wanted, key, parameters[key]) for key in body]
        made.append({"type": "body", "parameters": words})
    for one in wanted.asks:
        if one.kind == "ending":
            made.append(_ending(one.key, parameters[one.key]))
    return made


def _word(wanted: Shape, name: str, value: str) -> dict[str, Any]:
    called = {"parameter_name": name} if wanted.named else {}
    return {"type": "text", **called, "text": value}


def _medium(kind: str, link: str) -> dict[str, Any]:
    named = {"filename": link.rsplit("/", 1)[-1].split("?")[0]} if kind == "document" else {}
    return {"type": kind, kind: {"link": link, **named}}


def _ending(key: str, value: str) -> dict[str, Any]:
    return {
        "type": "button",
        "sub_type": "url",
        "index": str(int(key.removeprefix("button.")) - 1),
        "parameters": [{"type": "text", "text": quote(value, safe="-._~/?=&#%+:,@!$'()*;")}],
    }

"""How a template is filled, and what the phone then shows.

Parameters are a flat mapping from key to text, the same in the form, in a file (`param.KEY`), on
the command line (`--param KEY=VALUE`) and in `content.parameters`. The body's keys are Meta's names
or numbers; beside them there are `header.text`, `header.image`, `header.video`, `header.document`
(a link) and `button.1` to `button.10` (what the address of that button ends with).

Source: Meta's pages templates/components and templates/utility-templates.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from core.characters import unsendable
from core.errors import Invalid, Problem
from core.quoting import quoted
from core.shapes import VARIABLE, Asked, Shape, variables

MOST_BODY, MOST_HEADER, MOST_LINK = 1024, 60, 2000


_UNPRINTABLE = re.compile(r"[\n\r\t]| {5,}")


class Shown(NamedTuple):
    """A template as the phone shows it. `medium` is the header's picture, film or document."""

    header: str | None
    medium: tuple[str, str] | None  # kind and link
    body: str
    footer: str | None
    buttons: tuple[str, ...]


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
        longest = max(variables(wanted.body), key=lambda name: len(parameters[name]))
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
        return VARIABLE.sub(lambda one: parameters.get(key or one[1]) or one[0], text)

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
    elif wanted.header and (names := variables(wanted.header)):
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

"""Texts with {column} in them: which columns they ask for, what a row makes of them.

A doubled brace means one: {{like this}} goes out as {like this}.
"""

import re
from collections.abc import Mapping, Sequence

from core.errors import Problem
from core.quoting import quoted

_PIECE = re.compile(r"(?P<brace>\{\{|\}\})|\{(?P<name>[^{}\n]{1,80})\}")
_LOOKS_UNFILLED = re.compile(
    r"\{\{?[^{}\n]{1,80}\}\}?|\[(?:[A-Za-z_]\w*[ _-]?){1,4}\](?!\()|%[A-Za-z_]\w{1,40}%"
    "|<<[^<>\n]{1,80}>>"
)
_MOST_NAMED = 12  # columns that a refusal lists


def asked(text: str) -> list[str]:
    """The names in braces, each once, in their order."""
    found = (piece["name"].strip() for piece in _PIECE.finditer(text) if piece["name"])
    return list(dict.fromkeys(found))


def check(text: str, headings: Sequence[str], *, field: str = "text") -> list[Problem]:
    """One problem for each name that no column has, with what there is."""
    known = {heading.casefold() for heading in headings}
    there = ", ".join(f"{{{heading}}}" for heading in headings[:_MOST_NAMED])
    more = " and others" if len(headings) > _MOST_NAMED else ""
    return [
        Problem(
            field,
            "placeholder",
            f"The file has no column {quoted(name)}. It has {there}{more}. For braces that the "
            f"reader shall see, write them twice: {{{{{name}}}}}.",
        )
        for name in asked(text)
        if name.casefold() not in known
    ]


def pieces(text: str, headings: Sequence[str]) -> list[str | int]:
    """The text as words and the numbers of columns, so that a row only joins them."""
    numbers = {heading.casefold(): n for n, heading in reversed(list(enumerate(headings)))}
    found: list[str | int] = []
    done = 0
    for piece in _PIECE.finditer(text):
        found.append(text[done : piece.start()])
        name = piece["name"]
        number = None if name is None else numbers.get(name.strip().casefold())
        found.append(
            piece["brace"][0] if piece["brace"] else piece[0] if number is None else number
        )
        done = piece.end()
    found.append(text[done:])
    return [one for one in found if one != ""]


def fill(text: str, row: Mapping[str, str]) -> str:
    """The text for one row of heading → value; a name without a column stays as it is written."""
    values = list(row.values())
    return "".join(one if isinstance(one, str) else values[one] for one in pieces(text, list(row)))


def unfilled(text: str) -> str | None:
    """What of a finished text looks as if somebody forgot to fill it: {name}, {{1}}, [name],
    %name%, <<name>>; None where nothing does."""
    found = _LOOKS_UNFILLED.search(text)
    return found[0] if found else None

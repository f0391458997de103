"""Everything that happened to one message, as one line of time: people's changes, attempts,
webhooks."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from html import escape

from core.happened import Change, Line
from ui import moments


def drawn(lines: Sequence[Line], *, now: datetime, zone: str) -> str:
    """HTML, in the order in which they come."""
    return f'<ol class="timeline">{"".join(_line(one, now, zone) for one in lines)}</ol>'


def _line(line: Line, now: datetime, zone: str) -> str:
    title, colon, rest = line.title.partition(": ")
    by = f" by {escape(line.by)}" if line.by else ""
    facts = "".join(f" · {escape(fact)}" for fact in line.facts)
    return (
        f'<li class="line {line.colour}"><p><b>{escape(title)}</b>{colon}{escape(rest)}{by}</p>'
        f'<p class="when">{moments.shown(line.at, zone, now, seconds=True)}{facts}</p>'
        f"{''.join(_below(line, zone))}</li>"
    )


def _below(line: Line, zone: str) -> Iterator[str]:
    yield from (f'<p class="change">{escape(said)}</p>' for said in line.sentences)
    yield from (_change(one) for one in line.changes)
    if line.times:
        exact = facts((name, escape(moments.exact(at, zone))) for name, at in line.times)
        yield f"<details><summary>Exact times</summary>{exact}</details>"
    for heading, text in line.unfolds:
        yield f"<details><summary>{escape(heading)}</summary><pre>{escape(text)}</pre></details>"


def _change(one: Change) -> str:
    old, new = f"<del>{escape(one.before)}</del>", f"<ins>{escape(one.after)}</ins>"
    return f'<p class="change">{escape(one.field)}: {old} → {new}</p>'


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """HTML of labelled values; the values are HTML already."""
    inner = "".join(f"<dt>{escape(label)}</dt><dd>{value}</dd>" for label, value in pairs)
    return f'<dl class="facts">{inner}</dl>'

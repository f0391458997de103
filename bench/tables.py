"""Figures as tables that can be read, and pasted into a page."""

from collections.abc import Mapping, Sequence
from itertools import groupby


def tables(rows: Sequence[Mapping[str, object]]) -> str:
    """One table for each run of rows with the same columns."""
    return "\n\n".join(table(list(alike)) for _, alike in groupby(rows, key=list))


def table(rows: Sequence[Mapping[str, object]]) -> str:
    """One line for each row; the columns of the first in their order."""
    names = list(rows[0])
    cells = [names, *([_cell(row.get(name)) for name in names] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(names))]
    lines = [_line(line, widths) for line in cells]
    return "\n".join([lines[0], _line(["-" * width for width in widths], widths), *lines[1:]])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return f"| {' | '.join(padded)} |"


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)

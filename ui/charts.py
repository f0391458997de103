"""Drawings that pages share."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import altair as alt
import pandas as pd

from core.batch_forecast import Outlook, Point
from ui import moments

# Read on white and on black alike; the names are the classes of outbox.css.
COLOURS = {
    "blue": "#4f8fe0",
    "amber": "#d9a021",
    "violet": "#8f6bd6",
    "cyan": "#22a3b8",
    "orange": "#e07b39",
    "green": "#2a9d6a",
    "red": "#d9534a",
    "grey": "#8b9a94",
}
CYCLE = [COLOURS[one] for one in ("green", "blue", "amber", "violet", "cyan", "red", "orange")]
_QUIET = "#7a8a86"
_SO_FAR, _AHEAD = "has left", "will leave"
_CLOCK = (
    "timeFormat(datum.value, hours(datum.value) + minutes(datum.value) == 0 ? '%a %d' : '%H:%M')"
)
_TIME = alt.Tooltip("at:T", title="At", format="%a %H:%M")
_DURATION = (
    "datum.value < 60 ? datum.value + ' s' : datum.value < 3600 ? datum.value / 60 + ' min'"
    " : datum.value < 86400 ? datum.value / 3600 + ' h' : datum.value / 86400 + ' d'"
)


class Bar(NamedTuple):
    """A part of a stacked bar between two times."""

    at: datetime
    end: datetime
    part: str
    count: int


class Dot(NamedTuple):
    """A point of a line; `told` is how people write its value."""

    at: datetime
    part: str
    value: float
    told: str


def stacked(
    bars: Sequence[Bar], colours: Mapping[str, str], ahead: Sequence[Point], *, zone: str
) -> alt.LayerChart:
    """Bars of parts upon each other, in the order of `colours`, and dashed what is foreseen."""
    rows, tops = [], dict[datetime, int]()
    for bar in sorted(bars, key=lambda bar: list(colours).index(bar.part)):
        low = tops.get(bar.at, 0)
        tops[bar.at] = low + bar.count
        ends = (_wall(bar.at, zone), _wall(bar.end, zone))
        rows.append((*ends, bar.part, low, low + bar.count, f"{bar.count:,}"))
    names = ["at", "end", "part", "low", "high", "told"]
    drawn = (
        alt.Chart(pd.DataFrame(rows, columns=names))
        .mark_rect()
        .encode(
            x=_across(),
            x2="end:T",
            y=_up("low", "~s"),
            y2="high:Q",
            color=_colour(colours),
            tooltip=[_TIME, alt.Tooltip("part:N", title="What"), alt.Tooltip("told:N", title="n")],
        )
    )
    foreseen = pd.DataFrame(
        [(_wall(one.at, zone), one.left, f"{one.left:,}") for one in ahead],
        columns=["at", "left", "told"],
    )
    line = (
        alt.Chart(foreseen)
        .mark_line(strokeDash=[5, 4], strokeWidth=2, color=_QUIET)
        .encode(
            x=_across(),
            y=_up("left", "~s"),
            tooltip=[_TIME, alt.Tooltip("told:N", title="Foreseen")],
        )
    )
    return alt.layer(drawn, line).properties(height=240)


def hours(bars: Sequence[Bar], *, zone: str) -> alt.LayerChart:
    """One bar for each hour."""
    return stacked(bars, {bar.part: COLOURS["blue"] for bar in bars}, [], zone=zone).properties(
        height=200
    )


def shares(dots: Sequence[Dot], colours: Mapping[str, str], *, zone: str, gap: timedelta) -> Any:
    """Lines in % of a limit, which is drawn."""
    limit = (
        alt.Chart(pd.DataFrame({"limit": [100]}))
        .mark_rule(strokeDash=[5, 4], color=_QUIET)
        .encode(y="limit:Q")
    )
    return alt.layer(
        limit, _lines(dots, colours, _up("value", "d", " + ' %'"), zone, gap)
    ).properties(height=200)


def durations(
    dots: Sequence[Dot], colours: Mapping[str, str], *, zone: str, gap: timedelta
) -> alt.Chart:
    """Lines in seconds, of which a few and a day are both to be seen."""
    up = alt.Y(
        "value:Q",
        title=None,
        scale=alt.Scale(type="symlog", nice=False),
        axis=alt.Axis(values=[1, 10, 60, 600, 3_600, 36_000, 86_400], labelExpr=_DURATION),
    )
    return _lines(dots, colours, up, zone, gap).properties(height=200)


def _lines(
    dots: Sequence[Dot], colours: Mapping[str, str], up: alt.Y, zone: str, gap: timedelta
) -> alt.Chart:
    """A line for each part, broken where nothing was measured for longer than `gap`."""
    rows, last, run = [], dict[str, datetime](), 0
    for dot in sorted(dots, key=lambda dot: dot.at):
        if dot.at - last.get(dot.part, dot.at) > gap:
            run += 1
        last[dot.part] = dot.at
        rows.append((_wall(dot.at, zone), dot.part, dot.value, dot.told, run))
    frame = pd.DataFrame(rows, columns=["at", "part", "value", "told", "run"])
    tooltip = [_TIME, alt.Tooltip("part:N", title="What"), alt.Tooltip("told:N", title="Value")]
    few = len(rows) <= 100 * len(colours)
    return (
        alt.Chart(frame)
        .mark_line(strokeWidth=1.8, point=alt.OverlayMarkDef(size=14 if few else 3))
        .encode(x=_across(), y=up, color=_colour(colours), detail="run:N", tooltip=tooltip)
    )


def _across() -> alt.X:
    axis = alt.Axis(tickCount=6, grid=False, labelOverlap=True, labelExpr=_CLOCK)
    return alt.X("at:T", title=None, axis=axis)


def _up(name: str, format_: str, unit: str = "") -> alt.Y:
    told = f"format(datum.value, '{format_}'){unit}"
    axis = alt.Axis(tickCount=4, tickMinStep=1, labelExpr=told)
    return alt.Y(f"{name}:Q", title=None, axis=axis)


def _colour(colours: Mapping[str, str]) -> alt.Color:
    names, shown = list(colours), list(colours.values())
    legend = alt.Legend(title=None, orient="top", columns=4) if len(names) > 1 else None
    return alt.Color("part:N", scale=alt.Scale(domain=names, range=shown), legend=legend)


def _wall(at: datetime, zone: str) -> pd.Timestamp:
    """As the wall shows it: the drawing knows no zones."""
    return pd.Timestamp(moments.wall(at, zone))


def outlook(found: Outlook, *, zone: str, total: int) -> alt.LayerChart | alt.Chart:
    """How many of a batch have left, and dashed how many will have, over time."""
    rows = [*_rows(found.so_far, _SO_FAR, zone), *_rows(found.ahead, _AHEAD, zone)]
    base = alt.Chart(pd.DataFrame(rows, columns=["at", "left", "part"]))
    return (
        base.mark_line(strokeWidth=2.5)
        .encode(
            x=alt.X("at:T", title=None, axis=alt.Axis(tickCount=6, grid=False)),
            y=alt.Y("left:Q", title=None, scale=alt.Scale(domain=[0, max(total, 1)])),
            color=alt.Color(
                "part:N",
                scale=alt.Scale(domain=[_SO_FAR, _AHEAD], range=["#0a7a57", "#7a8a86"]),
                legend=alt.Legend(title=None, orient="top-left"),
            ),
            strokeDash=alt.StrokeDash(
                "part:N",
                scale=alt.Scale(domain=[_SO_FAR, _AHEAD], range=[[1, 0], [5, 4]]),
                legend=None,
            ),
            tooltip=[alt.Tooltip("at:T", format="%H:%M:%S"), "left:Q"],
        )
        .properties(height=180)
    )


def _rows(points: list[Point], part: str, zone: str) -> Iterator[tuple[pd.Timestamp, int, str]]:
    for point in points:
        yield _wall(point.at, zone), point.left, part

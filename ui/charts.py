"""Drawings that pages share."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import altair as alt
import pandas as pd
import streamlit as st

from core.batch_forecast import Outlook, Point
from ui import moments

# Read on white and on black alike; the names are mostly classes of outbox.css.
COLOURS = {
    "blue": "#4f8fe0",
    "amber": "#d9a021",
    "pale amber": "#eec95c",  # upon amber
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
_TIME = alt.Tooltip("at:T", title="At", format="%a %H:%M:%S")
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


class Drawing(NamedTuple):
    """What is drawn, which is the same for all who look, and the rows that it is drawn of."""

    spec: Mapping[str, Any]
    data: Mapping[str, pd.DataFrame]


# What Altair is given inline it would name as well, and its name is not among what is shown.
_LIMIT = pd.DataFrame({"limit": [100]})
_SECOND = pd.DataFrame({"value": [0, 1]})

Colours = tuple[tuple[str, str], ...]  # of each part, in their order


def show(drawing: Drawing, *, key: str | None = None) -> None:
    st.vega_lite_chart(spec={**drawing.spec, "datasets": dict(drawing.data)}, key=key)


def _spec(chart: Any) -> Mapping[str, Any]:
    """As JSON: making it of Altair's objects takes ten times as long as all else of a drawing."""
    made: dict[str, Any] = chart.to_dict()
    made.pop("config")  # Altair's own size
    return made


def stacked(
    bars: Sequence[Bar],
    colours: Mapping[str, str],
    ahead: Sequence[Point],
    *,
    zone: str,
    height: int = 240,
) -> Drawing:
    """Bars of parts upon each other, in the order of `colours`, and dashed what is foreseen."""
    rows, tops = [], dict[datetime, int]()
    for bar in sorted(bars, key=lambda bar: list(colours).index(bar.part)):
        low = tops.get(bar.at, 0)
        tops[bar.at] = low + bar.count
        ends = (_wall(bar.at, zone), _wall(bar.end, zone))
        rows.append((*ends, bar.part, low, low + bar.count, f"{bar.count:,}"))
    names = ["at", "end", "part", "low", "high", "told"]
    foreseen = [(_wall(one.at, zone), one.left, f"{one.left:,}") for one in ahead]
    data = {
        "bars": pd.DataFrame(rows, columns=names),
        "ahead": pd.DataFrame(foreseen, columns=["at", "left", "told"]),
    }
    return Drawing(_stacked(tuple(colours.items()), height), data)


@lru_cache
def _stacked(colours: Colours, height: int) -> Mapping[str, Any]:
    drawn = (
        alt.Chart(alt.NamedData("bars"))
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
    line = (
        alt.Chart(alt.NamedData("ahead"))
        .mark_line(strokeDash=[5, 4], strokeWidth=2, color=_QUIET)
        .encode(
            x=_across(),
            y=_up("left", "~s"),
            tooltip=[_TIME, alt.Tooltip("told:N", title="Foreseen")],
        )
    )
    return _spec(alt.layer(drawn, line).properties(height=height))


def hours(bars: Sequence[Bar], *, zone: str) -> Drawing:
    """One bar for each hour."""
    return stacked(bars, {bar.part: COLOURS["blue"] for bar in bars}, [], zone=zone, height=200)


def shares(
    dots: Sequence[Dot], colours: Mapping[str, str], *, zone: str, gap: timedelta
) -> Drawing:
    """Lines in % of a limit, which is drawn."""
    rows = _runs(dots, zone, gap)
    return Drawing(
        _shares(tuple(colours.items()), _few(rows, colours)), {"dots": rows, "limit": _LIMIT}
    )


@lru_cache
def _shares(colours: Colours, few: bool) -> Mapping[str, Any]:
    limit = (
        alt.Chart(alt.NamedData("limit"))
        .mark_rule(strokeDash=[5, 4], color=_QUIET)
        .encode(y="limit:Q")
    )
    lines = _lines(colours, _up("value", "d", " + ' %'"), few)
    return _spec(alt.layer(limit, lines).properties(height=200))


def durations(
    dots: Sequence[Dot], colours: Mapping[str, str], *, zone: str, gap: timedelta
) -> Drawing:
    """Lines in seconds, of which a few and a day are both to be seen."""
    rows = _runs(dots, zone, gap)
    return Drawing(
        _durations(tuple(colours.items()), _few(rows, colours)), {"dots": rows, "second": _SECOND}
    )


@lru_cache
def _durations(colours: Colours, few: bool) -> Mapping[str, Any]:
    up = alt.Y(
        "value:Q",
        title=None,
        scale=alt.Scale(type="symlog", nice=False),
        axis=alt.Axis(values=[0, 1, 10, 60, 600, 3_600, 36_000, 86_400], labelExpr=_DURATION),
    )
    # Where all left at once, there would be nothing to read it from.
    second = alt.Chart(alt.NamedData("second")).mark_point(opacity=0).encode(y="value:Q")
    return _spec(alt.layer(second, _lines(colours, up, few)).properties(height=200))


def _runs(dots: Sequence[Dot], zone: str, gap: timedelta) -> pd.DataFrame:
    """The dots of each part, in runs that break where nothing was measured for longer."""
    rows, last, run = [], dict[str, datetime](), 0
    for dot in sorted(dots, key=lambda dot: dot.at):
        if dot.at - last.get(dot.part, dot.at) > gap:
            run += 1
        last[dot.part] = dot.at
        rows.append((_wall(dot.at, zone), dot.part, dot.value, dot.told, run))
    return pd.DataFrame(rows, columns=["at", "part", "value", "told", "run"])


def _few(rows: pd.DataFrame, colours: Mapping[str, str]) -> bool:
    return len(rows) <= 100 * len(colours)


def _lines(colours: Colours, up: alt.Y, few: bool) -> alt.Chart:
    """A line for each run of a part."""
    tooltip = [_TIME, alt.Tooltip("part:N", title="What"), alt.Tooltip("told:N", title="Value")]
    return (
        alt.Chart(alt.NamedData("dots"))
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


def _colour(colours: Colours) -> alt.Color:
    names, shown = [name for name, _ in colours], [one for _, one in colours]
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

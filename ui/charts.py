"""Drawings that pages share."""

from collections.abc import Iterator
from zoneinfo import ZoneInfo

import altair as alt
import pandas as pd

from core.batch_forecast import Outlook, Point

_SO_FAR, _AHEAD = "has left", "will leave"


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
    """Times as the wall shows them: the drawing knows no zones."""
    place = ZoneInfo(zone)
    for point in points:
        yield pd.Timestamp(point.at.astimezone(place).replace(tzinfo=None)), point.left, part

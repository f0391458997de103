"""The drawings of the overview: what they need to be drawn."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from core import clock
from ui import charts
from ui.charts import Dot, Drawing


def named(spec: Any) -> Iterator[str]:
    """The names of the data that parts of it draw."""
    for key, part in spec.items() if isinstance(spec, dict) else enumerate(spec):
        if key == "data":
            yield part["name"]
        elif isinstance(part, dict | list):
            yield from named(part)


@pytest.mark.parametrize("draw", [charts.shares, charts.durations])
def test_lines_bring_all_that_they_draw_the_limit_and_a_second_too(
    draw: Callable[..., Drawing],
) -> None:
    dots = [Dot(clock.wall(), "Orders", 0.2, "0.2 s")]
    drawing = draw(dots, {"Orders": "#123456"}, zone="UTC", gap=timedelta(minutes=1))
    assert len(drawing.data) == 2 and {*named(drawing.spec)} == {*drawing.data}

"""From instants to figures: rate, fullest second, errors, percentiles. Pure arithmetic."""

import itertools
from collections.abc import Sequence


def rate(times: Sequence[float]) -> float:
    """Intervals a second from the first to the last of ascending instants in seconds."""
    return (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else 0.0


def steady_rate(times: Sequence[float]) -> float:
    """The rate without the first and the last tenth: without start and tail."""
    tenth = len(times) // 10
    return rate(times[tenth : len(times) - tenth])


def fullest_second(times: Sequence[float]) -> int:
    """The most instants that any half-open window of one second holds; `times` ascending."""
    fullest = first = 0
    for last, time in enumerate(times):
        while time - times[first] >= 1:
            first += 1
        fullest = max(fullest, last - first + 1)
    return fullest


def gap_errors(times: Sequence[float], spacing: float) -> list[float]:
    """How far each gap between neighbours is from the spacing of the slots, in seconds."""
    return [abs(later - earlier - spacing) for earlier, later in itertools.pairwise(times)]


def slope(points: Sequence[tuple[float, float]]) -> float:
    """By how much the second of each pair grows while the first grows by one (least squares)."""
    middle = [sum(ones) / len(points) for ones in zip(*points, strict=True)]
    spread = sum((x - middle[0]) ** 2 for x, _ in points)
    return sum((x - middle[0]) * (y - middle[1]) for x, y in points) / spread if spread else 0.0


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least so many percent do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100).__int__() - 1)]

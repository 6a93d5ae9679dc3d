"""One signal over time, as it was or by equal intervals."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from math import isfinite
from typing import NamedTuple

from shared.domain.telemetry import Sample, Value


class Point(NamedTuple):
    """A value at a time (epoch ms); over an interval its beginning, the last value, and of numbers the extremes, the
    mean, and how many readings there were."""

    at: int
    value: Value
    least: float | None = None
    most: float | None = None
    mean: float | None = None
    readings: int = 1


def series(samples: Iterable[Sample], path: str, resolution: int | None) -> list[Point]:
    """The readings of a signal, or one point for each interval of `resolution` milliseconds that has any."""
    seen = [Point(s.at, s.readings[path]) for s in samples if path in s.readings]
    if resolution is None:
        return seen
    return [_summary(start * resolution, list(points)) for start, points in groupby(seen, lambda p: p.at // resolution)]


def _summary(at: int, points: list[Point]) -> Point:
    numbers = [p.value for p in points if isinstance(p.value, int | float) and not isinstance(p.value, bool)]
    last = points[-1].value
    if len(numbers) < len(points):
        return Point(at, last, readings=len(points))
    return Point(at, last, min(numbers), max(numbers), _mean(numbers), len(points))


def _mean(numbers: Sequence[float]) -> float:
    """Finite, as all of the numbers are: their sum may not be."""
    total = sum(numbers)
    if isfinite(total):
        return total / len(numbers)
    return min(max(sum(number / len(numbers) for number in numbers), min(numbers)), max(numbers))

"""Places on the earth, in degrees and metres. Longitudes may go beyond 180 degrees: 180.5 is -179.5."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from math import asin, cos, radians, remainder, sin, sqrt
from typing import NamedTuple

RADIUS = 6_371_000.0
"""Metres: the mean radius of the earth."""
WIDEST = 180.0
"""Degrees of longitude that a polygon may span."""
LEAST_AREA = 1e-12
"""Square degrees below which three corners lie on one line: less than a hand's breadth squared."""


class Place(NamedTuple):
    latitude: float
    longitude: float


def distance(a: Place, b: Place) -> float:
    """Metres along the great circle."""
    lat_a, lat_b = radians(a.latitude), radians(b.latitude)
    across = sin((lat_b - lat_a) / 2) ** 2
    across += cos(lat_a) * cos(lat_b) * sin(radians(b.longitude - a.longitude) / 2) ** 2
    return 2 * RADIUS * asin(min(1.0, sqrt(across)))


def eastwards(a: float, b: float) -> float:
    """Degrees from one longitude to another the shorter way, negative to the west. Exactly half the globe goes the way
    in which it is written."""
    return remainder(b - a, 360.0)


@dataclass(frozen=True, slots=True)
class Circle:
    """All places within `radius` metres of the centre."""

    centre: Place
    radius: float

    def contains(self, place: Place, margin: float = 0.0) -> bool:
        return distance(self.centre, place) <= self.radius + margin


@dataclass(frozen=True)
class Polygon:
    """All places within a ring of corners, of which the last is joined to the first; where edges cross, those within an
    odd number of its loops.

    Edges are straight in latitude and longitude (RFC 7946, 3.1.1), and go the shorter way around the globe."""

    corners: tuple[Place, ...]

    @property
    def fault(self) -> str | None:
        """What is wrong with it as a fence, if anything."""
        start, end = self._path[0], self._path[-1]
        if abs(end.longitude - start.longitude) > WIDEST:
            return "a polygon does not go around a pole: draw a circle there"
        west, east = self._span
        if east - west > WIDEST:
            return f"a polygon is no wider than {WIDEST:g} degrees"
        if all(abs(_cross(a, b, start)) < LEAST_AREA for a, b in pairwise(self._path)):
            return "the corners of a polygon do not all lie on one line; -180 and 180 degrees are the same"
        return None

    def contains(self, place: Place, margin: float = 0.0) -> bool:
        """Inside, or no farther than `margin` metres from an edge."""
        middle = sum(self._span) / 2
        at = Place(place.latitude, middle + eastwards(middle, place.longitude))
        inside = False
        for a, b in pairwise(self._path):
            if (a.latitude > at.latitude) != (b.latitude > at.latitude):
                lies_east = _cross(a, b, at) * (b.latitude - a.latitude) > 0
                inside ^= lies_east
        return inside or (margin > 0 and any(_to_edge(place, a, b) <= margin for a, b in pairwise(self._path)))

    @cached_property
    def _path(self) -> tuple[Place, ...]:
        """Once around the corners and back to the first, at longitudes that follow each other without a leap."""
        around = (*self.corners, self.corners[0])
        steps = (eastwards(a.longitude, b.longitude) for a, b in pairwise(around))
        longitudes = accumulate(steps, initial=self.corners[0].longitude)
        return tuple(Place(corner.latitude, x) for corner, x in zip(around, longitudes, strict=True))

    @cached_property
    def _span(self) -> tuple[float, float]:
        """The longitudes of its western and its eastern end."""
        longitudes = [corner.longitude for corner in self._path]
        return min(longitudes), max(longitudes)


def opened(corners: Sequence[Place]) -> tuple[Place, ...]:
    """Without a last corner that is the first again, as GeoJSON closes a ring."""
    first, last = corners[0], corners[-1]
    closed = first.latitude == last.latitude and eastwards(first.longitude, last.longitude) == 0
    return tuple(corners[:-1] if closed else corners)


def _cross(a: Place, b: Place, c: Place) -> float:
    """Twice the area of a triangle in square degrees; its sign tells on which side of the way from a to b c lies."""
    across, along = b.longitude - a.longitude, b.latitude - a.latitude
    return (a.longitude - c.longitude) * along - (a.latitude - c.latitude) * across


def _to_edge(place: Place, a: Place, b: Place) -> float:
    """Metres to the nearest point of an edge, which is looked for on a plane that touches the earth at the place."""
    half = (b.longitude - a.longitude) / 2
    west = eastwards(place.longitude, a.longitude + half) - half
    scale = cos(radians(place.latitude))
    ax, ay = west * scale, a.latitude - place.latitude
    dx, dy = 2 * half * scale, b.latitude - a.latitude
    length = dx * dx + dy * dy
    along = 0.0 if length == 0 else max(0.0, min(1.0, -(ax * dx + ay * dy) / length))
    foot = Place(a.latitude + along * dy, a.longitude + along * 2 * half)
    return min(distance(place, point) for point in (a, foot, b))

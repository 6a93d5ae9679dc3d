"""Places on the earth, in degrees and metres."""

from dataclasses import dataclass
from math import asin, cos, hypot, radians, sin, sqrt
from typing import NamedTuple

RADIUS = 6_371_000.0
"""Metres: the mean radius of the earth."""


class Place(NamedTuple):
    latitude: float
    longitude: float


def distance(a: Place, b: Place) -> float:
    """Metres along the great circle."""
    lat_a, lat_b = radians(a.latitude), radians(b.latitude)
    across = sin((lat_b - lat_a) / 2) ** 2
    across += cos(lat_a) * cos(lat_b) * sin(radians(b.longitude - a.longitude) / 2) ** 2
    return 2 * RADIUS * asin(min(1.0, sqrt(across)))


@dataclass(frozen=True, slots=True)
class Circle:
    """All places within `radius` metres of the centre."""

    centre: Place
    radius: float

    def contains(self, place: Place, margin: float = 0.0) -> bool:
        return distance(self.centre, place) <= self.radius + margin


@dataclass(frozen=True, slots=True)
class Polygon:
    """All places within a ring of corners, no wider than half the globe; the last is joined to the first."""

    corners: tuple[Place, ...]

    def contains(self, place: Place, margin: float = 0.0) -> bool:
        """Inside, or no farther than `margin` metres from an edge."""
        edges = list(zip(self.corners, self.corners[1:] + self.corners[:1], strict=True))
        inside = False
        for a, b in edges:
            if (a.latitude > place.latitude) != (b.latitude > place.latitude):
                share = (place.latitude - a.latitude) / (b.latitude - a.latitude)
                if place.longitude < a.longitude + share * (b.longitude - a.longitude):
                    inside = not inside
        return inside or (margin > 0 and any(_to_edge(place, a, b) <= margin for a, b in edges))


def _to_edge(place: Place, a: Place, b: Place) -> float:
    """Metres to the nearest point of an edge, on a plane that touches the earth at the place."""
    scale = radians(1) * RADIUS
    ax, ay = (
        (a.longitude - place.longitude) * scale * cos(radians(place.latitude)),
        (a.latitude - place.latitude) * scale,
    )
    bx, by = (
        (b.longitude - place.longitude) * scale * cos(radians(place.latitude)),
        (b.latitude - place.latitude) * scale,
    )
    dx, dy = bx - ax, by - ay
    length = dx * dx + dy * dy
    along = 0.0 if length == 0 else max(0.0, min(1.0, -(ax * dx + ay * dy) / length))
    return hypot(ax + along * dx, ay + along * dy)

"""Where a vehicle is: its last good fix, found in readings that come together, one by one, or not at all."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from shared.domain.geo import Place, distance
from shared.domain.paths import LATITUDE, LONGITUDE
from shared.domain.telemetry import Value

POSITION_AGE = 10 * 60_000
"""Milliseconds that a latitude and a longitude may lie apart: a car that drives due east reports no latitude for
minutes, and what was seen before a stop belongs to another place."""
LEAP = 1_000.0
"""Metres that a fix may jump at once: a receiver that was frozen catches up."""
FASTEST = 70.0
"""Metres a second that a vehicle may have come beyond that: 250 km/h."""
STAYED = 50.0
"""Metres that a fix of a vehicle which says that it stands may lie off before it is doubted: receivers waver."""
SOON = 60_000
"""Milliseconds after a fix that is doubted, up to which one that agrees with it may lie farther from it."""
CLOSE = 0.005
"""Degrees within which no leap lies, wherever on earth."""
NULL_ISLAND = 0.1
"""Degrees around 0, 0 in which a fix is none: that is open sea, and where receivers without a fix claim to be."""


class Fix(NamedTuple):
    """A place, and when the vehicle was there (epoch ms)."""

    place: Place
    at: int


class Location(NamedTuple):
    """The last good fix, and one that is doubted: believed once a second fix agrees with it."""

    fix: Fix | None = None
    doubted: Fix | None = None

    def follow(self, found: Fix, stayed: Callable[[float], bool] = lambda metres: False) -> "Location":
        """After another fix; one that is older than the last good one changes nothing.

        One is doubted that cannot be reached, or that lies some metres off though the vehicle `stayed` where it was: it
        may be towed, or on a ferry, but then a second fix will be there too."""
        last = self.fix
        if last is None:
            return Location(found)
        if found.at < last.at:
            return self
        metres = distance(last.place, found.place)
        if metres <= STAYED or (metres <= _reach(found.at - last.at) and not stayed(metres)):
            return Location(found)
        return Location(found) if self._agrees(found) else Location(last, found)

    def _agrees(self, found: Fix) -> bool:
        """Whether one that is doubted lies so close that it is believed after all, however long ago that was."""
        if self.doubted is None:
            return False
        elapsed = min(found.at - self.doubted.at, SOON)
        return distance(self.doubted.place, found.place) <= _reach(elapsed)


def fix_in(signals: Mapping[str, tuple[Value, int]]) -> Fix | None:
    """The newest latitude and longitude as one fix at the time of the newer; None where they are no place, or too far
    apart in time to be one."""
    latitude, longitude = signals.get(LATITUDE), signals.get(LONGITUDE)
    if latitude is None or longitude is None or abs(latitude[1] - longitude[1]) > POSITION_AGE:
        return None
    found = place_of(latitude[0], longitude[0])
    return None if found is None else Fix(found, max(latitude[1], longitude[1]))


def place_of(latitude: Value | None, longitude: Value | None) -> Place | None:
    """The place that two readings name, if they name one."""
    if not isinstance(latitude, int | float) or not isinstance(longitude, int | float):
        return None
    place = Place(latitude, longitude)
    return place if is_place(place) else None


def is_place(place: Place) -> bool:
    """Whether it is on earth, and no placeholder: a coordinate of exactly 0 is one that the receiver does not know."""
    latitude, longitude = place
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180) or not latitude or not longitude:
        return False
    return abs(latitude) > NULL_ISLAND or abs(longitude) > NULL_ISLAND


def is_reachable(a: Fix, b: Fix) -> bool:
    """Whether a vehicle can have come from one to the other in the time between them."""
    if abs(a.place.latitude - b.place.latitude) + abs(a.place.longitude - b.place.longitude) < CLOSE:
        return True
    return distance(a.place, b.place) <= _reach(abs(b.at - a.at))


def _reach(milliseconds: int) -> float:
    """Metres that a vehicle may come in that time."""
    return LEAP + FASTEST * milliseconds / 1000

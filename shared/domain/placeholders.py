"""Readings that a device sends in place of a measurement that it does not have."""

from collections.abc import Mapping

from shared.domain.location import NULL_ISLAND
from shared.domain.paths import LATITUDE, LONGITUDE, ODOMETER
from shared.domain.telemetry import Value

ODOMETERS = frozenset({429_496_729, 429_496_730, 4_294_967_290, 4_294_967_294, 4_294_967_295})
"""Metres: 32 bits that are all set, as they are, or after they were counted in tenths. No car comes that far."""


def has_placeholder(readings: Mapping[str, Value]) -> bool:
    """Whether one may be among the readings of a sample: asked of every sample, and quick where there is none."""
    get = readings.get
    latitude, longitude = get(LATITUDE, 1), get(LONGITUDE, 1)
    if not latitude or not longitude or get(ODOMETER) in ODOMETERS:
        return True
    return _is_near_zero(latitude) and _is_near_zero(longitude)


def placeholders(readings: Mapping[str, Value]) -> list[str]:
    """The signals of one sample that hold a placeholder: an odometer of all ones, and both coordinates where a receiver
    without a fix says 0."""
    found = [ODOMETER] if readings.get(ODOMETER) in ODOMETERS else []
    latitude, longitude = readings.get(LATITUDE), readings.get(LONGITUDE)
    if latitude is None and longitude is None:
        return found
    if latitude == 0 or longitude == 0 or (_is_near_zero(latitude) and _is_near_zero(longitude)):
        found += [path for path in (LATITUDE, LONGITUDE) if path in readings]
    return found


def _is_near_zero(value: Value | None) -> bool:
    return isinstance(value, int | float) and abs(value) <= NULL_ISLAND

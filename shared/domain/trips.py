"""Trips and charges, derived from what is in history: the same samples always give the same ones."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from shared.domain.conditions import FASTEST, LEAP
from shared.domain.geo import Place, distance
from shared.domain.paths import BATTERY, IS_CHARGING, LATITUDE, LONGITUDE, SPEED, STATE_OF_CHARGE
from shared.domain.telemetry import Sample, Value
from shared.domain.track import STOP, Span, is_moving

ODOMETER = "Vehicle.TraveledDistance"
ENERGY, FUEL = BATTERY + "StateOfCharge.CurrentEnergy", "Vehicle.Powertrain.FuelSystem.AbsoluteLevel"
CAPACITIES = (BATTERY + "NetCapacity", BATTERY + "GrossCapacity")
CHARGE_GAP = 6 * 3_600_000
"""Milliseconds without a sample in which a charge is still taken to go on."""
SPEED_GAP = 60_000
"""Milliseconds between two speeds over which distance is summed up."""
ENOUGH = 0.8
"""Share of a trip over which speed has to be known to go by it."""
APART = 10.0
"""Metres between two points of a line."""
POINTS = 500
"""Points of a line at most."""
AGREEING = 3
"""Positions that agree with each other before a jump is believed after all."""


@dataclass(frozen=True, slots=True)
class Trip:
    """One journey. Times in epoch ms, `distance` in metres with what it was taken from (`odometer`, `speed` or
    `position`), charge in percent, `energy` in kWh and `fuel` in litres used, where known."""

    id: str
    vehicle_id: str
    span: Span
    distance: float
    taken_from: str
    soc: tuple[float | None, float | None]
    energy: float | None
    fuel: float | None
    line: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Charge:
    """One stretch of charging: percent from and to, and the energy taken in (kWh) where known."""

    id: str
    vehicle_id: str
    span: Span
    soc: tuple[float | None, float | None]
    energy: float | None


class Known(NamedTuple):
    """An earlier trip or charge that may be one of those found anew."""

    id: str
    span: Span


def trips(vehicle_id: str, samples: Sequence[Sample], capacity: float | None, known: Sequence[Known]) -> list[Trip]:
    """Every journey in the samples, which are in order of time. One that grew keeps the id it had."""
    found = list[Trip]()
    for span in _stretches(((s.at, is_moving(s.readings)) for s in samples), STOP):
        if span.end == span.start:
            continue
        own = [s for s in samples if span.start <= s.at <= span.end]
        metres, taken_from = _distance(own)
        soc, energy = _energy(samples, span, capacity)
        used = _change(samples, span, FUEL)
        fuel = max(0.0, -used) if used is not None else None
        line = _thinned([place for _, place in positions(own)])
        used_energy = -energy if energy is not None else None
        id = _id("trip", span, known, found)
        found.append(Trip(id, vehicle_id, span, metres, taken_from, soc, used_energy, fuel, line))
    return found


def charges(vehicle_id: str, samples: Sequence[Sample], capacity: float | None, known: Sequence[Known]) -> list[Charge]:
    """Every stretch of charging in the samples, which are in order of time."""
    found = list[Charge]()
    said = ((s.at, s.readings[IS_CHARGING] is True) for s in samples if IS_CHARGING in s.readings)
    for span in _stretches(said, CHARGE_GAP, ends_at_false=True):
        soc, energy = _energy(samples, span, capacity)
        found.append(Charge(_id("charge", span, known, found), vehicle_id, span, soc, energy))
    return found


def is_trip_id(text: str) -> bool:
    name, _, at = text.partition("-")
    return name == "trip" and at.isascii() and at.isdigit() and len(at) <= 14


def named_at(id: str) -> int:
    """The moment (epoch ms) that a trip or charge is named after: when it began, as it was known first."""
    return int(id.partition("-")[2])


def capacity_in(values: Mapping[str, Value]) -> float | None:
    """What the battery holds (kWh), if the vehicle ever said so."""
    return next((n for path in CAPACITIES if (n := _number(values.get(path)))), None)


def positions(samples: Sequence[Sample]) -> list[tuple[int, Place]]:
    """Where the vehicle was, without the repeats of a receiver that stands still and the leaps of one that is lost."""
    kept, doubted = list[tuple[int, Place]](), list[tuple[int, Place]]()
    for sample in samples:
        latitude, longitude = _number(sample.readings.get(LATITUDE)), _number(sample.readings.get(LONGITUDE))
        if latitude is None or longitude is None or not _exists(latitude, longitude):
            continue
        fix = (sample.at, Place(latitude, longitude))
        if fix[1] in (kept[-1][1] if kept else None, doubted[-1][1] if doubted else None):
            continue
        if not kept or _reachable(kept[-1], fix):
            kept.append(fix)
            doubted = []
            continue
        doubted = [*doubted, fix] if doubted and _reachable(doubted[-1], fix) else [fix]
        if len(doubted) >= AGREEING:
            kept += doubted
            doubted = []
    return kept


def _exists(latitude: float, longitude: float) -> bool:
    """Whether there is such a place; a receiver without a fix says 0, 0."""
    return abs(latitude) <= 90 and abs(longitude) <= 180 and bool(latitude or longitude)


def _reachable(a: tuple[int, Place], b: tuple[int, Place]) -> bool:
    return distance(a[1], b[1]) <= LEAP + FASTEST * (b[0] - a[0]) / 1000


def _stretches(said: Iterator[tuple[int, bool]], gap: int, ends_at_false: bool = False) -> list[Span]:
    """From the first moment that says yes to the last before a longer gap; or to the first that says no."""
    found, going = list[Span](), False
    for at, yes in said:
        within = bool(found) and at - found[-1].end <= gap
        if yes and within and (going or not ends_at_false):
            found[-1] = Span(found[-1].start, at)
        elif yes:
            found.append(Span(at, at))
        elif going and ends_at_false and within:
            found[-1] = Span(found[-1].start, at)
        going = yes
    return found


def _distance(samples: Sequence[Sample]) -> tuple[float, str]:
    """Metres: by the odometer, or else by speed over time, or else along the positions."""
    seconds = (samples[-1].at - samples[0].at) / 1000
    counted = [n for s in samples if (n := _number(s.readings.get(ODOMETER))) is not None]
    if len(counted) > 1 and 0 < counted[-1] - counted[0] <= FASTEST * seconds:
        return counted[-1] - counted[0], "odometer"
    speeds = [(s.at, n) for s in samples if (n := _number(s.readings.get(SPEED))) is not None]
    steps = [((b[0] - a[0]) / 1000, (a[1] + b[1]) / 7.2) for a, b in pairwise(speeds) if b[0] - a[0] <= SPEED_GAP]
    if sum(step for step, _ in steps) >= ENOUGH * seconds:
        return sum(step * speed for step, speed in steps), "speed"
    fixes = positions(samples)
    return sum(distance(a[1], b[1]) for a, b in pairwise(fixes) if _reachable(a, b)), "position"


def _energy(
    samples: Sequence[Sample], span: Span, capacity: float | None
) -> tuple[tuple[float | None, float | None], float | None]:
    """The state of charge (%) at both ends, and the energy gained in between (kWh; less than 0 if used)."""
    soc = _ends(samples, span, STATE_OF_CHARGE)
    told = _change(samples, span, ENERGY)
    if told is not None:
        return soc, told
    size = capacity or capacity_in({p: v for s in samples for p, v in s.readings.items() if p in CAPACITIES})
    if size is None or soc[0] is None or soc[1] is None:
        return soc, None
    return soc, (soc[1] - soc[0]) / 100 * size


def _change(samples: Sequence[Sample], span: Span, path: str) -> float | None:
    first, last = _ends(samples, span, path)
    return None if first is None or last is None else last - first


def _ends(samples: Sequence[Sample], span: Span, path: str) -> tuple[float | None, float | None]:
    """The number that held when the span began, or else the first within it; and the last one within."""
    before = first = last = None
    for sample in samples:
        number = _number(sample.readings.get(path)) if sample.at <= span.end else None
        if number is None:
            continue
        if sample.at <= span.start:
            before = number
        first, last = (number if first is None else first), number
    return (before if before is not None else first), last


def _id(kind: str, span: Span, known: Sequence[Known], found: Sequence[Trip | Charge]) -> str:
    """That of the earliest known one that it overlaps and that no other took, or a new one after its start."""
    taken = {f.id for f in found}
    for other in sorted(known, key=lambda k: k.span):
        if other.id.startswith(kind) and other.id not in taken and _overlap(other.span, span):
            return other.id
    return f"{kind}-{span.start}"


def _overlap(a: Span, b: Span) -> bool:
    return a.start <= b.end and b.start <= a.end


def _thinned(places: Sequence[Place]) -> tuple[Place, ...]:
    kept: list[Place] = []
    for place in places:
        if not kept or distance(kept[-1], place) >= APART:
            kept.append(place)
    if len(kept) > POINTS:
        step = (len(kept) - 1) / (POINTS - 1)
        kept = [kept[round(n * step)] for n in range(POINTS)]
    return tuple(kept)


def _number(value: Value | None) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

"""Trips, derived from what is in history: the same samples always give the same ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from shared.domain.battery import Ends, ends, energy_between, number, state_of_charge
from shared.domain.geo import Place, distance
from shared.domain.location import Fix
from shared.domain.motion import stated
from shared.domain.movement import Shown, believed_fixes, movement
from shared.domain.paths import ODOMETER, SPEED
from shared.domain.span import Known, Span, id_of, stretches
from shared.domain.telemetry import Sample
from shared.domain.track import PATIENCE, STOP
from shared.domain.travel import SPEED_GAP, Travel
from shared.domain.trip_settings import DEFAULT, TripSettings

FUEL = "Vehicle.Powertrain.FuelSystem.AbsoluteLevel"
APART = 10.0
"""Metres between two points of a line."""
POINTS = 500
"""Points of a line at most."""
WALKING = 5.0
"""km/h that a vehicle reaches on every trip, or else its odometer or positions have to show that it went away."""
DISORDERED = 8
"""Readings after one that falls back, among which it is seen whether that was for a moment."""
MOMENT = 10_000
"""Milliseconds of it."""
DROVE_ON = 0.5
"""Share of the way at the speeds before and after a silence that was covered in it if the vehicle did not park."""
SHOWN = 3
"""Samples that have to show movement by positions alone: a receiver that leaps there and back shows two."""


@dataclass(frozen=True, slots=True)
class Trip:
    """One journey. Times in epoch ms, `distance` in metres with what most of it was taken from (`odometer`, `speed` or
    `position`), charge in percent, `energy` in kWh and `fuel` in litres used, where known; `bridged` are the
    milliseconds of it in which the vehicle reported nothing for longer than `SPEED_GAP` at a time."""

    id: str
    vehicle_id: str
    span: Span
    distance: float
    taken_from: str
    soc: Ends
    energy: float | None
    fuel: float | None
    line: tuple[Place, ...]
    bridged: int = 0


def trips(
    vehicle_id: str,
    samples: Sequence[Sample],
    capacity: float | None,
    known: Sequence[Known],
    settings: TripSettings = DEFAULT,
) -> list[Trip]:
    """Every journey in the samples, which are in order of time. One that grew keeps the id it had."""
    found = list[Trip]()
    fixes = believed_fixes(samples)
    shown = movement(samples, fixes)
    for span in _joined(stretches(shown, STOP), samples, fixes):
        around = [s for s in samples if span.start - STOP <= s.at <= span.end + STOP]
        own = [s for s in around if span.start <= s.at <= span.end]
        way = [fix for fix in fixes if span.start <= fix.at <= span.end]
        travelled = _travel(around, fixes).between(*span)
        if not _counts(span, travelled.metres, own, way, shown, settings):
            continue
        full, left = ends(samples, span, FUEL)
        energy = energy_between(samples, span, capacity)
        trip = Trip(
            id=id_of("trip", span, known, [f.id for f in found]),
            vehicle_id=vehicle_id,
            span=span,
            distance=travelled.metres,
            taken_from=travelled.source,
            soc=state_of_charge(samples, span),
            energy=-energy if energy is not None else None,
            fuel=max(0.0, full - left) if full is not None and left is not None else None,
            line=_thinned([fix.place for fix in way]),
            bridged=sum(b.at - a.at for a, b in pairwise(own) if b.at - a.at > SPEED_GAP),
        )
        found.append(trip)
    return found


def _joined(spans: Sequence[Span], samples: Sequence[Sample], fixes: Sequence[Fix]) -> list[Span]:
    """The spans; those between which the vehicle drove on without a word are one, as many report each five minutes."""
    found = list(spans[:1])
    for span in spans[1:]:
        if _drove_on(found[-1].end, span.start, samples, fixes):
            found[-1] = Span(found[-1].start, span.end)
        else:
            found.append(span)
    return found


def _drove_on(start: int, end: int, samples: Sequence[Sample], fixes: Sequence[Fix]) -> bool:
    """Whether two samples with nothing between them tell of speeds at which a good part of the way was covered."""
    between = [s for s in samples if start <= s.at <= end]
    speeds = [abs(n) for s in between if (n := number(s.readings.get(SPEED))) is not None]
    if end - start > STOP + PATIENCE or len(between) != 2 or len(speeds) != 2:
        return False
    counted = [n for s in between if (n := number(s.readings.get(ODOMETER))) is not None]
    places = [fix.place for fix in fixes if fix.at in (start, end)]
    metres = counted[1] - counted[0] if len(counted) == 2 else distance(*places) if len(places) == 2 else 0.0
    return metres >= DROVE_ON * sum(speeds) / 7.2 * (end - start) / 1000


def is_trip_id(text: str) -> bool:
    name, _, at = text.partition("-")
    return name == "trip" and at.isascii() and at.isdigit() and len(at) <= 14


def _travel(samples: Sequence[Sample], fixes: Sequence[Fix]) -> Travel:
    """Of the samples of a trip and of the rest around it."""
    return Travel(_odometer(samples), _speeds(samples), fixes)


def _odometer(samples: Sequence[Sample]) -> list[tuple[int, float]]:
    """Metres. One that falls back for a moment lost its count, or was read before the one that it comes after: samples
    that have the time of their arrival come in disorder. One that is told whenever it advances holds at the samples
    that tell no other."""
    read = [(s.at, n) for s in samples if (n := number(s.readings.get(ODOMETER))) is not None]
    if _is_on_change(read, samples):
        read = _held(samples)
    found = list[tuple[int, float]]()
    for n, (at, metres) in enumerate(read):
        soon = read[n + 1 : n + 1 + DISORDERED] if found and metres < found[-1][1] else []
        back = any(m >= found[-1][1] for later, m in soon if later - at <= MOMENT or (later, m) == soon[0])
        if not back:
            found.append((at, metres))
    return found


def _is_on_change(read: Sequence[tuple[int, float]], samples: Sequence[Sample]) -> bool:
    """Whether it is told with most samples, or mostly one step after the other."""
    if _median([b[0] - a[0] for a, b in pairwise(read)]) <= 2 * _median([b.at - a.at for a, b in pairwise(samples)]):
        return True
    steps = [b[1] - a[1] for a, b in pairwise(read) if b[1] > a[1]]
    return len(steps) > 2 and _median(steps) <= 1.5 * min(steps)


def _held(samples: Sequence[Sample]) -> list[tuple[int, float]]:
    found = list[tuple[int, float]]()
    for sample in samples:
        metres = number(sample.readings.get(ODOMETER))
        if metres is not None or found:
            found.append((sample.at, found[-1][1] if metres is None else metres))
    return found


def _median(numbers: Sequence[float]) -> float:
    return sorted(numbers)[len(numbers) // 2] if numbers else 0.0


def _speeds(samples: Sequence[Sample]) -> list[tuple[int, float]]:
    """km/h, without their signs. One that is reported on change holds at the samples that tell no other."""
    found, told_at = list[tuple[int, float]](), 0
    for sample in samples:
        speed = number(sample.readings.get(SPEED))
        if speed is not None:
            found.append((sample.at, abs(speed)))
            told_at = sample.at
        elif found and sample.at - told_at <= SPEED_GAP:
            found.append((sample.at, found[-1][1]))
    return found


def _counts(
    span: Span, metres: float, own: Sequence[Sample], way: Sequence[Fix], shown: Shown, settings: TripSettings
) -> bool:
    """Whether a stretch of movement is a trip."""
    if metres < settings.metres or span.end - span.start < settings.seconds * 1000:
        return False
    said = [s.readings for s in own if stated(s.readings)]
    if any(abs(n) >= WALKING for r in said if (n := number(r.get(SPEED))) is not None):
        return True
    farthest = max((distance(way[0].place, fix.place) for fix in way), default=0.0)
    counted = [n for s in own if (n := number(s.readings.get(ODOMETER))) is not None]
    went = farthest >= settings.metres or (len(counted) > 1 and counted[-1] - counted[0] >= settings.metres)
    return went and (bool(said) or sum(bool(yes) for at, yes in shown if span.start <= at <= span.end) >= SHOWN)


def _thinned(places: Sequence[Place]) -> tuple[Place, ...]:
    kept: list[Place] = []
    for place in places:
        if not kept or distance(kept[-1], place) >= APART:
            kept.append(place)
    if len(kept) > POINTS:
        step = (len(kept) - 1) / (POINTS - 1)
        kept = [kept[round(n * step)] for n in range(POINTS)]
    return tuple(kept)

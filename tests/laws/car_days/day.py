"""The truth: a day of one car, drawn from a seed, as functions of time that any sampling can be drawn from.

Times are seconds since the day began. The car goes back and forth along one winding road, so that where it is follows
from how many metres along the road it has come."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import cos, degrees, inf, pi, radians, sin
from random import Random
from typing import NamedTuple

from shared.domain.battery import CAPACITIES
from shared.domain.geo import RADIUS, Place
from shared.domain.paths import CABLE, CHARGE_LIMIT, IS_CHARGING, OPENINGS, SYSTEM, TROUBLE_CODES
from shared.domain.telemetry import Value
from tests.laws.car_days.charging import HOUR, MINUTE, Battery, Charging, PlugIn, Span
from tests.laws.car_days.driving import Drive, drive

LENGTH = 24 * HOUR
LAST_START = 18 * HOUR
FENCE = 250.0
"""Metres around home and work."""
STAYS = ((11 * MINUTE, 25 * MINUTE), (0.5 * HOUR, 2 * HOUR), (2 * HOUR, 5 * HOUR))
"""How long it rests between two drives: never near the five minutes that part two trips."""
DOOR, WINDOW, TRUNK = OPENINGS[0], OPENINGS[4], "Vehicle.Body.Trunk.Rear.IsOpen"
CODE = "P0301"
BEHIND, STEP = 200.0, 20.0
"""Metres of the road behind home, and between two of the places that it is drawn through."""


class Change(NamedTuple):
    """From when on a signal has another value."""

    at: float
    path: str
    value: Value


class Opening(NamedTuple):
    """A window, door or lid that is open for a while: how far (%), or True."""

    path: str
    value: Value
    span: Span


@dataclass(frozen=True, slots=True)
class Day:
    """What really happened. `levels` are the charge (%) at moments as if it had never driven."""

    seed: int
    road: tuple[Place, ...]
    work: float
    drives: tuple[Drive, ...]
    odometer: tuple[float, ...]
    """Metres driven today before each drive."""
    plug_ins: tuple[PlugIn, ...]
    levels: tuple[tuple[float, float], ...]
    battery: Battery
    openings: tuple[Opening, ...]
    codes: tuple[Span, ...]

    def motion(self, t: float) -> tuple[float, float, float]:
        """Speed (m/s, below 0 in reverse), metres along the road from home, and metres driven today."""
        n = bisect_right(self.drives, t, key=lambda d: d.start) - 1
        if n < 0:
            return 0.0, 0.0, 0.0
        speed, along, metres = self.drives[n].at(t)
        return speed, along, self.odometer[n] + metres

    def place(self, along: float) -> Place:
        """So many metres along the road from home."""
        n, rest = divmod(along + BEHIND, STEP)
        a, b, share = self.road[int(n)], self.road[int(n) + 1], rest / STEP
        return Place(a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share)

    def place_at(self, t: float) -> Place:
        return self.place(self.motion(t)[1])

    def soc(self, t: float, driven: float) -> float:
        """Percent, after so many metres driven today."""
        n = bisect_right(self.levels, (t, inf))
        (a, first), (b, second) = self.levels[n - 1], self.levels[min(n, len(self.levels) - 1)]
        level = first + (second - first) * (t - a) / (b - a) if b > a else first
        return level - self.battery.usage * driven

    def changes(self) -> list[Change]:
        """Every change of the signals that keep a value for a while, in order; at first all of them."""
        battery = self.battery
        found = [Change(0.0, CAPACITIES[0], battery.capacity), Change(0.0, CHARGE_LIMIT, battery.limit)]
        found += [Change(0.0, path, False) for path in (CABLE, IS_CHARGING, DOOR, TRUNK)]
        found += [Change(0.0, WINDOW, 0), Change(0.0, SYSTEM, "LOCK"), Change(0.0, TROUBLE_CODES, [])]
        for d in self.drives:
            found += _switched(SYSTEM, "ON", "LOCK", Span(d.start - 10, d.end + 10))
        for plug_in in self.plug_ins:
            found += _switched(CABLE, True, False, plug_in.plugged)
            for span in plug_in.charging:
                found += _switched(IS_CHARGING, True, False, span)
        for path, value, span in self.openings:
            found += _switched(path, value, False if value is True else 0, span)
        for span in self.codes:
            found += _switched(TROUBLE_CODES, [CODE], [], span)
        return sorted(found, key=lambda change: change.at)


def _switched(path: str, on: Value, off: Value, span: Span) -> list[Change]:
    return [Change(span.start, path, on), Change(span.end, path, off)]


def day_of(seed: int) -> Day:
    """The same seed always gives the same day."""
    random = Random(f"day {seed}")
    work = random.choice((random.uniform(2_000, 9_000), random.uniform(9_000, 30_000)))
    drives = _drives(random, work)
    odometer = tuple(accumulate((d.metres for d in drives), initial=0.0))
    capacity, limit = random.randint(40, 80), random.choice((80, 80, 90, 100))
    battery = Battery(capacity, limit, usage=random.uniform(0.15, 0.2) / 1000 / capacity * 100)
    used = battery.usage * odometer[-1]
    runs_low = used > 12 and random.random() < 0.5
    level = used + (random.uniform(4, 7) if runs_low else random.uniform(16, max(17, 97 - used)))
    plug_ins, levels = _plug_ins(random, battery, level, drives, runs_low)
    return Day(
        seed=seed,
        road=_road(random, max(work, *(d.destination for d in drives))),
        work=work,
        drives=drives,
        odometer=odometer,
        plug_ins=plug_ins,
        levels=levels,
        battery=battery,
        openings=_openings(random, drives),
        codes=_codes(random, drives),
    )


def _drives(random: Random, work: float) -> tuple[Drive, ...]:
    """One to five: mostly to work first, and home in the end."""
    found, here, t = list[Drive](), 0.0, random.uniform(3.5, 6) * HOUR
    count = random.choice((1, 2, 2, 3, 3, 4, 5))
    while len(found) < count and t < LAST_START:
        wished = [0.0] if len(found) == count - 1 else [work, 0.0] if random.random() < 0.6 else []
        others = [p for p in (random.uniform(600, 8_000) for _ in range(9)) if abs(p - work) > 2 * FENCE]
        there = next(p for p in (*wished, *others, work) if abs(p - here) >= 500)
        found.append(drive(random, t, here, there))
        here = there
        t = found[-1].end + random.uniform(*random.choice(STAYS))
    return tuple(found)


def _road(random: Random, length: float) -> tuple[Place, ...]:
    """Its heading wavers by less than sixty degrees, so that whoever goes on along it goes away from home."""
    bearing, phases = random.uniform(0, 2 * pi), (random.uniform(0, 2 * pi), random.uniform(0, 2 * pi))
    waves = (random.uniform(3_000, 9_000) / 2 / pi, random.uniform(500, 1_200) / 2 / pi)
    latitude, longitude = random.uniform(40, 60), random.uniform(5, 20)
    places = list[Place]()
    for n in range(int((length + 2 * BEHIND) / STEP)):
        places.append(Place(latitude, longitude))
        heading = bearing + 0.45 * sin(n * STEP / waves[0] + phases[0]) + 0.35 * sin(n * STEP / waves[1] + phases[1])
        latitude += degrees(cos(heading) * STEP / RADIUS)
        longitude += degrees(sin(heading) * STEP / RADIUS / cos(radians(latitude)))
    return tuple(places)


def _rests(drives: Sequence[Drive]) -> list[Span]:
    """Before, between and after the drives."""
    edges = [0.0, *(t for d in drives for t in (d.start, d.end)), LENGTH]
    return [Span(*edges[n : n + 2]) for n in range(0, len(edges), 2)]


def _plug_ins(
    random: Random, battery: Battery, level: float, drives: Sequence[Drive], runs_low: bool
) -> tuple[tuple[PlugIn, ...], tuple[tuple[float, float], ...]]:
    """The plug-ins, and the charge as if it had never driven. Where it runs low, it charges in the evening at first."""
    found, levels, used, rests = list[PlugIn](), [(0.0, level)], 0.0, _rests(drives)
    for rest, arrival in zip(rests, (None, *drives), strict=True):
        used += battery.usage * arrival.metres if arrival else 0.0
        last = rest is rests[-1]
        if rest.end - rest.start < 45 * MINUTE or (runs_low and not last) or random.random() < 0.4:
            continue
        drawn = Charging(random, battery, Span(rest.start + 2 * MINUTE, rest.end - 10 * MINUTE), levels[-1][1] - used)
        drawn.draw()
        stays_plugged = last and random.random() < 0.5
        plugged = Span(rest.start + MINUTE, 2 * LENGTH if stays_plugged else rest.end - 3 * MINUTE)
        soc = (drawn.knots[0][1], drawn.soc)
        found.append(PlugIn(plugged, tuple(drawn.spans), soc))
        levels += [(t, soc + used) for t, soc in drawn.knots]
    return tuple(found), tuple(levels)


def _openings(random: Random, drives: Sequence[Drive]) -> tuple[Opening, ...]:
    """Doors at every stop; lids and windows now and then, of which some are left open."""
    found = list[Opening]()
    for arrival, rest in zip(drives, _rests(drives)[1:], strict=True):
        found.append(Opening(DOOR, True, Span(rest.start + 4, rest.start + random.uniform(9, 60))))
        if random.random() < 0.3:
            found.append(Opening(TRUNK, True, Span(rest.start + 20, rest.start + random.uniform(60, 300))))
        window = random.random()
        if window < 0.2:
            found.append(Opening(WINDOW, random.randint(1, 4), Span(rest.start + 15, rest.end - 60)))
        elif window < 0.35 and rest.end - rest.start > HOUR:
            found.append(Opening(WINDOW, 30, Span(rest.start + 15, rest.start + random.uniform(20, 50) * MINUTE)))
        elif window < 0.6 and arrival.end - arrival.start > 10 * MINUTE:
            found.append(Opening(WINDOW, 70, Span(arrival.start + 30, arrival.end - 3 * MINUTE)))
    return tuple(found)


def _codes(random: Random, drives: Sequence[Drive]) -> tuple[Span, ...]:
    """When the car lists a trouble code: now and then from somewhere in a drive to somewhere in one later."""
    start, end = (random.uniform(d.start, d.end) for d in (random.choice(drives), drives[-1]))
    return (Span(start, end),) if end - start > 5 * MINUTE and random.random() < 0.3 else ()

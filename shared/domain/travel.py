"""How far a vehicle went: by its odometer where that can be trusted, by its speed where it cannot, and by its positions
where neither says anything."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from shared.domain.geo import distance
from shared.domain.location import FASTEST, Fix, is_reachable

SPEED_GAP = 60_000
"""Milliseconds between two speeds over which distance is summed up, and without any sample that count as bridged."""
ENOUGH = 0.8
"""Share of a stretch over which speed has to be known to hold the odometer to it."""
HELD = 3
"""How many times the usual interval a gap has to last for a speed of 0 at one end to hold until the other: a vehicle
that reports on change said nothing while it stood."""
STANDING = 1.0
"""km/h up to which a vehicle stands."""
APART = 25.0
"""Metres between two fixes of a way that is measured: what a receiver wavers by adds up below that."""
TOLERANCE, SHARE = 50.0, 0.15
"""Metres, and share of what speed says, by which an odometer may differ: wheels wear, and speeds are read late."""
FINE = 100.0
"""Metres of one step of an odometer up to which its reading at rest says where a trip began or ended."""

COARSEST = 2_000.0
"""Metres of the coarsest step: an odometer of whole miles. What advances by more at once has leapt."""

type Point = tuple[int, float]
"""A time (epoch ms) and what was counted by then."""


class Travelled(NamedTuple):
    """Metres, and which source most of them were taken from: `odometer`, `speed` or `position`."""

    metres: float
    source: str


@dataclass(frozen=True, slots=True)
class Counter:
    """What has been counted up to each of some moments, and for how many milliseconds before it something is known."""

    times: Sequence[int] = ()
    metres: Sequence[float] = ()
    known: Sequence[int] = ()

    @classmethod
    def of(cls, points: Sequence[Point], step: Callable[[Point, Point], float | None]) -> "Counter":
        """Adds up what each step between two points counts; None for a step of which nothing is known."""
        metres, known = [0.0], [0]
        for a, b in pairwise(points):
            counted = step(a, b)
            metres.append(metres[-1] + (counted or 0.0))
            known.append(known[-1] + (b[0] - a[0] if counted is not None else 0))
        return cls([at for at, _ in points], metres, known) if points else cls()

    def between(self, start: int, end: int) -> tuple[float, float]:
        """Metres in [start, end] (epoch ms), and over how many of its milliseconds they are known."""
        a, b = self._at(start), self._at(end)
        return b[0] - a[0], b[1] - a[1]

    def _at(self, at: int) -> tuple[float, float]:
        if not self.times:
            return 0.0, 0.0
        after = bisect_right(self.times, at)
        if after == 0:
            return 0.0, 0.0
        if after == len(self.times):
            return self.metres[-1], float(self.known[-1])
        a, b = after - 1, after
        share = (at - self.times[a]) / (self.times[b] - self.times[a])
        metres = self.metres[a] + share * (self.metres[b] - self.metres[a])
        return metres, self.known[a] + share * (self.known[b] - self.known[a])


@dataclass
class Travel:
    """What odometer, speed (km/h, without its sign) and fixes say of one vehicle, each in order of time."""

    odometer: Sequence[Point]
    speeds: Sequence[Point]
    fixes: Sequence[Fix]
    _step: float = field(init=False)
    _speed: Counter = field(init=False)
    _way: Counter = field(init=False)

    def __post_init__(self) -> None:
        gaps = sorted(b[0] - a[0] for a, b in pairwise(self.speeds))
        usual = gaps[len(gaps) // 2] if gaps else 0
        self._speed = Counter.of(self.speeds, lambda a, b: _by_speed(a, b, usual))
        self._way = _way(self.fixes)
        self._step = min((b[1] - a[1] for a, b in pairwise(self.odometer) if b[1] > a[1]), default=0.0)
        self._step = min(self._step, COARSEST)

    def between(self, start: int, end: int) -> Travelled:
        """The distance of a trip from its first to its last moving sample (epoch ms), the vehicle being at rest before
        and after: the way from the speed before to the first, and from the last to the speed after, is part of it."""
        start, end = self._widened(start, end)
        sources = {"odometer": 0.0, "speed": 0.0, "position": 0.0}
        points = self._anchors(start, end)
        bounds = [start, *(at for at, _ in points), end] if points else [start, end]
        self._fill(bounds[0], bounds[1], sources)
        for a, b in pairwise(points):
            counted = b[1] - a[1]
            if self._is_plausible(a[0], b[0], counted):
                sources["odometer"] += counted
            else:
                self._fill(a[0], b[0], sources)
        if points:
            self._fill(bounds[-2], bounds[-1], sources)
        if not any(sources.values()) and len(self.odometer) > 1:
            counted = self.odometer[-1][1] - self.odometer[0][1]
            sources["odometer"] = counted if self._is_plausible(start, end, counted) else 0.0
        return Travelled(sum(sources.values()), max(sources, key=lambda name: sources[name]))

    def _widened(self, start: int, end: int) -> tuple[int, int]:
        times = self._speed.times
        before, after = bisect_left(times, start) - 1, bisect_right(times, end)
        first = times[before] if before >= 0 and start - times[before] <= SPEED_GAP else start
        last = times[after] if after < len(times) and times[after] - end <= SPEED_GAP else end
        return first, last

    def _anchors(self, start: int, end: int) -> list[Point]:
        """Moments within the trip at which the odometer is known exactly: when it ticked. One with fine steps is exact
        at rest too, so that its last reading before the trip and its first after it stand for the trip's ends."""
        ticks = [b for a, b in pairwise(self.odometer) if b[1] != a[1]]
        within = [p for p in ticks if start <= p[0] <= end]
        if self._step > FINE:
            return within if len(within) > 1 else []
        times = [at for at, _ in self.odometer]
        before, after = bisect_right(times, start) - 1, bisect_left(times, end)
        first = [(start, self.odometer[before][1])] if before >= 0 else []
        last = [(end, self.odometer[after][1])] if after < len(times) else []
        return [*first, *(p for p in within if start < p[0] < end), *last]

    def _is_plausible(self, start: int, end: int, counted: float) -> bool:
        """Whether the odometer can have counted that: neither backwards nor faster than a car, and in agreement with
        speed or, where there is none, no less than the straight line between the positions."""
        if counted < 0 or counted > FASTEST * (end - start) / 1000 + self._step:
            return False
        slack = TOLERANCE + (2 * self._step if counted else self._step)
        metres, known = self._speed.between(start, end)
        if known >= ENOUGH * (end - start):
            return abs(counted - metres) <= slack + SHARE * metres
        way, _ = self._way.between(start, end)
        return counted >= way * (1 - 2 * SHARE) - slack

    def _fill(self, start: int, end: int, sources: dict[str, float]) -> None:
        """Add what speed says of [start, end], and positions where speed says nothing."""
        metres, known = self._speed.between(start, end)
        sources["speed"] += metres
        if known >= end - start:
            return
        inner = [at for at in self._speed.times if start < at < end]
        for a, b in pairwise([start, *inner, end]):
            if self._speed.between(a, b)[1] < (b - a) / 2:
                sources["position"] += self._way.between(a, b)[0]


def _by_speed(a: Point, b: Point, usual: float) -> float | None:
    """Metres from one speed to the next; None over too long a gap."""
    gap = b[0] - a[0]
    if gap > SPEED_GAP:
        return None
    stands = min(a[1], b[1]) <= STANDING
    mean = a[1] if stands and gap > HELD * usual else (a[1] + b[1]) / 2
    return mean / 3.6 * gap / 1000


def _way(fixes: Sequence[Fix]) -> Counter:
    """Along the fixes that lie far enough apart to tell a way from noise, and the last one."""
    kept = list(fixes[:1])
    for fix in fixes[1:]:
        if distance(kept[-1].place, fix.place) >= APART:
            kept.append(fix)
    if fixes and kept[-1] is not fixes[-1]:
        kept.append(fixes[-1])
    metres = [0.0]
    for a, b in pairwise(kept):
        metres.append(metres[-1] + (distance(a.place, b.place) if is_reachable(a, b) else 0.0))
    return Counter([fix.at for fix in kept], metres, [fix.at - kept[0].at for fix in kept])

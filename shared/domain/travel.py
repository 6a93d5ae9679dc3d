"""How far a vehicle went: by its odometer where that can be trusted, by its speed where it cannot, and by its positions
where neither says anything."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import sqrt
from typing import NamedTuple

from shared.domain.geo import distance
from shared.domain.location import FASTEST, Fix, is_reachable

SPEED_GAP = 75_000
"""Milliseconds between two speeds over which distance is summed up, and without any sample that count as bridged."""
ENOUGH = 0.8
"""Share of a stretch over which speed has to be known to hold the odometer to it."""
UNUSUAL = 3
"""How many times the usual interval a gap has to last to be none of a vehicle that reports regularly."""
STANDING = 1.0
"""km/h up to which a vehicle stands."""
RAMP = 10_000
"""Milliseconds in which a vehicle reaches its speed, or stands: in a longer gap it stood for the rest of it."""
APART = 25.0
"""Metres between two fixes of a way that is measured: what a receiver wavers by adds up below that."""
TOLERANCE, SHARE = 50.0, 0.15
"""Metres, and share of what speed says of the whole trip, by which an odometer may differ: wheels wear, and speeds are
read late."""
DOUBLE = 2.0
"""How many times more than speed an odometer may count between two of its steps, or less."""
UNSEEN = 15.0
"""Metres a second that a vehicle may have gone between two speeds without showing it: from one light to the next."""
CAUGHT_UP = 0.6
"""Share of a way that is a single step where a frozen receiver catches up: that shows no odometer to stand still."""
LATE = 200.0
"""Metres that an odometer may advance at once: samples without a time of their own have that of their arrival."""
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

    def longest_gap(self, start: int, end: int) -> int:
        """Milliseconds between two of the moments around or within [start, end]."""
        within = self.times[max(0, bisect_right(self.times, start) - 1) : bisect_left(self.times, end) + 1]
        return max((b - a for a, b in pairwise(within)), default=0)

    def longest(self, start: int, end: int) -> float:
        """Metres of the longest step within [start, end] (epoch ms)."""
        within = self.metres[max(0, bisect_left(self.times, start) - 1) : bisect_right(self.times, end)]
        return max((b - a for a, b in pairwise(within)), default=0.0)

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
    _usual: int = field(init=False)
    _unseen: float = field(init=False)
    _speed: Counter = field(init=False)
    _way: Counter = field(init=False)

    def __post_init__(self) -> None:
        gaps = sorted(b[0] - a[0] for a, b in pairwise(self.speeds))
        self._usual = gaps[len(gaps) // 2] if gaps else 0
        self._speed = Counter.of(self.speeds, lambda a, b: _by_speed(a, b, self._usual))
        self._unseen = UNSEEN * self._usual / 1000
        self._way = _way(self.fixes)
        self._step = min((b[1] - a[1] for a, b in pairwise(self.odometer) if b[1] > a[1]), default=0.0)
        self._step = min(self._step, COARSEST)

    def between(self, start: int, end: int) -> Travelled:
        """The distance of a trip from its first to its last moving sample (epoch ms), the vehicle being at rest before
        and after: the way from the speed before to the first, and from the last to the speed after, is part of it."""
        first, last = self._widened(start, end)
        points = self._anchors(first, last)
        counted = {(a[0], b[0]): b[1] - a[1] for a, b in pairwise(points)}
        counted = {span: metres for span, metres in counted.items() if self._is_plausible(*span, metres)}
        if not sum(counted.values()) or not self._agrees(counted):
            counted = {}  # of a trip, one that does not count at all stands still
        sources = {"odometer": sum(counted.values()), "speed": 0.0, "position": 0.0}
        spans = sorted(counted)
        for a, b in pairwise(sorted({first, start, end, last, *(at for at, _ in points if first <= at <= last)})):
            n = bisect_right(spans, a, key=lambda span: span[0]) - 1
            if n < 0 or b > spans[n][1]:
                self._fill(a, b, sources, ramps=b <= start or a >= end)
        if not any(sources.values()) and len(self.odometer) > 1:
            metres = self.odometer[-1][1] - self.odometer[0][1]
            sources["odometer"] = metres if self._is_plausible(start, end, metres) else 0.0
        return Travelled(sum(sources.values()), max(sources, key=lambda name: sources[name]))

    def _agrees(self, counted: Mapping[tuple[int, int], float]) -> bool:
        """Whether an odometer that is plausible step by step is so as a whole, by what speed says, or positions where
        there is none: one that counts in miles is not. Along the positions a way is easily too long."""
        sure = {span for span in counted if self._knows(*span)}
        slack = TOLERANCE + 2 * self._step
        if 2 * len(sure) < len(counted):
            way = sum(self._way.between(*span)[0] for span in counted)
            return sum(counted.values()) >= way * (1 - 2 * SHARE) - slack
        speed = sum(self._speed.between(*span)[0] for span in sure)
        steps = sum(end - start for start, end in sure) / max(1, self._usual)
        slack += self._unseen / DOUBLE * sqrt(steps)  # what is not seen evens out
        return abs(sum(counted[span] for span in sure) - speed) <= slack + SHARE * speed

    def _knows(self, start: int, end: int) -> bool:
        """Whether speed says how far it went in [start, end]."""
        return self._speed.between(start, end)[1] >= ENOUGH * (end - start)

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
        during = sum(start <= at <= end for at, _ in self.odometer)
        if self._step > FINE and 2 * len(within) < during:
            return within
        times = [at for at, _ in self.odometer]
        before, after = bisect_right(times, start) - 1, bisect_left(times, end)
        first = [(start, self.odometer[before][1])] if before >= 0 else []
        last = [(end, self.odometer[after][1])] if after < len(times) else []
        return [*first, *(p for p in within if start < p[0] < end), *last]

    def _is_plausible(self, start: int, end: int, counted: float) -> bool:
        """Whether the odometer can have counted that: neither backwards nor faster than a car, nor out of proportion to
        speed; and where there is none, it has not stood still while positions moved."""
        if counted < 0 or counted > FASTEST * (end - start) / 1000 + self._step + LATE:
            return False
        slack = TOLERANCE + (2 * self._step if counted else self._step)
        if self._knows(start, end):
            metres, _ = self._speed.between(start, end)
            least = metres / DOUBLE if counted else metres  # one that has stopped counting is not just slow
            slack += UNSEEN * self._speed.longest_gap(start, end) / 1000 if counted else self._unseen
            return least - slack <= counted <= metres * DOUBLE + slack
        way, _ = self._way.between(start, end)
        return counted > 0 or way <= slack or self._way.longest(start, end) >= CAUGHT_UP * way

    def _fill(self, start: int, end: int, sources: dict[str, float], ramps: bool) -> None:
        """Add what speed says of [start, end], and positions where speed says nothing. While a vehicle gets going or
        stops (`ramps`), positions are asked first: between two speeds far apart it mostly stood."""
        metres, known = self._speed.between(start, end)
        if ramps and end - start > RAMP:
            way, seen = self._way.between(start, end)
            if seen >= end - start:
                sources["position"] += way
            else:
                sources["speed"] += metres * RAMP / (end - start)
            return
        sources["speed"] += metres
        if known >= end - start:
            return
        inner = [at for at in self._speed.times if start < at < end]
        for a, b in pairwise([start, *inner, end]):
            if self._speed.between(a, b)[1] < (b - a) / 2:
                sources["position"] += self._way.between(a, b)[0]


def _by_speed(a: Point, b: Point, usual: float) -> float | None:
    """Metres from one speed to the next; None over too long a gap. A vehicle that reports on change said nothing while
    it stood, so that it moved for a part of such a gap only."""
    gap = b[0] - a[0]
    if gap > SPEED_GAP:
        return None
    if min(a[1], b[1]) <= STANDING and gap > UNUSUAL * usual:
        gap = min(gap, RAMP)
    return (a[1] + b[1]) / 7.2 * gap / 1000


def _way(fixes: Sequence[Fix]) -> Counter:
    """Along the fixes that lie far enough apart to tell a way from noise, and the last one. A step began where the fix
    before it was taken, however long the vehicle had been there."""
    if not fixes:
        return Counter()
    kept, times, metres = fixes[0], [fixes[0].at], [0.0]
    for previous, fix in pairwise(fixes):
        step = distance(kept.place, fix.place)
        if step < APART and fix is not fixes[-1]:
            continue
        if previous.at > times[-1]:
            times.append(previous.at)
            metres.append(metres[-1])
        times.append(fix.at)
        metres.append(metres[-1] + (step if is_reachable(kept, fix) else 0.0))
        kept = fix
    return Counter(times, metres, [at - times[0] for at in times])

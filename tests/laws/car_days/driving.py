"""One drive of a simulated car: how fast it goes at each moment, drawn by the kind of road.

Times are seconds since the day began, speeds metres a second and below 0 in reverse."""

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import NamedTuple

BRAKING = 1.5
"""Metres a second, each second."""
REVERSED = 12.0
"""Metres backwards out of a parking space, or into one."""
ERRANDS = (60.0, 170.0)
"""Seconds of a stop that belongs to the drive: with a sample a minute it still lasts less than five minutes."""
LONGEST_JAM = 1_000.0
"""Metres."""


class Knot(NamedTuple):
    """A moment of a drive; between two of them speed changes evenly. `along` counts metres in the direction of the
    drive, `driven` all of them, as an odometer does."""

    at: float
    speed: float
    along: float
    driven: float


@dataclass(frozen=True, slots=True)
class Drive:
    """From `origin` (metres along the road) in a `direction` (1 away from home, -1 towards it)."""

    origin: float
    direction: int
    knots: tuple[Knot, ...]

    @property
    def start(self) -> float:
        return self.knots[0].at

    @property
    def end(self) -> float:
        return self.knots[-1].at

    @property
    def metres(self) -> float:
        """As an odometer counts them."""
        return self.knots[-1].driven

    @property
    def destination(self) -> float:
        return self.origin + self.direction * self.knots[-1].along

    def at(self, t: float) -> tuple[float, float, float]:
        """Speed, metres along the road, and metres driven so far."""
        knots = self.knots
        n = bisect_right(knots, (t, float("inf"), 0.0, 0.0))
        if n == 0 or n == len(knots):
            along, driven = knots[max(0, n - 1)][2:]
            return 0.0, self.origin + self.direction * along, driven
        before, after = knots[n - 1], knots[n]
        since = t - before.at
        speed = before.speed + (after.speed - before.speed) * since / (after.at - before.at)
        metres = (before.speed + speed) / 2 * since
        return speed, self.origin + self.direction * (before.along + metres), before.driven + abs(metres)


def drive(random: Random, start: float, origin: float, destination: float) -> Drive:
    """From one place on the road to another, both in metres along it."""
    reverses_in, pedals = random.random() < 0.25, Pedals(random)
    if random.random() < 0.4:
        pedals.reverse()
    metres = abs(destination - origin) + (REVERSED if reverses_in else 0.0)
    draw_way(random, pedals, metres)
    pedals.stop_at(metres)
    if reverses_in:
        pedals.reverse()
    return Drive(origin, 1 if destination > origin else -1, pedals.knots_from(start))


def draw_way(random: Random, pedals: "Pedals", metres: float) -> None:
    """Through town, then over a motorway or through a jam if the way is long enough, then through town again."""
    outside, errand = metres > 8_000 and random.random() < 0.7, random.uniform(0.1, 0.9) * metres
    jam = random.uniform(0.2, 0.7) * metres if random.random() < 0.3 else metres
    errand = errand if random.random() < 0.3 else metres
    while pedals.along < metres:
        if pedals.along >= errand:
            pedals.to(0.0)
            pedals.hold(random.uniform(*ERRANDS))
            errand = metres
        if jam <= pedals.along < jam + LONGEST_JAM:
            pedals.crawl()
        elif outside and 0.1 * metres < pedals.along < 0.85 * metres:
            pedals.cruise()
        else:
            pedals.cross_town()


class Pedals:
    """A drive as it is drawn, moment by moment."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._speeds = [(0.0, 0.0)]
        self.along = 0.0

    def to(self, speed: float, rate: float = BRAKING) -> None:
        """Change speed evenly, at a rate in metres a second each second."""
        known = self._speeds[-1][1]
        if speed != known:
            self._add(abs(speed - known) / rate, speed)

    def hold(self, seconds: float) -> None:
        """Keep the speed, as well as a foot can; or stand."""
        known = self._speeds[-1][1]
        self._add(seconds, known and known + self._random.uniform(-0.4, 0.4))

    def cross_town(self) -> None:
        random = self._random
        self.to(random.uniform(7, 15))
        for _ in range(random.randint(1, 4)):
            self.hold(random.uniform(3, 12))
        if random.random() < 0.5:
            self.to(0.0)
            self.hold(random.uniform(2, 45))

    def cruise(self) -> None:
        self.to(self._random.uniform(22, 36))
        for _ in range(self._random.randint(1, 6)):
            self.hold(self._random.uniform(5, 20))

    def crawl(self) -> None:
        self.to(self._random.uniform(2, 5), 1.0)
        self.hold(self._random.uniform(3, 20))
        self.to(0.0)
        self.hold(self._random.uniform(3, 60))

    def reverse(self) -> None:
        """Backwards for `REVERSED` metres, and a moment to change gear."""
        for seconds, speed in ((2.0, -1.5), (6.0, -1.5), (2.0, 0.0), (3.0, 0.0)):
            self._add(seconds, speed)

    def stop_at(self, metres: float) -> None:
        """Take back what goes farther, and brake so as to stand there."""
        at, speed = self._braking_point(metres)
        self._speeds = [knot for knot in self._speeds if knot[0] < at]
        self._speeds += [(at, speed), (at + max(speed, 0.01) / BRAKING, 0.0)]
        self.along = metres

    def knots_from(self, start: float) -> tuple[Knot, ...]:
        knots = [Knot(start, 0.0, 0.0, 0.0)]
        for at, speed in self._speeds[1:]:
            before = knots[-1]
            metres = (before.speed + speed) / 2 * (start + at - before.at)
            knots.append(Knot(start + at, speed, before.along + metres, before.driven + abs(metres)))
        return tuple(knots)

    def _add(self, seconds: float, speed: float) -> None:
        at, known = self._speeds[-1]
        self._speeds.append((at + seconds, speed))
        self.along += (known + speed) / 2 * seconds

    def _braking_point(self, metres: float) -> tuple[float, float]:
        """When to brake, and from which speed."""
        along = 0.0
        for (a, first), (b, second) in pairwise(self._speeds):
            if along + (first + second) / 2 * (b - a) + second**2 / (2 * BRAKING) >= metres:
                low, high = 0.0, b - a
                for _ in range(40):
                    middle = (low + high) / 2
                    speed = first + (second - first) * middle / (b - a)
                    enough = along + (first + speed) / 2 * middle + speed**2 / (2 * BRAKING) >= metres
                    low, high = (low, middle) if enough else (middle, high)
                return a + high, first + (second - first) * high / (b - a)
            along += (first + second) / 2 * (b - a)
        raise AssertionError("the way is too short")

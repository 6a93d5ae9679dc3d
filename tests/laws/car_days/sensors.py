"""What the sensors of a simulated car make of the truth."""

from collections.abc import Mapping, Sequence
from math import cos, degrees, exp, radians, sqrt
from random import Random

from shared.domain.geo import RADIUS, Place
from shared.domain.paths import LATITUDE, LONGITUDE
from shared.domain.telemetry import Value
from tests.laws.car_days.charging import Span
from tests.laws.car_days.profiles import Charge, Odometer, Receiver

NOISE, CORRELATED = 4.0, 60.0
"""Metres by which a fix is off (standard deviation, each way), and seconds over which that wanders."""
FREEZES = (30.0, 150.0)
"""Seconds for which a receiver repeats itself."""
SATURATES, WRAPS = 6_553_500, 6_553_600
PLACEHOLDERS = (4_294_967_295, 429_496_729)
LEAPS = (15_000, 60_000)
"""Metres by which a lost receiver is off for once."""
RESETS = 1_500.0
"""Metres at least from one restart of a counter to the next."""
NOWHERE = ((0.0, 0.0), (0.0, None), (None, 0.0), (0.0131072, 0.0131072))
"""What a receiver without a fix says; None is the true coordinate."""
STEPS: Mapping[Odometer, int] = {"hectometres": 100, "kilometres": 1000, "saturating": 100, "wrapping": 100}


class Gnss:
    """A receiver, whose error wanders also while the car stands."""

    def __init__(self, random: Random, kind: Receiver, drives: Sequence[Span]) -> None:
        self._random, self._kind = random, kind
        self._north = self._east = 0.0
        self._at, self._reports = -1e9, 0
        self._last: Place | None = None
        self._frozen = [self._within(d) for d in drives] if kind == "freezing" else []
        self._lost_until, self._jumped = -1.0, False
        self._moves_at = min((d.end for d in drives), default=0.0)

    def wake(self, t: float, place: Place) -> None:
        """A receiver that was off has to find itself first; one that lags says meanwhile where it was switched off."""
        if self._kind == "lagging":
            self._last, self._lost_until = self._noisy(t, place), t + self._random.uniform(20, 90)
        if self._kind == "null_island":
            self._lost_until = t + self._random.uniform(1, 30)

    def readings(self, t: float, place: Place, steady: bool) -> dict[str, Value]:
        """What it says at a time, in which the car is at a place; a `steady` one does not leap."""
        self._reports += 1
        fix = self._fix(t, place, steady)
        found: dict[str, Value] = {LATITUDE: round(fix.latitude, 6), LONGITUDE: round(fix.longitude, 6)}
        if self._kind == "split":
            del found[LONGITUDE if self._reports % 2 else LATITUDE]
        return found

    def _fix(self, t: float, place: Place, steady: bool) -> Place:
        true = self._noisy(t, place)
        stuck = (self._kind == "lagging" and t < self._lost_until) or any(a <= t <= b for a, b in self._frozen)
        if self._last and stuck:
            return self._last
        if self._kind == "null_island" and (t < self._lost_until or self._random.random() < 0.005):
            latitude, longitude = self._random.choice(NOWHERE)
            return Place(
                true.latitude if latitude is None else latitude, true.longitude if longitude is None else longitude
            )
        leaps = self._kind == "jumping" and self._last is not None and not self._jumped and not steady
        leaps = leaps and t > self._moves_at  # one that was never seen to move is believed wherever it is parked
        self._jumped = leaps and self._random.random() < 0.02
        if self._jumped:
            return _moved(true, self._random.choice((-1, 1)) * self._random.uniform(*LEAPS), 0.0)
        self._last = true
        return true

    def _noisy(self, t: float, place: Place) -> Place:
        kept = exp(-(t - self._at) / CORRELATED)
        new, self._at = sqrt(1 - kept * kept) * NOISE, t
        self._north = self._north * kept + self._random.gauss(0, 1) * new
        self._east = self._east * kept + self._random.gauss(0, 1) * new
        return _moved(place, self._north, self._east)

    def _within(self, drive: Span) -> Span:
        start = self._random.uniform(drive.start, drive.end)
        return Span(start, start + self._random.uniform(*FREEZES))


class Counter:
    """An odometer, of a kind."""

    def __init__(self, random: Random, kind: Odometer, today: float) -> None:
        """`today`: metres that the day will add; one that overflows does so within them."""
        self._random, self._kind = random, kind
        self._before = float(random.randint(5_000_000, 90_000_000))
        if kind == "saturating":
            self._before = SATURATES - today * random.uniform(0.1, 0.9)
        if kind == "wrapping":
            self._before = WRAPS - today * random.uniform(0.1, 0.9)
        self._next, self._reset_at = 0.0, 0.0

    def readings(self, t: float, driven: float) -> int | None:
        """What it says after so many metres today, if it says anything."""
        true, random = self._before + driven, self._random
        if self._kind == "none" or (self._kind == "sparse" and t < self._next):
            return None
        self._next = t + 300
        if self._kind == "resetting" and driven > self._reset_at + RESETS and random.random() < 0.01:
            self._before, self._reset_at = random.choice((self._before, -driven)), driven
            return 0
        if self._kind == "placeholders" and random.random() < 0.05:
            return random.choice(PLACEHOLDERS)
        if self._kind == "saturating":
            true = min(true, SATURATES)
        if self._kind == "wrapping":
            true %= WRAPS
        step = STEPS.get(self._kind, 1)
        return int(true // step * step)


def percent(random: Random, kind: Charge, soc: float, may_fail: bool) -> float:
    """What the battery says; some say 0 now and then."""
    if kind == "tenths":
        return round(soc, 1)
    return 0.0 if kind == "dropouts" and may_fail and random.random() < 0.01 else float(int(soc))


def kilometres_an_hour(random: Random, speed: float, whole: bool, noisy: bool) -> float:
    """What the speedometer says; of some one that stands as well."""
    if not speed and noisy:
        return round(random.choice((0.0, 0.0, random.uniform(0, 2))), 1)
    return float(round(speed * 3.6)) if whole else round(speed * 3.6, 1)


def _moved(place: Place, north: float, east: float) -> Place:
    latitude = place.latitude + degrees(north / RADIUS)
    return Place(latitude, place.longitude + degrees(east / RADIUS / cos(radians(place.latitude))))

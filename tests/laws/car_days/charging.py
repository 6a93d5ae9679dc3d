"""One stay of a simulated car at a cable: when it charges, and how full its battery is.

Times are seconds since the day began, charge is percent."""

from random import Random
from typing import NamedTuple

MINUTE, HOUR = 60.0, 3600.0
POWERS = (7.4, 11.0, 11.0, 22.0, 120.0)
"""kW."""
NEARLY = 5.0
"""Percent below the limit from which it charges to the limit without a pause."""


class Span(NamedTuple):
    start: float
    end: float


class PlugIn(NamedTuple):
    """From when to when it is plugged in, when it charges in between, and the charge at the first and the last moment
    at which it does."""

    plugged: Span
    charging: tuple[Span, ...]
    soc: tuple[float, float]

    @property
    def span(self) -> Span:
        return Span(self.charging[0].start, self.charging[-1].end)


class Battery(NamedTuple):
    """Its size (kWh), the limit (%) that it is charged to, and what driving uses (% a metre)."""

    capacity: int
    limit: int
    usage: float


class Charging:
    """What happens at one cable within a span: `spans` in which it charges, `knots` of the charge over time."""

    def __init__(self, random: Random, battery: Battery, within: Span, soc: float) -> None:
        self._random, self._battery, self._end = random, battery, within.end
        self.spans = list[Span]()
        self.knots = [(within.start, soc)]

    @property
    def soc(self) -> float:
        return self.knots[-1][1]

    @property
    def left(self) -> float:
        """Seconds until the cable is pulled."""
        return self._end - self.knots[-1][0]

    def draw(self) -> None:
        """Straight to the limit or with pauses, and perhaps topped up later. Full from the start, it only balances its
        cells."""
        random, limit = self._random, self._battery.limit
        if self.soc >= limit - NEARLY:
            self._charge(4 * MINUTE, 0.0)
            return
        self._wait(random.uniform(1, 60))
        power, pauses = random.choice(POWERS), random.choice((0, 0, random.randint(1, 6)))
        while self.soc < limit and self.left > 1:
            if pauses and self.soc < limit - NEARLY - 1 and self.left > 2 * HOUR:
                self._charge_to(min(limit - NEARLY, self.soc + random.uniform(3, 15)), power)
                self._wait(random.uniform(15, 45) * MINUTE)
                pauses -= 1
            else:
                self._charge_to(limit, power)
        for _ in range(random.choice((0, 4))):
            if self.left > 1.5 * HOUR:
                self._wait(HOUR, lost=1.0)
                self._charge_to(limit, self._battery.capacity * 0.06)

    def _charge_to(self, soc: float, power: float) -> None:
        rate = power / self._battery.capacity * 100 / HOUR
        seconds, left = (soc - self.soc) / rate, self.left
        self._charge(min(seconds, left), rate)
        if seconds <= left:
            self.knots[-1] = (self.knots[-1][0], soc)

    def _charge(self, seconds: float, rate: float) -> None:
        at, soc = self.knots[-1]
        self.spans.append(Span(at, at + seconds))
        self.knots.append((at + seconds, soc + rate * seconds))

    def _wait(self, seconds: float, lost: float = 0.0) -> None:
        at, soc = self.knots[-1]
        self.knots.append((at + seconds, soc - lost))

"""Where a vehicle's journeys and charges begin and end, as far as the newest samples tell."""

from collections.abc import Mapping
from typing import NamedTuple

from shared.domain.paths import IS_CHARGING, IS_MOVING, SPEED
from shared.domain.telemetry import Value

STOP = 5 * 60_000
"""Milliseconds without moving after which a journey is over."""
PATIENCE = 2 * 60_000
"""Milliseconds beyond that for which time alone waits: samples may be on their way."""
LOOKS = 5 * 60_000
"""Milliseconds between the moments at which time alone looks, so that those do not move with every sample."""
MOVING = 1.0
"""km/h above which a vehicle moves."""
SPANS = 8
"""Separate spans that are remembered; beyond it the two nearest become one."""


class Span(NamedTuple):
    """From the first to the last moment that counts (epoch ms)."""

    start: int
    end: int


class Track(NamedTuple):
    """The journey and the charge under way; `outdated`: spans whose trips and charges are still to be derived from
    history; `closed`: the end of the last one that was over."""

    journey: Span | None = None
    charge: Span | None = None
    outdated: tuple[Span, ...] = ()
    closed: int = -1

    def follow(self, fresh: Mapping[str, Value], at: int) -> "Track":
        """After a sample that is the newest: what moves goes on, what has rested long enough is over."""
        after = self
        moving = is_moving(fresh)
        journey = self.journey
        if journey and at - journey.end >= STOP:
            after, journey = after.over(journey), None
        if moving:
            journey = Span(journey.start if journey else at, at)
        charging = fresh.get(IS_CHARGING)
        charge = Span(self.charge.start if self.charge else at, at) if charging is True else self.charge
        if charge and charging is False:
            after, charge = after.over(Span(charge.start, at)), None
        if journey is self.journey and charge is self.charge and after is self:
            return self
        return after._replace(journey=journey, charge=charge)

    def elapse(self, heard_at: int, now: int) -> "Track":
        """After that nothing was heard since `heard_at` (both epoch ms)."""
        if self.journey and now >= max(self.journey.end, heard_at) + STOP + PATIENCE:
            return self.over(self.journey)._replace(journey=None)
        return self

    def touch(self, at: int) -> "Track":
        """A sample came late: what it belongs to, if that is over, has to be derived again."""
        return self.over(Span(at, at)) if at <= self.closed else self

    def over(self, span: Span) -> "Track":
        return self._replace(outdated=_joined((*self.outdated, span)), closed=max(self.closed, span.end))

    def next_moment(self, heard_at: int) -> int | None:
        """When time alone looks whether the journey is over (epoch ms)."""
        if self.journey is None:
            return None
        over = max(self.journey.end, heard_at) + STOP + PATIENCE
        return over + -over % LOOKS


def is_moving(readings: Mapping[str, Value]) -> bool:
    speed = readings.get(SPEED)
    if isinstance(speed, int | float) and not isinstance(speed, bool):
        return speed > MOVING
    return readings.get(IS_MOVING) is True


def _joined(spans: tuple[Span, ...]) -> tuple[Span, ...]:
    """In order; those that touch become one, and the nearest two while there are too many."""
    found: list[Span] = []
    for span in sorted(spans):
        if found and span.start - found[-1].end <= STOP:
            found[-1] = Span(found[-1].start, max(found[-1].end, span.end))
        else:
            found.append(span)
    while len(found) > SPANS:
        nearest = min(range(1, len(found)), key=lambda n: found[n].start - found[n - 1].end)
        found[nearest - 1 : nearest + 1] = [Span(found[nearest - 1].start, found[nearest].end)]
    return tuple(found)

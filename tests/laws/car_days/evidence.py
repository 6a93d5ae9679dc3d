"""What of a day reached the backend, and what can be told from it at best.

All times are seconds since the day began, also those of the backend."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice, takewhile
from typing import NamedTuple

from shared.domain.geo import Place, distance
from shared.domain.paths import IS_MOVING, LATITUDE, LONGITUDE, SPEED
from tests.laws.car_days.day import Day
from tests.laws.car_days.disorder import BEHIND, DAWN, DRIFT, LATENCY, Message
from tests.laws.car_days.driving import Drive
from tests.laws.car_days.profiles import Profile, Receiver
from tests.laws.car_days.reporting import SILENCE, Report
from tests.laws.car_days.run import Run

MOVES = 4 / 3.6
"""Metres a second from which a report shows for sure that the car moves, however it is rounded."""
FAR = 135.0
"""Metres between two fixes that show for sure that a car which tells nothing but its position moves."""
NEARBY = 0.0007
"""Degrees, of latitude and longitude together, by which a fix is off that shows where the car is: some 70 m."""
NEAR = 70.0
"""The same for a car that said that it moves."""
LIVE = 30.0
"""Seconds within which a message arrives that is neither buffered nor late."""
BLIND: dict[Receiver, float] = {"freezing": 155.0, "lagging": 95.0, "null_island": 35.0}
"""Seconds for which a receiver does not know where it is."""


class Heard(NamedTuple):
    """A report, when it was made, and when it arrived first; and what was true then: how fast the car was (m/s), where,
    and how far it had come."""

    at: float
    arrived: float
    report: Report
    speed: float
    place: Place
    driven: float


@dataclass
class Case:
    """A day, how the car reports, and what came of it."""

    day: Day
    profile: Profile
    messages: list[Message]
    run: Run
    heard: list[Heard] = field(init=False)

    def __post_init__(self) -> None:
        arrived = [(m, (min(m.arrivals) - DAWN) / 1000) for m in self.messages if m.arrivals]
        self.heard = sorted((self._heard(r, at) for m, at in arrived for r in m.reports), key=lambda h: h.at)

    def _heard(self, report: Report, arrived: float) -> Heard:
        speed, along, driven = self.day.motion(report.at)
        return Heard(report.at, arrived, report, speed, self.day.place(along), driven)

    def true_time(self, at: int) -> float:
        """When something really was that the backend has at a time (epoch ms)."""
        t = (at - DAWN) / 1000
        if self.profile.clock == "behind":
            return t + BEHIND
        if self.profile.clock in ("slow", "fast"):
            return t / (1 + DRIFT * (1 if self.profile.clock == "fast" else -1))
        return t

    @property
    def wrong_by(self) -> float:
        """Seconds by which the backend's times may be off: arrival stands for what a clock does not say."""
        mixed = self.profile.interval * (self.profile.batch - 1) if self.profile.clock == "rollover" else 0
        return LATENCY[1] + 1 + mixed if self.profile.arrival_timed else 0.1

    @property
    def every(self) -> float:
        """Seconds between two fixes while it drives."""
        return self.profile.interval * (2.0 if self.profile.receiver in ("split", "jumping") else 1.0)

    @property
    def blind(self) -> float:
        """Seconds for which nobody knows where it is."""
        return BLIND.get(self.profile.receiver, 0.0) + (self.every if self.profile.receiver != "good" else 0.0)

    @property
    def unseen(self) -> float:
        """The same, and for which it is under the ground."""
        return self.blind + (SILENCE if self.profile.network == "silence" else 0.0)

    def heard_between(self, start: float, end: float) -> Iterator[Heard]:
        first = bisect_left(self.heard, start, key=lambda h: h.at)
        return takewhile(lambda h: h.at <= end, islice(self.heard, first, None))

    def is_live(self, start: float, end: float) -> bool:
        """Whether everything that the car told in a span arrived at once, and nothing of it was lost."""
        own = [m for m in self.messages if m.reports[-1].at >= start and m.reports[0].at <= end]
        return bool(own) and all(m.arrivals and m.arrivals[0] - DAWN <= (m.reports[-1].at + LIVE) * 1000 for m in own)

    def shows_place(self, h: Heard) -> bool:
        """Whether it tells where the car is, and not where it was or never will be."""
        true, told = h.place, h.report.told
        latitude, longitude = told.get(LATITUDE, true.latitude), told.get(LONGITUDE, true.longitude)
        off = abs(float(str(latitude)) - true.latitude) + abs(float(str(longitude)) - true.longitude)
        return (LATITUDE in told or LONGITUDE in told) and off < NEARBY

    def moving(self, drive: Drive) -> list[float]:
        """The times of the reports that show that the car moves."""
        moving = [h for h in self.heard_between(drive.start, drive.end) if abs(h.speed) > MOVES]
        if self.profile.motion == "positions":
            return self._shown(moving, drive, FAR)
        if self.profile.reporting == "always":
            return [h.at for h in moving]
        said = [h.at for h in moving if {SPEED, IS_MOVING} & h.report.told.keys()]
        return sorted({*said, *self._shown(moving, drive, NEAR)}) if said else []

    def _shown(self, moving: list[Heard], drive: Drive, enough: float) -> list[float]:
        """When the fixes alone show that it moves: so many metres since they last did, or before it arrives."""
        near = self.heard_between(drive.start, drive.end + 300)
        last = max((h.at for h in near if self.shows_place(h)), default=drive.end)
        found, anchor, goal = list[float](), self.day.place_at(drive.start), self.day.place_at(last)
        leaves: float | None = None
        for h in moving:
            if not self.shows_place(h):
                continue
            if distance(goal, h.place) >= enough:
                leaves = h.at
            if distance(anchor, h.place) >= enough:
                found.append(h.at)
                anchor = h.place
        return [] if leaves is None else [*(at for at in found if at < leaves), leaves]

    @cached_property
    def last_arrival(self) -> float:
        return max(h.arrived for h in self.heard)

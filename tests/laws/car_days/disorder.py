"""What becomes of a simulated car's reports on their way: messages, with the times that its clock says, and when they
arrive.

Arrival is in epoch milliseconds, all other times are seconds since the day began."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random

import msgspec

from tests.examples import NOON, VEHICLE
from tests.laws.car_days.day import Day
from tests.laws.car_days.profiles import Profile
from tests.laws.car_days.reporting import Report

DAWN = NOON - 9 * 3_600_000
"""2026-11-22T03:00:00Z in epoch milliseconds: when the day begins."""
BEHIND, AHEAD = 7_200, 10_800
"""Seconds by which a clock that was set wrong is off."""
DRIFT = 1 / 3600
"""Seconds a second by which a slow or fast clock is off more and more."""
ROLLOVER, UNTIL_FIX = 1024 * 7 * 86_400, 180
"""Seconds that a receiver is behind that lost count of the weeks, until so long after the car woke."""
LATENCY = (0.2, 3.0)
LATE = (2_400, 4_800)
"""Seconds after which charging data arrives of a car that sends it late."""
RESTARTED = 2**21
"""By how much the sequence of a device jumps that lost its counter."""


@dataclass(frozen=True, slots=True)
class Message:
    """`arrivals`: when the hub takes it in (epoch ms); never if it is lost, and twice if it is repeated."""

    sequence: int
    reports: Sequence[Report]
    body: bytes
    arrivals: tuple[int, ...]


def epoch_ms(t: float) -> int:
    return DAWN + round(t * 1000)


def messages(day: Day, profile: Profile, reports: Sequence[Report]) -> list[Message]:
    """In the order in which the car makes them."""
    random = Random(f"messages {day.seed}")
    road = _Network(random, day, profile)
    sequence, found = random.randint(1, 1000), list[Message]()
    restarts = random.random() * len(reports)
    made = 0
    for group in _groups(profile, reports):
        made += len(group)
        if profile.network == "restart" and made >= restarts:
            sequence, restarts = sequence + RESTARTED, len(reports)
        sequence += 1
        body = _body(sequence, group, [clock_says(profile, day, report.at) for report in group])
        found.append(Message(sequence, group, body, road.arrivals(group)))
    return found


def _groups(profile: Profile, reports: Sequence[Report]) -> Iterator[list[Report]]:
    """Reports that travel in one message: those of a drive, up to the profile's number; parked, each by itself."""
    group = list[Report]()
    for report in reports:
        if group and (not report.awake or report.at - group[-1].at > 2 * profile.interval):
            yield group
            group = []
        group.append(report)
        if len(group) == profile.batch or not report.awake:
            yield group
            group = []
    if group:
        yield group


def clock_says(profile: Profile, day: Day, t: float) -> float | None:
    """What time the car believes that it is, if any."""
    if profile.clock == "none":
        return None
    if profile.clock == "behind":
        return t - BEHIND
    if profile.clock == "ahead":
        return t + AHEAD
    if profile.clock in ("slow", "fast"):
        return t + t * DRIFT * (1 if profile.clock == "fast" else -1)
    lost = profile.clock == "rollover" and any(0 <= t - d.start + 30 < UNTIL_FIX for d in day.drives)
    return t - ROLLOVER if lost else t


def _body(sequence: int, reports: Sequence[Report], times: Sequence[float | None]) -> bytes:
    samples = list[dict[str, object]]()
    for report, t in zip(reports, times, strict=True):
        time = {} if t is None else {"time": datetime.fromtimestamp(epoch_ms(t) / 1000, UTC)}
        samples.append({**time, "signals": report.told})
    event = {"specversion": "1.0", "id": str(sequence), "source": f"/vehicles/{VEHICLE}"}
    event |= {"type": "automotive.telemetry.v1", "sequence": str(sequence)}
    return msgspec.json.encode({**event, "data": {"samples": samples}})


class _Network:
    """When a message gets through. What is sent live arrives in order, as over one connection of MQTT."""

    def __init__(self, random: Random, day: Day, profile: Profile) -> None:
        self._random, self._profile = random, profile
        drive = random.choice(day.drives)
        start = random.uniform(drive.start - 600, drive.end)
        self._offline = (start, start + random.uniform(20, 90) * 60) if profile.offline else (0.0, 0.0)
        self._lost, self._latest = False, 0.0

    def arrivals(self, group: Sequence[Report]) -> tuple[int, ...]:
        random, profile, made = self._random, self._profile, group[-1].at
        arrives = self._latest = max(self._latest + 0.001, made + random.uniform(*LATENCY))
        told_again = all(report.awake and not report.once for report in group)
        self._lost = profile.network == "losses" and told_again and not self._lost and random.random() < 0.03
        if self._lost:
            return ()
        if self._offline[0] <= made < self._offline[1]:
            arrives = self._upload(made)
        elif profile.late_charging and group[0].at_cable:
            arrives += random.uniform(*LATE)
        if profile.network == "duplicates" and random.random() < 0.1:
            return (epoch_ms(arrives), epoch_ms(arrives + random.uniform(1, 30)))
        return (epoch_ms(arrives),)

    def _upload(self, made: float) -> float:
        """After the car is back: oldest first, newest first, or one by one among what it sends then."""
        start, end = self._offline
        if self._profile.network == "offline_mixed":
            return end + self._random.uniform(1, 300)
        in_order = self._profile.network == "offline_in_order"
        share = (made - start if in_order else end - made) / (end - start)
        return end + 2 + 20 * share

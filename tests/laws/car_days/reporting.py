"""When a simulated car reports, and what: the truth as its sensors see it."""

from collections.abc import Iterator, Sequence
from math import inf
from random import Random
from typing import NamedTuple

from shared.domain.paths import CABLE, IS_CHARGING, IS_MOVING, ODOMETER, SPEED, STATE_OF_CHARGE
from shared.domain.telemetry import Value
from tests.laws.car_days.charging import Span
from tests.laws.car_days.day import LENGTH, Change, Day
from tests.laws.car_days.profiles import Profile
from tests.laws.car_days.sensors import Counter, Gnss, kilometres_an_hour, percent

AT_CABLE = frozenset({CABLE, IS_CHARGING})
"""What also a sleeping car reports."""
SILENCE = 180.0
"""Seconds without a report, in a tunnel."""
WHILE_CHARGING = (120, 300, 1800)
"""Seconds between two reports of a car at a cable that says more than what changes."""


class Report(NamedTuple):
    """What a car tells at a time (seconds since the day began). `awake`: it drives, or just did; `once`: it will not
    tell all of it again; `at_cable`: it tells of charging."""

    at: float
    told: dict[str, Value]
    awake: bool
    once: bool
    at_cable: bool


class Moment(NamedTuple):
    """When to report; a car that `wakes` tells everything."""

    at: float
    awake: bool
    wakes: bool = False


def reports(day: Day, profile: Profile) -> list[Report]:
    """Everything that the car tells, in order; empty reports are left out."""
    random = Random(f"reports {day.seed}")
    return [report for report in _Car(day, profile, random).reports(moments(day, profile, random)) if report.told]


def moments(day: Day, profile: Profile, random: Random) -> list[Moment]:
    found = [Moment(60.0, awake=False, wakes=True)]
    through = [d for d in day.drives if profile.network == "silence" and d.end - d.start > 3 * SILENCE]
    tunnels = [random.uniform(d.start + 60, d.end - SILENCE - 60) for d in through]
    for drive in day.drives:
        t = drive.start - random.uniform(6, 20)
        found.append(Moment(t, awake=True, wakes=True))
        after = 0.0 if profile.rest == "asleep" else max(30.0, 3.0 * profile.interval)
        while (t := t + profile.interval) <= drive.end + after:
            if not any(start < t < start + SILENCE for start in tunnels):
                found.append(Moment(t, awake=True))
    found += [Moment(t, awake=False) for t in _at_rest(day, profile, random)]
    return sorted(found)


def _at_rest(day: Day, profile: Profile, random: Random) -> Iterator[float]:
    """When a parked car reports: what changes, in regular heartbeats, and while it charges."""
    for at, path, _ in day.changes():
        if 0 < at < LENGTH and (profile.rest != "asleep" or path in AT_CABLE):
            yield at
    every = random.choice(WHILE_CHARGING)
    for span in (s for p in day.plug_ins for s in p.charging) if profile.rest != "asleep" else ():
        yield from _each(span, every)
    edges = [60.0, *(t for d in day.drives for t in (d.start, d.end)), LENGTH]
    for n in range(0, len(edges), 2) if profile.rest == "heartbeats" else ():
        yield from _each(Span(*edges[n : n + 2]), profile.beat)


def _each(span: Span, seconds: float) -> Iterator[float]:
    t = span.start + seconds
    while t < span.end:
        yield t
        t += seconds


class _Car:
    """What the car has told so far, and what its sensors say."""

    def __init__(self, day: Day, profile: Profile, random: Random) -> None:
        self._day, self._profile, self._random = day, profile, random
        self._gnss = Gnss(random, profile.receiver, [Span(d.start, d.end) for d in day.drives])
        self._odometer = Counter(random, profile.odometer, day.odometer[-1])
        self._noisy, self._failed_at = random.random() < 0.5, -inf
        self._known, self._told = dict[str, Value](), dict[str, Value]()

    def reports(self, moments: Sequence[Moment]) -> Iterator[Report]:
        changes, n = self._day.changes(), 0
        for moment, following in zip(moments, [*moments[1:], Moment(inf, False)], strict=True):
            changed = dict[str, Value]()
            while n < len(changes) and changes[n].at <= moment.at:
                changed |= self._heard_of(changes[n], moment.awake)
                n += 1
            if moment.wakes:
                self._gnss.wake(moment.at, self._day.place_at(moment.at))
                changed = dict(self._known)
            followed = following.at - moment.at <= self._profile.interval
            told = changed | self._measured(moment, followed)
            at_cable = not moment.wakes and not AT_CABLE.isdisjoint(changed)
            yield Report(moment.at, told, moment.awake, bool(changed), at_cable)

    def _heard_of(self, change: Change, awake: bool) -> dict[str, Value]:
        """What of it is told at once: a sleeping car tells the rest when it wakes."""
        if change.path == CABLE and not self._profile.cable:
            return {}
        self._known[change.path] = change.value
        told = awake or self._profile.rest != "asleep" or change.path in AT_CABLE
        return {change.path: change.value} if told else {}

    def _measured(self, moment: Moment, followed: bool) -> dict[str, Value]:
        """Of a car that reports on change just what is another value than it told last, unless it wakes."""
        day, profile, random = self._day, self._profile, self._random
        speed, along, driven = day.motion(moment.at)
        on_change = profile.reporting == "on_change"
        # of a parked car that tells nothing else, a single leap cannot be told from a way that it went
        steady = profile.motion == "positions" and (moment.wakes or not moment.awake)
        found = self._gnss.readings(moment.at, day.place(along), steady)
        may_fail = followed and moment.at - self._failed_at > 60
        found[STATE_OF_CHARGE] = soc = percent(random, profile.charge, day.soc(moment.at, driven), may_fail)
        self._failed_at = moment.at if soc == 0 else self._failed_at
        if profile.motion == "speed":
            found[SPEED] = kilometres_an_hour(random, speed, on_change, self._noisy)
        elif profile.motion == "moving":
            found[IS_MOVING] = abs(speed) > 0.2
        counted = self._odometer.readings(moment.at, driven)
        if counted is not None:
            found[ODOMETER] = counted
        if on_change and not moment.wakes:
            found = {path: value for path, value in found.items() if self._told.get(path) != value}
        self._told |= found
        return found

"""Everything that is not as it was on a day, as far as the backend could know."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from shared.domain.geo import distance
from tests.laws.car_days import alerts, journeys
from tests.laws.car_days.day import day_of
from tests.laws.car_days.disorder import messages
from tests.laws.car_days.evidence import Case
from tests.laws.car_days.profiles import Profile, profile_of
from tests.laws.car_days.reporting import reports
from tests.laws.car_days.run import Run

LOOKS = 60
"""At how many moments somebody looks at the map."""
FIX = 25.0
"""Metres by which a fix may be off."""
FASTEST = 37.0
"""Metres a second."""


def violations(seed: int, profile: Profile | None = None) -> list[str]:
    """Of the day and the profile of a seed, or of another profile."""
    return judged(seed, profile)[0]


def judged(seed: int, profile: Profile | None = None) -> tuple[list[str], Counter[str]]:
    """The violations of a day; and how many drives and notifications of it were held to the truth."""
    day, chosen = day_of(seed), profile or profile_of(seed)
    sent = messages(day, chosen, reports(day, chosen))
    run = Run()
    asyncio.run(run.day(day, sent))
    case = Case(day, chosen, sent, run)
    found = [*_parked(case), *journeys.broken(case), *alerts.broken(case), *_places(case)]
    held = Counter(expected.kind for expected in alerts.expected(case) if expected.certain)
    held["drives"] = len(day.drives)
    held["drives_held"] = sum(journeys.is_shown(case, drive) for drive in day.drives)
    return found, held


def story(seed: int, broken: list[str]) -> str:
    """A day in a few words: how the car reports, what it did, and what is not as it was."""
    day = day_of(seed)
    drives = [f"drives {d.start:.0f}-{d.end:.0f} ({d.metres:.0f} m)" for d in day.drives]
    plug_ins = [f"charges {p.span.start:.0f}-{p.span.end:.0f} ({len(p.charging)} times)" for p in day.plug_ins]
    return f"seed {seed} [{profile_of(seed).name}] " + ", ".join(drives + plug_ins) + ": " + "; ".join(broken)


def _parked(case: Case) -> Iterator[str]:
    """Every message is taken in."""
    for reason in sorted(set(case.run.world.parking.reasons)):
        yield f"{case.run.world.parking.reasons.count(reason)} messages parked: {reason}"


def _places(case: Case) -> Iterator[str]:
    """What a map shows is where the car was, as well as its receiver knows."""
    within = FIX + FASTEST * case.wrong_by * 2
    leaps = case.profile.receiver == "jumping" and case.profile.offline
    if case.profile.network == "offline_mixed" or leaps:
        return  # until all is there, nobody knows what belongs together, nor how far the car has come meanwhile
    seen = case.run.seen
    for look in seen[:: max(1, len(seen) // LOOKS)]:
        at, place = case.true_time(look.at), look.place
        if abs(place.latitude) < 1 or abs(place.longitude) < 1:
            yield f"at {at:.0f} the map shows {place}"
        earlier = islice((h.at for h in reversed(case.heard) if h.at < at), 4, None)
        since = min(at - case.unseen, next(earlier, 0.0) if case.profile.receiver == "split" else at)
        driven = case.day.motion(at)[2] - case.day.motion(since)[2]
        off = distance(place, case.day.place_at(at))
        if off > within + driven:
            yield f"at {at:.0f} the map is {off:.0f} m off"

"""What has to come of a day: one trip for each drive, one charge for each plug-in, and nothing else.

All times are seconds since the day began."""

from collections.abc import Iterator
from itertools import pairwise
from math import sqrt

from shared.domain.charges import Charge
from shared.domain.geo import distance
from shared.domain.trips import Trip
from tests.laws.car_days.charging import PlugIn
from tests.laws.car_days.disorder import DAWN
from tests.laws.car_days.driving import Drive
from tests.laws.car_days.evidence import FAR, Case
from tests.laws.car_days.sensors import STEPS

STOP, FORGIVEN = 300.0, 15.0
"""Seconds at rest that end a trip; and by which a gap between two reports may come near that without telling which."""
LASTS = 75.0
"""Seconds that the reports of a drive have to span to be a trip for sure."""
FARTHER = 300.0
"""Metres that they have to show where positions alone do."""
SHARE = 0.02
"""Of a distance or an energy, by which it may be off."""
LISTED_WITHIN = 12 * 60.0
"""Seconds after the last report of a drive: seven minutes of silence, and two until it is listed, by the minute."""
SPEED_GAP = 75.0
"""Seconds over which two speeds are a distance."""
MANOEUVRES = 50.0
"""Metres out of a parking space and into one that positions cannot tell from a receiver that wavers."""
ROUNDED = 0.25 / 3.6
"""Metres a second by which a speed in whole km/h is off, on average while it stays the same."""
JITTER = 0.04
"""Share of a distance by which speeds are off that come at the moments of their arrival."""
GOING_ON = 10.0
"""Seconds in which a car that said that it moves goes far enough to show that it still does."""
SKIPPED = 40.0
"""Metres a second of an interval that are not counted where the last readings are none, or the counter just stopped."""
EXACT = ("metres", "hectometres")
"""Odometers that know the way from the first to the last report of a drive."""


def broken(case: Case) -> Iterator[str]:
    """Everything about trips and charges that is not as it was."""
    trips = [d for d in case.run.derived if isinstance(d, Trip)]
    charges = [d for d in case.run.derived if isinstance(d, Charge)]
    for drive in case.day.drives:
        own = [t for t in trips if _meets(case, t, drive.start, drive.end)]
        yield from _drive(case, drive, own)
    for plug_in in case.day.plug_ins:
        span = plug_in.span
        yield from _plug_in(case, plug_in, [c for c in charges if _meets(case, c, span.start, span.end)])
    for trip in trips:
        if not any(_meets(case, trip, d.start, d.end) for d in case.day.drives):
            yield f"phantom trip: {_of(case, trip)}"
    for charge in charges:
        if not any(_meets(case, charge, *p.span) for p in case.day.plug_ins):
            yield f"phantom charge: {_of(case, charge)}"
    yield from _listings(case)


def _meets(case: Case, found: Trip | Charge, start: float, end: float) -> bool:
    return case.true_time(found.span.start) <= end + 60 and case.true_time(found.span.end) >= start - 60


def _of(case: Case, found: Trip | Charge) -> str:
    return f"{case.true_time(found.span.start):.0f}-{case.true_time(found.span.end):.0f}"


def is_shown(case: Case, drive: Drive) -> bool:
    """Whether the reports show for sure that there was one drive, and only one."""
    moving = case.moving(drive)
    fewest = 4 if case.profile.motion == "positions" else 2
    shown = len(moving) >= fewest and moving[-1] - moving[0] >= LASTS
    if shown and case.profile.odometer not in EXACT and case.profile.motion != "speed":
        shown = case.day.motion(moving[-1])[2] - case.day.motion(moving[0])[2] >= FARTHER
        shown = shown and drive.end - drive.start > 2 * case.blind
    following = moving[2:] if case.profile.motion == "positions" else moving[1:]  # one of two shows it for sure
    parted = any(b - a > STOP - FORGIVEN for a, b in zip(moving, following, strict=False))
    return shown and not parted


def _drive(case: Case, drive: Drive, own: list[Trip]) -> Iterator[str]:
    moving, what = case.moving(drive), f"drive {drive.start:.0f}-{drive.end:.0f}"
    if not is_shown(case, drive):
        return
    if len(own) != 1:
        yield f"{what}: {len(own)} trips {[_of(case, t) for t in own]}"
        return
    trip = own[0]
    start, end = case.true_time(trip.span.start), case.true_time(trip.span.end)
    within = case.profile.interval + case.wrong_by + (case.blind if case.profile.motion == "positions" else 0.0)
    if case.profile.motion == "moving" and case.profile.reporting == "on_change":
        within += GOING_ON
    if case.profile.motion == "positions" and case.profile.network == "offline_mixed":
        within += STOP  # what comes a little late and says nothing of itself is not looked at again
    if not drive.start - within <= start <= max(drive.start, moving[0]) + within:
        yield f"{what}: starts at {start:.1f}, first shown at {moving[0]:.1f}"
    if not min(drive.end, moving[-1]) - within <= end <= max(drive.end, _found_out(case, drive)) + within:
        yield f"{what}: ends at {end:.1f}, last shown at {moving[-1]:.1f}"
    listed = min(at for at, found in case.run.listed if found.id == trip.id)
    last = max(h.arrived for h in case.heard_between(drive.start, drive.end))
    if (listed - DAWN) / 1000 > max(last, end) + LISTED_WITHIN + case.blind:
        yield f"{what}: listed at {(listed - DAWN) / 1000:.0f}, last heard at {last:.0f}"
    yield from _distance(case, drive, trip, what)
    yield from _used(case, drive, trip, what)


def _found_out(case: Case, drive: Drive) -> float:
    """When a car tells how far it came that tells no speed, and fell asleep or tells nothing but its position."""
    after = [h.at for h in case.heard_between(drive.end, drive.end + STOP)] or [drive.end]
    if case.profile.motion == "positions":
        return after[-1]  # with the last metres the receiver wavers, until it is far enough
    return after[0] if case.profile.motion == "moving" and case.profile.rest == "asleep" else drive.end


def _distance(case: Case, drive: Drive, trip: Trip, what: str) -> Iterator[str]:
    """Within 2 % of the way between the moments that are told, or of the whole drive; and what nobody can know from
    the reports, be they as good as can be."""
    day = case.day
    start, end = (case.true_time(t) for t in trip.span)
    told = day.motion(end)[2] - day.motion(start)[2]
    unknown = STEPS.get(case.profile.odometer, 1) * 1.0
    unknown += JITTER * drive.metres if case.profile.arrival_timed else 0.0
    if case.profile.odometer not in EXACT:
        unknown += _unknown(case, drive)
        unknown += ROUNDED * (drive.end - drive.start) if case.profile.reporting == "on_change" else 0.0
        unknown += MANOEUVRES if case.profile.motion != "speed" or case.blind else 0.0
        if case.profile.odometer in ("placeholders", "saturating"):
            unknown += SKIPPED * case.profile.interval
        if case.profile.motion != "speed" or case.profile.receiver == "freezing" or case.profile.network == "silence":
            unknown += drive.metres * min(1.0, case.unseen / (drive.end - drive.start))
    if not told * (1 - SHARE) - unknown <= trip.distance <= drive.metres * (1 + SHARE) + unknown:
        yield (
            f"{what}: {trip.distance:.0f} m by {trip.taken_from}, {told:.0f} of {drive.metres:.0f} m are right, "
            f"{unknown:.0f} m unknown"
        )


def _unknown(case: Case, drive: Drive) -> float:
    """Metres by which the best reckoning from undisturbed reports at these moments is off: what lies between them, and
    twice by as much as that happens to even out."""
    off, squares = 0.0, 0.0
    every = 2 if case.profile.receiver == "split" and case.profile.motion != "speed" else 1
    times = [drive.start, *[h.at for h in case.heard_between(drive.start, drive.end)][::every], drive.end]
    for a, b in pairwise(times):
        first, second = case.day.motion(a), case.day.motion(b)
        true = second[2] - first[2]
        if case.profile.motion == "speed" and b - a <= SPEED_GAP:
            step = (abs(first[0]) + abs(second[0])) / 2 * (b - a) - true
        else:
            step = distance(case.day.place(first[1]), case.day.place(second[1])) - true
        off, squares = off + step, squares + step * step
    return abs(off) + 2 * sqrt(squares)


def _used(case: Case, drive: Drive, trip: Trip, what: str) -> Iterator[str]:
    size, step = case.day.battery.capacity, case.profile.percent_step
    most = case.day.battery.usage * drive.metres / 100 * size
    start, end = (case.day.motion(case.true_time(t))[2] for t in trip.span)
    least, unknown = most * (end - start) / drive.metres, size * step * 2 / 100
    if trip.energy is not None and not least * (1 - SHARE) <= trip.energy + unknown <= most * (1 + SHARE) + 2 * unknown:
        yield f"{what}: {trip.energy:.2f} kWh of {least:.2f} to {most:.2f}, from {trip.soc}"


def _plug_in(case: Case, plug_in: PlugIn, own: list[Charge]) -> Iterator[str]:
    what = f"charge {plug_in.span.start:.0f}-{plug_in.span.end:.0f}"
    if len(own) != 1:
        yield f"{what}: {len(own)} charges {[_of(case, c) for c in own]}"
        return
    charge = own[0]
    start, end = case.true_time(charge.span.start), case.true_time(charge.span.end)
    within = 1.0 + case.wrong_by
    if abs(start - plug_in.span.start) > within or abs(end - plug_in.span.end) > within:
        yield f"{what}: from {start:.1f} to {end:.1f}"
    size, step = case.day.battery.capacity, case.profile.percent_step
    true = (plug_in.soc[1] - plug_in.soc[0]) / 100 * size
    if charge.energy is None or abs(charge.energy - true) > true * SHARE + size * step / 100 + 0.01:
        yield f"{what}: {charge.energy} kWh of {true:.2f}, from {charge.soc}"
    pauses = [b.start - a.end for a, b in pairwise(plug_in.charging)]
    if len(charge.pauses) != len(pauses) or abs(charge.paused / 1000 - sum(pauses)) > within * len(pauses):
        yield f"{what}: {len(charge.pauses)} pauses of {charge.paused / 1000:.0f} s, not {pauses}"


def _goes_beyond(case: Case, end: float, at: float) -> bool:
    """Whether a car that tells nothing but its position had shown by then that it went on."""
    return case.profile.motion != "positions" or distance(case.day.place_at(end), case.day.place_at(at)) > FAR


def _listings(case: Case) -> Iterator[str]:
    """Nothing is listed before it is over as far as anybody can know; its end moves only as late reports come."""
    ends = dict[str, tuple[float, float]]()
    for at, found in case.run.listed:
        looked, end = (at - DAWN) / 1000, case.true_time(found.span.end)
        before = ends.get(found.id)
        ends[found.id] = looked, end
        if isinstance(found, Charge):
            continue
        for drive in (d for d in case.day.drives if _meets(case, found, d.start, d.end)):
            moving = set(case.moving(drive))
            own = [h for h in case.heard_between(drive.start, drive.end) if h.at in moving]
            beyond = end + case.wrong_by + case.profile.interval
            beyond += GOING_ON if case.profile.reporting == "on_change" else 0.0
            known = [h.at for h in own if h.arrived <= looked and h.at > beyond and _goes_beyond(case, end, h.at)]
            guesses = case.profile.clock == "behind" and case.profile.offline  # that it is behind does not show yet
            over = min(known, default=looked) - end >= STOP - case.wrong_by - 1
            if not over and looked < drive.end and not guesses:
                yield f"trip {_of(case, found)} is listed at {looked:.0f}, while it goes on"
            near = case.heard_between(drive.start - 60, drive.end + STOP)
            came = [h for h in near if before and before[0] < h.arrived <= looked]
            if before and abs(before[1] - end) > 0.5 and not came:
                yield f"trip {_of(case, found)} ended at {before[1]:.0f} before, and nothing of it came since"

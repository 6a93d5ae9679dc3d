"""Trips and charges, from what lies in history and what is still on its way there."""

from collections.abc import Sequence

from shared.domain.battery import capacity_in
from shared.domain.charges import HELD, PAUSE, Charge, charges
from shared.domain.history import Chunk, days_between, merged
from shared.domain.paths import IS_CHARGING
from shared.domain.span import Known, Span
from shared.domain.telemetry import Sample
from shared.domain.track import STOP
from shared.domain.trip_settings import TripSettings
from shared.domain.trips import Trip, trips
from shared.domain.vehicle import VehicleState
from shared.ports import Histories

ROUNDS = 10
"""How often the window is widened for a trip or charge that sticks out of it, each time by twice as much."""


async def samples_between(state: VehicleState, start: int, end: int, histories: Histories) -> list[Sample]:
    """Everything the vehicle reported in [start, end] (epoch ms), in order of time."""
    parts: list[Sequence[Sample]] = [entry.samples for entry in state.outbox if isinstance(entry, Chunk)]
    parts.append(state.open.samples)
    for day in days_between(start, end + 1):
        parts += await histories.samples(state.vehicle_id, day, start, end)
    return [sample for sample in merged(parts) if start <= sample.at <= end]


async def derive(state: VehicleState, span: Span, histories: Histories, settings: TripSettings) -> None:
    """Store the trips and charges that touch the span, in the place of those that were derived before.

    What is still under way is left as it is: it is derived once it is over."""
    window = Span(span.start - 2 * STOP, span.end + 2 * STOP)
    for number in range(ROUNDS):
        known = await _known(state.vehicle_id, window, histories)
        samples = await samples_between(state, *window, histories)
        names = [Known(d.id, d.span) for d in known]
        capacity = capacity_in({path: reading.value for path, reading in state.signals.items()})
        found: list[Trip | Charge] = [*trips(state.vehicle_id, samples, capacity, names, settings)]
        found += charges(state.vehicle_id, samples, capacity, names)
        touching = [d for d in found if _touches(d.span, span)]
        outdated = [k for k in known if _touches(k.span, span) or any(_is_part(k, d) for d in touching)]
        earlier = [k for k in known if any(_may_be_of(k, d) for d in touching)]
        wider = _widened(window, [*touching, *outdated, *earlier], 2**number)
        if _charges_on(samples) and window.end < state.newest:
            wider = Span(wider.start, max(wider.end, window.end + HELD))
        if wider == window:
            break
        window = wider
    now = [d for d in touching if not _goes_on(d, state)]
    growing = [d.span for d in found if _goes_on(d, state)]
    kept = {d.id for d in now}
    for one in now:
        await histories.put_derived(one, state.policy.history_days)
    for old in outdated:
        if old.id not in kept and not any(old.span.overlaps(g) for g in growing):
            await histories.drop_derived(old)


async def _known(vehicle_id: str, window: Span, histories: Histories) -> list[Trip | Charge]:
    found: list[Trip | Charge] = []
    for day in days_between(window.start, window.end + 1):
        found += await histories.derived(vehicle_id, day)
    return found


def _goes_on(derived: Trip | Charge, state: VehicleState) -> bool:
    """Whether it is part of the journey or the charge under way, as far as is known."""
    if isinstance(derived, Trip):
        return state.track.journey is not None and derived.span.end + STOP >= state.track.journey.start
    return state.track.charge is not None and derived.span.end >= state.track.charge.start


def _charges_on(samples: Sequence[Sample]) -> bool:
    """Whether the last that was said of charging is that it goes on."""
    said = (s.readings[IS_CHARGING] for s in reversed(samples) if IS_CHARGING in s.readings)
    return next(said, False) is True


def _is_part(known: Trip | Charge, found: Trip | Charge) -> bool:
    """Whether what was derived before belongs to what is found now."""
    return type(known) is type(found) and known.span.overlaps(found.span)


def _may_be_of(known: Trip | Charge, found: Trip | Charge) -> bool:
    """Whether what was derived before may be a part of what is found now, with a pause between them."""
    if not (isinstance(known, Charge) and isinstance(found, Charge)):
        return False
    return known.span.end - PAUSE <= found.span.end and found.span.start - PAUSE <= known.span.end


def _widened(window: Span, derived: Sequence[Trip | Charge], by: int) -> Span:
    """A window that surrounds everything by as much as has to be looked at to know that it begins and ends there; `by`
    so many times as much where it does not do so already."""
    start, end = window
    for d in derived:
        gap = STOP if isinstance(d, Trip) else max(PAUSE, HELD)
        if d.span.start - gap < window.start:
            start = min(start, d.span.start - by * gap)
        if d.span.end + gap > window.end:
            end = max(end, d.span.end + by * gap)
    return Span(start, end)


def _touches(a: Span, b: Span) -> bool:
    return a.start <= b.end + STOP and b.start <= a.end + STOP

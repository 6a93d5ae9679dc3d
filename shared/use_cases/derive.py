"""Trips and charges, from what lies in history and what is still on its way there."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from shared.domain.battery import capacity_in
from shared.domain.charges import HELD, PAUSE, Charge, charges
from shared.domain.history import Chunk, days_between, merged
from shared.domain.paths import IS_CHARGING
from shared.domain.span import Known, Span
from shared.domain.telemetry import Sample
from shared.domain.track import PATIENCE, STOP
from shared.domain.trip_settings import TripSettings
from shared.domain.trips import Trip, trips
from shared.domain.vehicle import VehicleState
from shared.ports import Histories

FOR_EVER = 1 << 62
ROUNDS = 10
"""How often the window is widened for a trip or charge that sticks out of it, each time by twice as much."""


async def samples_between(state: VehicleState, start: int, end: int, histories: Histories) -> list[Sample]:
    """Everything the vehicle reported in [start, end] (epoch ms), in order of time."""
    parts: list[Sequence[Sample]] = [entry.samples for entry in state.outbox if isinstance(entry, Chunk)]
    parts.append(state.open.samples)
    for day in days_between(start, end + 1):
        parts += await histories.samples(state.vehicle_id, day, start, end)
    return [sample for sample in merged(parts) if start <= sample.at <= end]


class _Seen(NamedTuple):
    """What was derived before in a window of time, and what the vehicle reported in it."""

    window: Span
    known: Sequence[Trip | Charge]
    samples: Sequence[Sample]


async def derive(state: VehicleState, span: Span, histories: Histories, settings: TripSettings, now: int) -> bool:
    """Store the trips and charges that touch the span, in the place of those that were derived before.

    None goes over from one ownership to the next: where the vehicle changed hands, one ends and another begins. What is
    still under way is left as it is: it is derived once it is over. False if a trip may not be over by `now` (epoch
    ms), and nothing under way will have it derived again."""
    seen = await _look(state, Span(span.start - 2 * STOP, span.end + 2 * STOP), histories)
    capacity = capacity_in({path: reading.value for path, reading in state.signals.items()})

    def find_trips(samples: Sequence[Sample], known: Sequence[Known]) -> list[Trip]:
        found = list[Trip]()
        for part in state.policy.by_ownership(samples):
            found += trips(state.vehicle_id, part, capacity, _not_taken(known, found), settings)
        return found

    def find_charges(samples: Sequence[Sample], known: Sequence[Known]) -> list[Charge]:
        found = list[Charge]()
        for part in state.policy.by_ownership(samples):
            found += charges(state.vehicle_id, part, capacity, _not_taken(known, found))
        return found

    await _derive(Charge, find_charges, state, span, seen, histories, FOR_EVER)
    return await _derive(Trip, find_trips, state, span, seen, histories, now - state.clock.offset - STOP)


async def _derive[D: (Trip, Charge)](
    kind: type[D],
    find: Callable[[Sequence[Sample], Sequence[Known]], list[D]],
    state: VehicleState,
    span: Span,
    seen: _Seen,
    histories: Histories,
    until: int,
) -> bool:
    around = Span(span.start - STOP, span.end + STOP)
    for number in range(ROUNDS):
        found = find(seen.samples, [Known(d.id, d.span) for d in seen.known])
        known = [d for d in seen.known if isinstance(d, kind)]
        told: list[D] = [k for k in known if not k.span.overlaps(span)]
        touching: list[D] = [d for d in found if d.span.overlaps(span) or _is_news(d, around, told)]
        outdated: list[D] = [
            k for k in known if k.span.overlaps(span) or any(k.span.overlaps(d.span) for d in touching)
        ]
        earlier: list[D] = [k for k in known if any(_may_be_of(k, d) for d in touching)]
        wider = _widened(seen.window, [*touching, *outdated, *earlier], 2**number)
        if kind is Charge and _charges_on(seen.samples) and seen.window.end < state.newest:
            wider = Span(wider.start, max(wider.end, seen.window.end + HELD))
        if wider == seen.window:
            break
        seen = await _look(state, wider, histories)
    growing = [d.span for d in found if _may_go_on(d, state) or d.span.end > until]
    over = [d for d in touching if d.span not in growing]
    kept = {d.id for d in over}
    for one in over:
        await histories.put_derived(one, state.policy.history_days)
    for old in outdated:
        if old.id not in kept and not any(old.span.overlaps(g) for g in growing):
            await histories.drop_derived(old)
    return all(d in over or _goes_on(d, state) for d in touching)


def _not_taken(known: Sequence[Known], found: Sequence[Trip | Charge]) -> list[Known]:
    """Those whose ids are not those of anything found already."""
    taken = {d.id for d in found}
    return [k for k in known if k.id not in taken]


async def _look(state: VehicleState, window: Span, histories: Histories) -> _Seen:
    known: list[Trip | Charge] = []
    for day in days_between(window.start, window.end + 1):
        known += await histories.derived(state.vehicle_id, day)
    samples = await samples_between(state, *window, histories)
    return _Seen(window, known, [s for s in samples if s.at >= state.policy.history_from])


def _goes_on(derived: Trip | Charge, state: VehicleState) -> bool:
    """Whether it is part of the journey or the charge under way."""
    under_way = state.track.journey if isinstance(derived, Trip) else state.track.charge
    return under_way is not None and derived.span.end >= under_way.start


def _may_go_on(derived: Trip | Charge, state: VehicleState) -> bool:
    """Whether it is, or will be once all is there: the journey goes on before the trip would have been over."""
    journey, ownership = state.track.journey, state.policy.ownership
    if isinstance(derived, Trip) and journey is not None and ownership(derived.span.end) == ownership(journey.start):
        return derived.span.end + STOP >= journey.start
    return _goes_on(derived, state)


def _is_news(found: Trip | Charge, around: Span, told: Sequence[Trip | Charge]) -> bool:
    """Whether it lies close to what is outdated, and was not told before: then it is left as it is."""
    return found.span.overlaps(around) and not any(k.span.overlaps(found.span) for k in told)


def _charges_on(samples: Sequence[Sample]) -> bool:
    """Whether the last that was said of charging is that it goes on."""
    said = (s.readings[IS_CHARGING] for s in reversed(samples) if IS_CHARGING in s.readings)
    return next(said, False) is True


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
        gap = STOP + PATIENCE if isinstance(d, Trip) else max(PAUSE, HELD)
        if d.span.start - gap < window.start:
            start = min(start, d.span.start - by * gap)
        if d.span.end + gap > window.end:
            end = max(end, d.span.end + by * gap)
    return Span(start, end)

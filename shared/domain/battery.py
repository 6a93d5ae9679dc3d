"""What a traction battery held at the ends of a stretch of time."""

from collections.abc import Mapping, Sequence

from shared.domain.paths import BATTERY, STATE_OF_CHARGE
from shared.domain.span import Span
from shared.domain.telemetry import Sample, Value

ENERGY = BATTERY + "StateOfCharge.CurrentEnergy"
CAPACITIES = (BATTERY + "NetCapacity", BATTERY + "GrossCapacity")
NEAR_LIMIT = 1.0
"""Percent below the charge limit at which charging counts as complete."""
DROPOUT = 10.0
"""Percent by which a charge has to differ from the readings before and after it, which agree, to be a dropout."""
EMPTY = 1.0
"""The same for a reading of 0, which is what most dropouts are."""

type Ends = tuple[float | None, float | None]
"""A number at the beginning and at the end, where known."""


def capacity_in(values: Mapping[str, Value]) -> float | None:
    """What the battery holds (kWh), if the vehicle ever said so."""
    return next((n for path in CAPACITIES if (n := number(values.get(path)))), None)


def state_of_charge(samples: Sequence[Sample], span: Span, grows: bool = False) -> Ends:
    """The state of charge (%) at both ends."""
    return ends(samples, span, STATE_OF_CHARGE, grows)


def energy_between(samples: Sequence[Sample], span: Span, capacity: float | None, grows: bool = False) -> float | None:
    """The energy gained (kWh; less than 0 if used), where the vehicle told it or its capacity is known."""
    first, last = ends(samples, span, ENERGY, grows)
    if first is not None and last is not None:
        return last - first
    first, last = state_of_charge(samples, span, grows)
    size = capacity or capacity_in({p: v for s in samples for p, v in s.readings.items() if p in CAPACITIES})
    return None if size is None or first is None or last is None else (last - first) / 100 * size


def ends(samples: Sequence[Sample], span: Span, path: str, grows: bool = False) -> Ends:
    """The number that held when the span began, or else the first within it; and the last one within.

    Of what only grows over the span, the first within it holds where it is less: the rest was lost before."""
    before = first = last = None
    readings = [(s.at, n) for s in samples if (n := number(s.readings.get(path))) is not None]
    for at, value in without_dropouts(readings) if path == STATE_OF_CHARGE else readings:
        if at > span.end:
            break
        if at <= span.start:
            before = value
            continue
        first, last = (value if first is None else first), value
    if before is None or (grows and first is not None and first < before):
        return first, last
    return before, before if last is None else last


def without_dropouts(readings: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """Without single readings that differ from both neighbours, and without a 0 at the end that came at once."""
    kept = list[tuple[int, float]]()
    for n, (at, value) in enumerate(readings):
        before = kept[-1][1] if kept else None
        after = readings[n + 1][1] if n + 1 < len(readings) else None
        off = EMPTY if value == 0 else DROPOUT
        leaps = before is not None and abs(value - before) > off
        back = after is not None and before is not None and abs(after - before) <= DROPOUT
        first = before is None and value == 0 and after is not None and after > off
        last = after is None and value == 0
        if not first and not (leaps and (back or last)):
            kept.append((at, value))
    return kept


def limit_of(limit: float | None) -> float:
    """The charge limit (%) that holds: one that was never set is reported as 0, or not at all."""
    return limit or 100.0


def is_full(charge: float | None, limit: float | None) -> bool:
    """Whether a state of charge (%) is at the limit: cars stop a little early."""
    return charge is not None and charge >= limit_of(limit) - NEAR_LIMIT


def number(value: Value | None) -> float | None:
    """The value where it is a number."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

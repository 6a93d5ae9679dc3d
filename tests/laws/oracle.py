"""What has to come of a hub's events, told another way than the product does: it remembers every sequence number."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from shared.domain.folding import FIRES_WITHIN
from shared.domain.policy import Mode, Privacy
from shared.domain.telemetry import Value

WINDOW = 64
BATTERY, LATITUDE = "Vehicle.Powertrain.TractionBattery.StateOfCharge.Displayed", "Vehicle.CurrentLocation.Latitude"


class Sent(NamedTuple):
    """One message as the hub holds it: one sample of one vehicle; without readings it is poison."""

    vehicle: str
    sequence: int
    at: int
    readings: dict[str, Value]
    arrived_at: int


@dataclass
class Expected:
    """Of one vehicle."""

    signals: dict[str, tuple[Value, int]] = field(default_factory=dict)
    samples: dict[int, dict[str, Value]] = field(default_factory=dict)
    again: set[int] = field(default_factory=set)
    episodes: set[int] = field(default_factory=set)
    applied: int = 0


def expected(events: Iterable[Sent], privacy: Privacy) -> Expected:
    """The fold without a fault, in hub order."""
    found, seen, top, newest, low = Expected(), set[int](), -1, -1, False
    for event in events:
        old = top - event.sequence >= WINDOW
        if not event.readings or (event.sequence in seen and not old):
            continue
        readings = shown(event, privacy)
        if not readings:
            continue
        if event.sequence in seen or old:
            found.again.add(event.at)
        seen.add(event.sequence)
        top = max(top, event.sequence)
        found.applied += 1
        found.samples.setdefault(event.at, {}).update(readings)
        fresh = {p: v for p, v in readings.items() if p not in found.signals or found.signals[p][1] < event.at}
        found.signals.update({path: (value, event.at) for path, value in fresh.items()})
        if fresh and not old and event.at >= newest and BATTERY in fresh:
            level, was = float(str(fresh[BATTERY])), low
            holds = level < 10 or (was and level <= 15)
            if holds and not was and event.arrived_at - event.at <= FIRES_WITHIN:
                found.episodes.add(event.at)
            low = holds if was or event.arrived_at - event.at <= FIRES_WITHIN else was
        newest = max(newest, event.at)
    return found


def shown(event: Sent, privacy: Privacy) -> dict[str, Value]:
    """What an owner lets be taken in of it."""
    modes = {e.mode for e in privacy.exclusions for t in (event.at, event.arrived_at) if e.covers(t)}
    if Mode.OFFLINE in modes:
        return {}
    return {p: v for p, v in event.readings.items() if p != LATITUDE or not modes}


def of_vehicle(held: Sequence[Sent], vehicle: str) -> list[Sent]:
    return [event for event in held if event.vehicle == vehicle]

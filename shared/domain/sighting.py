"""Where and how a vehicle was seen last: what a map shows of it."""

from collections.abc import Mapping
from typing import NamedTuple

from shared.domain.handover import seen_since
from shared.domain.location import Fix
from shared.domain.policy import Privacy
from shared.domain.telemetry import Value
from shared.domain.vehicle import Reading, VehicleState

SIGNALS = {
    "heading": "Vehicle.CurrentLocation.Heading",
    "speed": "Vehicle.Speed",
    "moving": "Vehicle.IsMoving",
    "charge": "Vehicle.Powertrain.TractionBattery.StateOfCharge.Displayed",
    "charging": "Vehicle.Powertrain.TractionBattery.Charging.IsCharging",
}
"""The readings that a map shows, by short names."""


class Sighting(NamedTuple):
    """The readings by short names, when the vehicle was last heard (epoch ms, -1 if never), whether its device is
    connected, how many episodes are open, and its last good position. `revision` is the state's."""

    vehicle_id: str
    revision: int
    seen_at: int
    readings: Mapping[str, Reading]
    connected: bool | None
    episodes: int
    privacy: Privacy
    fix: Fix | None = None

    def value(self, name: str) -> Value | None:
        reading = self.readings.get(name)
        return None if reading is None else reading.value


def sighting(s: VehicleState, since: int = 0) -> Sighting:
    """Of a state, without what was seen before a moment (epoch ms)."""
    s = seen_since(s, since)
    readings = {name: s.signals[path] for name, path in SIGNALS.items() if path in s.signals}
    told = sum(episode.told for episode in s.episodes.values())
    seen = max(s.seen_at, s.connection.at if s.connection else -1)
    connected = s.connection.connected if s.connection else None
    return Sighting(s.vehicle_id, s.revision, seen, readings, connected, told, s.policy.privacy, s.location.fix)

"""Where and how a vehicle was seen last: what a map shows of it."""

from collections.abc import Mapping
from typing import NamedTuple

from shared.domain.geo import Place
from shared.domain.policy import Privacy
from shared.domain.telemetry import Value
from shared.domain.vehicle import Reading, VehicleState

SIGNALS = {
    "latitude": "Vehicle.CurrentLocation.Latitude",
    "longitude": "Vehicle.CurrentLocation.Longitude",
    "heading": "Vehicle.CurrentLocation.Heading",
    "speed": "Vehicle.Speed",
    "moving": "Vehicle.IsMoving",
    "charge": "Vehicle.Powertrain.TractionBattery.StateOfCharge.Displayed",
    "charging": "Vehicle.Powertrain.TractionBattery.Charging.IsCharging",
}
"""The readings that a map shows, by short names."""


class Sighting(NamedTuple):
    """The readings by short names, when the vehicle was last heard (epoch ms, -1 if never), whether its device is
    connected, and how many episodes are open. `revision` is the state's."""

    vehicle_id: str
    revision: int
    seen_at: int
    readings: Mapping[str, Reading]
    connected: bool | None
    episodes: int
    privacy: Privacy

    @property
    def place(self) -> tuple[Place, int] | None:
        """Where it was, and when (epoch ms); a latitude without a longitude is no place."""
        found = self.readings.get("latitude"), self.readings.get("longitude")
        if not (found[0] and found[1]):
            return None
        values = found[0].value, found[1].value
        if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
            return None
        return Place(float(values[0]), float(values[1])), min(found[0].at, found[1].at)  # type: ignore[arg-type]

    def value(self, name: str) -> Value | None:
        reading = self.readings.get(name)
        return None if reading is None else reading.value


def sighting(s: VehicleState, since: int = 0) -> Sighting:
    """Of a state, without what was seen before a moment (epoch ms)."""
    found = {name: s.signals[path] for name, path in SIGNALS.items() if path in s.signals}
    told = sum(episode.told and episode.since >= since for episode in s.episodes.values())
    seen = max(s.seen_at, s.connection.at if s.connection else -1)
    readings = {name: reading for name, reading in found.items() if reading.at >= since}
    connected = s.connection.connected if s.connection else None
    return Sighting(s.vehicle_id, s.revision, seen, readings, connected, told, s.policy.privacy)

"""Conditions worth telling, as data; and how an episode of one begins and ends."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.domain.telemetry import Value

STATE_OF_CHARGE = "Vehicle.Powertrain.TractionBattery.StateOfCharge.Displayed"


@dataclass(frozen=True, slots=True)
class LowThreshold:
    """Holds from a reading below `below` until one above `clears_above`: the gap keeps a wavering value quiet."""

    id: str
    signal: str
    below: float
    clears_above: float

    def holds(self, readings: Mapping[str, Value], held: bool) -> bool:
        """Whether the condition holds after this sample; a sample without the signal changes nothing."""
        value = readings.get(self.signal)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return held
        return value < self.below or (held and value <= self.clears_above)

    def facts(self, readings: Mapping[str, Value]) -> dict[str, Value]:
        """What to tell of the sample that began the episode."""
        return {self.signal: readings[self.signal]}


BATTERY_LOW = LowThreshold("battery_low", STATE_OF_CHARGE, below=10.0, clears_above=15.0)

RULES = (BATTERY_LOW,)

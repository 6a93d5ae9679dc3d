import pytest

from functions import brands, parked, rules, sightings, states, telemetry, wake
from tests.functions.field.car import Car
from tests.memory import MemoryWorld


@pytest.fixture
def car(world: MemoryWorld, monkeypatch: pytest.MonkeyPatch) -> Car:
    """A car whose clock all handlers go by."""
    one = Car(world)
    for module in (brands, parked, rules, sightings, states, telemetry, wake):
        monkeypatch.setattr(module, "now_ms", lambda: one.now, raising=False)
    return one

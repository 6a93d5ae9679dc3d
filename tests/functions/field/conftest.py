import pytest

from tests.functions.field.car import Car
from tests.memory import MemoryWorld


@pytest.fixture
def car(world: MemoryWorld) -> Car:
    """The registered vehicle, at noon."""
    return Car(world)

import pytest

from shared.domain.conditions import DEFAULTS
from tests.examples import BRAND
from tests.functions.field.car import Car
from tests.memory import MemoryWorld


@pytest.fixture
def car(world: MemoryWorld) -> Car:
    """The registered vehicle, at noon, under the rules that are shipped."""
    world.rules.held[BRAND] = DEFAULTS
    return Car(world)

"""Where vehicles were seen: the same of the adapter in memory and of the real one."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from shared.domain.folding import fold
from shared.domain.policy import Mode
from shared.domain.sighting import Sighting, sighting
from shared.domain.vehicle import Connection, VehicleState
from shared.errors import Malformed
from tests.contract.test_ports import AnyWorld, fresh, world
from tests.examples import BOOK, NOON, event

__all__ = ["world"]


async def seen(world: AnyWorld, brand: str) -> VehicleState:
    """A vehicle of which everything is known that a map shows."""
    profile, state = fresh()
    profile = replace(profile, brand=brand)
    hidden = profile.privacy.changed(Mode.NO_POSITION, NOON + 10, None, NOON)
    state = replace(state, policy=profile.policy()._replace(privacy=hidden), connection=Connection(True, NOON, "1"))
    place: dict[str, Any] = {
        "CurrentLocation.Latitude": 48.5,
        "CurrentLocation.Longitude": 11,
        "CurrentLocation.Heading": 90.5,
    }
    state, _ = fold(state, [event(1, soc=5.5, Speed=50, IsMoving=True, **place)], BOOK)
    await world.profiles.register(profile, replace(state, outbox=()))
    return replace(state, outbox=())


async def test_a_sighting_is_what_the_state_says(world: AnyWorld) -> None:
    brand = f"brand-{uuid4().hex[:8]}"
    state = await seen(world, brand)
    (found,) = (await world.sightings.list(brand, 10)).items
    assert found == sighting(state)
    assert (found.episodes, found.connected) == (1, True)
    bare = VehicleState("veh-bare", state.policy)
    assert sighting(bare) == Sighting("veh-bare", 0, -1, {}, None, 0, bare.policy.privacy)


async def test_a_list_is_of_one_brand_and_paged(world: AnyWorld) -> None:
    brand, other = f"brand-{uuid4().hex[:8]}", f"brand-{uuid4().hex[:8]}"
    states = [await seen(world, brand) for _ in range(3)]
    await seen(world, other)
    first = await world.sightings.list(brand, 2)
    second = await world.sightings.list(brand, 2, first.cursor)
    assert {s.vehicle_id for s in [*first.items, *second.items]} == {s.vehicle_id for s in states}
    assert (len(first.items), second.cursor) == (2, None)
    with pytest.raises(Malformed):
        await world.sightings.list(brand, 2, "x")


async def test_what_was_written_since_a_second_is_found_with_when_that_was(world: AnyWorld) -> None:
    brand = f"brand-{uuid4().hex[:8]}"
    states = {(state := await seen(world, brand)).vehicle_id: state for _ in range(3)}
    found = await world.sightings.since(brand, 0, 10)
    assert {s.vehicle_id: s for _, s in found} == {id: sighting(state) for id, state in states.items()}
    oldest, newest = min(written for written, _ in found), max(written for written, _ in found)
    assert {written for written, _ in await world.sightings.since(brand, newest, 10)} == {newest}
    assert list(await world.sightings.since(brand, newest + 1, 10)) == []
    assert len(await world.sightings.since(brand, oldest, 2)) == 2

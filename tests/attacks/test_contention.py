"""Many writers of one thing at once, on one instance and on two: no change is lost, and few have to come again."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from shared.domain.conditions import Geofence
from shared.domain.geo import Circle, Place
from shared.domain.principal import Kind, Principal
from shared.domain.rules import Rule
from shared.domain.signals import Leaf
from shared.errors import Conflict, Unavailable
from shared.use_cases import brands, rules
from shared.use_cases.books import ATTEMPTS
from tests.examples import BRAND, NOON
from tests.memory import MemoryWorld

OPERATOR = Principal("operator-1", BRAND, Kind.OPERATOR)
MOOD = {"Vehicle.Mood": Leaf("string")}
SPEED = {"Vehicle.Speed": Leaf("float")}


def meeting(monkeypatch: pytest.MonkeyPatch, port: object, name: str, parties: int = 2) -> None:
    """The first readers of a port wait for each other, so that all know the same before any writes."""
    read: Callable[..., Awaitable[Any]] = getattr(port, name)
    met, here = asyncio.Event(), 0

    async def together(*arguments: Any) -> Any:
        nonlocal here
        found = await read(*arguments)
        here += 1
        if here == parties:
            met.set()
        await met.wait()
        return found

    monkeypatch.setattr(port, name, together)


# ---- what operators say of a brand


async def test_a_release_and_an_overlay_on_two_instances_are_both_kept(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    meeting(monkeypatch, world.vocabularies, "read")
    await asyncio.gather(
        brands.load_release(OPERATOR, SPEED, world.vocabularies),
        brands.load_overlay(OPERATOR, MOOD, world.vocabularies),
    )
    release = await world.vocabularies.load(BRAND)
    assert (release.leaves, release.overlay) == (SPEED, MOOD)


async def test_who_takes_all_signals_back_takes_back_what_was_loaded_meanwhile_or_sees_it_loaded_after(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    await brands.load_release(OPERATOR, SPEED, world.vocabularies)
    meeting(monkeypatch, world.vocabularies, "read")
    await asyncio.gather(
        brands.drop_signals(OPERATOR, world.vocabularies), brands.load_overlay(OPERATOR, MOOD, world.vocabularies)
    )
    release = await world.vocabularies.load(BRAND)
    assert (release.leaves, release.overlay) in [(None, MOOD), (None, {})]


def fence(id: str, radius: float) -> Rule:
    return Geofence(id=id, shape=Circle(Place(48.0, 11.0), radius))


async def test_a_fence_that_another_operator_drew_meanwhile_keeps_when_it_was_drawn(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    meeting(monkeypatch, world.rules, "read_defaults")
    wanted = [fence("depot", 500.0)]
    await asyncio.gather(
        rules.publish_defaults(OPERATOR, wanted, NOON, world.rules),
        rules.publish_defaults(OPERATOR, [*wanted, fence("port", 100.0)], NOON + 60_000, world.rules),
    )
    depot, *others = await world.rules.defaults(BRAND)
    assert isinstance(depot, Geofence)
    assert depot.drawn_at == (NOON if others else NOON + 60_000), "who wrote last did not draw it"


async def test_who_loses_every_race_for_a_brands_settings_is_told_to_come_again(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = 0

    async def busy(*_: object) -> None:
        nonlocal tries
        tries += 1
        raise Conflict("busy")

    monkeypatch.setattr(world.vocabularies, "put", busy)
    with pytest.raises(Unavailable):
        await brands.load_overlay(OPERATOR, MOOD, world.vocabularies)
    assert tries == ATTEMPTS

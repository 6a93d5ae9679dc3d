"""Many writers of one thing at once, on one instance and on two: no change is lost, and few have to come again."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from random import Random
from typing import Any, cast
from uuid import uuid4

import pytest

from local.cloud import Cloud
from shared.bootstrap import World
from shared.domain.conditions import Geofence
from shared.domain.geo import Circle, Place
from shared.domain.notification import Notification
from shared.domain.policy import Mode
from shared.domain.principal import Kind, Principal
from shared.domain.profile import Profile
from shared.domain.rules import Rule
from shared.domain.signals import Leaf
from shared.domain.vehicle import VehicleState
from shared.errors import Conflict, Unavailable
from shared.ports import Versioned
from shared.settings import read
from shared.use_cases import brands, rules
from shared.use_cases.amend import Change, Reach, amend
from shared.use_cases.books import ATTEMPTS
from shared.use_cases.privacy import Wish, change_mode
from shared.use_cases.writers import WAITS, Writers
from tests.examples import BRAND, NOON, PROFILE, STATE, VEHICLE
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


# ---- one vehicle


class VirtualTime(asyncio.SelectorEventLoop):
    """A loop in which waiting takes no time: when nothing else is to be done, its clock goes on to the next timer."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._selector.select, select = self._go_on, self._selector.select  # type: ignore[attr-defined]
        self._look = select

    def time(self) -> float:
        return self._now

    def _go_on(self, timeout: float | None) -> Any:
        self._now += timeout or 0.0
        return self._look(0)


READ, WRITE = 0.004, 0.008
"""Seconds that the store takes, there and back."""


class Distant:
    """A store's port as an instance sees it: with the way there and back, and a count of lost races."""

    def __init__(self, port: Any) -> None:
        self._port, self.conflicts, self.calls = port, 0, Counter[str]()

    def __getattr__(self, name: str) -> Any:
        async def call(*arguments: Any) -> Any:
            self.calls[name] += 1
            way = (WRITE if name == "change" else READ) / 2
            await asyncio.sleep(way)
            try:
                return await getattr(self._port, name)(*arguments)
            except Conflict:
                self.conflicts += 1
                raise
            finally:
                await asyncio.sleep(way)

        return call


class Instances:
    """Two instances of the app over one store, each with its own turns."""

    def __init__(self, seed: int) -> None:
        self.world, chance = MemoryWorld(), Random(seed).random
        self.world.profiles.shelf.commit(VEHICLE, PROFILE, None)
        self.world.states.shelf.commit(VEHICLE, STATE, None)
        self.seen = [Distant(self.world.profiles) for _ in range(2)]
        w, profiles = self.world, cast(list[Any], self.seen)
        self.reaches = [Reach(p, w.states, w.notifications, w.people, Writers(chance, WAITS)) for p in profiles]

    @property
    def profile(self) -> Profile:
        return self.world.profiles.shelf.held[VEHICLE].value

    @property
    def conflicts(self) -> int:
        return sum(port.conflicts for port in self.seen)


async def timed(step: Awaitable[Any]) -> tuple[float, bool]:
    """After how many seconds it ended, and whether well."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        await step
    except Unavailable:
        return loop.time() - began, False
    return loop.time() - began, True


def virtually[T](step: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=VirtualTime) as runner:
        return runner.run(step)


def adding(number: int) -> Callable[[Profile], Change]:
    return lambda profile: Change(replace(profile, off=profile.off | {f"feature-{number}"}))


@pytest.mark.parametrize("seed", range(5))
def test_of_two_hundred_writes_on_one_vehicle_at_once_nearly_all_are_served_within_two_seconds(seed: int) -> None:
    async def run() -> None:
        i = Instances(seed)

        steps = [timed(amend(VEHICLE, adding(n), i.reaches[n % 2])) for n in range(200)]
        served = await asyncio.gather(*steps)
        assert sum(well and seconds <= 2.0 for seconds, well in served) >= 190, sorted(served)[-20:]
        assert len(i.profile.off) == sum(well for _, well in served)
        assert i.conflicts < 100

    virtually(run())


async def test_of_two_hundred_writes_at_once_over_the_real_store_nearly_all_are_served(cloud: Cloud) -> None:
    """Without a look at the clock, as other tests may run beside it."""
    worlds, id = [World(read(cloud.env)) for _ in range(2)], f"veh-{uuid4().hex}"
    registered = replace(PROFILE, vehicle_id=id, vin=uuid4().hex[:17].upper())
    await worlds[0].profiles.register(registered, VehicleState(id, registered.policy()))
    served = await asyncio.gather(*(timed(amend(id, adding(n), worlds[n % 2].reach)) for n in range(200)))
    profile = (await worlds[1].profiles.load(id)).value
    for world in worlds:
        await world.close()
    assert len(profile.off) == sum(well for _, well in served) >= 190


@pytest.mark.parametrize("seed", range(5))
def test_of_two_hundred_rules_that_are_put_at_once_none_is_lost(seed: int) -> None:
    async def run() -> None:
        i = Instances(seed)
        distant: Any = Distant(i.world.rules)
        outsides = [rules.Outside(reach, distant, i.world.catalogs) for reach in i.reaches]
        steps = [
            timed(rules.put_own(OPERATOR, VEHICLE, fence(f"f{n % 40}", 1.0 + n), NOON, outsides[n % 2]))
            for n in range(200)
        ]
        served = await asyncio.gather(*steps)
        assert sum(well for _, well in served) >= 190
        version, own = i.world.profiles.rules[VEHICLE]
        assert version == i.profile.rules == sum(well for _, well in served)
        assert len(own) == 40

    virtually(run())


@pytest.mark.parametrize("seed", range(3))
def test_an_owner_who_wants_privacy_gets_it_beside_two_hundred_writers(seed: int) -> None:
    async def run() -> None:
        i = Instances(seed)
        steps = [amend(VEHICLE, adding(n), i.reaches[n % 2]) for n in range(200)]
        ada = Principal("user-ada", BRAND, Kind.USER, verified=True, terms=True)
        loop = asyncio.get_running_loop()
        asked = change_mode(
            ada, VEHICLE, Wish(Mode.OFFLINE, None, None, "d"), lambda: NOON + int(loop.time() * 1000), i.reaches[0]
        )
        async with asyncio.TaskGroup() as group:
            for step in steps:
                group.create_task(step)
            wanted = group.create_task(asked)
        _, begins = await wanted
        assert i.profile.privacy.mode(begins) is Mode.OFFLINE
        committed_at = NOON + loop.time() * 1000
        assert committed_at < begins + 10_000

    virtually(run())


async def test_a_writer_on_an_instance_never_loses_a_race_with_another_there_and_reads_nothing_twice(
    world: MemoryWorld,
) -> None:
    seen: Any = Distant(world.profiles)
    reach = Reach(seen, world.states, world.notifications, world.people)
    steps = [amend(VEHICLE, adding(n), reach) for n in range(50)]
    await asyncio.gather(*steps)
    assert (seen.conflicts, seen.calls["change"]) == (0, 50)
    assert seen.calls["load"] <= 2
    await amend(VEHICLE, lambda p: Change(replace(p, off=frozenset())), reach)
    assert seen.calls["load"] <= 3, "nobody wrote after it came: it has to read"


@pytest.mark.parametrize("seed", range(3))
def test_what_two_hundred_writers_have_to_tell_is_handed_on_about_once_each(seed: int) -> None:
    async def run() -> None:
        i = Instances(seed)

        def telling(number: int) -> Callable[[Profile], Change]:
            told = Notification(f"n-{number}", "test", VEHICLE, BRAND, NOON, {})
            return lambda profile: Change(replace(profile, outbox=(*profile.outbox, told)))

        served = await asyncio.gather(*(timed(amend(VEHICLE, telling(n), i.reaches[n % 2])) for n in range(200)))
        assert sum(well and seconds <= 2.5 for seconds, well in served) >= 190
        sent = Counter(told.id for told in i.world.notifications.contents)
        assert len(sent) == sum(well for _, well in served)
        assert sent.total() < 2 * len(sent)
        assert i.profile.outbox == ()

    virtually(run())


async def test_who_came_after_a_write_began_reads_what_others_wrote_since(world: MemoryWorld) -> None:
    """Another instance removes a member; whoever asks after that is answered by what holds then."""
    here = Reach(world.profiles, world.states, world.notifications, world.people)
    queue_of = here.writers.turn(VEHICLE)
    turn = await queue_of.__aenter__()
    turn.start()
    later = asyncio.ensure_future(amend(VEHICLE, lambda p: Change(replace(p, model=f"{p.model}+")), here))
    await asyncio.sleep(0)
    found = await world.profiles.load(VEHICLE)
    version = await world.profiles.change(Versioned(replace(found.value, model="mine"), found.version))
    turn.finish(Versioned(replace(found.value, model="mine"), version))
    await world.profiles.change(Versioned(replace(found.value, model="theirs"), version))
    await queue_of.__aexit__(None, None, None)
    assert (await later).model == "theirs+"


async def test_a_writer_whose_store_hangs_does_not_hold_up_the_others_for_ever(world: MemoryWorld) -> None:
    reach = Reach(world.profiles, world.states, world.notifications, world.people, Writers(waits=0.01))
    async with reach.writers.turn(VEHICLE):
        with pytest.raises(Unavailable):
            await amend(VEHICLE, lambda p: Change(replace(p, model="x")), reach)
    assert (await amend(VEHICLE, lambda p: Change(replace(p, model="x")), reach)).model == "x"


async def test_nothing_is_kept_of_vehicles_that_nobody_writes(world: MemoryWorld) -> None:
    await amend(VEHICLE, lambda p: Change(replace(p, model="x")), world.reach)
    assert world.reach.writers._queues == {}

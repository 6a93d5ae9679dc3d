"""Exports and erasures are long jobs: however often they are woken and however they die, one run does each step."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from functions import people, wake
from shared.codec import messages
from shared.domain.garage import Membership
from shared.domain.history import DAY
from shared.domain.person import Lease, Owned, Person, PersonId
from shared.errors import Conflict, Unavailable
from shared.use_cases import forgetting
from shared.use_cases.jobs import LEASE, take
from shared.use_cases.wake import sweep
from tests.examples import BRAND, NOON, VEHICLE
from tests.functions.conftest import ask
from tests.functions.test_events import message, work_off
from tests.memory import MemoryWorld

ADA = PersonId(BRAND, "user-ada")
DAYS = 3


class Killed(BaseException):
    """As the process ends: nothing of ours is run any more."""


@pytest.fixture
def world(world: MemoryWorld, monkeypatch: pytest.MonkeyPatch) -> MemoryWorld:
    """Ada owned a vehicle for three days. Every call of a store lets others go on, as a real one does."""
    owned = Owned(VEHICLE, NOON - DAYS * DAY, NOON)
    world.people.shelf.commit(str(ADA), Person(ADA, {VEHICLE: _ended()}, (owned,)), None)
    for port, name in ((world.people, "load"), (world.people, "commit"), (world.histories, "forget")):
        monkeypatch.setattr(port, name, _slowly(getattr(port, name)))
    monkeypatch.setattr(world.exports, "put", _slowly(world.exports.put))
    return world


def _ended() -> Membership:
    return Membership(VEHICLE, ADA.user, None, 5, (NOON - DAYS * DAY, NOON))


def _slowly(act: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def slowly(*args: Any, **kwargs: Any) -> Any:
        await asyncio.sleep(0)
        found = await act(*args, **kwargs)
        await asyncio.sleep(0)
        return found

    return slowly


@pytest.fixture
def done(world: MemoryWorld, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """How often each day of history was forgotten, and how often exports were written."""
    found, forget, put = Counter[str](), world.histories.forget, world.exports.put

    async def forgets(vehicle: str, day: str, start: int, end: int) -> None:
        found[day] += 1
        await forget(vehicle, day, start, end)

    async def puts(*args: Any) -> None:
        found["export"] += 1
        await put(*args)

    monkeypatch.setattr(world.histories, "forget", forgets)
    monkeypatch.setattr(world.exports, "put", puts)
    return iter([found])


@pytest.fixture
def counts(done: Iterator[Counter[str]]) -> Counter[str]:
    return next(done)


async def woken() -> None:
    await wake.wake_due(message(messages.encode_wake(str(ADA), 0, person=True)))


async def person(world: MemoryWorld) -> Person:
    return (await world.people.load(ADA)).value


async def test_twenty_wakes_at_once_erase_once(world: MemoryWorld, counts: Counter[str]) -> None:
    await ask(people.erase_person, "ada")
    await asyncio.gather(*(woken() for _ in range(20)))
    assert set(counts.values()) == {1}, "each day of it once"
    first = dict(counts)
    world.clock.at += world.everywhere.settles
    await asyncio.gather(*(woken() for _ in range(20)))
    assert dict(counts) == dict.fromkeys(first, 2), "and once in the second pass"
    assert str(ADA) not in world.people.shelf.held


async def test_twenty_wakes_at_once_export_once(world: MemoryWorld, counts: Counter[str]) -> None:
    made = (await ask(people.export_person, "ada")).body["id"]
    await asyncio.gather(*(woken() for _ in range(20)))
    assert counts["export"] == 1
    assert (await ask(people.read_export, "ada", export_id=made)).body["status"] == "done"
    assert (await person(world)).lease is None


async def test_while_a_run_is_at_it_the_sweep_wakes_nobody(world: MemoryWorld) -> None:
    await ask(people.erase_person, "ada")
    world.wakes.sent.clear()
    assert await take(ADA, "run-1", world.clock, world.people)
    for _ in range(4):
        assert await sweep(world.clock(), world.states, world.people, world.wakes) == 0
        world.clock.at += 60_000
    assert (await person(world)).due == NOON + LEASE
    world.clock.at = NOON + LEASE
    assert await sweep(world.clock(), world.states, world.people, world.wakes) == 1


@pytest.mark.parametrize("dies_at", range(1, 9))
async def test_a_run_that_is_killed_is_gone_on_with_once_its_lease_has_ended(
    world: MemoryWorld, counts: Counter[str], monkeypatch: pytest.MonkeyPatch, dies_at: int
) -> None:
    """Whatever step it dies at: until the lease ends nobody goes on, and then all is done, what was done of it not
    again."""
    monkeypatch.setattr(forgetting, "STEPS", 2)
    await ask(people.erase_person, "ada")
    forget = world.histories.forget

    async def dies(*args: Any) -> None:
        if sum(counts.values()) == dies_at:
            raise Killed
        await forget(*args)

    with monkeypatch.context() as short:
        short.setattr(world.histories, "forget", dies)
        with pytest.raises(Killed):
            await work_off(world, ADA)
    assert (await person(world)).lease is not None
    before = dict(counts)
    await asyncio.gather(*(woken() for _ in range(5)))
    assert dict(counts) == before, "it may still be at it"
    world.clock.at += LEASE
    await work_off(world, ADA)
    days = [n for day, n in counts.items()]
    assert len(days) == DAYS + 8
    assert max(days) <= 2, "a day that was begun may be done again, in one batch of steps"
    assert sum(n - 1 for n in days) <= 2
    world.clock.at += world.everywhere.settles
    await work_off(world, ADA)
    assert str(ADA) not in world.people.shelf.held


async def test_an_export_that_is_killed_is_written_by_the_next_run(
    world: MemoryWorld, counts: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = (await ask(people.export_person, "ada")).body["id"]

    async def dies(*args: Any) -> None:
        raise Killed

    with monkeypatch.context() as short:
        short.setattr(world.audit, "of", dies)
        with pytest.raises(Killed):
            await woken()
    await asyncio.gather(*(woken() for _ in range(5)))
    assert (await ask(people.read_export, "ada", export_id=made)).body["status"] == "running"
    assert counts["export"] == 0
    world.clock.at += LEASE
    await asyncio.gather(*(woken() for _ in range(5)))
    assert counts["export"] == 1
    assert (await ask(people.read_export, "ada", export_id=made)).body["status"] == "done"


async def test_a_run_does_so_many_steps_and_hands_on_and_anybody_can_see_how_far_it_is(
    world: MemoryWorld, counts: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "STEPS", 4)
    assert (await ask(people.read_erasure, "ada")).body["status"] == "none"
    await ask(people.erase_person, "ada")
    seen = list[tuple[int, int, int]]()
    while True:
        found = (await ask(people.read_erasure, "ada")).body
        assert found["status"] == "erasing"
        under_way = found["underWay"]
        seen.append((under_way["number"], under_way["done"], under_way["steps"]))
        if under_way["number"] == 2:
            break
        before = sum(counts.values())
        world.wakes.sent.clear()
        await woken()
        assert sum(counts.values()) - before <= 4
        assert [id for id, _ in world.wakes.contents] == ([str(ADA)] if (await person(world)).due == NOON else [])
    done = [one for _, one, _ in seen[:-1]]
    assert done == sorted(set(done))
    assert len(done) > 3
    assert {steps for _, one, steps in seen[1:-1]} == {seen[1][2]}
    world.clock.at += world.everywhere.settles
    await work_off(world, ADA)
    assert (await ask(people.read_erasure, "ada")).body["status"] == "erased"


async def test_no_wake_that_a_run_hands_on_with_is_taken_for_a_repeat(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Duplicate detection goes by the person and the moment that they are due at."""
    monkeypatch.setattr(forgetting, "STEPS", 2)
    commit = world.people.commit

    async def takes_a_moment(*args: Any) -> None:
        await commit(*args)
        world.clock.at += 1

    monkeypatch.setattr(world.people, "commit", takes_a_moment)
    await ask(people.erase_person, "ada")
    runs = await work_off(world, ADA)
    ids = [(id, due) for id, due in world.wakes.contents if id == str(ADA)]
    assert len(set(ids)) == len(ids) == runs > 5


async def test_a_run_hands_on_sooner_where_the_store_is_slow(
    world: MemoryWorld, counts: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await ask(people.erase_person, "ada")
    forget = world.histories.forget

    async def slowly(*args: Any) -> None:
        world.clock.at += 25_000
        await forget(*args)

    monkeypatch.setattr(world.histories, "forget", slowly)
    await woken()
    assert sum(counts.values()) == 3
    assert (await person(world)).lease is None


async def test_a_run_that_lost_its_lease_commits_nothing(world: MemoryWorld) -> None:
    await ask(people.erase_person, "ada")
    slow = await take(ADA, "run-1", world.clock, world.people)
    assert slow
    assert await take(ADA, "run-2", world.clock, world.people) is None
    world.clock.at += LEASE
    assert await take(ADA, "run-2", world.clock, world.people)
    for act in (slow.load, slow.commit, slow.keep, slow.end):
        with pytest.raises(Conflict):
            await act()
    assert (await person(world)).lease == Lease("run-2", NOON + 2 * LEASE)


async def test_a_run_keeps_its_lease_as_long_as_it_goes_on(world: MemoryWorld) -> None:
    await ask(people.erase_person, "ada")
    job = await take(ADA, "run-1", world.clock, world.people)
    assert job
    for _ in range(10):
        world.clock.at += LEASE // 2
        await job.keep()
        assert await take(ADA, "run-2", world.clock, world.people) is None


async def test_a_run_that_fails_lets_go_at_once(world: MemoryWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    await ask(people.erase_person, "ada")

    async def away(*args: Any) -> None:
        raise Unavailable("the store is away")

    with monkeypatch.context() as broken:
        broken.setattr(world.histories, "forget", away)
        await woken()
    found = await person(world)
    assert (found.lease, found.due) == (None, NOON), "the next sweep finds it"
    await work_off(world, ADA)
    going = (await person(world)).erasure
    assert going
    assert (going.first_done, going.not_before) == (True, NOON + world.everywhere.settles)


async def test_nothing_of_an_export_that_was_under_way_outlives_an_erasure(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that was paused beyond its lease writes what it had collected when all is erased."""
    await ask(people.export_person, "ada")
    put, slow = world.exports.put, asyncio.Event()

    async def paused(*args: Any) -> None:
        await slow.wait()
        await put(*args)

    monkeypatch.setattr(world.exports, "put", paused)
    export = asyncio.create_task(woken())
    for _ in range(200):
        await asyncio.sleep(0)
    await ask(people.erase_person, "ada")
    assert (await ask(people.export_person, "ada")).code == "being_forgotten"
    await woken()
    assert (await person(world)).erasure, "as long as the export has the lease, it waits"
    for wait in (LEASE, world.everywhere.settles):
        world.clock.at += wait
        await work_off(world, ADA)
    assert str(ADA) not in world.people.shelf.held
    slow.set()
    await export
    assert world.exports.held == {}
    assert str(ADA) not in world.people.shelf.held, "and nobody comes back"


async def test_an_owner_of_many_vehicles_is_erased_however_many_steps_that_takes(
    world: MemoryWorld, counts: Counter[str]
) -> None:
    vehicles = [f"veh-{uuid4().hex}" for _ in range(40)]
    owned = [Owned(vehicle, NOON - 30 * DAY, NOON - n) for n, vehicle in enumerate(vehicles)]
    found = await world.people.load(ADA)
    ended = {v: Membership(v, ADA.user, None, n + 1) for n, v in enumerate(vehicles)}
    await world.people.commit(replace(found.value, memberships=ended, owned=tuple(owned)), found.version)
    await ask(people.erase_person, "ada")
    runs = await work_off(world, ADA)
    assert sum(counts.values()) == 40 * 38
    assert runs == -(-(await _steps(world)) // forgetting.STEPS)
    world.clock.at += world.everywhere.settles
    await work_off(world, ADA)
    assert str(ADA) not in world.people.shelf.held


async def _steps(world: MemoryWorld) -> int:
    """Of one pass: the days and the other stores of each period, and once the stores by person and dead letters."""
    return 40 * (38 + 3) + 3 + 4

"""What is kept of people, and forgotten: held against the adapters in memory and against the real ones."""

import json
from dataclasses import replace
from uuid import uuid4

import pytest

from shared.codec.answers import moment
from shared.domain.audit import Access
from shared.domain.garage import Membership, Role
from shared.domain.held import Held
from shared.domain.history import DAY, Chunk, Table, day_of
from shared.domain.kinds import Channel
from shared.domain.parked import Filter, Parked
from shared.domain.person import Contact, Erasure, Export, Owned, Person, PersonId
from shared.domain.preferences import Preferences, Quiet
from shared.domain.profile import Consent, Request
from shared.domain.telemetry import Sample
from shared.errors import Conflict, NotFound
from shared.ports import Versioned
from tests.contract.test_ports import AnyWorld, registered, world
from tests.examples import BRAND, NOON

__all__ = ["world"]


def somebody() -> PersonId:
    return PersonId(BRAND, f"user-{uuid4().hex}")


async def test_a_person_comes_back_as_they_went_and_is_blank_before(world: AnyWorld) -> None:
    id = somebody()
    assert await world.people.load(id) == Versioned(Person(id), None)
    membership = Membership("veh-1", id.user, Role.GUEST, 7)
    person = Person(id, {"veh-1": membership}, (Owned("veh-2", 1, 2),), (Export("exp-1", NOON),))
    person = replace(person, erasure=Erasure(NOON, True, NOON + 1), requests=(Request("k", "d", "m"),), due=NOON)
    channels = {"*": {Channel.EMAIL: True, Channel.PUSH: False}}
    wants = Preferences("de-AT", "Europe/Vienna", Quiet(1320, 420), 480, channels)
    contact = Contact("ada@aurora.example", NOON, NOON + 1, 2, "old@aurora.example")
    person = replace(
        person, preferences=wants, contact=contact, told={"x": (("i-1", NOON),)}, digest_due=NOON + 5, waiting=3
    )
    await world.people.commit(person, None)
    found = await world.people.load(id)
    assert found.value == person
    with pytest.raises(Conflict):
        await world.people.commit(person, None)
    await world.people.commit(replace(person, due=None), found.version)
    with pytest.raises(Conflict):
        await world.people.commit(person, found.version)


async def test_two_people_of_one_id_in_two_brands_are_two(world: AnyWorld) -> None:
    id = somebody()
    await world.people.commit(Person(id, due=1), None)
    assert (await world.people.load(PersonId("borealis", id.user))).version is None


async def test_people_that_are_due_are_found(world: AnyWorld) -> None:
    early, late = somebody(), somebody()
    await world.people.commit(Person(early, due=1), None)
    await world.people.commit(Person(late, due=NOON * 2), None)
    found = dict((await world.people.due(2)).items)
    assert found[str(early)] == 1
    assert str(late) not in found


async def test_a_person_who_was_forgotten_is_none_and_it_is_known_since_when(world: AnyWorld) -> None:
    id = somebody()
    await world.people.commit(Person(id), None)
    assert await world.people.forgotten_at(id) == -1
    for at in (NOON, NOON + 1):
        await world.people.forget(id, at)
    assert await world.people.load(id) == Versioned(Person(id), None)
    assert await world.people.forgotten_at(id) == NOON + 1


async def test_what_a_vehicle_reported_is_forgotten_within_a_period(world: AnyWorld) -> None:
    vehicle, start = f"veh-{uuid4().hex}", NOON - NOON % DAY
    for number in range(4):
        at = start + number * 3_600_000
        table = Table.of([Sample(at, {"Vehicle.Speed": number})])
        await world.histories.put(Chunk(f"chunk-{at}", vehicle, day_of(at), table, 30))
    await world.histories.forget(vehicle, day_of(start), start + 3_600_000, start + 3 * 3_600_000)
    left = await world.histories.samples(vehicle, day_of(start), start, start + DAY)
    assert sorted(samples[0].readings["Vehicle.Speed"] for samples in left) == [0, 3]  # type: ignore[type-var]


async def test_what_a_person_said_is_found_and_forgotten(world: AnyWorld) -> None:
    profile, _ = await registered(world)
    vehicle, others = profile.vehicle_id, ("user-ada", "user-ben")
    for version, by in enumerate((*others, "user-ada"), start=1):
        found = await world.profiles.load(vehicle)
        said = Consent("history", version, True, "terms", 30, by, NOON + version)
        await world.profiles.change(found, None, said)
    assert [c.version for c in await world.profiles.said_by(vehicle, "user-ada")] == [1, 3]
    await world.profiles.forget_said_by(vehicle, "user-ada")
    assert [c.by for c in await world.profiles.consents(vehicle, "history")] == ["user-ben"]


async def test_who_looked_at_a_vehicle_is_found_whatever_the_brand_and_day(world: AnyWorld) -> None:
    whose = f"veh-{uuid4().hex}"
    for number, brand in enumerate((BRAND, "borealis")):
        await world.audit.record(Access(uuid4().hex, brand, NOON + number * DAY, "operator-1", "read", whose))
    assert [access.brand for access in await world.audit.of(whose)] == [BRAND, "borealis"]


async def test_what_was_parked_can_be_dropped_twice(world: AnyWorld) -> None:
    device = f"veh-{uuid4().hex}"
    parked = Parked("telemetry", uuid4().hex, NOON, device, "not_json", "", b"x")
    await world.parking.park(parked)
    cursor, found = None, list[str]()
    while not found:
        page = await world.parking.list(Filter(device=device), 10, cursor)
        found, cursor = [name for name, listed in page.items if listed == replace(parked, body=b"")], page.cursor
    for _ in range(2):
        await world.parking.drop(found[0])
    with pytest.raises(NotFound):
        await world.parking.read(found[0])


async def test_an_export_is_written_read_and_dropped_twice(world: AnyWorld) -> None:
    id = f"exp-{uuid4().hex}"
    for at in (NOON - 1, NOON):
        await world.exports.put(id, Held(at, Person(somebody()), (), (), ()))
    held = json.loads(await world.exports.read(id))
    assert (held["vehicles"], held["asOf"]) == ([], moment(NOON)), "what was written last"
    for _ in range(2):
        await world.exports.drop(id)
    with pytest.raises(NotFound):
        await world.exports.read(id)


async def test_a_count_comes_back_and_of_two_writers_the_second_conflicts(world: AnyWorld) -> None:
    key = f"quota-{uuid4().hex}"
    assert await world.quota_store.load(key) == Versioned((), None)
    await world.quota_store.commit(key, (NOON,), None)
    with pytest.raises(Conflict):
        await world.quota_store.commit(key, (NOON + 1,), None)
    found = await world.quota_store.load(key)
    await world.quota_store.commit(key, (NOON, NOON + 2), found.version)
    with pytest.raises(Conflict):
        await world.quota_store.commit(key, (NOON + 3,), found.version)
    assert (await world.quota_store.load(key)).value == (NOON, NOON + 2)

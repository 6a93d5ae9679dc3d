"""What is kept of people, and forgotten: held against the adapters in memory and against the real ones."""

import json
from dataclasses import replace
from uuid import uuid4

import pytest

from shared.codec.answers import moment
from shared.codec.people import person, person_document
from shared.domain.audit import Access
from shared.domain.garage import Membership, Role
from shared.domain.held import Held
from shared.domain.history import DAY, Chunk, Table, day_of
from shared.domain.kinds import Channel
from shared.domain.parked import Filter, Parked
from shared.domain.person import Contact, Erased, Erasure, Export, Lease, Owned, Person, PersonId
from shared.domain.preferences import Preferences, Quiet
from shared.domain.profile import Consent, Request
from shared.domain.span import Span
from shared.domain.telemetry import Sample
from shared.domain.trips import Trip
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


async def test_exports_are_written_read_and_forgotten_by_person_also_those_of_the_old_names(world: AnyWorld) -> None:
    ada, ben = somebody(), somebody()
    names = [Export(f"exp-{uuid4().hex}", NOON).name(ada) for _ in range(7)]
    early, bens = f"exp-{uuid4().hex}", Export(f"exp-{uuid4().hex}", NOON).name(ben)
    for at in (NOON - 1, NOON):
        for name in (*names, early):
            await world.exports.put(name, Held(at, Person(ada), (), (), ()))
    await world.exports.put(bens, Held(NOON, Person(ben), (), (), ()))
    held = json.loads(await world.exports.read(names[0]))
    assert (held["vehicles"], held["asOf"]) == ([], moment(NOON)), "what was written last"
    assert json.loads(await world.exports.read(f"{ada.pseudonym}/{early}"))["userId"] == ada.user
    for _ in range(2):
        await world.exports.forget(ada)
    for name in (*names, early):
        with pytest.raises(NotFound):
            await world.exports.read(name)
    assert await world.exports.read(bens)


async def test_samples_of_an_interval_are_cut_out_of_their_chunk_and_the_rest_is_kept_no_longer(
    world: AnyWorld,
) -> None:
    vehicle, noon = f"veh-{uuid4().hex}", NOON
    table = Table.of(Sample(noon + n * 1000, {"Vehicle.Speed": n}) for n in range(6))
    await world.histories.put(Chunk("chunk-1", vehicle, day_of(noon), table, 30))
    await world.histories.forget(vehicle, day_of(noon), noon + 2000, noon + 4000)
    (left,) = await world.histories.samples(vehicle, day_of(noon), noon, noon + DAY)
    assert [sample.readings["Vehicle.Speed"] for sample in left] == [0, 1, 4, 5]
    assert await world.histories.samples(vehicle, day_of(noon), noon + 5001, noon + DAY) == []
    await world.histories.put(Chunk("chunk-1", vehicle, day_of(noon), table, 30))
    (left,) = await world.histories.samples(vehicle, day_of(noon), noon, noon + DAY)
    assert len(left) == 4, "a chunk that is handed over again brings nothing back"
    await world.histories.forget(vehicle, day_of(noon), noon, noon + 6000)
    assert await world.histories.samples(vehicle, day_of(noon), noon, noon + DAY) == []


async def test_a_trip_that_reaches_into_an_interval_is_forgotten_with_it(world: AnyWorld) -> None:
    vehicle, day = f"veh-{uuid4().hex}", day_of(NOON)
    for start in (NOON, NOON + 100_000, NOON + 200_000):
        trip = Trip(f"trip-{start}", vehicle, Span(start, start + 50_000), 1.0, "speed", (None, None), None, None, ())
        await world.histories.put_derived(trip, 30)
    await world.histories.forget(vehicle, day, NOON + 150_000, NOON + 200_000)
    assert {d.span.start for d in await world.histories.derived(vehicle, day)} == {NOON, NOON + 200_000}


async def test_periods_beyond_those_that_a_person_holds_are_documents_until_they_are_forgotten(world: AnyWorld) -> None:
    id, others = somebody(), somebody()
    periods = [Owned(f"veh-{n}", NOON + n, NOON + n + 1) for n in range(4)]
    await world.people.commit(Person(id, archived=tuple(periods[:2])), None)
    found = await world.people.load(id)
    assert found.value == Person(id)
    await world.people.commit(Person(id, waiting=1, archived=(periods[3], periods[2])), found.version)
    with pytest.raises(Conflict):
        await world.people.commit(Person(id, archived=(Owned("veh-9", 1, 2),)), found.version)
    assert await world.people.archived(id) == periods
    assert await world.people.archived(others) == []
    await world.people.forget(id, None)
    assert await world.people.archived(id) == []
    assert await world.people.forgotten_at(id) == -1


async def test_everyone_is_listed_once_and_pseudonyms_are_nobody(world: AnyWorld) -> None:
    kept, gone = somebody(), somebody()
    for id in (kept, gone):
        await world.people.commit(Person(id, archived=(Owned("veh-1", 1, 2),)), None)
    await world.people.forget(gone, NOON)
    found, cursor = list[PersonId](), None
    while True:
        page = await world.people.everyone(50, cursor)
        found += page.items
        cursor = page.cursor
        if cursor is None:
            break
    assert found.count(kept) == 1
    assert gone not in found
    assert not any(id.user.startswith("person-") for id in found)


async def test_a_lease_and_how_far_an_erasure_is_come_back_as_they_went(world: AnyWorld) -> None:
    id = somebody()
    person = Person(id, erasure=Erasure(NOON, False, NOON, 7, 9), lease=Lease("run-1", NOON + 5), due=NOON)
    await world.people.commit(person, None)
    assert (await world.people.load(id)).value == person


def test_an_erasure_that_was_stored_before_it_had_steps_is_read() -> None:
    stored = person_document(Person(somebody(), erasure=Erasure(NOON, True, NOON + 1)))
    stored["erasure"] = stored["erasure"][:3]
    assert person(stored).erasure == Erasure(NOON, True, NOON + 1)


async def test_the_vehicles_that_a_person_said_something_about_are_found_wherever_they_are(world: AnyWorld) -> None:
    user = f"user-{uuid4().hex}"
    vehicles = [(await registered(world))[0].vehicle_id for _ in range(2)]
    for vehicle in vehicles:
        found = await world.profiles.load(vehicle)
        await world.profiles.change(found, None, Consent("history", 1, True, "terms", 30, user, NOON))
    assert await world.profiles.said_anywhere(user) == sorted(vehicles)
    assert await world.profiles.said_anywhere(f"user-{uuid4().hex}") == []


async def test_what_was_parked_of_a_device_is_found_and_of_no_other_whose_name_is_alike(world: AnyWorld) -> None:
    name = uuid4().hex
    devices = [f"@{BRAND}/{name}", f"#{BRAND}/{name}", name]
    for device in devices:
        await world.parking.park(Parked("notifications", uuid4().hex, NOON, device, "unavailable", "", b"x"))
    for device in devices:
        (found,) = await world.parking.of_device(device)
        assert (await world.parking.read(found)).device == device
    assert await world.parking.of_device("it's nobody") == []


async def test_the_list_of_the_erased_holds_one_entry_a_person_and_moment(world: AnyWorld) -> None:
    brand = f"brand-{uuid4().hex[:8]}"
    entries = [Erased(brand, f"person-{n}", NOON, (Owned("veh-1", n, NOON),)) for n in range(2)]
    for entry in (*entries, replace(entries[0], owned=())):
        await world.erased.put(entry)
    found = sorted(await world.erased.all(brand), key=lambda e: e.pseudonym)
    assert found == [replace(entries[0], owned=()), entries[1]]
    assert await world.erased.all(f"{brand}x") == []


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

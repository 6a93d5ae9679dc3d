"""What each port promises, held against the adapter in memory and against the real one."""

from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import uuid4

import pytest
from azure.storage.blob.aio import BlobServiceClient

from local.cloud import Cloud
from shared.adapters.blob import BODIES
from shared.bootstrap import World
from shared.domain.catalog import Catalog
from shared.domain.folding import fold
from shared.domain.garage import Member, Role
from shared.domain.ledger import Counted, Ledger, count
from shared.domain.ownership import invited, with_code
from shared.domain.parked import Parked
from shared.domain.policy import Status
from shared.domain.profile import Profile, Request, remembering
from shared.domain.rules import Episode
from shared.domain.sales import bought, granted
from shared.domain.subscription import Grant
from shared.domain.telemetry import Census, Position
from shared.domain.vehicle import Outcome, VehicleState
from shared.errors import Conflict, NotFound, Refused
from shared.ports import Versioned
from shared.settings import read
from tests.examples import BOOK, CATALOG, NOON, PROFILE, STATE, at, event
from tests.memory import MemoryClock, MemoryWorld

type AnyWorld = MemoryWorld | World


@pytest.fixture(params=["memory", "real"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[AnyWorld]:
    if request.param == "memory":
        yield MemoryWorld()
        return
    clock = MemoryClock()
    real = World(read(request.getfixturevalue("cloud").env), clock, clock.monotonic)
    yield real
    await real.close()


def fresh() -> tuple[Profile, VehicleState]:
    """A vehicle that no other test has."""
    vehicle = f"veh-{uuid4().hex}"
    return replace(PROFILE, vehicle_id=vehicle), replace(STATE, vehicle_id=vehicle)


async def registered(world: AnyWorld) -> tuple[Profile, VehicleState]:
    profile, state = fresh()
    await world.profiles.register(profile, state)
    return profile, state


# ---- states


async def test_a_registered_vehicle_is_loaded_as_it_was_stored(world: AnyWorld) -> None:
    profile, state = await registered(world)
    assert (await world.states.load(state.vehicle_id)).value == state
    assert (await world.profiles.load(profile.vehicle_id)).value == profile


async def test_an_absent_vehicle_is_not_found(world: AnyWorld) -> None:
    for load in (world.states.load, world.profiles.load):
        with pytest.raises(NotFound):
            await load("veh-absent")


async def test_a_whole_state_comes_back_as_it_went(world: AnyWorld) -> None:
    _, state = await registered(world)
    found = await world.states.load(state.vehicle_id)
    full, _ = fold(state, [at(7, event(1, soc=8.25, IsMoving=True, Gear="D")), at(8, event(2, Speed=10))], BOOK)
    full = replace(full.scheduled(BOOK, NOON, 60_000), revision=3)
    await world.states.commit(full, found.version)
    assert (await world.states.load(state.vehicle_id)).value == full


async def test_of_two_writers_the_second_conflicts(world: AnyWorld) -> None:
    _, state = await registered(world)
    found = await world.states.load(state.vehicle_id)
    version = await world.states.commit(replace(state, revision=1), found.version)
    with pytest.raises(Conflict):
        await world.states.commit(replace(state, revision=2), found.version)
    await world.states.commit(replace(state, revision=2), version)
    assert (await world.states.load(state.vehicle_id)).value.revision == 2


async def test_a_version_that_a_commit_returned_is_the_one_that_is_read(world: AnyWorld) -> None:
    _, state = await registered(world)
    found = await world.states.load(state.vehicle_id)
    version = await world.states.commit(replace(state, revision=1), found.version)
    assert (await world.states.load(state.vehicle_id)).version == version


async def test_what_is_due_is_found_and_nothing_else(world: AnyWorld) -> None:
    due = NOON - 10**9
    for offset in (0, 1, None):
        _, state = await registered(world)
        found = await world.states.load(state.vehicle_id)
        owing = replace(state, due=None if offset is None else due + offset)
        await world.states.commit(owing, found.version)
        if offset == 0:
            expected = (state.vehicle_id, due)
        if offset == 1:
            later = state.vehicle_id
    page = await world.states.due(due)
    assert expected in page.items
    assert later not in dict(page.items)
    found = await world.states.load(expected[0])
    await world.states.commit(replace(found.value, due=None), found.version)
    assert expected not in (await world.states.due(due)).items


# ---- profiles


async def test_registering_twice_conflicts_and_changes_nothing(world: AnyWorld) -> None:
    profile, state = await registered(world)
    with pytest.raises(Conflict):
        await world.profiles.register(replace(profile, model="Other"), replace(state, revision=9))
    assert (await world.profiles.load(profile.vehicle_id)).value.model == profile.model
    assert (await world.states.load(profile.vehicle_id)).value.revision == 0


async def test_a_vin_is_bound_once(world: AnyWorld) -> None:
    vin = f"ZZZ{uuid4().hex[:14].upper()}"
    assert await world.profiles.claim_vin(vin, "veh-1") == "veh-1"
    assert await world.profiles.claim_vin(vin, "veh-2") == "veh-1"
    assert await world.profiles.claim_vin(vin, "veh-1") == "veh-1"


async def test_a_profile_with_sales_comes_back_as_it_went(world: AnyWorld) -> None:
    profile, _ = await registered(world)
    found = await world.profiles.load(profile.vehicle_id)
    sold = bought(profile, CATALOG.sold(CATALOG.plans["comfort"]), "sub-1", NOON, NOON, "operator")
    sold = granted(sold, Grant("grant-1", "sharing", {"guests": 3}, NOON, None), NOON, "operator")
    sold = invited(sold, "inv-1", Member(Role.GUEST, NOON, NOON, NOON + 1, frozenset({"sharing"})), "digest", NOON)
    sold = replace(with_code(sold, "digest", True, NOON), tried=frozenset({"tried"}), off=frozenset({"sharing"}))
    sold = sold.admitting("user-ben", Member(Role.SECONDARY, NOON), NOON).telling(
        "fact", "access_granted", NOON, {"days": 1}
    )
    sold = remembering(sold, Request("key", "digest", "sub-1")).scheduled()
    version = await world.profiles.change(Versioned(sold, found.version))
    again = await world.profiles.load(profile.vehicle_id)
    assert again == Versioned(replace(sold, fresh=()), version)
    assert await world.profiles.books(profile.vehicle_id, "sub-1") == [sold.fresh[0]]
    with pytest.raises(Conflict):
        await world.profiles.change(Versioned(profile, found.version))
    assert sold.due is not None
    assert (profile.vehicle_id, sold.due) in (await world.states.due(sold.due)).items


async def test_profile_and_state_change_together_or_not_at_all(world: AnyWorld) -> None:
    profile, state = await registered(world)
    first, read = await world.profiles.load(profile.vehicle_id), await world.states.load(profile.vehicle_id)
    suspended = replace(profile, status=Status.SUSPENDED)
    copied = replace(state, policy=suspended.policy())
    newer = await world.states.commit(replace(state, revision=1), read.version)
    with pytest.raises(Conflict):
        await world.profiles.change(Versioned(suspended, first.version), Versioned(copied, read.version))
    assert (await world.profiles.load(profile.vehicle_id)).value == profile
    await world.profiles.change(Versioned(suspended, first.version), Versioned(copied, newer))
    assert (await world.profiles.load(profile.vehicle_id)).value == suspended
    assert (await world.states.load(profile.vehicle_id)).value == copied
    with pytest.raises(Conflict):
        await world.states.commit(state, newer)
    with pytest.raises(Conflict):
        await world.profiles.change(Versioned(profile, first.version))


# ---- catalogues and ledgers


async def test_a_catalogue_is_replaced_as_a_whole_and_empty_before(world: AnyWorld) -> None:
    brand = f"brand-{uuid4().hex}"
    assert await world.catalogs.load(brand) == Catalog(brand)
    for stored in (replace(CATALOG, brand=brand), Catalog(brand)):
        found = await world.catalogs.read(brand)
        await world.catalogs.commit(stored, found.version)
        assert await world.catalogs.load(brand) == (await world.catalogs.read(brand)).value == stored
        with pytest.raises(Conflict):
            await world.catalogs.commit(stored, found.version)


async def test_books_are_blank_at_first_and_kept_from_two_writers(world: AnyWorld) -> None:
    id_ = f"hub-{uuid4().hex}"
    blank = await world.ledgers.load(id_)
    assert blank.value == Ledger(id_)
    entry = Counted(Position(0, NOON), Outcome.PARKED, "not_json", Census(1, 2, 3, 4, 5))
    book = count(blank.value, [entry])
    version = await world.ledgers.commit(book, blank.version)
    with pytest.raises(Conflict):
        await world.ledgers.commit(book, blank.version)
    assert (await world.ledgers.load(id_)).value == book
    await world.ledgers.commit(count(book, [Counted(Position(1, NOON), Outcome.STALE)]), version)
    assert [b.accepted for b in await world.ledgers.all() if b.id == id_] == [2]


# ---- what only the real ones can do


async def test_a_document_that_is_too_large_is_refused_for_good(real: World) -> None:
    _, state = await registered(real)
    found = await real.states.load(state.vehicle_id)
    huge = replace(state, episodes={"x" * 3_000_000: Episode(1, True)})
    with pytest.raises(Refused):
        await real.states.commit(huge, found.version)


async def test_the_same_source_and_key_is_parked_once_with_its_reason_as_a_tag(real: World, cloud: Cloud) -> None:
    key = uuid4().hex
    for reason in ("not_json", "too_large"):
        await real.parking.park(Parked("telemetry", key, NOON, "veh ü/1", reason, "why: \x00 ü", b"body"))
    async with BlobServiceClient.from_connection_string(cloud.env["AzureWebJobsStorage"]) as service:
        blob = service.get_blob_client("parked", f"2026/11/22/telemetry-{key}")
        assert await (await blob.download_blob()).readall() == b"body"
        assert (await blob.get_blob_tags())["reason"] == "not_json"


async def test_a_device_has_a_hundred_bodies_a_day_and_not_one_more(real: World, cloud: Cloud) -> None:
    device = f"veh-{uuid4().hex}"
    for number in range(BODIES + 5):
        await real.parking.park(Parked(device, str(number), NOON, device, "not_json", "", b"x"))
    async with BlobServiceClient.from_connection_string(cloud.env["AzureWebJobsStorage"]) as service:
        names = service.get_container_client("parked").list_blob_names(name_starts_with=f"2026/11/22/{device}")
        assert len([name async for name in names]) == BODIES

"""What the ports of history, rules, signals, brands, parking and audit promise, held against both worlds."""

from dataclasses import replace
from uuid import uuid4

import pytest

from shared.bootstrap import World
from shared.domain.audit import Access, Tally
from shared.domain.charges import Charge
from shared.domain.conditions import DEFAULTS, Geofence, TroubleCode
from shared.domain.folding import fold
from shared.domain.freshness import Thresholds
from shared.domain.geo import Circle, Place
from shared.domain.history import DAY, Chunk, Table, day_of
from shared.domain.parked import Filter, Parked
from shared.domain.policy import Exclusion, Mode, Privacy
from shared.domain.principal import Kind
from shared.domain.profile import Consent
from shared.domain.rules import Rule
from shared.domain.signals import Leaf, Release
from shared.domain.span import Span
from shared.domain.telemetry import Sample
from shared.domain.trips import Trip
from shared.domain.vehicle import Connection, VehicleState
from shared.errors import Code, Conflict, Malformed, NotFound
from shared.ports import Sought, Versioned
from tests.contract.test_ports import AnyWorld, fresh, registered, world
from tests.examples import BOOK, NOON, cloud_event, encoded, event

__all__ = ["world"]

PRIVACY = Privacy((Exclusion(Mode.OFFLINE, 1, 2), Exclusion(Mode.NO_POSITION, 5)), 1)
FENCE: Rule = Geofence(id="home", shape=Circle(Place(48.0, 11.0), 500.0))


def chunk(vehicle: str, at: int, id: str, *values: float) -> Chunk:
    samples = [Sample(at + n * 1000, {"Vehicle.Speed": v}) for n, v in enumerate(values)]
    return Chunk(id, vehicle, day_of(at), Table.of(samples), 30)


# ---- states and profiles, with all that may be in them


async def test_a_state_with_everything_in_it_comes_back_as_it_went(world: AnyWorld) -> None:
    _, state = await registered(world)
    found = await world.states.load(state.vehicle_id)
    events = [event(n * 700, sequence=n, Speed=50.0, soc=5) for n in range(4)]
    full, _ = fold(state, [*events, event(1, sequence=0, Speed=1.0), event(2_000, sequence=200, Codes=["P0420"])], BOOK)
    full = replace(
        full,
        policy=full.policy._replace(
            privacy=Privacy((Exclusion(Mode.OFFLINE, 1, 2), Exclusion(Mode.NO_POSITION, 5)), 1)
        ),
        generation="1",
        suspect="2",
        connection=Connection(True, NOON, "00ab"),
    ).scheduled(BOOK, NOON, 60_000)
    assert full.outbox
    assert full.open.table.rows
    assert full.track.journey
    await world.states.commit(full, found.version)
    assert (await world.states.load(state.vehicle_id)).value == full


async def test_a_profile_its_state_and_what_goes_with_them_are_one_write(world: AnyWorld) -> None:
    profile, state = await registered(world)
    read = await world.profiles.load(profile.vehicle_id), await world.states.load(profile.vehicle_id)
    consent = Consent("history", 1, True, "terms-7", 7, "user-ada", NOON)
    after = replace(
        profile, consents={"history": consent}, privacy=Privacy((Exclusion(Mode.OFFLINE, 1),), 0), owned_since=5
    )
    copied = replace(state, policy=after.policy())
    await world.profiles.change(Versioned(after, read[0].version), Versioned(copied, read[1].version), consent)
    assert (await world.profiles.load(profile.vehicle_id)).value == after
    assert (await world.states.load(profile.vehicle_id)).value.policy.history_days == 7
    assert await world.profiles.consents(profile.vehicle_id, "history") == [consent]
    assert await world.profiles.consents(profile.vehicle_id, "other") == []
    with pytest.raises(Conflict):
        await world.profiles.change(
            Versioned(after, read[0].version), Versioned(copied, read[1].version), replace(consent, version=2)
        )
    assert len(await world.profiles.consents(profile.vehicle_id, "history")) == 1


async def test_vehicles_are_found_by_what_they_are_page_by_page(world: AnyWorld) -> None:
    brand = f"brand-{uuid4().hex}"
    for number in range(7):
        profile, state = fresh()
        vin = f"ZZZAURRA0DEM1{number:04}"
        profile = replace(profile, brand=brand, vin=vin, region="eu" if number % 2 else "us")
        await world.profiles.register(profile, state)
    seen: list[str] = []
    cursor: str | None = None
    while cursor is not None or not seen:
        page = await world.profiles.list(Sought(brand), 3, cursor)
        seen += [p.vehicle_id for p in page.items]
        cursor = page.cursor
    assert len(set(seen)) == len(seen) == 7
    assert len((await world.profiles.list(Sought(brand, region="eu"), 10)).items) == 3
    assert len((await world.profiles.list(Sought(brand, vin="ZZZAURRA0DEM1000"), 10)).items) == 7
    assert len((await world.profiles.list(Sought(brand, vin="ZZZAURRA0DEM10003", status="active"), 10)).items) == 1
    assert (await world.profiles.list(Sought(brand, model="None"), 10)).items == []
    with pytest.raises(Malformed) as caught:
        await world.profiles.list(Sought(brand), 3, "garbage")
    assert caught.value.code is Code.INVALID_CURSOR


async def test_a_vin_leads_to_its_vehicle(world: AnyWorld) -> None:
    vin = f"ZZZ{uuid4().hex[:14].upper()}"
    assert await world.profiles.find(vin) is None
    await world.profiles.claim_vin(vin, "veh-1")
    assert await world.profiles.find(vin) == "veh-1"


# ---- history


async def test_a_chunk_is_stored_once_and_found_by_the_time_it_covers(world: AnyWorld) -> None:
    vehicle = f"veh-{uuid4().hex}"
    first = chunk(vehicle, NOON, "chunk-1", 1.0, 2.0, 3.0)
    for stored in (first, chunk(vehicle, NOON, "chunk-1", 9.0), chunk(vehicle, NOON + 60_000, "late-1", 4.0)):
        await world.histories.put(stored)
    day = day_of(NOON)
    assert sorted(map(len, await world.histories.samples(vehicle, day, NOON, NOON + DAY))) == [1, 3]
    assert list(await world.histories.samples(vehicle, day, NOON + 2_000, NOON + 3_000)) == [first.samples]
    assert list(await world.histories.samples(vehicle, day, NOON + 3_000, NOON + 59_999)) == []
    assert list(await world.histories.samples(vehicle, "2026-11-21", 0, NOON + DAY)) == []
    assert list(await world.histories.samples("veh-other", day, NOON, NOON + DAY)) == []


async def test_what_was_derived_is_replaced_and_forgotten_under_its_id(world: AnyWorld) -> None:
    vehicle = f"veh-{uuid4().hex}"
    line = (Place(48.0, 11.0), Place(48.1, 11.1))
    trip = Trip(f"trip-{NOON}", vehicle, Span(NOON - 5, NOON + 5), 12.5, "speed", (80.0, None), None, 1.5, line)
    charge = Charge(f"charge-{NOON}", vehicle, Span(NOON, NOON + 9), (10.0, 20.0), 5.5)
    await world.histories.put(chunk(vehicle, NOON, "chunk-1", 1.0))
    for derived in (trip, charge, replace(trip, distance=99.0)):
        await world.histories.put_derived(derived, 30)
    found = await world.histories.derived(vehicle, day_of(NOON))
    assert sorted(found, key=lambda d: d.id) == [charge, replace(trip, distance=99.0)]
    for _ in range(2):
        await world.histories.drop_derived(trip)
    assert list(await world.histories.derived(vehicle, day_of(NOON))) == [charge]


async def test_a_long_day_is_found_whole(world: AnyWorld) -> None:
    vehicle = f"veh-{uuid4().hex}"
    for number in range(130):
        await world.histories.put(chunk(vehicle, NOON + number * 1000, f"chunk-{number}", float(number)))
    found = await world.histories.samples(vehicle, day_of(NOON), NOON, NOON + DAY)
    assert {samples[0].readings["Vehicle.Speed"] for samples in found} == {float(n) for n in range(130)}


# ---- rules


async def with_own(world: AnyWorld, rules: tuple[Rule, ...]) -> tuple[VehicleState, int]:
    profile, state = await registered(world)
    read = await world.profiles.load(profile.vehicle_id), await world.states.load(profile.vehicle_id)
    after = replace(profile, rules=1)
    copied = replace(state, policy=after.policy())
    await world.profiles.change(Versioned(after, read[0].version), Versioned(copied, read[1].version), rules)
    return copied, 1


async def test_a_vehicle_goes_by_its_brands_rules_and_its_own(world: AnyWorld) -> None:
    brand = f"brand-{uuid4().hex}"
    assert list(await world.rules.defaults(brand)) == list(DEFAULTS)
    assert (await world.rules.book(brand, "veh-any", 0)).rules == DEFAULTS
    state, version = await with_own(world, (FENCE,))
    own = replace(FENCE, own=True)
    assert (await world.rules.book(brand, state.vehicle_id, version)).rules == (*DEFAULTS, own)
    await world.rules.put_defaults(brand, [TroubleCode(id="codes")], None)
    assert (await world.rules.book(brand, state.vehicle_id, version)).rules == (TroubleCode(id="codes"), own)


async def test_rules_that_have_moved_on_are_a_conflict(world: AnyWorld) -> None:
    state, version = await with_own(world, (FENCE,))
    assert list(await world.rules.own(state.vehicle_id, version)) == [FENCE]
    with pytest.raises(Conflict):
        await world.rules.own(state.vehicle_id, version + 1)


# ---- signals and brands


async def test_a_brands_vocabulary_is_what_it_loaded_over_what_is_shipped(world: AnyWorld) -> None:
    brand = f"brand-{uuid4().hex}"
    message = encoded(cloud_event(data={"samples": [{"signals": {"Vehicle.Speed": 1.0, "Vehicle.Mood": "GOOD"}}]}))
    assert (await world.vocabularies.decoder(brand))("veh-0001", message, NOON).unknown == 1
    assert "Vehicle.Speed" in await world.vocabularies.not_places(brand)
    assert "Vehicle.CurrentLocation.Latitude" not in await world.vocabularies.not_places(brand)
    release = Release(None, {"Vehicle.Mood": Leaf("string", allowed=("GOOD", "BAD")), "Vehicle.Speed": None})
    await world.vocabularies.put(brand, release, None)
    assert await world.vocabularies.load(brand) == release
    assert not {"Vehicle.Mood", "Vehicle.Speed"} & await world.vocabularies.not_places(brand)
    read = (await world.vocabularies.decoder(brand))("veh-0001", message, NOON)
    assert (read.samples[0].readings, read.unknown) == ({"Vehicle.Mood": "GOOD"}, 1)
    version = (await world.vocabularies.read(brand)).version
    await world.vocabularies.put(brand, Release({"Vehicle.Only": Leaf("uint8", "percent", 0, 100)}), version)
    assert (await world.vocabularies.decoder(brand))("veh-0001", message, NOON).unknown == 2


async def test_of_two_writers_of_a_brands_signals_or_rules_the_second_conflicts(world: AnyWorld) -> None:
    brand = f"brand-{uuid4().hex}"
    signals, rules = await world.vocabularies.read(brand), await world.rules.read_defaults(brand)
    assert (signals, rules) == (Versioned(Release(), None), Versioned(DEFAULTS, None))
    for number in range(2):
        release, told = Release(None, {f"Vehicle.N{number}": None}), [TroubleCode(id=f"codes{number}")]
        await world.vocabularies.put(brand, release, signals.version)
        await world.rules.put_defaults(brand, told, rules.version)
        with pytest.raises(Conflict):
            await world.vocabularies.put(brand, Release(), signals.version)
        with pytest.raises(Conflict):
            await world.rules.put_defaults(brand, [], rules.version)
        signals, rules = await world.vocabularies.read(brand), await world.rules.read_defaults(brand)
        assert (signals.value, list(rules.value)) == (release, told)


async def test_a_decoder_is_not_made_anew_for_every_batch(world: AnyWorld) -> None:
    brand = f"brand-{uuid4().hex}"
    await world.vocabularies.put(brand, Release(None, {"Vehicle.Mood": Leaf("string")}), None)
    assert await world.vocabularies.decoder(brand) == await world.vocabularies.decoder(brand)


async def test_what_a_brand_says_comes_back(world: AnyWorld) -> None:
    brand = f"brand-{uuid4().hex}"
    assert (await world.brands.thresholds(brand), dict(await world.brands.trouble_codes(brand))) == (Thresholds(), {})
    await world.brands.put_thresholds(brand, Thresholds(5, 10))
    await world.brands.put_trouble_codes(brand, {"P0420": "Catalyst"})
    assert await world.brands.thresholds(brand) == Thresholds(5, 10)
    assert dict(await world.brands.trouble_codes(brand)) == {"P0420": "Catalyst"}


# ---- parking and audit


def parked(device: str, number: int, reason: str = "not_json", at: int = NOON) -> Parked:
    return Parked("telemetry", f"{uuid4().hex}-{number}", at, device, reason, "why: ü", b"body", "gen-1")


async def everything(world: AnyWorld, sought: Filter) -> list[tuple[str, Parked]]:
    found: list[tuple[str, Parked]] = []
    cursor: str | None = None
    while True:
        page = await world.parking.list(sought, 2, cursor)
        found += page.items
        cursor = page.cursor
        if cursor is None:
            return found


async def test_what_was_parked_is_found_by_reason_day_and_device_and_read_whole(world: AnyWorld) -> None:
    device = f"veh ü/{uuid4().hex}"
    later = parked(device, 3, at=NOON + DAY)
    for one in (parked(device, 1), parked(device, 2, "too_large"), later, parked("veh-other", 4)):
        await world.parking.park(one)
    assert len(await everything(world, Filter(device=device))) == 3
    assert len(await everything(world, Filter(device=device, reason="too_large"))) == 1
    ((name, listed),) = await everything(world, Filter(device=device, day="2026-11-23"))
    assert (listed.device, listed.body, listed.replayed_at) == (device, b"", None)
    read = await world.parking.read(name)
    assert (read.body, read.key, read.at, read.generation) == (b"body", later.key, NOON + DAY, "gen-1")


async def test_what_was_replayed_stays_and_says_so(world: AnyWorld) -> None:
    device = f"veh-{uuid4().hex}"
    await world.parking.park(parked(device, 1))
    ((name, _),) = await everything(world, Filter(device=device))
    await world.parking.mark_replayed(name, NOON + 7)
    assert (await world.parking.read(name)).replayed_at == NOON + 7
    assert (await everything(world, Filter(device=device)))[0][1].replayed_at == NOON + 7


@pytest.mark.parametrize("name", ["2026-11-22_telemetry-absent", "../secret", "", "2026-11-22_a/b"])
async def test_what_is_not_parked_is_not_found(world: AnyWorld, name: str) -> None:
    with pytest.raises(NotFound):
        await world.parking.read(name)


async def test_what_operators_did_is_kept_once_and_in_order(world: AnyWorld) -> None:
    brand = f"brand-{uuid4().hex}"
    done = [Access(uuid4().hex, brand, NOON + n, "operator-1", "read_parked", "veh-1", "name") for n in (2, 0, 1)]
    for access in (*done, done[0]):
        await world.audit.record(access)
    first = await world.audit.list(brand, day_of(NOON), 2)
    rest = await world.audit.list(brand, day_of(NOON), 2, first.cursor)
    assert [a.at - NOON for a in (*first.items, *rest.items)] == [0, 1, 2]
    assert rest.cursor is None
    assert list((await world.audit.list(brand, "2026-11-21", 2)).items) == []
    with pytest.raises(Malformed):
        await world.audit.list(brand, day_of(NOON), 2, "none")


async def test_tallies_grow_over_the_version_that_was_read_and_are_no_records(world: AnyWorld) -> None:
    brand, day = uuid4().hex, day_of(NOON)
    none = Tally(brand, day, Kind.PARTNER, "partner-1|a:b@c", "read_vehicle")
    assert await world.audit.tally(none) == Versioned(none, None)
    reserved = none.more()
    await world.audit.commit_tally(reserved, None)
    with pytest.raises(Conflict):
        await world.audit.commit_tally(reserved, None)
    found = await world.audit.tally(none)
    assert found.value == reserved
    assert list(await world.audit.counted(brand, day)) == []
    counted = replace(reserved, counted=50)
    await world.audit.commit_tally(counted, found.version)
    with pytest.raises(Conflict):
        await world.audit.commit_tally(counted, found.version)
    assert list(await world.audit.counted(brand, day)) == [counted]
    assert list(await world.audit.counted(brand, "2026-11-21")) == []
    assert list((await world.audit.list(brand, day, 10)).items) == []


# ---- what only the real one can do


async def test_a_list_of_the_parked_looks_at_so_many_at_once_and_goes_on(
    real: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shared.adapters import blob

    assert blob.LOOKED_AT == 1_000
    monkeypatch.setattr(blob, "LOOKED_AT", 2)
    device = f"veh-{uuid4().hex}"
    for number in range(5):
        await real.parking.park(parked(device, number, at=NOON - 9 * DAY))
    page = await real.parking.list(Filter(device="veh-none", day="2026-11-13"), 1)
    assert (page.items, page.cursor is not None) == ([], True)

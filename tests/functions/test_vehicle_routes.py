"""Registering many, looking for them, and taking them out of service."""

from dataclasses import replace
from typing import Any

import pytest

from functions import lifecycle, states, vehicles
from shared.domain import history
from shared.domain.folding import fold
from shared.domain.glob import PATTERNS
from shared.domain.policy import Privacy, Status
from shared.domain.telemetry import Position
from shared.errors import Code, Refused
from shared.use_cases.ingest import Arrival, Ingest
from tests.examples import BOOK, NOON, STATE, VEHICLE, VIN, event
from tests.functions.conftest import ask
from tests.functions.test_events import ingest, low, outcomes, received, state
from tests.memory import MemoryWorld


def new(number: int, **changes: Any) -> dict[str, Any]:
    return {"vin": f"ZZZAURRA0DEM{number:05d}", "region": "eu", "model": "Polar", "modelYear": 2026} | changes


async def test_each_of_a_batch_is_answered_for_itself(world: MemoryWorld) -> None:
    answer = await ask(vehicles.register_vehicle, body=[new(2), new(1), new(3, vin="no vin"), new(2)])
    found = [(item["vin"], item["status"], item.get("code")) for item in answer.body["items"]]
    assert found == [
        (new(2)["vin"], 201, None),
        (VIN, 409, "vin_in_use"),
        ("no vin", 400, "invalid_body"),
        (new(2)["vin"], 409, "vin_in_use"),
    ]


async def test_a_batch_again_under_the_same_key_makes_nothing_new(world: MemoryWorld) -> None:
    batch, key = [new(2), new(3)], {"idempotency-key": "batch"}
    first = await ask(vehicles.register_vehicle, body=batch, headers=key)
    assert (await ask(vehicles.register_vehicle, body=batch, headers=key)).body == first.body
    assert len(world.profiles.shelf.held) == 3


async def test_the_check_digit_of_a_vin_binds_where_the_vehicle_is_sold(world: MemoryWorld) -> None:
    built_in_mexico = "3VWZZZ1KZ8M012345"
    answer = await ask(vehicles.register_vehicle, body=new(1, vin=built_in_mexico, region="na"))
    assert (answer.status, answer.code) == (400, "invalid_body")
    assert answer.body["detail"] == "vin: in region na the ninth character is a check digit, 5 for the others"
    assert (await ask(vehicles.register_vehicle, body=new(1, vin=built_in_mexico, region="eu"))).status == 201
    right = built_in_mexico.replace("KZ8M", "K58M")
    assert (await ask(vehicles.register_vehicle, body=new(1, vin=right, region="na"))).status == 201
    found = await ask(vehicles.list_vehicles, query={"vin": built_in_mexico})
    assert [item["region"] for item in found.body["items"]] == ["eu"]


@pytest.mark.parametrize("batch", [[], [new(n) for n in range(101)], [{"vin": VIN}], [1]])
async def test_a_batch_has_one_to_a_hundred_vehicles_that_are_some(world: MemoryWorld, batch: list[Any]) -> None:
    assert (await ask(vehicles.register_vehicle, body=batch)).code == "invalid_body"


async def test_the_brand_is_the_callers_and_no_other(world: MemoryWorld) -> None:
    assert (await ask(vehicles.register_vehicle, body=new(2, brand="aurora"))).body["brand"] == "aurora"
    assert (await ask(vehicles.register_vehicle, body=new(3, brand="borealis"))).code == "forbidden"


async def several(world: MemoryWorld) -> None:
    for number, (region, model) in enumerate([("eu", "Polar"), ("eu", "Solar"), ("apac", "Solar")], start=10):
        await ask(vehicles.register_vehicle, body=new(number, region=region, model=model))


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({}, 4),
        ({"region": "eu"}, 3),
        ({"region": "apac", "model": "Solar"}, 1),
        ({"status": "active"}, 4),
        ({"status": "suspended"}, 0),
        ({"vin": "ZZZAURRA0DEM0001"}, 3),
        ({"vin": VIN}, 1),
        ({"vin": VIN, "region": "apac"}, 0),
        ({"vin": "ZZZAURRA0DEM99999"}, 0),
    ],
)
async def test_vehicles_are_found_by_what_they_are(world: MemoryWorld, query: dict[str, str], count: int) -> None:
    await several(world)
    assert len((await ask(vehicles.list_vehicles, query=query)).body["items"]) == count


async def test_the_list_is_paged_and_complete_and_of_the_own_brand(world: MemoryWorld) -> None:
    await several(world)
    first = await ask(vehicles.list_vehicles, query={"limit": "3"})
    rest = await ask(vehicles.list_vehicles, query={"limit": "3", "cursor": first.body["cursor"]})
    assert len({v["id"] for v in first.body["items"] + rest.body["items"]}) == 4
    assert rest.body["cursor"] is None
    assert (await ask(vehicles.list_vehicles, "rival")).body["items"] == []
    assert (await ask(vehicles.list_vehicles, "ada")).code == "forbidden"


# ---- out of service


async def test_nothing_is_taken_in_of_a_decommissioned_vehicle_and_it_stays_so(world: MemoryWorld) -> None:
    await ask(vehicles.decommission_vehicle, vehicle_id=VEHICLE)
    await ingest(received(0, low(1)))
    assert (world.parking.reasons, state(world).signals) == (["decommissioned"], {})
    for handler in (vehicles.activate_vehicle, vehicles.suspend_vehicle):
        answer = await ask(handler, vehicle_id=VEHICLE)
        assert (answer.status, answer.code) == (409, "decommissioned")


async def test_a_vehicle_under_another_registration_is_quarantined_until_it_is_released(world: MemoryWorld) -> None:
    await ingest(received(0, low(1, soc=50), generation="1"))
    await ingest(received(1, low(2, soc=5), generation="2"), received(2, low(3, soc=40), generation="1"))
    assert outcomes(world) == {"applied": 2, "parked": 1}
    assert world.parking.reasons == ["quarantined"]
    assert state(world).suspect == "2"
    await wake_it(world)
    assert world.profiles.shelf.held[VEHICLE].value.status is Status.QUARANTINED
    await ingest(received(3, low(4, soc=39), generation="1"), received(4, low(5, soc=39), generation="2"))
    assert outcomes(world) == {"applied": 2, "parked": 3}
    assert (await ask(vehicles.activate_vehicle, vehicle_id=VEHICLE)).code == "quarantined"
    assert (await ask(vehicles.release_vehicle, "ada", vehicle_id=VEHICLE)).code == "forbidden"
    assert (await ask(vehicles.release_vehicle, vehicle_id=VEHICLE)).body["status"] == "active"
    await ingest(received(5, low(6, soc=38), generation="2"))
    assert (outcomes(world)["applied"], state(world).generation, state(world).suspect) == (3, "2", None)


async def test_a_release_before_the_timer_came_leaves_nothing_to_quarantine(world: MemoryWorld) -> None:
    await ingest(received(0, low(1, soc=50), generation="1"))
    await ingest(received(1, low(2, soc=49), generation="2"))
    await ask(vehicles.release_vehicle, vehicle_id=VEHICLE)
    await wake_it(world)
    await ingest(received(2, low(3, soc=48), generation="2"))
    assert (outcomes(world), state(world).policy.status) == ({"applied": 2, "parked": 1}, Status.ACTIVE)


async def wake_it(world: MemoryWorld) -> None:
    from functions import wake
    from shared.codec import messages
    from tests.functions.test_events import message

    await wake.wake_due(message(messages.encode_wake(VEHICLE, 0)))


async def test_what_a_crash_makes_come_again_of_a_quarantined_device_is_parked_again(world: MemoryWorld) -> None:
    await ingest(received(0, low(1, soc=50), generation="1"))
    batch = [received(1, low(2), generation="2"), received(2, low(3, soc=49), generation="1")]
    await ingest(*batch)
    world.parking.held.clear()
    await ingest(*batch)
    assert world.parking.reasons == ["quarantined"]


# ---- connections


def announced(position: int, operation: str, number: int, second: int = 0) -> Any:
    """As IoT Hub routes it on."""
    time = f"2026-11-22T12:00:{second:02d}Z"
    body = b'{"sequenceNumber":"%064X"}' % number
    return received(position, body, properties={"opType": operation, "operationTimestamp": time, "deviceId": VEHICLE})


async def connections(*events: Any) -> None:
    """The host gives the properties of all events with each of them."""
    from tests.functions.test_events import together

    await lifecycle.ingest_lifecycle(together(events))


async def test_a_vehicle_is_connected_as_iot_hub_says_last(world: MemoryWorld) -> None:
    await connections(announced(0, "deviceConnected", 5), announced(1, "deviceDisconnected", 6, second=30))
    answer = await ask(states.read_vehicle_state, vehicle_id=VEHICLE)
    assert (answer.body["connected"], answer.body["lastSeenAt"]) == (False, "2026-11-22T12:00:30.000Z")
    await connections(announced(2, "deviceConnected", 5))
    assert (await ask(states.read_vehicle_state, vehicle_id=VEHICLE)).body["connected"] is False
    assert world.ledgers.shelf.held["lifecycle-3"].value.outcomes == {"applied": 2, "stale": 1}


async def test_a_connection_event_that_is_none_is_parked_alone(world: MemoryWorld) -> None:
    await connections(announced(0, "deviceExploded", 5), announced(1, "deviceConnected", 6))
    assert (world.parking.reasons, state(world).connection.connected) == (["malformed_data"], True)


# ---- state


def reported(world: MemoryWorld, **readings: Any) -> None:
    after, _ = fold(STATE, [event(0, **readings)], BOOK)
    world.states.shelf.commit(VEHICLE, after, world.states.shelf.held[VEHICLE].version)


async def test_signals_are_selected_by_patterns(world: MemoryWorld) -> None:
    reported(world, **{"Speed": 1.0, "Cabin.DoorCount": 4, "Cabin.Sunroof.Position": 0})
    for paths, found in (("Vehicle.Cabin.*", 2), ("Vehicle.Speed,*.Position", 2), ("Vehicle", 0), ("*", 3)):
        answer = await ask(states.read_vehicle_state, query={"paths": paths}, vehicle_id=VEHICLE)
        assert len(answer.body["signals"]) == found, paths


@pytest.mark.parametrize("paths", ["a(b", "Vehicle.[", ",".join(["a"] * (PATTERNS + 1)), "*" * 257])
async def test_patterns_that_are_none_are_refused(world: MemoryWorld, paths: str) -> None:
    answer = await ask(states.read_vehicle_state, query={"paths": paths}, vehicle_id=VEHICLE)
    assert answer.code == Code.INVALID_QUERY


async def test_who_has_the_newest_state_is_told_just_that(world: MemoryWorld) -> None:
    reported(world, Speed=1.0)
    first = await ask(states.read_vehicle_state, vehicle_id=VEHICLE)
    known = {"if-none-match": f'"other", {first.headers["ETag"]}'}
    again = await ask(states.read_vehicle_state, headers=known, vehicle_id=VEHICLE)
    assert (again.status, again.body) == (304, None)
    reported(world, Speed=2.0)
    assert (await ask(states.read_vehicle_state, headers=known, vehicle_id=VEHICLE)).status == 200


async def test_a_reading_grows_stale_and_then_offline(world: MemoryWorld) -> None:
    reported(world, Speed=1.0)
    for seconds, freshness in ((120, "live"), (121, "stale"), (86_400, "stale"), (86_401, "offline")):
        now = NOON + seconds * 1000
        world.clock.at = now
        answer = await ask(states.read_vehicle_state, vehicle_id=VEHICLE)
        assert answer.body["signals"]["Vehicle.Speed"]["freshness"] == freshness


async def test_gaps_in_the_sequence_are_counted_and_filled(world: MemoryWorld) -> None:
    numbers = (1, 2, 6, 4, 7, 2**21, 2**21 + 1)
    await ingest(*(received(n, low(number, soc=50)) for n, number in enumerate(numbers)))
    answer = await ask(states.read_vehicle_state, vehicle_id=VEHICLE)
    assert answer.body["sequence"] == {"missing": 2, "restarts": 1}


async def test_a_defect_in_the_fold_parks_the_one_event_that_brings_it_out(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = type(STATE.open).add

    def defective(self: Any, sample: Any, sequence: int) -> Any:
        if sequence == 3:
            raise ZeroDivisionError
        return add(self, sample, sequence)

    monkeypatch.setattr(type(STATE.open), "add", defective)
    await ingest(*(received(n, low(n, soc=50)) for n in range(1, 6)))
    assert (outcomes(world), world.parking.reasons) == ({"applied": 4, "parked": 1}, ["internal"])


async def test_what_is_owed_does_not_grow_while_two_instances_take_turns(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "LARGEST", 50)
    both = [Ingest("telemetry", world.outside, 60_000) for _ in range(2)]
    for turn in range(40):
        arrival = Arrival(Position(turn, NOON + turn * 1000, "3"), VEHICLE, low(turn, soc=50))
        await both[turn % 2].batch("3", [arrival], lambda: NOON)
        assert len(state(world).outbox) <= 2
    assert len(world.histories.chunks) > 10


async def test_a_defect_in_a_decoder_parks_the_one_event_that_brings_it_out(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode = await world.vocabularies.decoder("aurora")

    def read(device: str, body: bytes, at: int) -> Any:
        if b'"sequence":"3"' in body:
            raise ZeroDivisionError
        return decode(device, body, at)

    async def defective(brand: str) -> Any:
        return read

    monkeypatch.setattr(world.vocabularies, "decoder", defective)
    await ingest(*(received(n, low(n, soc=50)) for n in range(1, 6)))
    assert (outcomes(world), world.parking.reasons) == ({"applied": 4, "parked": 1}, ["internal"])


async def test_what_the_store_will_never_take_is_parked_and_of_a_private_vehicle_only_counted(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = world.states.commit

    async def refused(*_: object) -> str:
        raise Refused("too large")

    monkeypatch.setattr(world.states, "commit", refused)
    await ingest(received(0, low(1, soc=50)))
    assert (world.parking.reasons, outcomes(world)) == (["store_refused"], {"parked": 1})
    monkeypatch.setattr(world.states, "commit", commit)
    private = replace(state(world), policy=state(world).policy._replace(privacy=Privacy(floor=1)))
    world.states.shelf.commit(VEHICLE, private, world.states.shelf.held[VEHICLE].version)
    monkeypatch.setattr(world.states, "commit", refused)
    await ingest(received(1, low(2, soc=50)))
    assert (len(world.parking.held), outcomes(world)) == (1, {"parked": 2})


async def test_a_poison_event_at_any_position_of_a_batch_is_parked_once_and_the_others_are_applied() -> None:
    for position in range(100):
        world = MemoryWorld()
        world.states.shelf.commit(VEHICLE, STATE, None)
        places = [Position(n, NOON + n * 1000, "3") for n in range(100)]
        bodies = [b"poison" if n == position else low(n, soc=50) for n in range(100)]
        batch = [Arrival(place, VEHICLE, body) for place, body in zip(places, bodies, strict=True)]
        for _ in range(2):
            await world.ingest.batch("3", batch, lambda: NOON)
        assert outcomes(world) == {"applied": 99, "parked": 1}
        assert [p.key for p in world.parking.held.values()] == [f"3-{position}"]

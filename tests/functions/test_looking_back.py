"""History, trips and charges; what was parked; signals of a brand."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from functions import brands, parked, states
from functions import wake as wake_functions
from shared.codec import messages
from shared.domain.charges import Charge
from shared.domain.history import DAY
from shared.domain.signals import LEAVES
from shared.domain.span import Span
from shared.domain.track import STOP
from shared.domain.trips import Trip
from shared.use_cases import parking as parking_use_case
from tests.examples import NOON, PROFILE, VEHICLE, cloud_event, encoded
from tests.functions.conftest import ask
from tests.functions.test_events import ingest, low, message, outcomes, received, state
from tests.memory import MemoryWorld

SOC = "Vehicle.Powertrain.TractionBattery.StateOfCharge.Displayed"
SPAN = {"from": "2026-11-22T00:00:00Z", "to": "2026-11-23T00:00:00Z"}


async def history(query: dict[str, str], token: str = "ada") -> Any:
    return await ask(states.read_history, token, query={"path": SOC} | SPAN | query, vehicle_id=VEHICLE)


async def driven(world: MemoryWorld, minutes: int = 25) -> None:
    """A sample every ten seconds, of which the chunks before the last are stored."""
    await ingest(*(received(n * 10, low(n * 10, soc=90 - n / 10)) for n in range(minutes * 6)))


# ---- history


async def test_history_is_paged_in_order_and_complete_with_what_is_still_open(world: MemoryWorld) -> None:
    await driven(world)
    assert world.histories.chunks
    assert state(world).open.samples
    points: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await history({"limit": "40"} | ({"cursor": cursor} if cursor else {}))
        points += page.body["points"]
        cursor = page.body["cursor"]
    assert [p["value"] for p in points] == [90 - n / 10 for n in range(150)]
    assert points[0]["at"] == "2026-11-22T12:00:00.000Z"


async def test_a_resolution_sums_up_intervals(world: MemoryWorld) -> None:
    await driven(world, minutes=2)
    points = (await history({"resolution": "60"})).body["points"]
    assert [(p["at"][11:16], p["readings"], p["min"], p["max"]) for p in points] == [
        ("12:00", 6, 89.5, 90.0),
        ("12:01", 6, 88.9, 89.4),
    ]
    assert points[0]["value"] == 89.5, "the last one"


@pytest.mark.parametrize("resolution", ["0", "7", "0.5", "minute", "-60", "1000000"])
async def test_a_resolution_divides_a_day(world: MemoryWorld, resolution: str) -> None:
    assert (await history({"resolution": resolution})).code == "invalid_query"


@pytest.mark.parametrize(
    "query",
    [
        {"from": "yesterday"},
        {"from": "2026-11-22T00:00:00"},
        {"from": "2026-11-23T00:00:01Z"},
        {"from": "2026-10-22T00:00:00Z"},
        {"path": ""},
        {"path": "x" * 101},
    ],
    ids=str,
)
async def test_a_stretch_that_is_none_is_refused(world: MemoryWorld, query: dict[str, str]) -> None:
    assert (await history(query)).code == "invalid_query"


async def test_a_person_reads_only_what_lies_within_the_own_ownership(world: MemoryWorld) -> None:
    from dataclasses import replace

    await driven(world, minutes=2)
    world.histories.found[VEHICLE, f"trip-{NOON}"] = trip(NOON, NOON + 30_000)
    shelf = world.profiles.shelf
    shelf.commit(VEHICLE, replace(PROFILE, owned_since=NOON + 60_000), shelf.held[VEHICLE].version)
    assert len((await history({})).body["points"]) == 6
    assert len((await history({}, "operator")).body["points"]) == 12
    for token, count in (("ada", 0), ("operator", 1)):
        answer = await ask(states.list_trips, token, query=SPAN, vehicle_id=VEHICLE)
        assert len(answer.body["items"]) == count
    one = {"vehicle_id": VEHICLE, "trip_id": f"trip-{NOON}"}
    assert (await ask(states.read_trip, "ada", route=one)).code == "not_found"
    assert (await ask(states.read_trip, "operator", route=one)).status == 200


# ---- trips


def trip(start: int, end: int) -> Trip:
    return Trip(f"trip-{start}", VEHICLE, Span(start, end), 1000.0, "speed", (80.0, 79.0), None, None, ())


def moving(second: int, more: dict[str, Any] | None = None, sequence: int | None = None) -> bytes:
    place = {"Vehicle.CurrentLocation.Latitude": 48 + second / 10_000, "Vehicle.CurrentLocation.Longitude": 11.0}
    signals = {"Vehicle.Speed": 36.0, SOC: 80 - second / 100} | place | (more or {})
    time = datetime.fromtimestamp(NOON / 1000 + second, UTC).isoformat()
    data = {"samples": [{"time": time, "signals": signals}]}
    return encoded(cloud_event(sequence=str(second if sequence is None else sequence), data=data))


async def awake(world: MemoryWorld, at: int) -> None:
    world.clock.at = at
    await wake_functions.wake_due(message(messages.encode_wake(VEHICLE, at)))


async def trips() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await ask(states.list_trips, "ada", query=SPAN, vehicle_id=VEHICLE)).body["items"]
    return found


async def test_a_trip_is_derived_once_it_is_over_and_again_when_a_late_sample_changes_it(world: MemoryWorld) -> None:
    await ingest(*(received(100 + n, moving(100 + n)) for n in range(61)))
    await awake(world, NOON + 160_000 + STOP)
    assert await trips() == [], "it may go on"
    await ingest(received(500, moving(161 + STOP // 1000, {"Vehicle.Speed": 0.0})))
    await awake(world, NOON + 162_000 + STOP)
    (first,) = await trips()
    assert (first["distance"], first["duration"], first["socTo"]) == (600, 60.0, 78.4)
    await ingest(received(501, moving(90, sequence=1)))
    assert state(world).due <= world.clock() + world.handover_after, "when the timer comes next"
    await awake(world, NOON + 170_000 + STOP)
    (again,) = await trips()
    assert (again["id"], again["duration"], again["distance"]) == (first["id"], 70.0, 700)
    feature = (await ask(states.read_trip, "ada", vehicle_id=VEHICLE, trip_id=again["id"])).body
    assert feature["geometry"]["coordinates"][0] == [11.0, 48.009]
    assert feature["properties"]["distance"] == 700


async def test_two_trips_that_late_samples_join_become_one(world: MemoryWorld) -> None:
    for start in (0, 400):
        await ingest(*(received(start + n, moving(start + n)) for n in range(71)))
        await ingest(received(start + 380, moving(start + 380, {"Vehicle.Speed": 0.0})))
        await awake(world, NOON + (start + 381) * 1000)
    assert len(await trips()) == 2
    await ingest(received(800, moving(200)))
    await awake(world, NOON + 900_000)
    (one,) = await trips()
    assert one["duration"] == 470


async def test_a_charge_is_derived_when_it_is_over(world: MemoryWorld) -> None:
    charging, battery = "Vehicle.Powertrain.TractionBattery.Charging.IsCharging", "NetCapacity"
    more: dict[str, Any] = {"Vehicle.Speed": 0.0, f"Vehicle.Powertrain.TractionBattery.{battery}": 50}
    for second, soc, yes in ((0, 40.0, True), (600, 50.0, True), (1200, 60.0, False)):
        await ingest(received(second, moving(second, more | {SOC: soc, charging: yes})))
    await awake(world, NOON + 1_300_000)
    (charge,) = (await ask(states.list_charges, "ada", query=SPAN, vehicle_id=VEHICLE)).body["items"]
    assert (charge["socFrom"], charge["socTo"], charge["energy"], charge["duration"]) == (40.0, 60.0, 10.0, 1200.0)


async def test_trips_are_paged_newest_first_and_complete(world: MemoryWorld) -> None:
    for number in range(7):
        start = NOON - number * DAY // 3
        world.histories.found[VEHICLE, f"trip-{start}"] = trip(start, start + 60_000)
    world.histories.found[VEHICLE, "charge-1"] = Charge(f"charge-{NOON}", VEHICLE, Span(NOON, NOON), (1.0, 2.0), None)
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        query = {"from": "2026-11-10T00:00:00Z", "to": "2026-11-23T00:00:00Z", "limit": "2"}
        page = await ask(states.list_trips, query=query | ({"cursor": cursor} if cursor else {}), vehicle_id=VEHICLE)
        seen += [item["startedAt"] for item in page.body["items"]]
        cursor = page.body["cursor"]
    assert (len(seen), seen) == (7, sorted(seen, reverse=True))


@pytest.mark.parametrize("id", ["trip-", "trip-x", "charge-1", "trip-99999999999999", "other"])
async def test_a_trip_that_is_none_is_not_found(world: MemoryWorld, id: str) -> None:
    assert (await ask(states.read_trip, "ada", vehicle_id=VEHICLE, trip_id=id)).code == "not_found"


# ---- parked


async def several(world: MemoryWorld) -> None:
    await ingest(
        received(0, b"junk"), received(1, low(1, soc=50, source="/vehicles/veh-0002")), received(2, low(2, soc=40))
    )


async def test_what_was_parked_is_listed_by_reason_day_and_device_without_bodies(world: MemoryWorld) -> None:
    await several(world)
    for query, count in (
        ({}, 2),
        ({"reason": "not_json"}, 1),
        ({"day": "2026-11-22"}, 2),
        ({"day": "2026-11-21"}, 0),
        ({"device": VEHICLE, "reason": "spoofed_source"}, 1),
        ({"device": "veh-other"}, 0),
    ):
        answer = await ask(parked.list_parked, query=query)
        assert len(answer.body["items"]) == count, query
        assert "body" not in json.dumps(answer.body)
    assert (await ask(parked.list_parked, query={"day": "22.11.2026"})).code == "invalid_query"
    assert (await ask(parked.list_parked, "ada")).code == "forbidden"


async def test_a_body_is_read_only_by_an_operator_of_the_brand_and_that_is_on_record(world: MemoryWorld) -> None:
    await several(world)
    name = "2026-11-22_telemetry-3-0"
    assert (await ask(parked.read_parked, name=name)).body["body"] == "junk"
    assert (await ask(parked.read_parked, "rival", name=name)).code == "not_found"
    assert (await ask(parked.list_parked, "rival")).body["items"] == []
    record = (await ask(parked.read_audit, query={"day": "2026-11-22"})).body["items"]
    assert ("operator-1", "read_parked", VEHICLE, name) in [
        (r["who"], r["what"], r["whose"], r["detail"]) for r in record
    ]
    foreign = (await ask(parked.read_audit, "rival", query={"day": "2026-11-22"})).body["items"]
    assert {r["who"] for r in foreign} == {"operator-2"}
    assert (await ask(parked.read_audit, "ada")).code == "forbidden"


async def test_bytes_that_are_no_text_are_shown_in_base64(world: MemoryWorld) -> None:
    await ingest(received(0, b"\xff\xfe"))
    assert (await ask(parked.read_parked, name="2026-11-22_telemetry-3-0")).body["bodyBase64"] == "//4="


async def test_what_a_new_device_sent_is_taken_in_once_it_is_registered(world: MemoryWorld) -> None:
    held = world.states.shelf.held.pop(VEHICLE)
    await ingest(*(received(n, low(n, soc=50 - n)) for n in range(1, 6)))
    world.states.shelf.held[VEHICLE] = held
    done = await ask(parked.replay_all_parked, body={"reason": "unregistered_device"})
    assert done.body == {"outcomes": {"applied": 5}, "more": False}
    assert [s.at - NOON for s in state(world).open.samples] == [1000, 2000, 3000, 4000, 5000]
    before = state(world)
    assert (await ask(parked.replay_all_parked, body={})).body == {"outcomes": {}, "more": False}
    again = await ask(parked.replay_parked, name="2026-11-22_telemetry-3-1")
    assert (again.body["outcome"], state(world)) == ("duplicate", before)
    items = (await ask(parked.list_parked)).body["items"]
    assert all(item["replayedAt"] for item in items)


async def test_what_cannot_be_taken_in_stays_parked(world: MemoryWorld) -> None:
    await several(world)
    answer = await ask(parked.replay_parked, name="2026-11-22_telemetry-3-0")
    assert answer.body["outcome"] == "parked"
    assert (await world.parking.read("2026-11-22_telemetry-3-0")).replayed_at is None


async def test_a_replay_goes_by_the_privacy_that_holds_for_when_it_was_seen(world: MemoryWorld) -> None:
    from shared.domain.policy import Exclusion, Mode, Privacy

    held = world.states.shelf.held.pop(VEHICLE)
    await ingest(received(1, low(1, soc=5)))
    policy = held.value.policy._replace(privacy=Privacy((Exclusion(Mode.OFFLINE, NOON, NOON + 60_000),)))
    from dataclasses import replace

    world.states.shelf.held[VEHICLE] = replace(held, value=replace(held.value, policy=policy))
    answer = await ask(parked.replay_parked, name="2026-11-22_telemetry-3-1")
    assert (answer.body["outcome"], state(world).signals) == ("suppressed", {})


async def test_a_replay_in_one_request_has_an_end(world: MemoryWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    assert parking_use_case.REPLAYED_AT_ONCE == 500
    monkeypatch.setattr(parking_use_case, "REPLAYED_AT_ONCE", 2)
    held = world.states.shelf.held.pop(VEHICLE)
    await ingest(*(received(n, low(n, soc=50)) for n in range(1, 6)))
    world.states.shelf.held[VEHICLE] = held
    done = [(await ask(parked.replay_all_parked, body={})).body for _ in range(3)]
    assert [(d["outcomes"]["applied"], d["more"]) for d in done] == [(2, True), (2, True), (1, False)]


async def test_what_came_from_a_queue_is_not_replayed_here(world: MemoryWorld) -> None:
    await wake_functions.wake_due(message("junk"))
    ((source, key),) = world.parking.held
    day = (await ask(parked.list_parked)).body["items"][0]["name"].partition("_")[0]
    assert (await ask(parked.replay_parked, name=f"{day}_{source}-{key}")).code == "not_replayable"
    assert (await ask(parked.replay_all_parked, body={})).body == {"outcomes": {}, "more": False}


# ---- signals


async def test_a_whole_release_can_be_loaded_and_its_signals_are_understood(
    world: MemoryWorld, shared_data: Path
) -> None:
    tree = (shared_data / "vss-6.0.json").read_bytes()
    headers = {"content-type": "application/json"}
    assert (await ask(brands.load_signals, body=tree, headers=headers)).body == {"signals": 1267}
    found = (await ask(brands.read_signals, "ada")).body["signals"]
    assert len(found) == 1267
    signals = {path: fitting(leaf) for path, leaf in found.items()}
    samples = [{"signals": dict(list(signals.items())[n : n + 600])} for n in range(0, 1267, 600)]
    await ingest(received(0, encoded(cloud_event(data={"samples": samples}))))
    assert state(world).signals.keys() == found.keys()
    assert world.ledgers.shelf.held["telemetry-3"].value.census.refused == 0


def fitting(leaf: dict[str, Any]) -> object:
    """A value that the leaf allows."""
    kind = leaf["datatype"]
    if kind.endswith("[]"):
        return [fitting({**leaf, "datatype": kind[:-2]})]
    if "allowed" in leaf:
        return leaf["allowed"][0]
    return {"boolean": True, "string": "x"}.get(kind, leaf.get("min", leaf.get("max", 1)))


async def test_an_overlay_adds_changes_and_takes_away(world: MemoryWorld) -> None:
    overlay = {
        "Vehicle": {
            "type": "branch",
            "children": {
                "Speed": {"type": "sensor", "datatype": "float", "max": 50},
                "IsMoving": {"type": "sensor", "datatype": "boolean", "delete": True},
                "Private": {"children": {"Mood": {"type": "sensor", "datatype": "string", "allowed": ["GOOD"]}}},
            },
        }
    }
    assert (await ask(brands.overlay_signals, body=overlay)).status == 200
    signals = {"Vehicle.Speed": 51.0, "Vehicle.IsMoving": True, "Vehicle.Private.Mood": "GOOD"}
    await ingest(received(0, encoded(cloud_event(data={"samples": [{"signals": signals}]}))))
    assert {path: r.value for path, r in state(world).signals.items()} == {"Vehicle.Private.Mood": "GOOD"}
    census = world.ledgers.shelf.held["telemetry-3"].value.census
    assert (census.refused, census.unknown) == (1, 1)
    assert (await ask(brands.drop_signals)).status == 204
    assert "Vehicle.Private.Mood" not in (await ask(brands.read_signals)).body["signals"]


@pytest.mark.parametrize(
    "tree",
    [
        [],
        {},
        {"Vehicle": 5},
        {"Vehicle": {"children": []}},
        {"Vehicle": {"children": {"X": {"datatype": "matrix"}}}},
        {"Vehicle": {"children": {"X": {}}}},
        {"Vehicle": {"children": {"X": {"datatype": "float", "min": "low"}}}},
        {"Vehicle": {"children": {"X": {"datatype": "string", "allowed": [1]}}}},
        {"Vehicle": {"children": {"X y": {"datatype": "float"}}}},
        {"Vehicle": {"children": {f"X{n}": {"datatype": "float"} for n in range(LEAVES + 1)}}},
    ],
    ids=lambda tree: str(tree)[:60],
)
async def test_a_release_that_does_not_hold_together_is_refused(world: MemoryWorld, tree: Any) -> None:
    assert (await ask(brands.load_signals, body=tree)).code == "invalid_signals"
    assert world.vocabularies.held == {}


async def test_only_an_operator_says_how_it_is_with_the_brand(world: MemoryWorld) -> None:
    leaf = {"Vehicle": {"children": {"X": {"datatype": "float"}}}}
    for handler, body in (
        (brands.load_signals, leaf),
        (brands.overlay_signals, leaf),
        (brands.set_freshness, {"liveSeconds": 1, "staleSeconds": 2}),
        (brands.set_trouble_codes, {"codes": {}}),
    ):
        assert (await ask(handler, "ada", body)).code == "forbidden"
    assert (await ask(brands.drop_signals, "ada")).code == "forbidden"
    assert (await ask(brands.read_trouble_codes, "ada")).code == "forbidden"


async def test_thresholds_of_freshness_are_the_brands(world: MemoryWorld) -> None:
    await ask(brands.set_freshness, body={"liveSeconds": 5, "staleSeconds": 10})
    assert (await ask(brands.read_freshness, "ada")).body == {"liveSeconds": 5, "staleSeconds": 10}
    assert (await ask(brands.set_freshness, body={"liveSeconds": 5, "staleSeconds": 4})).code == "invalid_body"


@pytest.mark.parametrize("code", ["P042", "X0420", "p0420", "P0420\n"])
async def test_a_trouble_code_is_one(world: MemoryWorld, code: str) -> None:
    assert (await ask(brands.set_trouble_codes, body={"codes": {code: "text"}})).code == "invalid_body"


# ---- older releases


async def test_what_older_releases_call_or_count_otherwise_is_understood(world: MemoryWorld) -> None:
    signals = {
        "Vehicle.OBD.CoolantTemperature": 88.5,
        "Vehicle.OBD.FuelLevel": 55.4,
        "Vehicle.Powertrain.CombustionEngine.EOT": "92.25",
        "Vehicle.TraveledDistance": 12.5,
    }
    event = cloud_event(data={"samples": [{"signals": signals}]}, dataschema="https://covesa.example/vss/4.2")
    for number in (1, 2):
        await ingest(received(number, encoded(event | {"sequence": str(number)})))
    assert {path.rpartition("Vehicle.")[2]: r.value for path, r in state(world).signals.items()} == {
        "Powertrain.CombustionEngine.EngineCoolant.Temperature": 88.5,
        "Powertrain.FuelSystem.RelativeLevel": 55,
        "Powertrain.CombustionEngine.EngineOil.Temperature": 92.25,
        "TraveledDistance": 12_500,
    }
    assert outcomes(world) == {"applied": 2}


async def test_todays_name_wins_over_an_older_one_also_on_the_fast_way(world: MemoryWorld) -> None:
    signals = {"Vehicle.OBD.Speed": 10.0, "Vehicle.Speed": 20.0}
    for number in (1, 2):
        body = cloud_event(sequence=str(number), data={"samples": [{"signals": signals}]})
        await ingest(received(number, encoded(body)))
        assert state(world).signals["Vehicle.Speed"].value == 20.0
    assert list(state(world).signals) == ["Vehicle.Speed"]

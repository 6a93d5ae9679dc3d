"""What tells a place, in the mode `no_position`; and geofences where longitudes begin anew."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from functions import brands, notifications, rules, states
from shared.codec import messages
from shared.codec.places import STORED, leaves_of
from shared.domain.policy import Mode
from shared.domain.principal import Kind, Principal
from shared.use_cases.privacy import BEGINS_AFTER, Wish, change_mode
from tests.examples import BRAND, NOON, VEHICLE, called, cloud_event, encoded
from tests.functions.conftest import ask
from tests.functions.test_events import ingest, message, outcomes, received, state
from tests.memory import MemoryWorld

PLACES = sorted(leaves_of(json.loads(STORED.read_text())["places"]))
CHARGING = "Vehicle.Powertrain.TractionBattery.Charging."
MINUTE = 60


def is_number(path: str) -> bool:
    return path.endswith(("Latitude", "Longitude", "Altitude"))


def mark(path: str) -> float | str:
    """What only this signal says."""
    number = PLACES.index(path)
    return 41 + (70_001 + number) / 10_000_000 if is_number(path) else f"planted-{number:03}"


def all_of_it(seconds: int, **more: Any) -> bytes:
    """A message in which every place is told, and the speed."""
    signals = {path: mark(path) for path in PLACES} | {"Vehicle.Speed": 50.0 + seconds / MINUTE} | more
    data = {"samples": [{"time": datetime.fromtimestamp(NOON / 1000 + seconds, UTC).isoformat(), "signals": signals}]}
    return encoded(cloud_event(sequence=str(1 + seconds), data=data))


def overlay() -> dict[str, Any]:
    """All places as numbers, or as texts that can hold a mark."""
    tree: dict[str, Any] = {}
    for path in PLACES:
        *branches, name = path.split(".")
        at = tree
        for branch in branches:
            at = at.setdefault(branch, {"children": {}})["children"]
        at[name] = {"datatype": "double" if is_number(path) else "string"}
    return tree


async def in_mode(world: MemoryWorld, mode: Mode) -> None:
    """The vehicle of a brand that understands all places, in this mode since noon, with rules on places and speed."""
    assert (await ask(brands.overlay_signals, body=overlay())).status == 200
    watched = ["Vehicle.Speed", *filter(is_number, PLACES)]
    for number, signal in enumerate(watched):
        rule: dict[str, Any] = {"id": f"r{number}", "kind": "threshold", "name": f"r{number}", "signal": signal}
        rule |= {"above": 10, "clears": 5, "on": ["enter", "exit"]}
        answer = await ask(rules.put_vehicle_rule, "ada", rule, vehicle_id=VEHICLE, rule_id=f"r{number}")
        assert answer.status == 200
    ada = Principal("user-ada", BRAND, Kind.USER)
    wish = Wish(mode, None, None, "digest")
    await change_mode(ada, VEHICLE, wish, lambda: NOON - BEGINS_AFTER, world.reach)


async def lived(world: MemoryWorld) -> str:
    """Everything that is kept or handed on after 25 minutes in which all places were told, at last in no message."""
    junk = f'{{"places": {json.dumps([mark(path) for path in PLACES])}'.encode()
    bodies = [all_of_it(n * MINUTE) for n in range(25)]
    await ingest(*(received(n * MINUTE, body) for n, body in enumerate([*bodies, junk])))
    for told in world.notifications.contents:
        await notifications.plan_notification(message(messages.encode_notification(told, 0)))
    assert world.histories.chunks
    assert state(world).open.samples
    kept = world.states.shelf.held, world.histories.chunks, world.parking.held, world.inbox.items
    return repr((*kept, world.notifications.contents, world.ledgers.shelf.held))


async def test_without_position_no_place_is_kept_or_handed_on_and_the_rest_is(world: MemoryWorld) -> None:
    await in_mode(world, Mode.NO_POSITION)
    everything = await lived(world)
    assert [path for path in PLACES if str(mark(path)) in everything] == []
    assert state(world).signals.keys() == {"Vehicle.Speed"}
    assert {path for chunk in world.histories.chunks.values() for path in chunk.table.paths} == {"Vehicle.Speed"}
    assert outcomes(world) == {"applied": 25, "parked": 1}
    assert world.parking.held == {}, "nobody knows what is in a body that cannot be read"


async def test_with_position_every_place_is_kept(world: MemoryWorld) -> None:
    await in_mode(world, Mode.FULL)
    everything = await lived(world)
    assert [path for path in PLACES if str(mark(path)) not in everything] == []
    assert state(world).signals.keys() == {"Vehicle.Speed", *PLACES}


async def test_a_rule_on_a_place_fires_nothing_without_position(world: MemoryWorld) -> None:
    await in_mode(world, Mode.NO_POSITION)
    await lived(world)
    assert [called(told) for told in world.notifications.contents] == ["r0"], "the one on speed"
    assert list(state(world).episodes) == ["r0"]


async def test_a_rule_on_a_place_fires_with_position(world: MemoryWorld) -> None:
    await in_mode(world, Mode.FULL)
    await lived(world)
    told = {called(n): n.facts for n in world.notifications.contents}
    assert len(told) == 1 + sum(map(is_number, PLACES))
    latitude = CHARGING + "Location.Latitude"
    assert any(facts.get(latitude) == mark(latitude) for facts in told.values())


@pytest.mark.parametrize("path", [CHARGING + "Location.Latitude", CHARGING + "EvseId"])
async def test_a_place_alone_is_suppressed_and_changes_nothing(world: MemoryWorld, path: str) -> None:
    await in_mode(world, Mode.NO_POSITION)
    before = state(world)
    data = {"samples": [{"time": "2026-11-22T12:00:01Z", "signals": {path: mark(path)}}]}
    await ingest(received(1, encoded(cloud_event(data=data))))
    assert (state(world), outcomes(world)) == (before, {"suppressed": 1})


async def test_a_signal_of_the_brands_own_is_a_place_unless_its_overlay_says_that_it_is_none(
    world: MemoryWorld,
) -> None:
    await in_mode(world, Mode.NO_POSITION)
    own = {"Bay": {"datatype": "string"}, "Mood": {"datatype": "string", "place": False}}
    assert (await ask(brands.overlay_signals, body={"Vehicle": {"children": own}})).status == 200
    shown = (await ask(brands.read_signals, query={"paths": "Vehicle.Bay,Vehicle.Mood,Vehicle.Speed"})).body["signals"]
    assert {path: leaf["place"] for path, leaf in shown.items()} == {
        "Vehicle.Bay": True,
        "Vehicle.Mood": False,
        "Vehicle.Speed": False,
    }
    signals = {"Vehicle.Bay": "B-17", "Vehicle.Mood": "calm"}
    await ingest(received(1, encoded(cloud_event(data={"samples": [{"signals": signals}]}))))
    assert list(state(world).signals) == ["Vehicle.Mood"]
    seen = (await ask(states.read_vehicle_state, "ada", vehicle_id=VEHICLE)).body["signals"]
    assert list(seen) == ["Vehicle.Mood"]


# ---- geofences where longitudes begin anew

SOUTH, NORTH = -17.01, -16.99


def square(west: float, east: float) -> list[dict[str, float]]:
    corners = ((SOUTH, west), (SOUTH, east), (NORTH, east), (NORTH, west))
    return [{"latitude": latitude, "longitude": longitude} for latitude, longitude in corners]


OVER_THE_MERIDIAN = [(-17.0, 179.98), (-17.0, 179.995), (-17.0, -179.995), (-17.0, -179.98)]
FENCES: dict[str, tuple[dict[str, Any], list[tuple[float, float]]]] = {
    "a polygon to 180.01": ({"polygon": square(179.99, 180.01)}, OVER_THE_MERIDIAN),
    "a polygon to -179.99": ({"polygon": square(179.99, -179.99)}, OVER_THE_MERIDIAN),
    "a polygon from -180.01": ({"polygon": square(-180.01, -179.99)}, OVER_THE_MERIDIAN),
    "a closed ring": ({"polygon": [*square(179.99, -179.99), square(179.99, 0)[0]]}, OVER_THE_MERIDIAN),
    "a circle over the meridian": (
        {"circle": {"latitude": -17.0, "longitude": 180.0, "radius": 1_000}},
        OVER_THE_MERIDIAN,
    ),
    "a circle at a pole": (
        {"circle": {"latitude": 90.0, "longitude": 0.0, "radius": 1_000}},
        [(89.98, 45.0), (89.995, 45.0), (90.0, 12.3), (89.995, -135.0), (89.98, -135.0)],
    ),
}


@pytest.mark.parametrize(("shape", "way"), FENCES.values(), ids=FENCES)
async def test_a_fence_where_longitudes_begin_anew_is_entered_and_left_once(
    world: MemoryWorld, shape: dict[str, Any], way: list[tuple[float, float]]
) -> None:
    rule = {"id": "far", "kind": "geofence", "on": ["enter", "exit"], **shape}
    answer = await ask(rules.put_vehicle_rule, "ada", rule, vehicle_id=VEHICLE, rule_id="far")
    assert answer.status == 200
    for number, (latitude, longitude) in enumerate(way, 1):
        signals = {"Vehicle.CurrentLocation.Latitude": latitude, "Vehicle.CurrentLocation.Longitude": longitude}
        time = datetime.fromtimestamp(NOON / 1000 + number * MINUTE, UTC).isoformat()
        data = {"samples": [{"time": time, "signals": signals}]}
        await ingest(received(number * MINUTE, encoded(cloud_event(sequence=str(number), data=data))))
        inside = list(state(world).episodes) == ["far"]
        assert inside is (1 < number < len(way))
    assert [called(told) for told in world.notifications.contents] == ["geofence_entered", "geofence_left"]


@pytest.mark.parametrize(
    ("corners", "detail"),
    [
        ([(80, 0), (80, 120), (80, -120)], "a polygon does not go around a pole: draw a circle there"),
        ([(0, -100), (5, 0), (5, 100), (0, 0)], "a polygon is no wider than 180 degrees"),
        ([(0, 0), (1, 1), (2, 2)], "the corners of a polygon do not all lie on one line"),
        ([(48, 11), (49, 11), (48, 11)], "a polygon has 3 to 100 corners"),
    ],
)
async def test_a_polygon_that_is_none_is_refused_with_the_reason(
    world: MemoryWorld, corners: list[tuple[float, float]], detail: str
) -> None:
    polygon = [{"latitude": latitude, "longitude": longitude} for latitude, longitude in corners]
    rule = {"id": "none", "kind": "geofence", "polygon": polygon}
    answer = await ask(rules.put_vehicle_rule, "ada", rule, vehicle_id=VEHICLE, rule_id="none")
    assert (answer.status, answer.code) == (400, "invalid_body")
    assert detail in answer.body["detail"]

from dataclasses import replace
from typing import Any

import pytest

from functions import catalog, entitlements, fallback, inbox, ledger, sales, states, vehicles
from functions.http import LARGEST_BODY
from shared.domain.folding import fold
from shared.domain.inbox import Item
from shared.domain.notification import Notification
from shared.domain.person import PersonId
from shared.errors import Unavailable
from tests.examples import BOOK, BRAND, NOON, STATE, VEHICLE, event
from tests.functions.conftest import ask
from tests.memory import MemoryWorld

NEW: dict[str, Any] = {
    "vin": "ZZZAURRA0DEM00002",
    "region": "eu",
    "model": "Polar",
    "modelYear": 2026,
    "capabilities": ["climate"],
    "roles": {"user-ben": "primary"},
}


# ---- registering


async def test_an_operator_registers_a_vehicle(world: MemoryWorld) -> None:
    answer = await ask(vehicles.register_vehicle, body=NEW)
    assert answer.status == 201
    known = {name: value for name, value in NEW.items() if name != "roles"}
    assert answer.body == known | {"id": answer.body["id"], "brand": BRAND, "status": "active"}
    assert answer.body["id"] in world.states.shelf.held
    assert NEW["vin"] not in answer.body["id"]


async def test_a_vin_in_use_is_a_conflict(world: MemoryWorld) -> None:
    await ask(vehicles.register_vehicle, body=NEW)
    answer = await ask(vehicles.register_vehicle, body=NEW)
    assert (answer.status, answer.code) == (409, "vin_in_use")


async def test_the_same_idempotency_key_registers_once(world: MemoryWorld) -> None:
    key = {"idempotency-key": "abc"}
    first = await ask(vehicles.register_vehicle, body=NEW, headers=key)
    again = await ask(vehicles.register_vehicle, body=NEW, headers=key)
    assert (first.status, first.body) == (again.status, again.body)
    other = await ask(vehicles.register_vehicle, body=NEW | {"model": "Solar"}, headers=key)
    assert (other.status, other.code) == (422, "idempotency_key_reused")


async def test_a_registration_that_died_after_the_vin_is_completed_by_the_next(world: MemoryWorld) -> None:
    world.profiles.vins[NEW["vin"]] = "veh-half"
    answer = await ask(vehicles.register_vehicle, body=NEW)
    assert (answer.status, answer.body["id"]) == (201, "veh-half")


@pytest.mark.parametrize("token", ["ada", "car"])
async def test_only_an_operator_registers(world: MemoryWorld, token: str) -> None:
    answer = await ask(vehicles.register_vehicle, token, NEW)
    assert (answer.status, answer.code) == (403, "forbidden")


# ---- selling and checking


async def test_what_is_sold_is_allowed_to_everyone_with_access(world: MemoryWorld) -> None:
    feature = {"vehicle_id": VEHICLE, "feature": "remote-climate"}
    before = await ask(entitlements.check_entitlement, "ada", route=feature)
    assert (before.status, before.body["allowed"], before.body["reasons"]) == (200, False, ["not_subscribed"])
    sold = await ask(sales.subscribe_vehicle, body={"plan": "comfort"}, vehicle_id=VEHICLE)
    assert (sold.status, sold.body["plan"]["features"]) == (201, ["remote-climate", "live-traffic"])
    for token in ("operator", "ada", "car"):
        answer = await ask(entitlements.check_entitlement, token, route=feature)
        assert (answer.body["allowed"], answer.body["validUntil"]) == (True, sold.body["accessEndsAt"])


async def test_a_sale_may_start_later(world: MemoryWorld) -> None:
    body = {"plan": "comfort", "startsAt": "2026-11-23T12:00:00Z"}
    sold = await ask(sales.subscribe_vehicle, body=body, vehicle_id=VEHICLE)
    assert (sold.body["state"], sold.body["startsAt"][:10]) == ("scheduled", "2026-11-23")
    answer = await ask(entitlements.check_entitlement, vehicle_id=VEHICLE, feature="live-traffic")
    assert answer.body["reasons"] == ["not_subscribed"]


async def test_the_same_idempotency_key_sells_once(world: MemoryWorld) -> None:
    key = {"idempotency-key": "abc"}
    for _ in range(2):
        await ask(sales.subscribe_vehicle, body={"plan": "comfort"}, headers=key, vehicle_id=VEHICLE)
    assert len(world.profiles.shelf.held[VEHICLE].value.subscriptions) == 1


async def test_a_plan_that_the_brand_does_not_sell_is_refused(world: MemoryWorld) -> None:
    answer = await ask(sales.subscribe_vehicle, body={"plan": "gold"}, vehicle_id=VEHICLE)
    assert (answer.status, answer.code) == (400, "unknown_plan")


@pytest.mark.parametrize("token", ["ben", "rival"])
async def test_a_vehicle_that_is_not_yours_is_as_absent_as_one_that_is_not_there(
    world: MemoryWorld, token: str
) -> None:
    route = {"feature": "live-traffic"}
    for handler in (vehicles.read_vehicle, states.read_vehicle_state, entitlements.check_entitlement):
        not_yours = await ask(handler, token, route=route, vehicle_id=VEHICLE)
        absent = await ask(handler, token, route=route, vehicle_id="veh-absent")
        assert (not_yours.status, not_yours.body) == (404, absent.body)


@pytest.mark.parametrize("text", ["", "a/b", "nul\x00", "x" * 65, "veh\n", "..", "état"])
async def test_an_id_that_no_document_could_have_is_absent(world: MemoryWorld, text: str) -> None:
    assert (await ask(states.read_vehicle_state, vehicle_id=text)).code == "not_found"
    assert (await ask(entitlements.check_entitlement, vehicle_id=VEHICLE, feature=text)).code == "not_found"


# ---- status


async def test_a_suspended_vehicle_keeps_what_it_was_sold_and_may_not_use_it(world: MemoryWorld) -> None:
    await ask(sales.subscribe_vehicle, body={"plan": "comfort"}, vehicle_id=VEHICLE)
    suspended = await ask(vehicles.suspend_vehicle, vehicle_id=VEHICLE)
    assert (suspended.status, suspended.body["status"]) == (200, "suspended")
    decision = await ask(entitlements.check_entitlement, "ada", vehicle_id=VEHICLE, feature="live-traffic")
    assert decision.body["reasons"] == ["vehicle_status"]
    assert world.states.shelf.held[VEHICLE].value.policy.status == "suspended"
    active = await ask(vehicles.activate_vehicle, vehicle_id=VEHICLE)
    assert (await ask(vehicles.read_vehicle, "ada", vehicle_id=VEHICLE)).body == active.body
    decision = await ask(entitlements.check_entitlement, "ada", vehicle_id=VEHICLE, feature="live-traffic")
    assert decision.body["allowed"] is True


async def test_setting_a_status_again_writes_nothing(world: MemoryWorld) -> None:
    before = world.states.shelf.held[VEHICLE]
    assert (await ask(vehicles.activate_vehicle, vehicle_id=VEHICLE)).status == 200
    assert world.states.shelf.held[VEHICLE] is before


@pytest.mark.parametrize(("token", "code"), [("ada", "forbidden"), ("car", "forbidden"), ("rival", "not_found")])
async def test_only_an_operator_of_its_brand_sets_a_status(world: MemoryWorld, token: str, code: str) -> None:
    for handler in (vehicles.suspend_vehicle, vehicles.activate_vehicle):
        assert (await ask(handler, token, vehicle_id=VEHICLE)).code == code


async def test_a_status_is_set_also_while_ingest_writes(world: MemoryWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    load, shelf = world.states.load, world.states.shelf

    async def overtaken(vehicle_id: str) -> Any:
        found = await load(vehicle_id)
        if found.value.revision == 0:
            shelf.commit(vehicle_id, replace(found.value, revision=1), found.version)
        return found

    monkeypatch.setattr(world.states, "load", overtaken)
    assert (await ask(vehicles.suspend_vehicle, vehicle_id=VEHICLE)).body["status"] == "suspended"
    assert (shelf.held[VEHICLE].value.revision, shelf.held[VEHICLE].value.policy.status) == (2, "suspended")


# ---- the catalogue


async def test_an_operator_replaces_what_the_own_brand_sells(world: MemoryWorld) -> None:
    body = {
        "features": [{"id": "driver-log"}],
        "plans": [{"id": "business", "features": ["driver-log"], "period": "P1M"}],
    }
    assert (await ask(catalog.publish_catalog, body=body)).status == 200
    seen = await ask(catalog.read_catalog, "ada")
    assert [plan["id"] for plan in seen.body["plans"]] == ["business"]
    assert (await ask(catalog.publish_catalog, "ada", body)).code == "forbidden"


@pytest.mark.parametrize(
    "change",
    [
        {"plans": [{"id": "a", "features": ["absent"], "period": "P1M"}]},
        {"plans": [{"id": "a", "features": ["f"], "period": "P1D"}]},
        {"plans": [{"id": "a", "features": [], "period": "P1M"}]},
        {"features": [{"id": "f"}, {"id": "f"}]},
        {"features": [{"id": "white space"}]},
    ],
)
async def test_a_catalogue_that_does_not_hold_together_is_refused(world: MemoryWorld, change: dict[str, Any]) -> None:
    body = {"features": [{"id": "f"}], "plans": []} | change
    assert (await ask(catalog.publish_catalog, body=body)).code == "invalid_body"


# ---- state, inbox, ledger


async def test_the_newest_readings_are_shown_with_their_times(world: MemoryWorld) -> None:
    state, _ = fold(STATE, [event(0, Speed=50.0, soc=9)], BOOK)
    world.states.shelf.commit(VEHICLE, state, world.states.shelf.held[VEHICLE].version)
    answer = await ask(states.read_vehicle_state, "ada", vehicle_id=VEHICLE)
    at = "2026-11-22T12:00:00.000Z"
    assert answer.body["signals"]["Vehicle.Speed"] == {"value": 50.0, "at": at, "freshness": "live"}
    assert answer.body["episodes"] == [{"rule": "battery_low", "since": "2026-11-22T12:00:00.000Z"}]


async def test_a_person_pages_through_the_own_inbox(world: MemoryWorld) -> None:
    for number in range(5):
        told = Notification(f"n{number}", "battery_low", VEHICLE, BRAND, NOON + number, {"x": 1.0})
        await world.inbox.put(Item(f"d{number}", PersonId(BRAND, "user-ada"), told, NOON))
    first = await ask(inbox.read_inbox, "ada", query={"limit": "3"})
    rest = await ask(inbox.read_inbox, "ada", query={"limit": "3", "cursor": first.body["cursor"]})
    assert [item["id"] for item in first.body["items"] + rest.body["items"]] == ["d4", "d3", "d2", "d1", "d0"]
    assert rest.body["cursor"] is None
    assert (await ask(inbox.read_inbox, "ben")).body["items"] == []


@pytest.mark.parametrize("limit", ["0", "101", "-1", "1.5", "many", "١", "9" * 5000])
async def test_a_page_has_one_to_a_hundred_items(world: MemoryWorld, limit: str) -> None:
    assert (await ask(inbox.read_inbox, "ada", query={"limit": limit})).code == "invalid_query"


async def test_a_cursor_that_is_none_is_refused(world: MemoryWorld) -> None:
    assert (await ask(inbox.read_inbox, "ada", query={"cursor": "garbage"})).code == "invalid_cursor"


async def test_a_vehicle_has_no_inbox_and_a_person_no_ledger(world: MemoryWorld) -> None:
    assert (await ask(inbox.read_inbox, "car")).code == "forbidden"
    assert (await ask(ledger.read_books, "ada")).code == "forbidden"
    assert (await ask(ledger.read_books)).body == {"partitions": []}


# ---- what is wrong with a request


@pytest.mark.parametrize("token", [None, "unknown", "a" * 9000])
async def test_without_a_token_that_holds_nothing_is_answered(world: MemoryWorld, token: str | None) -> None:
    answer = await ask(states.read_vehicle_state, token, vehicle_id=VEHICLE)
    assert (answer.status, answer.code) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer  ", "Basic operator", "operator"])
async def test_another_authorization_than_a_bearer_token_is_none(world: MemoryWorld, header: str) -> None:
    answer = await ask(states.read_vehicle_state, None, headers={"authorization": header}, vehicle_id=VEHICLE)
    assert answer.code == "unauthenticated"


BODIES: dict[str, bytes] = {
    "nothing": b"",
    "not JSON": b"{",
    "no object": b"[]",
    "NaN": b'{"plan": NaN}',
    "ten thousand deep": b"[" * 10_000,
    "a lone surrogate": b'{"plan": "\\ud800"}',
    "a NUL": b'{"plan": "a\\u0000"}',
    "no UTF-8": b'{"plan": "\xff"}',
    "a missing field": b"{}",
    "an unknown field": b'{"plan": "comfort", "price": 0}',
    "a number for a text": b'{"plan": 7}',
    "a time without a zone": b'{"plan": "comfort", "startsAt": "2026-01-01T00:00:00"}',
    "an endless name": b'{"plan": "' + b"x" * 65 + b'"}',
}


@pytest.mark.parametrize("name", BODIES)
async def test_a_body_that_does_not_fit_is_a_problem(world: MemoryWorld, name: str) -> None:
    answer = await ask(sales.subscribe_vehicle, body=BODIES[name], vehicle_id=VEHICLE)
    assert (answer.status, answer.code) == (400, "invalid_body")


@pytest.mark.parametrize(
    "change",
    [{"vin": "short"}, {"modelYear": 1979}, {"modelYear": "2026"}, {"roles": {"user-ben": "king"}}, {"color": "x"}],
)
async def test_a_vehicle_that_does_not_fit_is_a_problem(world: MemoryWorld, change: dict[str, Any]) -> None:
    answer = await ask(vehicles.register_vehicle, body=NEW | change)
    assert (answer.status, answer.code) == (400, "invalid_body")
    assert next(iter(change)) in answer.body["detail"]


async def test_a_body_may_be_as_large_as_the_limit_and_no_larger(world: MemoryWorld) -> None:
    body = b'{"plan": "comfort"}'
    full = body + b" " * (LARGEST_BODY - len(body))
    assert (await ask(sales.subscribe_vehicle, body=full, vehicle_id=VEHICLE)).status == 201
    answer = await ask(sales.subscribe_vehicle, body=full + b" ", vehicle_id=VEHICLE)
    assert (answer.status, answer.code) == (413, "body_too_large")


@pytest.mark.parametrize("media_type", ["", "text/plain", "application/xml", "application/jsonx"])
async def test_another_media_type_is_not_read(world: MemoryWorld, media_type: str) -> None:
    headers = {"content-type": media_type}
    answer = await ask(sales.subscribe_vehicle, body={"plan": "comfort"}, headers=headers, vehicle_id=VEHICLE)
    assert (answer.status, answer.code) == (415, "unsupported_media_type")


@pytest.mark.parametrize("key", ["", "white space", "x" * 129, "clé"])
async def test_an_idempotency_key_is_visible_ascii(world: MemoryWorld, key: str) -> None:
    answer = await ask(vehicles.register_vehicle, body=NEW, headers={"idempotency-key": key})
    assert answer.code == "invalid_header"


async def test_an_outage_asks_to_come_again(world: MemoryWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    async def down(vehicle_id: str) -> None:
        raise Unavailable("the store is away")

    monkeypatch.setattr(world.profiles, "load", down)
    answer = await ask(states.read_vehicle_state, vehicle_id=VEHICLE)
    assert (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "unavailable", "5")


async def test_a_defect_is_a_problem_that_tells_nothing(world: MemoryWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world, "profiles", None)
    answer = await ask(states.read_vehicle_state, vehicle_id=VEHICLE)
    assert (answer.status, answer.code) == (500, "internal")
    assert "NoneType" not in answer.body["detail"]


async def test_what_is_not_served_is_not_found_and_another_method_is_named(world: MemoryWorld) -> None:
    assert (await ask(fallback.no_such_route, path="v1/nothing")).code == "not_found"
    answer = await ask(fallback.no_such_route, path=f"v1/Vehicles/{VEHICLE}/state/")
    assert (answer.status, answer.code, answer.headers["Allow"]) == (405, "method_not_allowed", "GET")

"""Nothing that an operator or a partner asks for goes unrecorded, and nobody fills the audit."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from functions import entitlements, garage, parked, vehicles, webhooks
from functions.http import ROUTES, Route
from functions.recording import UNRECORDED
from shared.codec.documents import access_document
from shared.domain import audit
from shared.domain.audit import BLOCK, LONGEST, RECORDS_A_DAY, UNRESERVED, Access
from shared.domain.person import PersonId
from shared.domain.principal import Kind, Principal
from shared.errors import Unavailable
from shared.use_cases.trail import Trail
from tests.examples import BRAND, NOON, VEHICLE
from tests.functions.conftest import ask
from tests.functions.test_authorisation import asked, populated
from tests.memory import MemoryAudit, MemoryWorld

PARTITION = 20 * 10**9
"""Bytes of a logical partition of Cosmos DB."""
STORED_WITH = 250
"""Bytes of what Cosmos DB adds to a document: `_rid`, `_self`, `_etag`, `_attachments`, `_ts`."""
WITH_TOKEN = [route for route in ROUTES if not route.public]
OPERATOR = Principal("operator-1", BRAND, Kind.OPERATOR, NOON)


# ---- by default


def test_a_route_is_recorded_unless_the_table_of_exceptions_says_why_not() -> None:
    assert UNRECORDED.keys() <= {route.name for route in WITH_TOKEN}, "an exception for no route"
    assert all(len(reason) > 20 for reason in UNRECORDED.values())
    assert {r.name for r in WITH_TOKEN if not r.recorded} == UNRECORDED.keys()
    changing = {r.name for r in WITH_TOKEN if r.name in UNRECORDED and not r.reads}
    assert not changing, "what changes anything has no exception"
    others = {r.name for r in WITH_TOKEN if r.reads and r.method != "GET"}
    assert others == {"check_entitlements", "preview_template"}, "reading by another method than GET"


@pytest.mark.parametrize("route", WITH_TOKEN, ids=lambda route: route.name)
@pytest.mark.parametrize("caller", ["operator", "partner"])
async def test_what_operators_and_partners_ask_for_is_recorded(
    monkeypatch: pytest.MonkeyPatch, route: Route, caller: str
) -> None:
    world = populated(monkeypatch)
    await asked(world, route, caller, "own")
    found = [a for a in world.audit.held.values() if a.what == route.name]
    if route.name in UNRECORDED:
        assert not found
        return
    assert {a.who for a in found} == {world.tokens.held[caller].subject}
    assert "{vehicle_id}" not in route.template or "veh-own" in {a.whose for a in found}


@pytest.mark.parametrize("route", [r for r in WITH_TOKEN if r.recorded], ids=lambda route: route.name)
@pytest.mark.parametrize("caller", ["operator", "partner"])
async def test_what_cannot_be_recorded_is_not_done(monkeypatch: pytest.MonkeyPatch, route: Route, caller: str) -> None:
    world = populated(monkeypatch)

    async def down(access: Access) -> None:
        raise Unavailable("the store is away")

    monkeypatch.setattr(world.audit, "record", down)
    before = contents(world)
    answer = await asked(world, route, caller, "own")
    assert answer.status == 503
    assert contents(world) == before


def contents(world: MemoryWorld) -> str:
    """Everything that is stored or sent."""
    shelves: list[Any] = [
        world.states,
        world.profiles,
        world.people,
        world.catalogs,
        world.inbox,
        world.endpoints,
        world.wordings,
    ]
    stored = [sorted((key, repr(held)) for key, held in stored.shelf.held.items()) for stored in shelves]
    plain: list[Any] = [world.rules.held, world.profiles.rules, world.profiles.said, world.profiles.lines]
    plain += [world.vocabularies.held, world.brands.fresh, world.brands.codes, world.brands.preferences]
    plain += [world.brands.trips, world.parking.held, world.exports.held, world.histories.found]
    plain += [world.notifications.sent, world.deliveries.sent, world.wakes.sent, world.caller.sent]
    return repr((stored, plain))


@pytest.mark.parametrize("token", ["ada", "car"])
async def test_people_and_vehicles_are_not_put_on_record(world: MemoryWorld, token: str) -> None:
    await ask(vehicles.read_vehicle, token, vehicle_id=VEHICLE)
    assert not world.audit.held


# ---- what a record says


async def test_each_change_is_recorded_and_reading_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    world = populated(monkeypatch)
    for url in ("https://partner.example/a", "https://partner.example/b"):
        await ask(webhooks.put_webhook, "operator", {"url": url}, endpoint_id="whe-own")
    for _ in range(5):
        await ask(webhooks.list_webhooks, "operator")
    found = sorted((a.what, a.detail) for a in world.audit.held.values())
    assert found == [
        ("list_webhooks", ""),
        ("put_webhook", "endpoint_id=whe-own"),
        ("put_webhook", "endpoint_id=whe-own"),
    ]


async def test_people_stand_in_records_under_their_pseudonym_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    world = populated(monkeypatch)
    await ask(garage.remove_member, "operator", vehicle_id="veh-own", user_id="user-ben")
    query = {"userId": "user-cleo"}
    await ask(entitlements.list_entitlements, "operator", query=query, vehicle_id="veh-own")
    route = next(r for r in ROUTES if r.name == "read_dead_letter")
    await asked(world, route, "operator", "own")
    said = repr(list(world.audit.held.values()))
    assert "user-" not in said
    for user in ("user-ben", "user-cleo"):
        assert PersonId(BRAND, user).pseudonym in said


async def test_entitlements_that_are_asked_of_a_vehicle_in_a_body_are_found_by_the_vehicle(world: MemoryWorld) -> None:
    body = {"vehicleId": VEHICLE, "features": ["live-traffic"], "userId": "user-ada"}
    await ask(entitlements.check_entitlements, "operator", body)
    found = await world.audit.of(VEHICLE)
    assert {a.what for a in found} == {"check_entitlements", "explain_entitlement"}


# ---- how many there are


def trail_of(store: MemoryAudit, monkeypatch: pytest.MonkeyPatch | None = None, limit: int | None = None) -> Trail:
    if monkeypatch is not None:
        monkeypatch.setattr(audit, "RECORDS_A_DAY", limit)
    return Trail(store)


async def test_beyond_the_records_of_a_day_a_callers_requests_are_only_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryAudit()
    trail, limit = trail_of(store, monkeypatch, 200), 200
    for _ in range(1_000):
        await trail.record(OPERATOR, "put_webhook", each=True)
    assert len(store.held) == limit + UNRESERVED
    (tally,) = await store.counted(BRAND, "2026-11-22")
    assert 1_000 - len(store.held) <= tally.counted <= 1_000 - len(store.held) + BLOCK
    assert (tally.who, tally.what) == ("operator-1", "put_webhook")


async def test_all_instances_share_the_records_of_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    store, instances = MemoryAudit(), 10
    monkeypatch.setattr(audit, "RECORDS_A_DAY", 200)
    trails = [Trail(store) for _ in range(instances)]
    for _ in range(100):
        for trail in trails:
            await trail.record(OPERATOR, "put_webhook", each=True)
    assert len(store.held) <= 200 + instances * UNRESERVED
    (tally,) = await store.counted(BRAND, "2026-11-22")
    assert len(store.held) + tally.counted >= 1_000


async def test_a_flood_of_one_route_hides_nothing_that_is_done_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryAudit()
    trail = trail_of(store, monkeypatch, 100)
    for number in range(500):
        await trail.record(OPERATOR, "read_vehicle", f"veh-{number}")
    await trail.record(OPERATOR, "put_webhook", "", "endpoint_id=whe-1", each=True)
    await trail.record(replace(OPERATOR, subject="operator-2"), "read_vehicle", "veh-1")
    found = [(a.who, a.what) for a in store.held.values()]
    assert ("operator-1", "put_webhook") in found
    assert ("operator-2", "read_vehicle") in found


async def test_what_cannot_be_counted_is_not_done(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryAudit()
    trail = trail_of(store, monkeypatch, 100)
    for _ in range(500):
        await trail.record(OPERATOR, "put_webhook", each=True)

    async def down(*_: object) -> None:
        raise Unavailable("the store is away")

    monkeypatch.setattr(store, "commit_tally", down)
    asked = [trail.record(OPERATOR, "put_webhook", each=True) for _ in range(BLOCK + 1)]
    assert any(isinstance(done, Unavailable) for done in await asyncio.gather(*asked, return_exceptions=True))


async def test_a_new_day_has_records_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryAudit()
    trail = trail_of(store, monkeypatch, 100)
    for _ in range(500):
        await trail.record(OPERATOR, "put_webhook", each=True)
    before = len(store.held)
    await trail.record(replace(OPERATOR, at=NOON + 86_400_000), "put_webhook", each=True)
    assert len(store.held) == before + 1


def test_a_partition_holds_a_day_on_which_three_hundred_routes_of_callers_are_at_their_limit() -> None:
    longest = Access("i" * 36, "b" * 64, NOON, "w" * 128, "w" * 40, "w" * LONGEST, "w" * LONGEST)
    record = len(json.dumps(access_document(longest))) + STORED_WITH
    assert record * RECORDS_A_DAY * 300 < PARTITION


async def test_the_record_of_a_day_is_read_a_page_at_a_time_with_what_was_only_counted(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "RECORDS_A_DAY", 100)
    for number in range(300):
        await world.trail.record(OPERATOR, "read_vehicle", f"veh-{number}")
    first = await ask(parked.read_audit, query={"limit": "100"})
    assert len(first.body["items"]) == 100
    assert [(c["who"], c["what"]) for c in first.body["counted"]] == [("operator-1", "read_vehicle")]
    rest = await ask(parked.read_audit, query={"limit": "100", "cursor": first.body["cursor"]})
    assert rest.body["items"][0] != first.body["items"][0]
    assert (rest.body["counted"], rest.body["cursor"]) == ([], None)


async def test_replaying_what_stays_parked_is_recorded_within_the_same_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "RECORDS_A_DAY", 100)
    world = populated(monkeypatch)
    for _ in range(200):
        await ask(parked.replay_parked, "operator", name="2026-11-22_telemetry-own")
    found = [a for a in world.audit.held.values() if a.what == "replay_parked"]
    assert len(found) <= 100 + UNRESERVED

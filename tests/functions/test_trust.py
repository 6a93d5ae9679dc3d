"""What callers are held to: limits, records, no more in a body than was asked for; and what they can rely on."""

from dataclasses import replace
from typing import Any

import pytest

from functions import catalog, entitlements, garage, inbox, notifications, people, sales, telling, vehicles, wake
from functions.http import ROUTES
from shared.codec import messages
from shared.domain.audit import ONE_RECORD
from shared.domain.entitlement import CACHE_FOR
from shared.domain.limits import Buckets
from shared.domain.notification import Audience, Notification
from shared.domain.person import EXPORTS, PersonId
from shared.domain.principal import Kind, Principal
from shared.errors import Unavailable
from shared.settings import read
from tests.examples import BRAND, NOON, VEHICLE, VIN
from tests.functions.conftest import ask
from tests.functions.test_authorisation import BODIES, ROUTED, handler
from tests.functions.test_events import message, work_off
from tests.memory import MemoryWorld
from tests.unit.test_settings import AZURE

ADA = PersonId(BRAND, "user-ada")

# ---- limits


def test_a_bucket_holds_its_burst_and_fills_up_at_its_rate() -> None:
    buckets = Buckets(rate=10, burst=3)
    assert [buckets.take("a", 0.0) for _ in range(4)] == [0, 0, 0, 0.1]
    assert buckets.take("b", 0.0) == 0
    assert [buckets.take("a", 0.1), buckets.take("a", 0.1)] == [0, 0.1]
    assert [buckets.take("a", 99.0) for _ in range(4)] == [0, 0, 0, 0.1]


def test_a_caller_may_ask_a_hundred_times_a_second_and_four_hundred_at_once() -> None:
    settings = read(AZURE)
    assert (settings.requests_per_second, settings.request_burst) == (100, 400)


async def test_who_asks_too_much_is_told_when_to_come_again(world: MemoryWorld) -> None:
    world.limits = Buckets(rate=0.5, burst=2)
    answers = [await ask(vehicles.read_vehicle, "ada", vehicle_id=VEHICLE) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert (answers[2].code, answers[2].headers["Retry-After"]) == ("too_many_requests", "2")
    assert (await ask(vehicles.read_vehicle, "car", vehicle_id=VEHICLE)).status == 200


# ---- mass assignment

EXTRA = {"ownedSince": 0, "status": "active", "paid": 12, "brand2": "borealis", "verified": True, "role2": "primary"}
OF_PEOPLE: dict[str, Any] = {
    "claim_vehicle": {"vin": VIN, "code": "GOOD"},
    "accept_invitation": {"token": f"{VEHICLE}.GOOD"},
    "check_entitlements": {"vehicleId": VEHICLE, "features": ["live-traffic"]},
}
EVERY_BODY = BODIES | OF_PEOPLE
WITH_BODIES = [r for r in ROUTES if r.asks is not None and "signals" not in r.name]


@pytest.mark.parametrize("route", WITH_BODIES, ids=lambda route: route.name)
@pytest.mark.parametrize("field", EXTRA)
async def test_a_body_with_more_than_was_asked_for_is_refused(world: MemoryWorld, route: Any, field: str) -> None:
    body, caller = EVERY_BODY[route.name] | {field: EXTRA[field]}, "ada" if route.name in OF_PEOPLE else "operator"
    routed = ROUTED | {"vehicle_id": VEHICLE, "feature": "new", "plan": "new", "endpoint_id": "whe-1"}
    answer = await ask(handler(route), caller, body, route=routed)
    assert (answer.status, answer.code) == (400, "invalid_body")


def test_every_route_with_a_body_was_tried_but_those_that_take_any_tree() -> None:
    assert {route.name for route in ROUTES if route.asks is not None} == {
        *(route.name for route in WITH_BODIES),
        "load_signals",
        "overlay_signals",
    }


# ---- records


async def test_what_an_operator_sees_of_people_is_on_record_once_a_minute_and_what_a_person_sees_is_not(
    world: MemoryWorld,
) -> None:
    for token in ("operator", "operator", "ada"):
        await ask(vehicles.read_vehicle, token, vehicle_id=VEHICLE)
    await ask(garage.read_members, vehicle_id=VEHICLE)
    found = [(a.who, a.what, a.whose) for a in world.audit.held.values()]
    assert found == [("operator-1", "read_vehicle", VEHICLE), ("operator-1", "read_members", VEHICLE)]
    caller = Principal("operator-1", BRAND, Kind.OPERATOR, at=next(iter(world.audit.held.values())).at + ONE_RECORD)
    await world.trail.record(caller, "read_vehicle", VEHICLE)
    assert len(world.audit.held) == 3


async def test_what_cannot_be_put_on_record_is_not_shown(world: MemoryWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    async def down(access: object) -> None:
        raise Unavailable("the store is away")

    monkeypatch.setattr(world.audit, "record", down)
    assert (await ask(vehicles.read_vehicle, vehicle_id=VEHICLE)).status == 503
    assert (await ask(vehicles.read_vehicle, "ada", vehicle_id=VEHICLE)).status == 200


async def test_a_decision_is_on_record_and_that_it_was_explained_too(world: MemoryWorld) -> None:
    route = {"vehicle_id": VEHICLE, "feature": "live-traffic"}
    await ask(entitlements.check_entitlement, route=route)
    assert [a.what for a in world.audit.held.values()] == ["check_entitlement"]
    await ask(entitlements.check_entitlement, route=route, query={"explain": "true"})
    assert [a.what for a in world.audit.held.values()] == ["check_entitlement", "explain_entitlement"]


# ---- decisions


async def check(world: MemoryWorld, token: str = "ada", **query: str) -> Any:
    route = {"vehicle_id": VEHICLE, "feature": "live-traffic"}
    return await ask(entitlements.check_entitlement, token, route=route, query=query)


async def test_while_the_store_is_away_reads_are_answered_from_what_was_known_and_commands_fail(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ask(sales.subscribe_vehicle, body={"plan": "comfort"}, vehicle_id=VEHICLE)
    fresh = await check(world)
    assert (fresh.body["allowed"], fresh.body["stale"]) == (True, False)

    async def down(vehicle_id: str) -> None:
        raise Unavailable("the store is away")

    monkeypatch.setattr(world.profiles, "load", down)
    held = world.checks._held[VEHICLE]
    world.checks._held[VEHICLE] = replace(held, at=held.at - 10_000)
    stale = await check(world)
    assert (stale.status, stale.body["allowed"], stale.body["stale"]) == (200, True, True)
    assert stale.body["cacheFor"] in (289, 290)
    assert (await check(world, use="command")).status == 503
    assert (await check(world, "ben")).status == 404, "whose access was not there then has none now"
    assert (await ask(entitlements.issue_passport, "car", vehicle_id=VEHICLE)).status == 503
    world.checks._held[VEHICLE] = replace(held, at=held.at - CACHE_FOR)
    assert (await check(world)).status == 503, "for five minutes"


async def test_a_hundred_features_are_decided_at_once_and_not_one_more(world: MemoryWorld) -> None:
    body = {"vehicleId": VEHICLE, "features": ["live-traffic"] * 100}
    answer = await ask(entitlements.check_entitlements, "ada", body)
    assert len(answer.body["decisions"]) == 100
    body["features"] = ["live-traffic"] * 101
    assert (await ask(entitlements.check_entitlements, "ada", body)).code == "invalid_body"


async def test_all_features_are_listed_and_explained(world: MemoryWorld) -> None:
    answer = await ask(entitlements.list_entitlements, "ada", vehicle_id=VEHICLE, query={"explain": "true"})
    assert [d["feature"] for d in answer.body["decisions"]] == ["remote-climate", "live-traffic", "sharing"]
    needs = {need["need"]: need["met"] for need in answer.body["decisions"][0]["needs"]}
    assert needs == {"role": True, "terms": True, "hardware": True, "vehicle_status": True} | {
        "not_subscribed": False,
        "disabled_by_user": True,
    }


async def test_only_an_operator_asks_for_another_person(world: MemoryWorld) -> None:
    assert (await check(world, "ada", userId="user-ben")).code == "forbidden"
    assert (await check(world, "ada", userId="user-ada")).status == 200
    assert (await check(world, "operator", userId="user-ben")).body["reasons"] == ["role", "not_subscribed"]


@pytest.mark.parametrize("query", [{"explain": "yes"}, {"use": "write"}])
async def test_a_query_that_does_not_fit_is_a_problem(world: MemoryWorld, query: dict[str, str]) -> None:
    assert (await check(world, "ada", **query)).code == "invalid_query"


async def test_a_passport_holds_what_the_vehicle_may_use(world: MemoryWorld) -> None:
    import json

    await ask(sales.subscribe_vehicle, body={"plan": "comfort"}, vehicle_id=VEHICLE)
    await ask(sales.grant_feature, body={"feature": "sharing"}, vehicle_id=VEHICLE)
    claims = json.loads((await ask(entitlements.issue_passport, "car", vehicle_id=VEHICLE)).body["passport"])
    assert claims["exp"] - claims["iat"] == 7 * 86_400
    assert claims["features"].keys() == {"remote-climate", "live-traffic", "sharing"}
    assert claims["features"]["sharing"] == {"until": None, "config": {"guests": 2}}
    assert isinstance(claims["features"]["live-traffic"]["until"], int)


# ---- the catalogue


async def test_single_features_and_plans_are_put_and_taken_away(world: MemoryWorld) -> None:
    feature = {"id": "seats", "kind": "static", "config": {"warm": 3}, "needs": {"capabilities": ["heated"]}}
    assert (await ask(catalog.put_feature, body=feature, feature="seats")).body["config"] == {"warm": 3}
    plan = {"id": "winter", "features": ["seats"], "period": "P1M", "price": 300, "graceDays": 3}
    assert (await ask(catalog.put_plan, body=plan, plan="winter")).body["version"] == 1
    assert (await ask(catalog.put_plan, body=plan | {"price": 400}, plan="winter")).body["version"] == 2
    assert (await ask(catalog.put_plan, body=plan | {"price": 400}, plan="winter")).body["version"] == 2
    taken = await ask(catalog.drop_feature, feature="seats")
    assert (taken.status, taken.code) == (409, "unknown_feature")
    assert (await ask(catalog.drop_plan, plan="winter")).status == 204
    assert (await ask(catalog.drop_feature, feature="seats")).status == 204
    assert (await ask(catalog.drop_feature, feature="seats")).status == 404


@pytest.mark.parametrize(
    "feature",
    [
        {"id": "x", "kind": "static"},
        {"id": "x", "config": {"a": 1}},
        {"id": "y"},
        {"id": "x", "needs": {"roles": ["king"]}},
        {"id": "x", "needs": {"statuses": []}},
    ],
)
async def test_a_feature_that_does_not_fit_is_refused(world: MemoryWorld, feature: dict[str, Any]) -> None:
    assert (await ask(catalog.put_feature, body=feature, feature="x")).code == "invalid_body"


async def test_the_shipped_catalogue_is_one_and_what_is_read_of_it_can_be_put_again(world: MemoryWorld) -> None:
    import json
    from pathlib import Path

    shipped = json.loads((Path(__file__).parent.parent.parent / "shared" / "catalog.json").read_text())
    answer = await ask(catalog.publish_catalog, body=shipped)
    assert (answer.status, len(answer.body["features"]) >= 20) == (200, True)
    sold = {feature for plan in answer.body["plans"] for feature in plan["features"]}
    assert sold == {feature["id"] for feature in answer.body["features"]}, "all of it can be bought"
    found = (await ask(catalog.read_catalog)).body
    assert (await ask(catalog.publish_catalog, body=found)).body == found


# ---- sales over HTTP


async def test_a_person_tries_pays_cancels_and_the_books_hold_it_all(world: MemoryWorld) -> None:
    tried = await ask(sales.subscribe_vehicle, "ada", {"plan": "tried"}, vehicle_id=VEHICLE)
    assert (tried.status, tried.body["state"]) == (201, "trialing")
    route = {"vehicle_id": VEHICLE, "subscription_id": tried.body["id"]}
    paid = await ask(sales.report_payment, body={"term": 1, "result": "paid"}, route=route)
    assert (paid.body["paidTerms"], paid.body["state"]) == (1, "trialing")
    await ask(sales.report_payment, body={"term": 2, "result": "failed"}, route=route)
    ending = await ask(sales.cancel_subscription, "ada", {"at": "period_end"}, route=route)
    assert ending.body["cancelsAt"] == ending.body["accessEndsAt"]
    assert (await ask(sales.resume_subscription, "ada", route=route)).body["cancelsAt"] is None
    changed = await ask(sales.change_subscription, "ada", {"plan": "open"}, route=route)
    assert (changed.body["plan"]["id"], changed.body["state"]) == ("open", "scheduled")
    assert (await ask(sales.cancel_subscription, "ada", {"at": "now"}, route=route)).body["state"] == "cancelled"
    again = await ask(sales.cancel_subscription, "ada", {"at": "now"}, route=route)
    assert (again.status, again.code) == (409, "subscription_ended")
    books = (await ask(sales.read_books_of_sale, "ada", route=route)).body["items"]
    assert [entry["what"] for entry in books] == [
        "bought",
        "paid",
        "payment_failed",
        "cancelling",
        "resumed",
        "changing",
        "cancelled",
    ]
    assert [entry["by"] for entry in books[:3]] == ["user", "operator", "operator"]
    assert (await ask(sales.read_books_of_sale, "ada", vehicle_id=VEHICLE, subscription_id="none")).status == 404


async def test_only_an_operator_sells_from_another_moment(world: MemoryWorld) -> None:
    body = {"plan": "comfort", "startsAt": "2099-01-01T00:00:00Z"}
    for token in ("ada", "operator"):
        assert (await ask(sales.subscribe_vehicle, token, body, vehicle_id=VEHICLE)).code == "invalid_body"


async def test_a_grant_names_a_feature_that_there_is_and_ends_after_it_starts(world: MemoryWorld) -> None:
    assert (await ask(sales.grant_feature, body={"feature": "none"}, vehicle_id=VEHICLE)).code == "unknown_feature"
    past = {"feature": "sharing", "endsAt": "2020-01-01T00:00:00Z"}
    assert (await ask(sales.grant_feature, body=past, vehicle_id=VEHICLE)).code == "invalid_body"
    made = await ask(sales.grant_feature, body={"feature": "sharing"}, vehicle_id=VEHICLE)
    route = {"vehicle_id": VEHICLE, "grant_id": made.body["id"]}
    ends = (await ask(sales.revoke_grant, route=route)).body["endsAt"]
    assert ends is not None
    assert (await ask(sales.revoke_grant, route=route)).body["endsAt"] == ends
    assert (await ask(sales.revoke_grant, vehicle_id=VEHICLE, grant_id="none")).status == 404


# ---- telling


def about(audience: Audience, *named: str, at: int = NOON) -> Notification:
    return Notification("n-1", "kind", VEHICLE, BRAND, at, {}, None, frozenset({audience}), named)


async def planned(notification: Notification) -> None:
    await notifications.plan_notification(message(messages.encode_notification(notification, 0)))


async def test_who_is_told_is_the_owner_or_who_was_named_and_nobody_learns_who_else(world: MemoryWorld) -> None:
    for audience, named, expected in (
        (Audience.PRIMARY, (), ["user-ada"]),
        (Audience.NAMED, ("user-zoe", "user-ada"), ["user-ada", "user-zoe"]),
    ):
        world.inbox.shelf.held.clear()
        await planned(about(audience, *named))
        assert [i.recipient.user for i in world.inbox.items] == expected
        assert all(i.notification.named == () for i in world.inbox.items)


@pytest.mark.parametrize(("at", "arrives"), [(NOON, True), (NOON - 1, False)])
async def test_nobody_is_told_what_was_before_they_had_access(world: MemoryWorld, at: int, arrives: bool) -> None:
    held = world.profiles.shelf.held[VEHICLE]
    since = replace(held.value.members["user-ada"], since=NOON)
    world.profiles.shelf.held[VEHICLE] = replace(held, value=replace(held.value, members={"user-ada": since}))
    await planned(about(Audience.USERS, at=at))
    assert bool(world.inbox.items) == arrives


@pytest.mark.parametrize(("forgotten", "arrives"), [(None, True), (NOON - 1, True), (NOON, False)])
async def test_who_was_named_is_told_without_access_but_not_once_forgotten(
    world: MemoryWorld, forgotten: int | None, arrives: bool
) -> None:
    zoe = PersonId(BRAND, "user-zoe")
    if forgotten is not None:
        await world.people.forget(zoe, forgotten)
    await planned(about(Audience.NAMED, "user-zoe"))
    assert bool(world.inbox.items) == arrives


async def test_two_brands_people_of_one_id_are_two(world: MemoryWorld) -> None:
    await planned(about(Audience.NAMED, "user-ada"))
    world.tokens.held["namesake"] = Principal("user-ada", "borealis", Kind.USER)
    assert len((await ask(inbox.read_inbox, "ada")).body["items"]) == 1
    assert (await ask(inbox.read_inbox, "namesake")).body["items"] == []


# ---- people


async def test_one_export_is_on_its_way_at_a_time_and_five_are_remembered(world: MemoryWorld) -> None:
    first = (await ask(people.export_person, "ada")).body
    assert (first["status"], (await ask(people.export_person, "ada")).body["id"]) == ("waiting", first["id"])
    for _ in range(EXPORTS + 1):
        made = (await ask(people.export_person, "ada")).body
        await wake.wake_due(message(messages.encode_wake(str(ADA), 0, person=True)))
        done = await ask(people.read_export, "ada", export_id=made["id"])
        assert (done.body["status"], done.body["url"].startswith(world.public_url)) == ("done", True)
    assert (await ask(people.read_export, "ada", export_id=first["id"])).status == 404
    assert len((await world.people.load(ADA)).value.exports) == EXPORTS


async def test_a_link_to_an_export_needs_no_token_and_holds_for_a_quarter_of_an_hour(world: MemoryWorld) -> None:
    made = (await ask(people.export_person, "ada")).body
    await wake.wake_due(message(messages.encode_wake(str(ADA), 0, person=True)))
    found = (await ask(people.read_export, "ada", export_id=made["id"])).body
    sealed = found["url"].rpartition("/")[2]
    answer = await ask(people.fetch_export, None, sealed=sealed)
    assert (answer.status, answer.body["userId"]) == (200, "user-ada")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    other = world.codes.seal(f"{ADA}/charging_finished")
    for wrong in (sealed[:-1], other, world.codes.seal(f"x:export:{made['id']}:{2**60}"), ""):
        assert (await ask(people.fetch_export, None, sealed=wrong)).status == 404
    assert (await ask(telling.unsubscribe, None, sealed=sealed)).status == 404
    ends = int(world.codes.unseal(sealed).rpartition(":")[2])
    world.clock.at = ends
    assert (await ask(people.fetch_export, None, sealed=sealed)).status == 404


async def test_an_export_under_the_same_key_is_the_same(world: MemoryWorld) -> None:
    key = {"idempotency-key": "mine"}
    first = (await ask(people.export_person, "ada", headers=key)).body["id"]
    await wake.wake_due(message(messages.encode_wake(str(ADA), 0, person=True)))
    assert (await ask(people.export_person, "ada", headers=key)).body["id"] == first
    other = await ask(people.export_person, "ada", {"another": "body"}, headers=key)
    assert (other.status, other.code) == (422, "idempotency_key_reused")


async def test_an_erasure_that_fails_on_the_way_is_gone_on_with_by_the_timer(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = await ask(people.erase_person, "ada")
    assert (asked.status, asked.body["status"]) == (202, "erasing")
    assert (await ask(people.erase_person, "ada")).body == asked.body
    claim = await ask(garage.claim_vehicle, "ada", {"vin": VIN, "code": "ANY"})
    assert (claim.status, claim.code) == (409, "being_forgotten")

    async def down(*_: object) -> None:
        raise Unavailable("the store is away")

    wakes = [due for _, due in world.wakes.contents]
    with monkeypatch.context() as away:
        away.setattr(world.inbox, "forget", down)
        await wake.wake_due(message(messages.encode_wake(str(ADA), wakes[0], person=True)))
    person = (await world.people.load(ADA)).value
    assert person.erasure is not None
    assert (person.erasure.first_done, person.lease, person.due) == (False, None, person.erasure.asked_at)
    await work_off(world, ADA)
    again = (await world.people.load(ADA)).value
    assert again.erasure is not None
    assert again.erasure.first_done
    assert again.due == again.erasure.not_before > person.erasure.asked_at
    await work_off(world, ADA)
    assert str(ADA) in world.people.shelf.held, "the second pass waits until all is settled"
    world.clock.at += world.everywhere.settles
    await work_off(world, ADA)
    assert str(ADA) not in world.people.shelf.held
    assert [a.whose for a in world.audit.held.values()] == [ADA.pseudonym]

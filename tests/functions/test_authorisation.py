"""The matrix of who may do what holds for every route that is served; and nothing leaks to whoever asks at random."""

import json
import os
from collections import defaultdict
from dataclasses import replace
from random import Random
from typing import Any

import pytest

import function_app
from functions.http import ROUTES, Route
from shared.codec.rules import rule_document
from shared.codec.trails import dead_letter_id
from shared.domain.conditions import DEFAULTS
from shared.domain.garage import Code, Invitation, Member, Role, digest_of
from shared.domain.held import Held
from shared.domain.history import day_of
from shared.domain.inbox import Delivery, Item, Outcome, endpoint_recipient, item_id
from shared.domain.kinds import Channel
from shared.domain.notification import Notification
from shared.domain.parked import Parked
from shared.domain.period import DAY
from shared.domain.person import Export, Person, PersonId
from shared.domain.policy import Exclusion, Mode, Privacy
from shared.domain.principal import Kind, Principal, Scope
from shared.domain.profile import Consent, Profile
from shared.domain.sales import bought, granted
from shared.domain.span import Span
from shared.domain.subscription import Grant
from shared.domain.trips import Trip
from shared.domain.vehicle import VehicleState
from shared.domain.webhooks import Endpoint
from tests.examples import CATALOG, NOON, PROFILE
from tests.functions import conftest
from tests.functions.conftest import Answer, ask
from tests.functions.matrix import CALLERS, COLUMNS, Cell, cells, routes
from tests.memory import MemoryWorld

VEHICLES = {"own": "veh-own", "others": "veh-others", "foreign": "veh-foreign", "absent": "veh-absent"}
VINS = {
    "own": "ZZZAURRA0DEM00001",
    "others": "ZZZAURRA0DEM00002",
    "foreign": "ZZZAURRA0DEM00003",
    "absent": "ZZZAURRA0DEM00009",
}
TRIP = f"trip-{NOON}"
SCOPES = frozenset(scope.value for scope in Scope)
PRINCIPALS = {
    "operator": Principal("operator-1", "aurora", Kind.OPERATOR),
    "rival operator": Principal("operator-1", "borealis", Kind.OPERATOR),
    "primary": Principal("user-ada", "aurora", Kind.USER),
    "secondary": Principal("user-ben", "aurora", Kind.USER),
    "guest": Principal("user-cleo", "aurora", Kind.USER),
    "past guest": Principal("user-dag", "aurora", Kind.USER),
    "stranger": Principal("user-eva", "aurora", Kind.USER),
    "namesake": Principal("user-ada", "borealis", Kind.USER),
    "itself": Principal("veh-own", "aurora", Kind.VEHICLE),
    "other vehicle": Principal("veh-others", "aurora", Kind.VEHICLE),
    "partner": Principal("partner-1", "aurora", Kind.PARTNER, scopes=SCOPES),
    "partner without scopes": Principal("partner-1", "aurora", Kind.PARTNER),
    "partner without consent": Principal("partner-2", "aurora", Kind.PARTNER, scopes=SCOPES),
}
BODIES: dict[str, Any] = {
    "register_vehicle": {"vin": "ZZZAURRA0DEM00077", "region": "eu", "model": "Polar", "modelYear": 2026},
    "load_signals": {"Vehicle.Speed": {"type": "sensor", "datatype": "float"}},
    "overlay_signals": {},
    "set_freshness": {"liveSeconds": 1, "staleSeconds": 2},
    "set_trip_settings": {"minimumMetres": 200, "minimumSeconds": 60},
    "set_trouble_codes": {"codes": {}},
    "publish_catalog": {"features": [], "plans": []},
    "put_feature": {"id": "new"},
    "put_plan": {"id": "new", "features": ["live-traffic"], "period": "P1M"},
    "invite_member": {"role": "secondary"},
    "switch_service": {"enabled": False},
    "replay_all_parked": {},
    "change_privacy": {"mode": "offline"},
    "give_consent": {"granted": True, "text": "terms"},
    "publish_default_rules": {"rules": []},
    "put_vehicle_rule": rule_document(replace(DEFAULTS[0], id="rule-1")),
    "subscribe_vehicle": {"plan": "tried"},
    "cancel_subscription": {"at": "now"},
    "change_subscription": {"plan": "tried"},
    "report_payment": {"term": 2, "result": "paid"},
    "grant_feature": {"feature": "sharing"},
    "put_preferences": {"locale": "de"},
    "put_contact": {"email": "somebody@aurora.example"},
    "put_notification_defaults": {"cap": 3},
    "put_template": {"parts": {"title": "a", "body": "b"}},
    "preview_template": {"kind": "silent", "channel": "inbox", "locale": "de"},
    "make_webhook": {"url": "https://partner.example/hook"},
    "put_webhook": {"url": "https://partner.example/hook"},
}
ROUTED = {
    "feature": "live-traffic",
    "plan": "open",
    "subscription_id": "sub-1",
    "grant_id": "grant-1",
    "invitation_id": "inv-1",
    "rule_id": "rule-1",
    "trip_id": TRIP,
    "purpose": "history",
    "user_id": "user-ben",
    "kind": "silent",
    "channel": "inbox",
    "locale": "de",
}


def handler(route: Route) -> Any:
    modules = (*function_app.EVENTS, *function_app.ROUTES)
    return next(found for module in modules if (found := getattr(module, route.name, None)) is not None)


def profile(column: str) -> Profile:
    """The owner, a secondary user and guests; what is sold and granted; a code and an invitation that are open."""
    vehicle, now = VEHICLES[column], NOON
    people = {"user-ada": Member(Role.PRIMARY), "user-ben": Member(Role.SECONDARY)}
    people["user-cleo"] = Member(Role.GUEST, 0, 0, now + DAY)
    people["user-dag"] = Member(Role.GUEST, 0, 0, now - DAY)
    members = people if column == "own" else {"user-zoe": Member(Role.PRIMARY), "user-ben2": Member(Role.SECONDARY)}
    if column != "own":
        members["user-ben"] = Member(Role.GUEST, 0, 0, now - DAY)
    brand = "borealis" if column == "foreign" else "aurora"
    agreed = {"partner.partner-1": Consent("partner.partner-1", 1, True, "terms", 30, "user-ada", NOON)}
    made = replace(PROFILE, vehicle_id=vehicle, vin=VINS[column], brand=brand, members=members, model=f"Mark-{column}")
    made = bought(made, CATALOG.sold(CATALOG.plans["comfort"]), "sub-1", now, now, "operator")
    made = granted(made, Grant("grant-1", "sharing", {"guests": 1}, now, None), now, "operator")
    invitation = Invitation("inv-1", Member(Role.SECONDARY), digest_of(vehicle, "GOOD"), now + DAY)
    code = Code(digest_of(vehicle, "GOOD"), now + DAY, transfers=True)
    return replace(made, consents=agreed if column == "own" else {}, invitations=(invitation,), code=code, rules=1)


def populated(monkeypatch: pytest.MonkeyPatch) -> MemoryWorld:
    world = conftest.placed(monkeypatch)
    for column in ("own", "others", "foreign"):
        made = profile(column)
        world.profiles.vins[made.vin] = made.vehicle_id
        world.profiles.shelf.commit(made.vehicle_id, made, None)
        world.profiles.lines += [(made.vehicle_id, entry) for entry in made.fresh]
        world.profiles.rules[made.vehicle_id] = (1, (replace(DEFAULTS[0], id="rule-1"),))
        world.states.shelf.commit(made.vehicle_id, VehicleState(made.vehicle_id, made.policy()), None)
        trip = Trip(TRIP, made.vehicle_id, Span(NOON, NOON + 1), 1, "speed", (None, None), None, None, ())
        world.histories.found[made.vehicle_id, TRIP] = trip
        world.parking.held["telemetry", column] = Parked(
            "telemetry", column, NOON, made.vehicle_id, "not_json", "", b"x"
        )
    for brand in ("aurora", "borealis"):
        catalog = replace(CATALOG, brand=brand)
        unused = replace(catalog.features["live-traffic"], id="unused")
        world.catalogs.shelf.commit(brand, catalog.with_feature(unused), None)
        world.wordings.shelf.commit(brand, {("silent", Channel.INBOX, "de"): {"title": "a", "body": "b"}}, None)
    for column, user in (("own", "user-ada"), ("others", "user-zoe"), ("foreign", "user-zoe")):
        _told(world, column, user, "borealis" if column == "foreign" else "aurora")
    ada = PersonId("aurora", "user-ada")
    world.people.shelf.commit(str(ada), Person(ada, exports=(Export("exp-own", NOON),)), None)
    world.exports.held["exp-own"] = Held(NOON, Person(ada), (), (), ())
    world.tokens.held = dict(PRINCIPALS)
    return world


def _told(world: MemoryWorld, column: str, user: str, brand: str) -> None:
    """Something of which mail failed, and of which a partner's system was told."""
    told = Notification(f"n-{column}", "silent", VEHICLES[column], brand, NOON, {})
    mail = {Channel.EMAIL: Delivery(Outcome.FAILED, reason="smtp 550")}
    item = Item(_item(column), PersonId(brand, user), told, NOON, deliveries=mail)
    world.inbox.shelf.commit(f"{item.recipient}/{item.id}", item, None)
    partner, url = "partner-9" if column == "others" else "partner-1", "https://partner.example/hook"
    endpoint = Endpoint(f"whe-{column}", brand, partner, url, frozenset(), NOON)
    world.endpoints.shelf.commit(f"{brand}/{endpoint.id}", endpoint, None)
    recipient, called = endpoint_recipient(brand, endpoint.id, NOON), {Channel.WEBHOOK: Delivery(Outcome.SENT)}
    event = Item(f"event-{column}", recipient, told, NOON, deliveries=called)
    world.inbox.shelf.commit(f"{recipient}/{event.id}", event, None)


async def asked(world: MemoryWorld, route: Route, caller: str, column: str) -> Answer:
    return await ask(handler(route), **right_request(world, route, caller, column))


def right_request(world: MemoryWorld, route: Route, caller: str, column: str) -> dict[str, Any]:
    """A request that is right in every part, by a caller, about the vehicle of a column: what `ask` is told."""
    vehicle = VEHICLES[column]
    routed = ROUTED | {"vehicle_id": vehicle, "export_id": f"exp-{column}"}
    routed["name"] = f"2026-11-22_telemetry-{column}"
    routed |= {"item_id": _item(column), "notification_id": f"n-{column}", "endpoint_id": f"whe-{column}"}
    routed |= {"event_id": f"{day_of(NOON)}.event-{column}", "letter_id": _letter(column)}
    link = f":export:exp-own:{NOON + DAY}" if route.name == "fetch_export" else "aurora:user-ada/silent"
    routed["sealed"] = world.codes.seal(link)
    body = BODIES.get(route.name)
    if route.name == "make_webhook" and "operator" in caller:
        body = {**BODIES[route.name], "partner": "partner-1"}
    if route.name == "drop_feature":
        routed["feature"] = "unused"
    if route.name in ("put_feature", "put_plan"):
        routed |= {"feature": "new", "plan": "new"}
    if route.name == "check_entitlements":
        body = {"vehicleId": vehicle, "features": ["live-traffic"]}
    if route.name == "claim_vehicle":
        body = {"vin": VINS[column], "code": "GOOD" if column == "own" else "WRONG"}
    if route.name == "accept_invitation":
        body = {"token": f"{vehicle}.{'GOOD' if column == 'own' else 'WRONG'}"}
    query = {"path": "Vehicle.Speed"} if route.name == "read_history" else {}
    if route.name == "remove_member" and column != "own":
        routed["user_id"] = "user-ben2"
    token = None if caller == "nobody" else caller
    return {"token": token, "body": body, "query": query, "route": routed}


def _letter(column: str) -> str:
    user = "user-ada" if column == "own" else "user-zoe"
    return dead_letter_id(Item(_item(column), PersonId("", user), Notification("n", "k", "v", "", 0, {}), 0))


def _item(column: str) -> str:
    return item_id(f"n-{column}", PersonId("", "user-ada" if column == "own" else "user-zoe"))


def outcome(answer: Answer) -> str:
    assert answer.status < 500, answer
    return str(answer.status) if answer.status in (401, 403, 404) else "ok"


def test_every_route_that_is_served_has_its_row() -> None:
    assert routes().keys() == {route.name for route in ROUTES}
    assert len(cells()) == len(ROUTES) * len(CALLERS) * len(COLUMNS)


BY_ROUTE: dict[str, list[Cell]] = defaultdict(list)
for one in cells():
    BY_ROUTE[one.route].append(one)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
async def test_every_answer_is_the_one_that_was_written_down(monkeypatch: pytest.MonkeyPatch, route: Route) -> None:
    for cell in BY_ROUTE[route.name]:
        world = populated(monkeypatch)
        answer = await asked(world, route, cell.caller, cell.column)
        assert outcome(answer) == cell.expected, (cell, answer)


async def test_absent_and_not_yours_are_the_very_same_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    for route in (r for r in ROUTES if "{vehicle_id}" in r.template):
        world = populated(monkeypatch)
        foreign, absent = [await asked(world, route, "stranger", column) for column in ("foreign", "absent")]
        assert (foreign.status, foreign.body) == (absent.status, absent.body)


# ---- random pairs

PAIRS = 100_000 if os.environ.get("PROVE") else 2_000
READS = ("read_vehicle", "read_vehicle_state", "read_members", "list_entitlements", "read_sales", "read_privacy")


def _drawn(random: Random) -> tuple[Principal, Profile, str]:
    brands, people = ("aurora", "borealis"), ("user-ada", "user-ben", "veh-own", "partner-1")
    scopes = frozenset(scope.value for scope in Scope if random.random() < 0.5)
    who = Principal(random.choice(people), random.choice(brands), random.choice(list(Kind)), scopes=scopes)
    now, members = NOON, dict[str, Member]()
    for user in people:
        if random.random() < 0.4:
            window = random.choice([(0, None), (0, now - DAY), (now + DAY, None), (now - DAY, now + DAY)])
            primary = not any(m.role is Role.PRIMARY for m in members.values())
            role = random.choice(list(Role)) if primary else random.choice([Role.SECONDARY, Role.GUEST])
            members[user] = Member(role, 0, *window)
    granted = random.random() < 0.5
    consents = {"partner.partner-1": Consent("partner.partner-1", 1, granted, "t", 30, "x", 0)}
    privacy = Privacy((Exclusion(Mode.OFFLINE, 0),)) if random.random() < 0.2 else Privacy()
    marked = replace(PROFILE, vehicle_id="veh-own", brand=random.choice(brands), members=members)
    return who, replace(marked, consents=consents, privacy=privacy, model="MARK", vin=VINS["own"]), random.choice(READS)


def _may(who: Principal, profile: Profile, route: str) -> bool:
    """Written another way than the product's: what a person would say who may read what."""
    if who.brand != profile.brand:
        return False
    owners_only = route in ("read_members", "read_sales")
    if who.kind == "operator":
        return True
    if who.kind == "vehicle":
        return who.subject == "veh-own" and not owners_only
    if who.kind == "partner":
        scope = {"read_vehicle": "vehicle", "read_vehicle_state": "state", "list_entitlements": "entitlements"}.get(
            route
        )
        return scope in who.scopes and who.subject == "partner-1" and profile.consents["partner.partner-1"].granted
    member, now = profile.members.get(who.subject), NOON
    if member is None or member.starts_at > now or (member.ends_at is not None and member.ends_at <= now):
        return False
    return member.role == "primary" or not owners_only


async def test_nothing_leaks_to_whoever_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    random, world = Random(1), conftest.placed(monkeypatch)
    by_name, allowed = {route.name: route for route in ROUTES}, 0
    for brand in ("aurora", "borealis"):
        world.catalogs.shelf.commit(brand, replace(CATALOG, brand=brand), None)
    for _ in range(PAIRS):
        who, profile, name = _drawn(random)
        world.profiles.shelf.held.clear()
        world.states.shelf.held.clear()
        world.profiles.shelf.commit("veh-own", profile, None)
        world.states.shelf.commit("veh-own", VehicleState("veh-own", profile.policy()), None)
        world.tokens.held = {"who": who}
        answer = await ask(handler(by_name[name]), "who", vehicle_id="veh-own")
        may = _may(who, profile, name)
        allowed += may
        assert (answer.status == 200) == may, (who, profile.members, name, answer)
        if not may:
            text = json.dumps(answer.body)
            assert "MARK" not in text
            assert VINS["own"] not in text
    assert PAIRS / 10 < allowed < PAIRS * 9 / 10

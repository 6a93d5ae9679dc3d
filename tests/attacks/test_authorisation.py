"""What callers get who may not, or may no more: repeated requests, made-up VINs, guests who were lent one feature."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from functions import deliveries, garage, notifications, sightings, states, vehicles, webhooks
from functions.http import ROUTES, Route
from shared.codec import messages
from shared.codec.offers import catalog as stored_catalog
from shared.codec.offers import catalog_document
from shared.domain.catalog import Data, Needs
from shared.domain.garage import CODE_LIVES, SHOWN_FOR, Membership, Role
from shared.domain.geo import Place
from shared.domain.kinds import Channel
from shared.domain.location import Fix, Location
from shared.domain.notification import Notification
from shared.domain.person import Contact, Person, PersonId
from shared.domain.policy import Status
from shared.domain.preferences import ANY, Preferences
from shared.domain.principal import Kind, Principal, Scope
from shared.domain.rules import Episode
from shared.domain.vehicle import Connection, Reading
from tests.examples import BRAND, CATALOG, NOON, VEHICLE, VIN
from tests.functions.conftest import Answer, ask
from tests.functions.matrix import cells
from tests.functions.test_authorisation import VINS, asked, populated
from tests.functions.test_events import message
from tests.functions.test_garage import claim, code_of
from tests.memory import MemoryWorld

KEY = {"idempotency-key": "again"}

# ---- repeated requests


async def test_who_was_removed_is_not_answered_again_what_accepting_once_gave(world: MemoryWorld) -> None:
    invitation = (await ask(garage.invite_member, "ada", {"role": "secondary"}, vehicle_id=VEHICLE)).body["token"]
    first = await ask(garage.accept_invitation, "ben", {"token": invitation}, headers=KEY)
    again = await ask(garage.accept_invitation, "ben", {"token": invitation}, headers=KEY)
    assert (first.status, first.body) == (again.status, again.body) == (201, again.body)
    await ask(garage.remove_member, "ada", vehicle_id=VEHICLE, user_id="user-ben")
    assert (await ask(garage.accept_invitation, "ben", {"token": invitation}, headers=KEY)).code == "code_rejected"


async def test_a_guest_whose_time_is_over_is_not_answered_again(world: MemoryWorld) -> None:
    body = {"role": "guest", "endsAt": "2026-11-22T13:00:00Z"}
    invitation = (await ask(garage.invite_member, "ada", body, vehicle_id=VEHICLE)).body["token"]
    assert (await ask(garage.accept_invitation, "ben", {"token": invitation}, headers=KEY)).status == 201
    world.clock.at += 3_600_000
    assert (await ask(garage.accept_invitation, "ben", {"token": invitation}, headers=KEY)).code == "code_rejected"


async def test_who_sold_the_vehicle_is_not_answered_again_what_claiming_once_gave(world: MemoryWorld) -> None:
    code = await code_of(garage.make_transfer_code, "ada")
    first = await claim("ben", code, headers=KEY)
    assert (await claim("ben", code, headers=KEY)).body == first.body
    await claim("ada", await code_of(garage.make_transfer_code, "ben"))
    assert (await claim("ben", code, headers=KEY)).code == "code_rejected"


@pytest.mark.parametrize("ends", ["used", "expired", "replaced"])
async def test_a_code_that_is_worth_nothing_any_more_is_not_shown_again(world: MemoryWorld, ends: str) -> None:
    made = await ask(garage.make_transfer_code, "operator", headers=KEY, vehicle_id=VEHICLE)
    assert (await ask(garage.make_transfer_code, "operator", headers=KEY, vehicle_id=VEHICLE)).body == made.body
    if ends == "used":
        assert (await claim("ben", made.body["code"])).status == 201
    elif ends == "expired":
        world.clock.at += CODE_LIVES
    else:
        await code_of(garage.make_transfer_code, "ada")
    again = await ask(garage.make_transfer_code, "operator", headers=KEY, vehicle_id=VEHICLE)
    assert (again.status, again.code) == (409, "code_spent")
    assert made.body["code"] not in str(again.body)


@pytest.mark.parametrize("ends", ["accepted", "withdrawn", "ten minutes ago"])
async def test_an_invitation_is_not_shown_again_once_it_is_over_or_ten_minutes_old(
    world: MemoryWorld, ends: str
) -> None:
    async def invited() -> Answer:
        return await ask(garage.invite_member, "ada", {"role": "secondary"}, headers=KEY, vehicle_id=VEHICLE)

    made = await invited()
    assert (await invited()).body == made.body
    if ends == "accepted":
        assert (await ask(garage.accept_invitation, "ben", {"token": made.body["token"]})).status == 201
    elif ends == "withdrawn":
        await ask(garage.withdraw_invitation, "ada", vehicle_id=VEHICLE, invitation_id=made.body["id"])
    else:
        world.clock.at += SHOWN_FOR
    assert (await invited()).code == "code_spent"


async def test_the_secret_of_an_endpoint_is_not_shown_again_after_ten_minutes_or_once_it_was_rotated(
    world: MemoryWorld,
) -> None:
    scopes = frozenset({Scope.NOTIFICATIONS})
    world.tokens.held["partner"] = Principal("partner-1", BRAND, Kind.PARTNER, scopes=scopes)

    async def made(key: str) -> Answer:
        body, headers = {"url": "https://partner.example/hook"}, {"idempotency-key": key}
        return await ask(webhooks.make_webhook, "partner", body, headers=headers)

    first = await made("one")
    assert (await made("one")).body == first.body
    world.clock.at += SHOWN_FOR
    assert "secret" not in (await made("one")).body
    other = await made("two")
    await ask(webhooks.rotate_webhook_secret, "partner", endpoint_id=other.body["id"])
    assert "secret" not in (await made("two")).body


async def test_an_owner_of_before_repeats_nothing_of_what_was_bought_or_made(world: MemoryWorld) -> None:
    code = await ask(garage.make_transfer_code, "ada", headers=KEY, vehicle_id=VEHICLE)
    await ask(garage.invite_member, "ada", {"role": "secondary"}, headers=KEY, vehicle_id=VEHICLE)
    assert (await claim("ben", code.body["code"])).status == 201
    for handler, body in ((garage.make_transfer_code, None), (garage.invite_member, {"role": "secondary"})):
        assert (await ask(handler, "ada", body, headers=KEY, vehicle_id=VEHICLE)).status == 404


# ---- VINs and ids of others

PORTS = ("profiles", "states", "people", "catalogs", "rules", "histories", "inbox", "endpoints", "brands", "audit")


@contextmanager
def counting(world: MemoryWorld, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """How often each call of a store is made."""
    calls = Counter[str]()
    with monkeypatch.context() as patch:
        for port in PORTS:
            found = getattr(world, port)
            for name in dir(type(found)):
                method = getattr(found, name)
                if not name.startswith("_") and callable(method) and not isinstance(method, type):
                    patch.setattr(found, name, _counted(f"{port}.{name}", method, calls))
        yield calls


def _counted(name: str, method: Any, calls: Counter[str]) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        calls[name] += 1
        return method(*args, **kwargs)

    return call


async def test_a_vin_of_another_brand_is_claimed_with_the_same_answer_and_the_same_reads_as_an_unknown_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = list[Any]()
    for column in ("foreign", "absent"):
        world = populated(monkeypatch)
        with counting(world, monkeypatch) as calls:
            answer = await ask(garage.claim_vehicle, "stranger", {"vin": VINS[column], "code": "GOOD"})
        seen.append((answer.status, answer.body, answer.headers, dict(calls)))
    assert seen[0] == seen[1]
    assert seen[0][3]["profiles.load"] == 1


async def test_an_operator_finds_a_vin_of_another_brand_no_more_than_an_unknown_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = list[Any]()
    for column in ("foreign", "absent"):
        world = populated(monkeypatch)
        with counting(world, monkeypatch) as calls:
            answer = await ask(vehicles.list_vehicles, "operator", query={"vin": VINS[column]})
        seen.append((answer.status, answer.body, answer.headers, dict(calls)))
    assert seen[0] == seen[1]
    assert seen[0][1] == {"items": [], "cursor": None}


CALLERS = ("operator", "stranger", "primary", "itself", "partner", "partner without consent")


@pytest.mark.parametrize("route", [r for r in ROUTES if "{vehicle_id}" in r.template], ids=lambda route: route.name)
async def test_a_vehicle_of_another_brand_is_read_as_often_as_one_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, route: Route
) -> None:
    for caller in CALLERS:
        seen = list[Any]()
        for column in ("foreign", "absent"):
            world = populated(monkeypatch)
            with counting(world, monkeypatch) as calls:
                answer = await asked(world, route, caller, column)
            seen.append((answer.status, answer.body, answer.headers, dict(calls)))
        assert seen[0] == seen[1], (route.name, caller)
        assert seen[0][0] in (403, 404)


@pytest.mark.parametrize("name", ["check_entitlements", "accept_invitation"])
async def test_nor_is_one_that_the_body_names(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    route = next(route for route in ROUTES if route.name == name)
    for caller in ("stranger", "primary"):
        seen = list[Any]()
        for column in ("foreign", "absent"):
            world = populated(monkeypatch)
            with counting(world, monkeypatch) as calls:
                answer = await asked(world, route, caller, column)
            seen.append((answer.status, answer.body, answer.headers, dict(calls)))
        assert seen[0] == seen[1], (name, caller)


def test_the_vin_of_these_examples_is_the_registered_one() -> None:
    assert VINS["own"] == VIN


# ---- guests who were lent some features only

NEVER = None
LIMITED: dict[str, list[set[str]] | None] = {
    "read_vehicle": [set()],
    "check_entitlements": [set()],
    "list_entitlements": [set()],
    "check_entitlement": [set()],
    "issue_passport": [set()],
    "read_passport_status": [set()],
    "read_vehicle_state": [{"state"}, {"position"}],
    "read_history": [{"history"}],
    "list_charges": [{"history"}],
    "list_trips": [{"history", "position"}],
    "read_trip": [{"history", "position"}],
    "read_vehicle_rules": [{"rules"}],
    "read_privacy": NEVER,
    "read_consents": NEVER,
}
"""What a feature that was lent has to show for a route to be answered: any of these sets. The first ones say which
vehicle it is and what may be used, never what it reported."""
SETS = [set[str](), *({data.value} for data in Data), {"history", "position"}, {data.value for data in Data}]


def lends(world: MemoryWorld, shows: Iterable[str], vehicle: str = "veh-own", **change: Any) -> None:
    """The guest of a vehicle is lent one feature, which shows this."""
    held = world.profiles.shelf.held[vehicle]
    guest = replace(held.value.members["user-cleo"], features=frozenset({"live-traffic"}))
    after = replace(held.value, members={**held.value.members, "user-cleo": guest}, **change)
    world.profiles.shelf.held[vehicle] = replace(held, value=after)
    catalog = world.catalogs.shelf.held[BRAND]
    feature = replace(
        catalog.value.features["live-traffic"], needs=Needs(terms=False), shows=frozenset(map(Data, shows))
    )
    world.catalogs.shelf.held[BRAND] = replace(catalog, value=catalog.value.with_feature(feature))


def test_every_route_on_a_vehicle_that_guests_may_use_is_decided_for_those_who_were_lent_a_feature() -> None:
    whole = {cell.route for cell in cells() if (cell.caller, cell.column, cell.expected) == ("guest", "own", "ok")}
    named = {route.name for route in ROUTES if "{vehicle_id}" in route.template} | {"check_entitlements"}
    assert whole & named == LIMITED.keys()


@pytest.mark.parametrize("name", LIMITED)
async def test_who_was_lent_a_feature_is_answered_what_it_shows(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    route, needs = next(route for route in ROUTES if route.name == name), LIMITED[name]
    for shows in SETS:
        world = populated(monkeypatch)
        lends(world, shows)
        answer = await asked(world, route, "guest", "own")
        may = needs is not NEVER and any(need <= shows for need in needs)
        assert answer.status == (200 if may else 403), (name, shows, answer)


async def test_a_feature_that_may_not_be_used_now_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    route = next(route for route in ROUTES if route.name == "read_vehicle_state")
    for change in ({"off": frozenset({"live-traffic"})}, {"subscriptions": ()}, {"status": Status.SUSPENDED}):
        world = populated(monkeypatch)
        lends(world, ["state"], **change)
        assert (await asked(world, route, "guest", "own")).status == 403


SEEN = {
    "Vehicle.Speed": Reading(50.0, NOON),
    "Vehicle.CurrentLocation.Latitude": Reading(48.1, NOON),
    "Vehicle.CurrentLocation.Heading": Reading(90.0, NOON),
    "Vehicle.Powertrain.TractionBattery.Charging.EvseId": Reading("DEAURE00017", NOON),
}


def reported(world: MemoryWorld) -> None:
    held = world.states.shelf.held["veh-own"]
    about: dict[str, Any] = {
        "signals": SEEN,
        "newest": NOON,
        "seen_at": NOON,
        "episodes": {"home": Episode(NOON, True)},
    }
    about |= {"location": Location(Fix(Place(48.1, 11.1), NOON)), "connection": Connection(True, NOON, "1")}
    world.states.shelf.held["veh-own"] = replace(held, value=replace(held.value, **about))
    membership = Membership("veh-own", "user-cleo", Role.GUEST, 1)
    held_person = Person(PersonId(BRAND, "user-cleo"), memberships={"veh-own": membership})
    world.people.shelf.commit(str(held_person.id), held_person, None)


@pytest.mark.parametrize(
    ("shows", "signals", "rest"),
    [
        (["state"], {"Vehicle.Speed"}, {"lastSeenAt", "newestAt", "connected"}),
        (["position"], SEEN.keys() - {"Vehicle.Speed"}, set[str]()),
        (["state", "position"], SEEN.keys(), {"lastSeenAt", "newestAt", "connected"}),
    ],
)
async def test_the_state_is_cut_to_what_the_feature_shows(
    monkeypatch: pytest.MonkeyPatch, shows: list[str], signals: set[str], rest: set[str]
) -> None:
    world = populated(monkeypatch)
    lends(world, shows)
    reported(world)
    shown = (await ask(states.read_vehicle_state, "guest", vehicle_id="veh-own")).body
    assert shown["signals"].keys() == signals
    assert {name for name in ("lastSeenAt", "newestAt", "connected") if shown[name] is not None} == rest
    assert shown["episodes"] == []


async def test_a_map_shows_who_was_lent_a_feature_just_what_it_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    async def on_the_map(shows: list[str]) -> list[dict[str, Any]]:
        world = populated(monkeypatch)
        lends(world, shows)
        reported(world)
        found: list[dict[str, Any]] = (await ask(sightings.read_sightings, "guest")).body["items"]
        return found

    assert await on_the_map([]) == await on_the_map(["history", "rules", "notifications"]) == []
    (state,) = await on_the_map(["state"])
    assert (state["place"], state["heading"], state["speed"], state["episodes"]) == (None, None, 50.0, 0)
    (position,) = await on_the_map(["position"])
    assert position["place"]["latitude"] == 48.1
    assert [position[name] for name in ("lastSeenAt", "speed", "connected", "episodes")] == [None, None, None, 0]
    (whole,) = await on_the_map([data.value for data in Data])
    assert (whole["place"]["latitude"], whole["speed"], whole["connected"], whole["episodes"]) == (48.1, 50.0, True, 1)


async def test_history_of_a_place_is_shown_only_with_places(monkeypatch: pytest.MonkeyPatch) -> None:
    for path in ("Vehicle.CurrentLocation.Latitude", "Vehicle.Bay"):
        for shows, status in ((["history"], 403), (["history", "position"], 200)):
            world = populated(monkeypatch)
            lends(world, shows)
            answer = await ask(states.read_history, "guest", query={"path": path}, vehicle_id="veh-own")
            assert answer.status == status


@pytest.mark.parametrize(
    ("shows", "told"), [([], False), (["state", "position", "rules"], False), (["notifications"], True)]
)
async def test_who_was_lent_a_feature_is_told_what_the_vehicles_rules_find_only_if_it_says_so(
    monkeypatch: pytest.MonkeyPatch, shows: list[str], told: bool
) -> None:
    world = populated(monkeypatch)
    lends(world, shows)
    entered = Notification("n-1", "geofence_entered", "veh-own", BRAND, NOON, {"rule": "home", "latitude": 48.1})
    await notifications.plan_notification(message(messages.encode_notification(entered, 0)))
    recipients = {item.recipient.user for item in world.inbox.items if item.notification.id == "n-1"}
    assert ("user-cleo" in recipients) == told
    assert {"user-ada", "user-ben"} <= recipients


async def test_mail_that_waited_is_not_sent_to_a_guest_whose_access_was_cut_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = populated(monkeypatch)
    cleo = PersonId(BRAND, "user-cleo")
    person = Person(cleo, contact=Contact("cleo@aurora.example", NOON, NOON))
    world.people.shelf.commit(str(cleo), person, None)
    entered = Notification("n-1", "geofence_entered", "veh-own", BRAND, NOON, {"rule": "home", "latitude": 48.1})
    on = {ANY: {Channel.EMAIL: True}}
    world.brands.preferences[BRAND] = Preferences(channels=on)
    await notifications.plan_notification(message(messages.encode_notification(entered, 0)))
    turns = [turn for turn in world.deliveries.contents if turn.recipient == cleo]
    assert len(turns) == 1
    lends(world, [])
    await deliveries.deliver_notification(message(messages.encode_turn(turns[0], 0)))
    assert world.mailer.sent == []


async def test_a_catalogue_that_was_stored_before_shows_guests_nothing_and_is_read_all_the_same() -> None:
    document = catalog_document(CATALOG)
    for feature in document["features"]:
        del feature["shows"]
    assert stored_catalog(document) == CATALOG

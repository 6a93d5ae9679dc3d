"""What is stored and shown of people: places in private, refused history, silent cars, and changes of owner."""

import json
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

import azure.functions as func
import pytest

from functions import brands, garage, notifications, privacy, sales, sightings, states, wake
from shared.codec import messages
from shared.codec.documents import profile as stored_profile
from shared.codec.documents import profile_document
from shared.codec.places import STORED, leaves_of
from shared.codec.states import state as read_state
from shared.codec.states import state_document
from shared.domain.clearing import CLEARINGS, STEP, Clearing, cleared_from, with_clearing
from shared.domain.folding import fold, forgotten
from shared.domain.history import DAY, day_of
from shared.domain.policy import Mode, Status
from shared.domain.principal import Kind, Principal, Scope
from shared.domain.profile import Profile
from shared.domain.vehicle import CLOSES_AFTER, VehicleState
from shared.use_cases.privacy import BEGINS_AFTER, Wish, change_mode
from tests.examples import BOOK, BRAND, NOON, PROFILE, STATE, VEHICLE, cloud_event, encoded, event
from tests.functions.conftest import Answer, ask
from tests.functions.field.car import Car, drive, parked, place
from tests.functions.test_events import ingest, message, received
from tests.memory import MemoryWorld

HOUR, MINUTE = 3_600_000, 60_000
PLACES, OTHERS = (sorted(leaves_of(json.loads(STORED.read_text())[name])) for name in ("places", "notPlaces"))
ALL_TIME = {"from": "2026-11-10T00:00:00Z", "to": "2026-12-05T00:00:00Z", "limit": "100"}


def stored(world: MemoryWorld) -> VehicleState:
    found: VehicleState = world.states.shelf.held[VEHICLE].value
    return found


def profile(world: MemoryWorld) -> Profile:
    return world.profiles.shelf.held[VEHICLE].value


async def woken(world: MemoryWorld) -> None:
    """The timer comes, and everything that is due is looked after."""
    await wake.sweep_due(func.TimerRequest())
    due, world.wakes.sent[:] = [vehicle for vehicle, _ in world.wakes.contents], []
    for vehicle in due:
        await wake.wake_due(message(messages.encode_wake(vehicle, world.clock())))


# ---- places, leaf by leaf


def mark(path: str) -> str:
    return f"planted-{[*PLACES, *OTHERS].index(path):04}"


async def texts_of(world: MemoryWorld, paths: list[str], **own: Any) -> Answer:
    """The brand understands these signals as texts that can hold a mark, under the names that VSS or it gave them."""
    tree: dict[str, Any] = {}
    for path in paths:
        *branches, name = path.split(".")
        at = tree
        for branch in branches:
            at = at.setdefault(branch, {"children": {}})["children"]
        at[name] = {"datatype": "string", **own}
    return await ask(brands.overlay_signals, body=tree)


async def test_of_every_leaf_of_vss_just_those_that_tell_no_place_are_kept_without_position(world: MemoryWorld) -> None:
    assert len(PLACES) + len(OTHERS) == 1_267
    assert (await texts_of(world, [*PLACES, *OTHERS])).status == 200
    wish = Wish(Mode.NO_POSITION, None, None, "digest")
    ada = Principal("user-ada", BRAND, Kind.USER)
    await change_mode(ada, VEHICLE, wish, lambda: NOON - BEGINS_AFTER, world.reach)
    for number, paths in enumerate((PLACES, OTHERS, [*PLACES, *OTHERS]), 1):
        seen = {"time": moment(number), "signals": {path: mark(path) for path in paths}}
        await ingest(received(number, encoded(cloud_event(sequence=str(number), data={"samples": [seen]}))))
    everything = repr((world.states.shelf.held, world.histories.chunks, world.parking.held, world.ledgers.shelf.held))
    assert [path for path in PLACES if mark(path) in everything] == []
    assert [path for path in OTHERS if mark(path) not in everything] == []
    assert stored(world).location.fix is None
    assert stored(world).track.anchor is None


@pytest.mark.parametrize("path", PLACES)
async def test_no_overlay_makes_a_place_none(world: MemoryWorld, path: str) -> None:
    assert (await texts_of(world, [path], place=False)).status == 400


def moment(second: float) -> str:
    return datetime.fromtimestamp(NOON / 1000 + second, UTC).isoformat()


# ---- refused history


@pytest.fixture
def car(world: MemoryWorld) -> Car:
    """The registered vehicle, at noon, of an owner whom a partner and an operator look over the shoulder."""
    world.tokens.held["partner"] = Principal("partner-1", BRAND, Kind.PARTNER, scopes=frozenset({Scope.HISTORY}))
    return Car(world)


async def says(granted: bool, days: int = 30, purpose: str = "history") -> None:
    body = {"granted": granted, "text": "terms", "days": days}
    assert (await ask(privacy.give_consent, "ada", body, vehicle_id=VEHICLE, purpose=purpose)).status == 200


async def history(token: str, path: str = "Vehicle.Speed") -> list[Any]:
    answer = await ask(states.read_history, token, query={"path": path, **ALL_TIME}, vehicle_id=VEHICLE)
    found: list[Any] = answer.body["points"]
    return found


async def looked_back(token: str) -> list[int]:
    """How many readings, trips and charges somebody is shown."""
    trips = (await ask(states.list_trips, token, query=ALL_TIME, vehicle_id=VEHICLE)).body["items"]
    charges = (await ask(states.list_charges, token, query=ALL_TIME, vehicle_id=VEHICLE)).body["items"]
    return [len(await history(token)), len(trips), len(charges)]


async def lived(car: Car) -> None:
    """A drive, a charge, a second drive of which the last samples are still in the open chunk."""
    await car.report(drive(0, 20), parked(25, 60, soc=50.0, charging=True, cable=True))
    await car.report(parked(86, 10, charging=False, cable=False), drive(120, 20))
    await car.report(drive(160, 3))


async def test_who_refuses_history_sees_none_at_once_and_so_does_everybody_else(car: Car) -> None:
    await says(True, purpose="partner.partner-1")
    await lived(car)
    assert min(await looked_back("ada")) > 0
    trip = (await car.trips())[0]["id"]
    await says(False)
    for token in ("ada", "operator", "partner", "car"):
        assert await looked_back(token) == [0, 0, 0], token
        assert (await ask(states.read_trip, token, vehicle_id=VEHICLE, trip_id=trip)).status == 404


async def test_what_was_kept_goes_with_the_refusal_chunks_trips_charges_and_what_rides_in_the_state(car: Car) -> None:
    await lived(car)
    assert car.world.histories.chunks
    assert car.world.histories.found
    assert stored(car.world).open.samples
    await says(False)
    assert stored(car.world).open.samples == ()
    assert [entry for entry in stored(car.world).outbox if not hasattr(entry, "facts")] == []
    await car.wait(car_minutes(car) + 20)
    assert (car.world.histories.chunks, car.world.histories.found) == ({}, {})
    assert profile(car.world).clearing == ()


def car_minutes(car: Car) -> float:
    return (car.world.clock() - NOON) / MINUTE


async def test_what_was_on_its_way_when_history_was_refused_is_found_by_a_second_pass(car: Car) -> None:
    await lived(car)
    on_its_way = next(iter(car.world.histories.chunks.values()))
    await says(False)
    await car.wait(car_minutes(car) + 6)
    assert car.world.histories.chunks == {}
    await car.world.histories.put(on_its_way)
    await car.wait(car_minutes(car) + 20)
    assert car.world.histories.chunks == {}


async def test_of_who_refused_history_no_times_of_trips_are_left_in_the_state(car: Car) -> None:
    await says(False)
    await lived(car)
    await car.wait(300)
    assert stored(car.world).track.outdated == ()
    assert stored(car.world).open.samples == ()
    assert (car.world.histories.chunks, car.world.histories.found) == ({}, {})
    await woken(car.world)
    assert (await car.world.states.due(car.world.clock())).items == [], "and the timer does not come for ever"


async def test_what_was_seen_while_history_was_refused_is_not_kept_after_it_was_agreed_to_again(car: Car) -> None:
    await says(False)
    await car.report(drive(0, 5))
    await car.wait(30)
    await says(True)
    await car.upload(31, {minute: {"speed": 42.0} for minute in (10, 11, 12, 31)})
    assert [point["value"] for point in await history("ada")] == [42.0], "the last one alone"
    await car.wait(300)
    assert len(await history("operator")) == 1


async def test_what_was_seen_while_an_owner_refused_history_is_not_kept_for_the_next_one(car: Car) -> None:
    await says(False)
    await car.wait(30)
    await handed_on_to("ben")
    await car.upload(31, {minute: {"speed": 42.0} for minute in (10, 11, 12)})
    await car.wait(300)
    assert await history("operator") == []


async def test_who_agrees_to_fewer_days_is_shown_no_more_and_the_rest_goes_day_by_day(car: Car) -> None:
    await says(True, days=90)
    await car.report(drive(0, 20))
    await car.wait(2 * 24 * 60)
    await car.report(drive(2 * 24 * 60 + 1, 20))
    await car.wait(2 * 24 * 60 + 60)
    everything, days = len(await history("ada")), {chunk.day for chunk in car.world.histories.chunks.values()}
    assert len(days) == 2
    await says(True, days=1)
    assert 0 < len(await history("ada")) < everything
    assert await history("ada") == await history("operator")
    await car.wait(car_minutes(car) + 5)
    assert {chunk.day for chunk in car.world.histories.chunks.values()} == {max(days)}
    await car.wait(car_minutes(car) + 3 * 24 * 60)
    assert (car.world.histories.chunks, profile(car.world).clearing) == ({}, ())


async def test_a_deletion_takes_a_hundred_days_a_step_and_remembers_how_far_it_is(
    car: Car, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    forget = car.world.histories.forget

    async def counted(vehicle: str, day: str, start: int, end: int) -> None:
        asked.append(day)
        await forget(vehicle, day, start, end)

    monkeypatch.setattr(car.world.histories, "forget", counted)
    await says(False)
    steps = list[int]()
    while profile(car.world).clearing and not profile(car.world).clearing[0].again:
        before = len(asked)
        await wake.wake_due(message(messages.encode_wake(VEHICLE, car.world.clock())))
        steps.append(len(asked) - before)
    assert len(steps) == 4
    assert max(steps) <= STEP // DAY + 1
    assert {day_of(NOON - days * DAY) for days in range(366)} <= set(asked)


async def test_two_steps_at_once_delete_the_same_and_progress_once(car: Car) -> None:
    from shared.use_cases.clear_history import clear_history

    await says(False)
    seen = profile(car.world)
    for _ in range(2):
        await clear_history(seen, NOON, 1, car.world.reach, car.world.histories)
    (clearing,) = profile(car.world).clearing
    assert clearing == seen.clearing[0].after_step(NOON, 1)


def test_however_often_somebody_changes_their_mind_the_list_of_deletions_stays_short() -> None:
    found: tuple[Clearing, ...] = ()
    for number in range(500):
        found = with_clearing(found, cleared_from(NOON, NOON + number * DAY, 1 + number % 364))
        assert all(c.end <= found[-1].end for c in found)
        assert len(found) <= CLEARINGS
    assert len(with_clearing(found, cleared_from(NOON, NOON + 600 * DAY, 0))) == 1, "a refusal covers them all"


def test_nor_does_it_grow_with_every_owner_and_nothing_that_was_to_go_is_left_out() -> None:
    found: tuple[Clearing, ...] = ()
    for number in range(500):
        found = with_clearing(found, cleared_from(NOON + number * DAY, NOON + (number + 1) * DAY, 7))
        assert len(found) <= CLEARINGS
    ever = range(NOON, NOON + 500 * DAY, DAY // 2)
    assert all(any(c.hides(at, NOON + 600 * DAY) for c in found) for at in ever)


# ---- silent cars


async def test_the_open_chunk_of_a_car_that_falls_silent_is_closed_within_two_hours_and_expires_as_others(
    car: Car,
) -> None:
    await car.report({0: {"speed": 50.0, **place()}, 1: {"speed": 0.0, **place()}})
    assert len(stored(car.world).open.samples) == 2
    await car.wait(60)
    assert len(stored(car.world).open.samples) == 2, "it may go on"
    await car.wait(121)
    assert (stored(car.world).open.samples, stored(car.world).outbox) == ((), ())
    kept = [len(chunk.samples) for chunk in car.world.histories.chunks.values()]
    assert (kept, len(await history("ada"))) == ([2], 2)


async def test_a_car_that_is_private_quarantined_or_out_of_service_leaves_no_open_chunk_either(car: Car) -> None:
    await car.report({0: {"speed": 50.0}})
    held = car.world.states.shelf.held[VEHICLE]
    gone = replace(held.value, policy=held.value.policy._replace(status=Status.DECOMMISSIONED))
    car.world.states.shelf.held[VEHICLE] = replace(held, value=gone)
    await car.wait(121)
    assert stored(car.world).open.samples == ()


def test_when_the_open_chunk_is_closed_moves_once_an_hour_not_with_every_event() -> None:
    moments = set[int | None]()
    for second in range(0, 3_599, 60):
        after, _ = fold(STATE, [event(second, Speed=1.0)], BOOK)
        moments.add(after.scheduled(BOOK, NOON + second * 1000, 1).due)
    assert moments == {NOON + 2 * CLOSES_AFTER}
    assert STATE.open_until is None


# ---- a change of owner


async def handed_on_to(token: str) -> None:
    code = (await ask(garage.make_transfer_code, "ada", vehicle_id=VEHICLE)).body["code"]
    profile_ = (await ask(garage.claim_vehicle, token, {"vin": "ZZZAURRA0DEM00001", "code": code})).status
    assert profile_ == 201


SURVIVES = {
    "id": "which document it is",
    "vehicleId": "which vehicle it is",
    "policy": "it is the new owner's, written with the profile",
    "window": "repeats of messages are recognised by it; it is shown to nobody",
    "position": "repeats of the hub are recognised by it; it is shown to nobody",
    "committed": "how many notifications there ever were; it is shown to nobody",
    "revision": "counts writes, for who follows",
    "generation": "which device is the vehicle's",
    "suspect": "that another device turned up under its name is not over with a sale",
    "connection": "repeats are recognised by its order; what it says is not shown",
    "outbox": "what is still to be handed on to the last owner and into history",
    "track": "just `outdated`: spans whose trips are still to be derived, for the last owner and operators",
    "owed": "when the outbox is looked after",
    "allowance": "limits how much the vehicle may raise, over a sale too; it is shown to nobody",
    "due": "when the timer comes",
}
BEGINS_ANEW = {
    "signals": {},
    "newest": -1,
    "seenAt": -1,
    "episodes": {},
    "gaps": [0, 0],
    "location": None,
    "clock": None,
    "open": None,
}
"""Fields of the stored state, and what they are once the vehicle changed hands."""


def everything_known(world: MemoryWorld) -> None:
    """A state in which every field says something of what was."""
    held = world.states.shelf.held[VEHICLE]
    from shared.domain.clock_offset import ClockOffset
    from shared.domain.vehicle import Connection, Gaps

    known = replace(
        held.value,
        gaps=Gaps(7, 2),
        clock=ClockOffset(NOON, 3_600_000, 3_600_000, 9),
        connection=Connection(True, world.clock(), "0001"),
        generation="g1",
        suspect="g2",
        due=NOON,
        owed=NOON,
    )
    world.states.shelf.held[VEHICLE] = replace(held, value=known)


async def before_the_sale(car: Car) -> None:
    await car.has_rule("fast", kind="threshold", signal="speed", above=10.0, clears=5.0, on=["enter", "exit"])
    await car.report(drive(0, 20, odometer=5_000, soc=8.0), {21: {"charging": True, "cable": True, "soc": 8.0}})
    await car.report(drive(30, 4))


async def test_each_field_of_the_state_is_blank_after_a_sale_or_may_survive_for_a_reason(car: Car) -> None:
    await before_the_sale(car)
    everything_known(car.world)
    before = json.loads(json.dumps(state_document(stored(car.world))))
    assert before.keys() == SURVIVES.keys() | BEGINS_ANEW.keys(), "a new field of the state needs a decision here"
    assert [name for name, blank in BEGINS_ANEW.items() if before[name] == blank] == [], "each says something"
    assert before["track"][:2] != [None, None]
    assert before["episodes"]
    await handed_on_to("ben")
    after = json.loads(json.dumps(state_document(stored(car.world))))
    assert {name: after.get(name) for name in BEGINS_ANEW} == BEGINS_ANEW
    blank = json.loads(json.dumps(state_document(STATE)))["track"]
    assert [value for n, value in enumerate(after["track"]) if n != 2] == [v for n, v in enumerate(blank) if n != 2]
    assert {f.name for f in fields(VehicleState)} == {
        *("vehicle_id", "policy", "signals", "window", "position", "newest", "episodes", "outbox", "committed", "due"),
        *("revision", "open", "track", "gaps", "seen_at", "generation", "suspect", "connection", "owed", "location"),
        *("clock", "allowance"),
    }


async def test_an_owner_who_is_forgotten_leaves_no_more_in_the_state_than_one_who_sold(car: Car) -> None:
    await before_the_sale(car)
    everything_known(car.world)
    after = json.loads(json.dumps(state_document(forgotten(stored(car.world)))))
    assert {name: after.get(name) for name in BEGINS_ANEW} == BEGINS_ANEW
    assert after["track"] == json.loads(json.dumps(state_document(STATE)))["track"]
    assert (after["outbox"], after.get("connection")) == ([], None)


async def shown_of(token: str) -> tuple[dict[str, Any], Answer]:
    seen = await ask(states.read_vehicle_state, token, vehicle_id=VEHICLE)
    return seen.body, await ask(sightings.read_sightings, token)


async def test_a_new_owner_is_shown_nothing_of_the_time_before(car: Car) -> None:
    await before_the_sale(car)
    car.world.clock.at += MINUTE
    await handed_on_to("ben")
    shown, on_the_map = await shown_of("ben")
    told: dict[str, Any] = {
        "signals": {},
        "episodes": [],
        "lastSeenAt": None,
        "newestAt": None,
        "connected": None,
        "clockOffset": 0.0,
    }
    assert {name: shown[name] for name in told} == told
    assert (shown["sequence"], shown["flags"], shown["freshness"]) == ({"missing": 0, "restarts": 0}, [], "offline")
    (item,) = on_the_map.body["items"]
    blank = ("lastSeenAt", "place", "heading", "speed", "charge", "moving", "charging", "connected")
    assert [name for name in blank if item[name] is not None] == []
    assert item["episodes"] == 0
    assert await looked_back("ben") == [0, 0, 0]
    assert await looked_back("car") == [0, 0, 0], "nor does the car show it to who sits in it"
    assert (await looked_back("operator"))[0] > 0


async def test_what_was_seen_before_the_sale_and_arrives_after_it_says_nothing_of_the_vehicle_now(car: Car) -> None:
    await before_the_sale(car)
    await car.wait(60)
    await handed_on_to("ben")
    told = len(car.world.notifications.sent)
    await car.upload(61, {40.0: {"speed": 99.0, "soc": 3.0, **place(east=500)}, 41.0: {"speed": 0.0}})
    shown, on_the_map = await shown_of("ben")
    assert (shown["signals"], shown["newestAt"], shown["episodes"]) == ({}, None, [])
    assert on_the_map.body["items"][0]["place"] is None
    assert stored(car.world).signals == {}
    assert stored(car.world).location.fix is None
    assert len(car.world.notifications.sent) == told
    assert 99.0 in [point["value"] for point in await history("operator")], "it goes into history all the same"
    assert await history("ben") == []


async def test_a_condition_that_goes_on_is_told_the_new_owner_as_of_now(car: Car) -> None:
    await before_the_sale(car)
    await car.wait(60)
    await handed_on_to("ben")
    begun = len(car.world.notifications.sent)
    await car.report(parked(61, 5, soc=7.0))
    told = [n for n in car.world.notifications.contents[begun:] if n.kind == "battery_low"]
    assert len(told) == 1
    assert told[0].at >= profile(car.world).owned_since
    assert all(episode.since >= profile(car.world).owned_since for episode in stored(car.world).episodes.values())


async def test_who_leaves_without_a_next_owner_leaves_a_blank_state_too(car: Car) -> None:
    await before_the_sale(car)
    assert (await ask(garage.remove_member, "ada", vehicle_id=VEHICLE, user_id="user-ada")).status == 204
    after = stored(car.world)
    assert (after.signals, after.seen_at, after.location.fix, after.episodes) == ({}, -1, None, {})


async def test_a_trip_under_way_at_the_sale_is_still_derived_for_operators(car: Car) -> None:
    await car.report(drive(0, 10))
    await handed_on_to("ben")
    await car.wait(60)
    trips = (await ask(states.list_trips, "operator", query=ALL_TIME, vehicle_id=VEHICLE)).body["items"]
    assert len(trips) == 1
    assert (await ask(states.list_trips, "ben", query=ALL_TIME, vehicle_id=VEHICLE)).body["items"] == []


async def test_a_partner_sees_nothing_from_before_its_owner_agreed(car: Car) -> None:
    await car.report(drive(0, 10))
    await car.wait(30)
    await says(True, purpose="partner.partner-1")
    await car.report(drive(31, 5))
    assert 0 < len(await history("partner")) < len(await history("ada"))


async def test_a_new_owner_does_not_see_since_when_the_last_one_was_private(car: Car) -> None:
    await ask(privacy.change_privacy, "ada", {"mode": "offline"}, vehicle_id=VEHICLE)
    await car.wait(60)
    await handed_on_to("ben")
    shown = (await ask(privacy.read_privacy, "ben", vehicle_id=VEHICLE)).body["exclusions"]
    assert [e["from"] for e in shown] in ([], ["2026-11-22T13:00:00.000Z"])


def test_a_state_that_was_stored_before_says_nothing_of_owners_and_is_read_all_the_same() -> None:
    document = json.loads(json.dumps(state_document(STATE)))
    assert not {"ownedSince", "historyFrom"} & document["policy"].keys()
    assert read_state(document) == STATE


async def test_notifications_of_the_time_before_are_planned_for_no_new_owner(car: Car) -> None:
    await before_the_sale(car)
    await car.wait(60)
    await handed_on_to("ben")
    for told in car.world.notifications.contents:
        await notifications.plan_notification(message(messages.encode_notification(told, 0)))
    mine = {item.notification.kind for item in car.world.inbox.items if item.recipient.user == "user-ben"}
    assert mine == {"vehicle_claimed"}


# ---- who came later, or only works with us


async def joined(token: str) -> None:
    invitation = (await ask(garage.invite_member, "ada", {"role": "secondary"}, vehicle_id=VEHICLE)).body["token"]
    assert (await ask(garage.accept_invitation, token, {"token": invitation})).status == 201


async def test_who_was_let_in_later_sees_nothing_that_was_before(car: Car) -> None:
    await before_the_sale(car)
    everything_known(car.world)
    await car.wait(60)
    await joined("ben")
    shown, on_the_map = await shown_of("ben")
    assert [shown[name] for name in ("lastSeenAt", "newestAt", "connected")] == [None, None, None]
    assert (shown["signals"], shown["episodes"]) == ({}, [])
    assert [on_the_map.body["items"][0][name] for name in ("lastSeenAt", "place", "connected")] == [None, None, None]
    assert await looked_back("ben") == [0, 0, 0]
    assert (await ask(states.read_vehicle_state, "ada", vehicle_id=VEHICLE)).body["lastSeenAt"] is not None


async def test_a_new_owner_is_not_shown_what_was_sold_and_over_before(car: Car) -> None:
    async def sold(token: str) -> list[str]:
        found = (await ask(sales.read_sales, token, vehicle_id=VEHICLE)).body
        return [one["id"] for one in (*found["subscriptions"], *found["grants"])]

    over = (await ask(sales.subscribe_vehicle, "ada", {"plan": "tried"}, vehicle_id=VEHICLE)).body["id"]
    await ask(sales.cancel_subscription, "ada", {"at": "now"}, vehicle_id=VEHICLE, subscription_id=over)
    ended = {"feature": "sharing", "endsAt": "2026-11-22T12:10:00Z"}
    given = (await ask(sales.grant_feature, "operator", ended, vehicle_id=VEHICLE)).body["id"]
    goes_on = (await ask(sales.subscribe_vehicle, "operator", {"plan": "comfort"}, vehicle_id=VEHICLE)).body["id"]
    assert await sold("ada") == [over, goes_on, given]
    await car.wait(60)
    await handed_on_to("ben")
    assert await sold("ben") == [goes_on]
    assert await sold("operator") == [over, goes_on, given]


async def test_a_partner_reads_of_consents_what_concerns_itself_and_no_persons_name(car: Car) -> None:
    scopes = frozenset({Scope.VEHICLE})
    car.world.tokens.held["partner"] = Principal("partner-1", BRAND, Kind.PARTNER, scopes=scopes)
    for purpose in ("partner.partner-1", "partner.partner-2", "history"):
        await says(True, purpose=purpose)

    async def read(token: str, purpose: str) -> list[str]:
        answer = await ask(privacy.read_consents, token, vehicle_id=VEHICLE, purpose=purpose)
        return [version["by"] for version in answer.body["versions"]]

    assert await read("partner", "partner.partner-1") == [""]
    assert [await read("partner", purpose) for purpose in ("partner.partner-2", "history")] == [[], []]
    assert await read("ada", "history") == ["user-ada"]


def test_what_is_being_deleted_is_stored_with_the_profile_and_one_without_it_is_read() -> None:
    known = replace(PROFILE, history_from=NOON, clearing=(cleared_from(1, NOON, 7), cleared_from(2, NOON, 0)))
    assert stored_profile(json.loads(json.dumps(profile_document(known)))) == known
    assert stored_profile(json.loads(json.dumps(profile_document(PROFILE)))) == PROFILE
    assert not {"historyFrom", "clearing"} & profile_document(PROFILE).keys()
    state_ = VehicleState(VEHICLE, replace(known, owned_since=5).policy())
    assert read_state(json.loads(json.dumps(state_document(state_)))) == state_

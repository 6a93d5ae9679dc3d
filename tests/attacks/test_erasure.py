"""What is erased is gone from every store that the topology names, and comes back by nothing: no buffer, no queue, no
backup."""

import copy
import json
import logging
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from functions import deliveries, garage, notifications, people, privacy, queues, rules, states, telling, wake
from functions import telemetry as telemetry_functions
from scripts.forget_again import replay
from shared.adapters.cosmos.people import REMEMBERED
from shared.codec import documents, messages
from shared.codec import states as state_codec
from shared.domain.audit import Access
from shared.domain.concerns import concerns, times_in
from shared.domain.garage import Membership
from shared.domain.history import DAY, Chunk, Table, day_of
from shared.domain.notification import Audience, Notification
from shared.domain.ownership import BORDERS, handed_over
from shared.domain.parked import Parked
from shared.domain.person import ENDED_KEPT, PERIODS, Owned, Person, PersonId
from shared.domain.profile import Consent
from shared.domain.span import Span
from shared.domain.telemetry import OLDEST, Sample
from shared.domain.track import STOP
from shared.domain.trips import Trip
from shared.errors import Malformed, Unavailable
from shared.topology import topology
from shared.use_cases.attempts import MOST_ATTEMPTS
from shared.use_cases.personal_data import STORES, Kind
from tests.examples import BRAND, NOON, PROFILE, VEHICLE, VIN, cloud_event, encoded
from tests.functions.conftest import ask
from tests.functions.test_events import message, received, work_off
from tests.memory import MemoryWorld
from tests.stores import stored

ADA, BEN = PersonId(BRAND, "user-ada"), PersonId(BRAND, "user-ben")
LATITUDE, LONGITUDE = "Vehicle.CurrentLocation.Latitude", "Vehicle.CurrentLocation.Longitude"
SPEED = "Vehicle.Speed"
SPAN = {"from": "2026-11-22T00:00:00Z", "to": "2026-11-23T00:00:00Z"}
ADAS, BENS = 48.98765432, 47.12345678
"""Latitudes that only the one's vehicle ever was at."""


@pytest.fixture
def world(world: MemoryWorld) -> MemoryWorld:
    """The vehicle is nobody's."""
    held = world.profiles.shelf.held[VEHICLE]
    world.profiles.shelf.held[VEHICLE] = replace(held, value=replace(held.value, members={}))
    return world


async def claimed(world: MemoryWorld, second: int, token: str) -> None:
    """The person takes the vehicle over so many seconds after noon, from whoever has it."""
    world.clock.at = NOON + second * 1000
    owned = world.profiles.shelf.held[VEHICLE].value.primary is not None
    maker = garage.make_transfer_code if owned else garage.make_claim_code
    code = (await ask(maker, vehicle_id=VEHICLE)).body["code"]
    answer = await ask(garage.claim_vehicle, token, {"vin": VIN, "code": code})
    assert answer.status == 201, answer.body


def said(second: int, latitude: float | None = None, **more: Any) -> dict[str, Any]:
    """A sample seen so many seconds after noon."""
    place = {} if latitude is None else {LATITUDE: latitude, LONGITUDE: 11.0}
    signals = place | {f"Vehicle.{name}": value for name, value in more.items()}
    return {"time": datetime.fromtimestamp(NOON / 1000 + second, UTC).isoformat(), "signals": signals}


async def sent(second: int, *samples: dict[str, Any], sequence: int | None = None) -> None:
    """One message that arrives so many seconds after noon."""
    number = str(second if sequence is None else sequence)
    body = encoded(cloud_event(sequence=number, data={"samples": list(samples)}))
    await telemetry_functions.ingest_telemetry([received(second, body)])


async def awake(world: MemoryWorld, second: int) -> None:
    world.clock.at = NOON + second * 1000
    await wake.wake_due(message(messages.encode_wake(VEHICLE, world.clock.at)))


async def erased(world: MemoryWorld, token: str, id: PersonId) -> None:
    """To the end of both passes."""
    assert (await ask(people.erase_person, token)).status == 202
    await settled(world, id)


async def settled(world: MemoryWorld, id: PersonId) -> None:
    await work_off(world, id)
    world.clock.at += world.everywhere.settles
    await work_off(world, id)
    assert str(id) not in world.people.shelf.held


def chunks(world: MemoryWorld) -> list[list[int]]:
    """The seconds after noon of the samples in each chunk, wherever it is; the open one too."""
    state = world.states.shelf.held[VEHICLE].value
    owed = {entry.id: entry for entry in state.outbox if isinstance(entry, Chunk)}
    tables = [chunk.samples for chunk in ({c.id: c for c in world.histories.chunks.values()} | owed).values()]
    tables += [state.open.samples]
    return sorted([(s.at - NOON) // 1000 for s in samples] for samples in tables if samples)


async def positions(token: str = "operator") -> list[float]:
    answer = await ask(states.read_history, token, query={"path": LATITUDE, "limit": "1000"} | SPAN, vehicle_id=VEHICLE)
    return [point["value"] for point in answer.body["points"]]


async def trips(token: str) -> list[tuple[str, str]]:
    found = (await ask(states.list_trips, token, query=SPAN, vehicle_id=VEHICLE)).body["items"]
    return [(trip["startedAt"][11:19], trip["endedAt"][11:19]) for trip in found]


async def exported(world: MemoryWorld, token: str, id: PersonId) -> tuple[str, Any]:
    """The last part of a link, and what is behind it."""
    made = (await ask(people.export_person, token)).body
    await wake.wake_due(message(messages.encode_wake(str(id), 0, person=True)))
    sealed = (await ask(people.read_export, token, export_id=made["id"])).body["url"].rpartition("/")[2]
    return sealed, (await ask(people.fetch_export, None, sealed=sealed)).body


# ---- the table


def test_the_table_names_every_store_of_the_topology_and_no_other() -> None:
    found = topology()
    named: dict[Kind, set[str]] = {
        Kind.CONTAINER: {c.name for c in found.cosmos.containers},
        Kind.BLOBS: {c.name for c in found.blob_containers},
        Kind.QUEUE: {q.name for q in found.queues},
        Kind.HUB: {h.name for h in found.event_hubs},
    }
    assert {kind: {s.name for s in STORES if s.kind is kind} for kind in Kind} == named
    assert len(STORES) == sum(map(len, named.values()))
    assert all(store.about for store in STORES)


def test_what_is_not_forgotten_says_why() -> None:
    forgotten = {s.name for s in STORES if s.forget_period or s.forget_person or s.set_aside}
    assert {s.name for s in STORES} - forgotten == {
        "vins",
        "people",
        "webhooks",
        "catalog",
        "ledger",
        "audit",
        "erased",
        "telemetry",
        "lifecycle",
    }


def test_the_list_outlives_every_backup_and_the_pseudonym_outlives_the_list() -> None:
    infra = Path(__file__).parent.parent.parent / "infra"
    backups = max(map(int, re.findall(r"Continuous([0-9]+)Days", (infra / "modules" / "cosmos.bicep").read_text())))
    (listed,) = [c.delete_after_days for c in topology().blob_containers if c.name == "erased"]
    assert backups < listed < REMEMBERED / 86_400


def test_a_blob_that_is_deleted_cannot_be_brought_back() -> None:
    module = (Path(__file__).parent.parent.parent / "infra" / "modules" / "storage.bicep").read_text()
    assert re.search(r"\bdeleteRetentionPolicy: \{\s*enabled: false\s*\}", module)
    assert "isVersioningEnabled: false" in module


# ---- borders of ownership


async def test_a_buffered_sample_from_before_the_claim_goes_into_a_chunk_of_its_own(world: MemoryWorld) -> None:
    await claimed(world, 60, "ada")
    await sent(61, said(15, BENS), said(61, ADAS))
    await sent(62, said(62, ADAS), said(16, BENS), said(63, ADAS))
    assert chunks(world) == [[15], [16], [61, 62], [63]]
    world.clock.at = NOON + 3_600_000
    await erased(world, "ada", ADA)
    assert await positions() == [BENS, BENS]


async def test_a_late_sample_from_before_the_claim_goes_into_a_chunk_of_its_own(world: MemoryWorld) -> None:
    await claimed(world, 60, "ada")
    await sent(100, said(100, Speed=1.0), sequence=500)
    await sent(101, said(15, BENS), said(61, ADAS), said(16, BENS), sequence=2)
    assert chunks(world) == [[15, 16], [61], [100]]


async def test_what_is_open_when_a_vehicle_changes_hands_is_cut_there_also_where_its_clock_is_ahead(
    world: MemoryWorld,
) -> None:
    await claimed(world, 0, "ada")
    await sent(50, said(40, ADAS), said(90, BENS))
    await claimed(world, 60, "ben")
    assert chunks(world) == [[40], [90]]
    await erased(world, "ada", ADA)
    assert await positions("ben") == [BENS]


@pytest.mark.parametrize("owner", ["ada", "ben"])
async def test_a_chunk_that_was_stored_across_a_border_is_cut(world: MemoryWorld, owner: str) -> None:
    """With the clock ahead of the claim, or by an older version. At the erasure too it may be ahead."""
    await claimed(world, 0, "ada")
    table = Table.of(Sample(NOON + n * 1000, {LATITUDE: ADAS if n < 60 else BENS}) for n in (20, 40, 70, 80))
    await world.histories.put(Chunk("chunk-old", VEHICLE, day_of(NOON), table, 30))
    await claimed(world, 60, "ben")
    world.clock.at = NOON + 75_000
    await erased(world, owner, PersonId(BRAND, f"user-{owner}"))
    assert await positions() == ([BENS, BENS] if owner == "ada" else [ADAS, ADAS])


def test_borders_that_are_too_many_become_a_floor_and_old_ones_go() -> None:
    profile = replace(PROFILE, members={})
    for number in range(BORDERS + 3):
        profile = handed_over(profile, f"user-{number}", NOON + number)
    assert profile.borders == tuple(NOON + n for n in range(3, BORDERS + 3))
    assert profile.privacy.floor == NOON + 2
    later = handed_over(profile, None, NOON + 2 * OLDEST + 10_000)
    assert later.borders == (NOON + 2 * OLDEST + 10_000,)
    assert later.policy().borders == later.borders


def test_documents_from_before_borders_were_stored_are_read() -> None:
    profile = replace(PROFILE, owned_since=NOON, borders=(NOON - 1, NOON))
    stored = documents.profile_document(profile)
    assert documents.profile(stored) == profile
    del stored["borders"]
    assert documents.profile(stored).borders == (NOON,)
    state = state_codec.state_document(replace(_blank(), policy=profile.policy()))
    assert state_codec.state(state).policy.borders == (NOON - 1, NOON)
    del state["policy"]["borders"]
    assert state_codec.state(state).policy.borders == ()


def _blank() -> Any:
    from tests.examples import STATE

    return STATE


async def drive(start: int, end: int, latitude: float) -> None:
    for second in range(start, end, 10):
        await sent(second, said(second, latitude + (second - start) / 10_000, Speed=36.0))


async def test_a_trip_over_a_change_of_owner_is_two_and_each_is_its_own_owners(world: MemoryWorld) -> None:
    await claimed(world, 0, "ada")
    await drive(100, 700, 48.0)
    await claimed(world, 700, "ben")
    await drive(701, 1300, 48.06)
    await awake(world, 1300 + 2 * STOP // 1000)
    assert await trips("operator") == [("12:11:41", "12:21:31"), ("12:01:40", "12:11:30")]
    assert await trips("ben") == [("12:11:41", "12:21:31")]
    _, held = await exported(world, "ada", ADA)
    (period,) = held["periodsOfOwnership"]
    assert [t["properties"]["startedAt"][11:19] for t in period["trips"]] == ["12:01:40"]
    assert len(period["samples"]) == 60
    await erased(world, "ada", ADA)
    assert await trips("operator") == [("12:11:41", "12:21:31")]
    assert len(await positions()) == 60


@pytest.mark.parametrize("owner", ["ada", "ben"])
async def test_a_trip_that_was_stored_across_a_border_is_nobodys_and_goes_with_the_first(
    world: MemoryWorld, owner: str
) -> None:
    await claimed(world, 0, "ada")
    await claimed(world, 700, "ben")
    span = Span(NOON + 100_000, NOON + 1_300_000)
    world.clock.at = span.end
    trip = Trip(f"trip-{span.start}", VEHICLE, span, 9000.0, "speed", (None, None), None, None, ())
    await world.histories.put_derived(trip, 30)
    assert await trips("ben") == []
    for token, id in (("ada", ADA), ("ben", BEN)):
        _, held = await exported(world, token, id)
        assert [p["trips"] for p in held["periodsOfOwnership"]] == [[]]
    await erased(world, owner, PersonId(BRAND, f"user-{owner}"))
    assert await trips("operator") == []


async def test_a_charge_that_began_days_before_the_claim_goes_too(world: MemoryWorld) -> None:
    await claimed(world, 0, "ada")
    span = Span(NOON - 3 * DAY, NOON + 1000)
    trip = Trip(f"trip-{span.start}", VEHICLE, span, 9000.0, "speed", (None, None), None, None, ())
    await world.histories.put_derived(trip, 30)
    world.clock.at = NOON + 60_000
    await erased(world, "ada", ADA)
    assert world.histories.found == {}


async def test_the_last_that_a_vehicle_said_to_its_former_owner_goes_from_its_state(world: MemoryWorld) -> None:
    """It was sold and has said nothing since."""
    await claimed(world, 0, "ada")
    await sent(10, said(10, ADAS, Speed=10.0))
    await claimed(world, 60, "ben")
    await erased(world, "ada", ADA)
    state = world.states.shelf.held[VEHICLE].value
    assert (state.signals, state.location.fix, state.seen_at) == ({}, None, -1)
    await sent(900, said(20, ADAS), said(900, BENS))
    assert await positions() == [BENS], "what the car had buffered lies under the floor"


async def test_what_the_next_owner_has_stays_as_it_is(world: MemoryWorld) -> None:
    await claimed(world, 0, "ada")
    await sent(10, said(10, ADAS, Speed=10.0))
    await claimed(world, 60, "ben")
    await sent(70, said(70, BENS, Speed=20.0))
    await erased(world, "ada", ADA)
    answer = await ask(states.read_vehicle_state, "ben", vehicle_id=VEHICLE)
    assert answer.body["signals"][LATITUDE]["value"] == BENS
    assert await positions("ben") == [BENS]
    assert world.profiles.shelf.held[VEHICLE].value.primary == "user-ben"


# ---- however many there are


async def test_exports_are_erased_however_many_there_were_and_their_links_answer_404(world: MemoryWorld) -> None:
    await claimed(world, 0, "ada")
    await claimed(world, 10, "ben")
    links = [(await exported(world, "ada", ADA))[0] for _ in range(8)]
    bens, _ = await exported(world, "ben", BEN)
    await erased(world, "ada", ADA)
    for sealed in links:
        assert (await ask(people.fetch_export, None, sealed=sealed)).status == 404
    assert [name.partition("/")[0] for name in world.exports.held] == [BEN.pseudonym]
    world.clock.at = NOON + 20_000
    assert (await ask(people.fetch_export, None, sealed=bens)).status == 200


async def test_periods_of_ownership_beyond_those_a_person_holds_are_exported_and_erased(world: MemoryWorld) -> None:
    person = Person(ADA)
    for number in range(PERIODS + 10):
        vehicle, at = f"veh-{number}", NOON - DAY + number * 1000
        table = Table.of([Sample(at, {LATITUDE: ADAS})])
        await world.histories.put(Chunk("chunk-1", vehicle, day_of(at), table, 30))
        world.states.shelf.commit(vehicle, replace(_blank(), vehicle_id=vehicle), None)
        world.profiles.shelf.commit(vehicle, replace(PROFILE, vehicle_id=vehicle, members={}), None)
        person = person.following(Membership(vehicle, ADA.user, None, number + 1, (at, at + 1)))
        if number % 20 == 0:
            found = await world.people.load(ADA)
            await world.people.commit(person, found.version)
            person = (await world.people.load(ADA)).value
    await world.people.commit(person, (await world.people.load(ADA)).version)
    assert len((await world.people.load(ADA)).value.owned) == PERIODS
    _, held = await exported(world, "ada", ADA)
    assert sum(len(p["samples"]) for p in held["periodsOfOwnership"]) == PERIODS + 10
    await erased(world, "ada", ADA)
    assert world.histories.chunks == {}


async def test_consents_are_erased_for_more_vehicles_than_a_person_is_known_to_have_had(world: MemoryWorld) -> None:
    person = Person(ADA)
    for number in range(ENDED_KEPT + 10):
        vehicle = f"veh-{number}"
        world.profiles.shelf.commit(vehicle, replace(PROFILE, vehicle_id=vehicle, members={}), None)
        world.profiles.said.append((vehicle, Consent("history", 1, True, "terms", 30, ADA.user, NOON)))
        person = person.following(Membership(vehicle, ADA.user, None, number + 1))
    foreign = replace(PROFILE, vehicle_id="veh-foreign", brand="borealis", members={})
    world.profiles.shelf.commit("veh-foreign", foreign, None)
    world.profiles.said.append(("veh-foreign", Consent("history", 1, True, "terms", 30, ADA.user, NOON)))
    await world.people.commit(person, None)
    await erased(world, "ada", ADA)
    assert [vehicle for vehicle, _ in world.profiles.said] == ["veh-foreign"], "a namesake's, in another brand"


# ---- parked


def fence(at: int, latitude: float, vehicle: str = VEHICLE) -> Notification:
    facts: dict[str, Any] = {"fence": "home", LATITUDE: latitude, LONGITUDE: 11.0}
    return Notification(f"n-{at}", "geofence_entered", vehicle, BRAND, at, facts)


async def given_up(world: MemoryWorld, told: Notification, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last attempt at a message fails."""

    async def away(*_: object) -> None:
        raise Unavailable("away")

    with monkeypatch.context() as broken:
        broken.setattr(world.inbox, "put", away)
        await notifications.plan_notification(message(messages.encode_notification(told, MOST_ATTEMPTS - 1)))


async def test_parked_messages_that_name_nobody_go_by_vehicle_and_time(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    await claimed(world, 0, "ada")
    await given_up(world, fence(NOON + 5000, ADAS), monkeypatch)
    await claimed(world, 60, "ben")
    world.clock.at = NOON + 120_000
    await given_up(world, fence(NOON + 70_000, BENS), monkeypatch)
    broken = Parked("notifications", "k-1", NOON + 70_000, "notifications", "malformed_message", "", b"?" + b"veh-0001")
    other = Parked("notifications", "k-2", NOON + 70_000, "notifications", "malformed_message", "", b"? veh-0002")
    for parked in (broken, other):
        await world.parking.park(parked)
    assert len(world.parking.held) == 4
    await erased(world, "ada", ADA)
    left = {p.key: p.body for p in world.parking.held.values()}
    assert left.pop("k-2") == other.body
    (body,) = left.values()
    assert (str(BENS) in body.decode(), str(ADAS) in body.decode()) == (True, False)


async def test_dead_letters_of_the_broker_are_set_aside_and_go_the_same_way(world: MemoryWorld) -> None:
    await claimed(world, 0, "ada")
    await claimed(world, 60, "ben")
    ours = [
        messages.encode_notification(fence(at, place), 0).encode()
        for at, place in ((NOON, ADAS), (NOON + 61_000, BENS))
    ]
    named = messages.encode_wake(str(ADA), NOON, person=True).encode()
    world.dead_letters.held = {"notifications": ours, "wake": [named], "deliveries": [b"nobody's"]}
    await erased(world, "ada", ADA)
    assert world.dead_letters.held == {}
    assert {p.body for p in world.parking.held.values()} == {ours[1], b"nobody's"}
    assert {p.reason for p in world.parking.held.values()} == {"dead_lettered"}


async def test_what_is_given_up_after_the_erasure_is_neither_parked_nor_told(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message rests for up to two hours between its attempts, an erasure is done in minutes."""
    await claimed(world, 0, "ada")
    world.clock.at = NOON + 60_000
    await erased(world, "ada", ADA)
    told = replace(fence(NOON + 5000, ADAS), audience=frozenset({Audience.OPERATORS, Audience.USERS}))
    await given_up(world, told, monkeypatch)
    await notifications.plan_notification(message(messages.encode_notification(told, 1)))
    body = messages.encode_notification(told, 0).encode()
    await queues._park("notifications", body, Malformed("x"))
    assert (world.parking.held, world.inbox.items) == ({}, [])
    await queues._park(
        "notifications", messages.encode_notification(fence(world.clock(), BENS), 0).encode(), Malformed("x")
    )
    assert len(world.parking.held) == 1


async def test_bodies_that_cannot_be_read_go_where_they_may_be_of_the_period(world: MemoryWorld) -> None:
    """Cars buffer: a body that arrived after the period may tell of it."""
    await claimed(world, 0, "ada")
    world.clock.at = NOON + 60_000
    await claimed(world, 60, "ben")
    bodies = {
        "before": (NOON - 1, b"no JSON"),
        "within": (NOON + 1, b"no JSON"),
        "soon after": (NOON + 61_000, b"no JSON"),
        "long after": (NOON + 61_000 + OLDEST, b"no JSON"),
        "of the next owner": (NOON + 61_000, b'{"time": "2026-11-22T12:01:01Z"'),
        "of both": (NOON + 61_000, b'{"time": "2026-11-22T12:01:01Z", "2026-11-22T12:00:30+00:00"'),
        "buffered": (NOON + 61_000, b'"2026-11-22T12:00:30.125Z"'),
        "of before": (NOON + 1, b'"2026-11-22T11:00:30.125Z"'),
    }
    for key, (at, body) in bodies.items():
        await world.parking.park(Parked("telemetry", key, at, VEHICLE, "not_json", "", body))
    _, held = await exported(world, "ada", ADA)
    exported_bodies = [parked["body"] for parked in held["periodsOfOwnership"][0]["parked"]]
    assert exported_bodies == ["no JSON", '"2026-11-22T12:00:30.125Z"'], "in doubt it is not given out"
    await erased(world, "ada", ADA)
    left = {p.key for p in world.parking.held.values()}
    assert left == {"before", "long after", "of the next owner", "of before"}, "and in doubt it goes"


def test_moments_are_read_of_whatever_is_in_a_body() -> None:
    assert times_in(b'{"at":1795348800000,"x":"2026-11-22T13:00:00+01:00"}') == [NOON, NOON]
    assert times_in(b"2026-99-99T99:99:99Z 0000-00-00T00:00:00Z \xff") == []
    assert times_in(b"2026-11-22T" * 20_000 + b'"at":' * 20_000) == []
    parked = Parked("telemetry", "k", NOON, VEHICLE, "not_json", "", b"")
    assert concerns(parked, Owned(VEHICLE, NOON, NOON + 1)) is True
    assert concerns(parked, Owned(VEHICLE, NOON + 1, NOON + 2)) is False


async def test_a_person_whose_id_is_not_ascii_is_found_in_a_parked_message(world: MemoryWorld) -> None:
    zoe = PersonId(BRAND, 'zoë-"😀')
    told = Notification("n-1", "access_ended", "", BRAND, NOON, {}, None, frozenset({Audience.NAMED}), (zoe.user,))
    body = messages.encode_notification(told, 0).encode()
    assert zoe.user.encode() not in body
    await world.parking.park(Parked("notifications", "k", NOON, f"@{BRAND}/", "unavailable", "", body))
    world.tokens.held["zoe"] = replace(world.tokens.held["ben"], subject=zoe.user)
    await erased(world, "zoe", zoe)
    assert world.parking.held == {}


# ---- marks in every store


MARKS = (ADA.user, "planted", str(ADAS))


def marked(world: MemoryWorld) -> dict[str, list[str]]:
    """Which marks are where."""
    found = {name: [mark for mark in MARKS if mark in text] for name, text in stored(world).items()}
    return {name: marks for name, marks in found.items() if marks}


async def lived(world: MemoryWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ada leaves marks wherever one can, and hands the vehicle on to Ben, who leaves his."""
    await claimed(world, 0, "ada")
    vehicle = {"vehicle_id": VEHICLE}
    consent = {"granted": True, "text": "planted", "days": 90}
    await ask(privacy.give_consent, "ada", consent, route=vehicle | {"purpose": "history"})
    fenced = {"id": "planted", "kind": "threshold", "signal": SPEED, "above": 200.0, "clears": 190.0}
    assert (await ask(rules.put_vehicle_rule, "ada", fenced, route=vehicle | {"rule_id": "planted"})).status == 200
    await ask(telling.put_contact, "ada", {"email": "planted@aurora.example"})
    await ask(telling.put_preferences, "ada", {"channels": {"*": {"email": True}}})
    invitation = (await ask(garage.invite_member, "ada", {"role": "secondary"}, route=vehicle)).body
    await ask(garage.accept_invitation, "ben", {"token": invitation["token"]})
    await sent(61, said(-30, BENS), said(30, ADAS, Speed=50.0), said(61, ADAS))
    await drive(100, 700, ADAS)
    await telemetry_functions.ingest_telemetry([received(701, b"no JSON but planted")])
    for number, audience in enumerate(({Audience.USERS}, {Audience.OPERATORS}, {Audience.NAMED})):
        told = replace(fence(NOON + 300_000 + number, ADAS), audience=frozenset(audience), named=(ADA.user,))
        await notifications.plan_notification(message(messages.encode_notification(told, 0)))
    world.clock.at = NOON + 700_000
    await given_up(world, fence(NOON + 400_000, ADAS), monkeypatch)
    await ask(garage.read_members, route=vehicle)
    for _ in range(7):
        await exported(world, "ada", ADA)
    dead = fence(NOON + 500_000, ADAS)
    world.dead_letters.held["notifications"] = [messages.encode_notification(dead, 0).encode()]
    world.dead_letters.held["wake"] = [messages.encode_wake(str(ADA), 1, person=True).encode()]
    (turn, *_) = world.deliveries.contents
    assert turn.recipient == ADA
    world.dead_letters.held["deliveries"] = [messages.encode_turn(turn, 0).encode()]
    await claimed(world, 800, "ben")
    await drive(801, 1400, BENS)
    told = fence(NOON + 1_000_000, BENS)
    await notifications.plan_notification(message(messages.encode_notification(told, 0)))
    await awake(world, 1400 + 2 * STOP // 1000)


async def drained(world: MemoryWorld) -> None:
    """All that is on its way on our own queues arrives."""
    for _ in range(10):
        told, turns = world.notifications.contents, world.deliveries.contents
        world.notifications.sent, world.deliveries.sent, world.wakes.sent = [], [], []
        for notification in told:
            await notifications.plan_notification(message(messages.encode_notification(notification, 0)))
        for turn in turns:
            await deliveries.deliver_notification(message(messages.encode_turn(turn, 0)))
    assert not world.notifications.sent


async def test_marks_planted_in_every_store_are_in_none_after_an_erasure(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await lived(world, monkeypatch)
    holding = {s.name for s in STORES if s.forget_period or s.forget_person or s.set_aside} | {"people"}
    assert marked(world).keys() == holding, "there is a mark in every store that holds personal data, and in no other"
    caplog.set_level(logging.DEBUG)
    assert (await ask(people.erase_person, "ada")).status == 202
    await drained(world)
    await settled(world, ADA)
    await drained(world)
    assert marked(world) == {}
    assert [mark for mark in MARKS if mark in caplog.text] == []
    assert len(await positions("ben")) == 60
    assert len(await trips("ben")) == 1
    assert [
        i.notification.at for i in world.inbox.items if i.recipient == BEN and "geofence" in i.notification.kind
    ] == [NOON + 1_000_000]
    assert await positions() == [BENS, *await positions("ben")], "what was seen before Ada had it is not hers"


async def test_nobody_is_told_anything_of_before_by_what_arrives_after_an_erasure(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hub is rewound, the car sends its buffer again, and operators replay whatever is parked."""
    await lived(world, monkeypatch)
    await erased(world, "ada", ADA)
    await drained(world)
    await sent(2000, said(30, ADAS, Speed=50.0), said(650, ADAS))
    await notifications.plan_notification(message(messages.encode_notification(fence(NOON + 300_000, ADAS), 3)))
    assert marked(world) == {}


# ---- backups

DATABASE = ("states", "profiles", "histories", "people", "inbox", "audit", "ledgers", "endpoints", "catalogs")


def backup(world: MemoryWorld) -> dict[str, Any]:
    """What a backup of the database holds: all of it, and no blobs."""
    return {name: copy.deepcopy(_content(getattr(world, name))) for name in DATABASE}


def restore(world: MemoryWorld, saved: Mapping[str, Any]) -> None:
    for name, content in saved.items():
        vars(getattr(world, name)).update(copy.deepcopy(content))
    world.profiles.shelf = world.states.profiles


def _content(port: object) -> dict[str, Any]:
    """Without clocks and other ports."""
    parts = {k: v for k, v in vars(port).items() if isinstance(v, dict | list)}
    shelves = {k: v for k, v in vars(port).items() if hasattr(v, "held")}
    return parts | shelves


async def forgotten_again(world: MemoryWorld, token: str = "operator") -> int:
    """The command, on the handler instead of a deployment; then the app goes on by itself."""
    import asyncio

    async def asked(query: str) -> Any:
        cursor = {"cursor": query.partition("=")[2]} if query else {}
        answer = await ask(people.replay_erasures, token, query=cursor)
        assert answer.status == 200, answer.body
        return answer.body

    loop = asyncio.get_running_loop()
    begun = await asyncio.to_thread(
        replay, lambda query: asyncio.run_coroutine_threadsafe(asked(query), loop).result(60)
    )
    for id in [PersonId.parse(key) for key in world.people.shelf.held]:
        await work_off(world, id)
    world.clock.at += world.everywhere.settles
    for id in [PersonId.parse(key) for key in world.people.shelf.held]:
        await work_off(world, id)
    return begun


@pytest.mark.parametrize("moment", ["before", "asked", "between the passes"])
async def test_who_was_erased_is_erased_again_after_a_backup_was_restored(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    await lived(world, monkeypatch)
    await drained(world)
    saved = backup(world)
    await ask(people.erase_person, "ada")
    saved = backup(world) if moment == "asked" else saved
    await work_off(world, ADA)
    saved = backup(world) if moment == "between the passes" else saved
    await settled(world, ADA)
    await drained(world)
    assert marked(world) == {}
    restore(world, saved)
    assert "people" in marked(world), "restoring brings people back"
    world.clock.at += DAY
    for _ in range(2):
        assert await forgotten_again(world) > 0 or moment == "between the passes"
        await drained(world)
        assert marked(world) == {}
    assert len(await positions("ben")) == 60
    assert (await ask(people.read_erasure, "ada")).body["status"] == "erased"


async def test_who_came_back_after_an_erasure_is_not_erased_again_by_a_later_backup(world: MemoryWorld) -> None:
    await claimed(world, 0, "ada")
    world.clock.at = NOON + 60_000
    await erased(world, "ada", ADA)
    await claimed(world, 3600, "ada")
    await ask(telling.put_contact, "ada", {"email": "back@aurora.example"})
    await sent(3700, said(3700, BENS))
    saved = backup(world)
    restore(world, saved)
    world.clock.at += DAY
    await forgotten_again(world)
    person = (await world.people.load(ADA)).value
    assert (person.vehicles, person.erasure, bool(person.contact)) == ([VEHICLE], None, True)
    assert await positions("ada") == [BENS]


async def test_a_restored_profile_that_no_persons_document_leads_to_is_cleared_too(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    await claimed(world, 0, "ada")
    await sent(61, said(61, ADAS))
    saved = backup(world)
    world.clock.at = NOON + 120_000
    await erased(world, "ada", ADA)
    restore(world, {name: saved[name] for name in ("states", "profiles", "histories")})
    await forgotten_again(world)
    await drained(world)
    assert marked(world) == {}
    assert world.profiles.shelf.held[VEHICLE].value.members == {}


async def test_everybody_of_the_brand_is_held_against_the_list_page_by_page(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shared.use_cases import restoring

    monkeypatch.setattr(restoring, "PAGES", 2)
    monkeypatch.setattr(restoring, "PAGE", 3)
    ids = [PersonId(brand, f"user-{n}") for n in range(10) for brand in (BRAND, "borealis")]
    for id in ids:
        world.tokens.held[str(id)] = replace(world.tokens.held["ben"], subject=id.user, brand=id.brand)
        await world.people.commit(Person(id, waiting=7), None)
    saved = backup(world)
    gone = [ids[0], ids[13], ids[18]]
    for id in gone:
        await erased(world, str(id), id)
    restore(world, saved)
    await forgotten_again(world)
    assert {str(id) for id in ids} - world.people.shelf.held.keys() == {str(ids[0]), str(ids[18])}
    await forgotten_again(world, "rival")
    assert {str(id) for id in ids} - world.people.shelf.held.keys() == {str(id) for id in gone}


async def test_only_an_operator_has_erasures_replayed(world: MemoryWorld) -> None:
    for token in ("ada", "car"):
        assert (await ask(people.replay_erasures, token)).code == "forbidden"
    assert (await ask(people.replay_erasures, query={"cursor": "none"})).code == "invalid_cursor"


# ---- what is kept, and says so


async def test_the_record_of_it_names_nobody(world: MemoryWorld) -> None:
    await claimed(world, 0, "ada")
    world.clock.at = NOON + 60_000
    await erased(world, "ada", ADA)
    record = [a for a in world.audit.held.values() if a.what == "erased"]
    assert record == [Access(record[0].id, BRAND, record[0].at, ADA.pseudonym, "erased", ADA.pseudonym)]
    listed = json.dumps([e.owned for e in await world.erased.all(BRAND)]) + repr(await world.erased.all(BRAND))
    assert ADA.user not in listed
    assert [e.owned for e in await world.erased.all(BRAND)] == [(Owned(VEHICLE, NOON, NOON + 60_000),)]

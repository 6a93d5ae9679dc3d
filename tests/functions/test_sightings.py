"""Where vehicles are, and following them; what the books say of lag; what was told of a vehicle."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from functions import inbox, ledger, sightings, waiting
from shared.codec.sightings import mark_of, mark_text
from shared.domain.folding import fold
from shared.domain.garage import Member, Membership, Role
from shared.domain.inbox import Delivery, Item, Outcome
from shared.domain.kinds import Channel
from shared.domain.notification import Notification
from shared.domain.person import Person, PersonId
from shared.domain.tail import Mark
from shared.domain.vehicle import VehicleState
from shared.use_cases import sightings as following
from tests.examples import BOOK, BRAND, NOON, PROFILE, STATE, VEHICLE, event
from tests.functions.conftest import ask
from tests.functions.test_events import ingest, low, received
from tests.memory import MemoryWorld

PLACE = "CurrentLocation."
ADA = PersonId(BRAND, "user-ada")


def moved(world: MemoryWorld, second: int, vehicle: str = VEHICLE, **signals: Any) -> None:
    held = world.states.shelf.held[vehicle]
    where = {PLACE + "Latitude": 48.0, PLACE + "Longitude": 11.0 + second / 100, "Speed": 50.0, "IsMoving": True}
    after, _ = fold(held.value, [event(second, **where | signals)], BOOK)
    world.states.shelf.commit(vehicle, replace(after, revision=held.value.revision + 1), held.version)


class Waiting:
    """The clock passes while somebody waits, and something happens meanwhile."""

    def __init__(
        self, world: MemoryWorld, monkeypatch: pytest.MonkeyPatch, happens: Callable[[int], Any] = lambda second: None
    ) -> None:
        self._clock = world.clock
        self._start = world.clock.at
        self._happens = happens
        monkeypatch.setattr(sightings, "asyncio", self)

    @property
    def passed(self) -> float:
        """Seconds since it began."""
        return (self._clock.at - self._start) / 1000

    async def sleep(self, seconds: float) -> None:
        self._clock.at += round(seconds * 1000)
        self._happens(int(self.passed))
        await asyncio.sleep(0)


async def test_an_operator_sees_where_the_brands_vehicles_are(world: MemoryWorld) -> None:
    moved(world, 1)
    foreign = VehicleState("veh-9", replace(PROFILE, brand="borealis").policy())
    world.states.shelf.commit("veh-9", foreign, None)
    answer = await ask(sightings.read_sightings)
    assert answer.status == 200
    (item,) = answer.body["items"]
    assert item.pop("place")["longitude"] == 11.01
    assert item == {
        "vehicleId": VEHICLE,
        "lastSeenAt": "2026-11-22T12:00:01.000Z",
        "freshness": item["freshness"],
        "heading": None,
        "speed": 50.0,
        "charge": None,
        "moving": True,
        "charging": None,
        "connected": None,
        "episodes": 0,
        "privacy": "full",
    }
    assert [a.what for a in world.audit.held.values()] == ["read_sightings"]


async def test_who_follows_waits_until_something_moves_and_for_half_a_minute_at_most(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def happens(second: int) -> None:
        if second >= 7 and world.states.shelf.held[VEHICLE].value.revision == 0:
            moved(world, 1)

    clock = Waiting(world, monkeypatch, happens)
    mark = (await ask(sightings.read_sightings)).body["mark"]
    answer = await ask(sightings.read_sightings, query={"after": mark})
    assert [i["place"]["longitude"] for i in answer.body["items"]] == [11.01]
    assert 7 <= clock.passed <= 9
    clock = Waiting(world, monkeypatch)
    again = await ask(sightings.read_sightings, query={"after": answer.body["mark"]})
    assert (again.body["items"], again.body["gone"], again.body["complete"]) == ([], [], True)
    assert 29 <= clock.passed <= 31


async def test_however_many_follow_the_store_is_looked_at_once_a_second(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Waiting(world, monkeypatch)
    monkeypatch.setattr(waiting, "AT_ONCE", 50)
    mark = (await ask(sightings.read_sightings)).body["mark"]
    before = world.sightings.looks
    await asyncio.gather(*(ask(sightings.read_sightings, query={"after": mark}) for _ in range(40)))
    assert world.sightings.looks - before <= clock.passed + 1


async def test_who_stands_at_the_same_mark_is_told_the_same_and_the_next_not_what_was(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.tokens.held["other"] = replace(world.tokens.held["operator"], subject="operator-9")
    Waiting(world, monkeypatch)
    mark = (await ask(sightings.read_sightings)).body["mark"]
    for step in (1, 2, 3):
        moved(world, step)
        world.clock.at += 1_000
        one, two = [await ask(sightings.read_sightings, who, query={"after": mark}) for who in ("operator", "other")]
        assert one.body == two.body
        assert [i["place"]["longitude"] for i in one.body["items"]] == [11 + step / 100]
        mark = one.body["mark"]


async def test_what_nobody_follows_any_more_is_let_go(world: MemoryWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    Waiting(world, monkeypatch)
    await ask(sightings.read_sightings)
    world.clock.at += 61_000
    await ask(sightings.read_sightings, "rival")
    assert world.watch._followed.keys() == {"borealis"}


async def test_a_mark_from_too_long_ago_or_of_another_instance_that_is_gone_has_expired(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    Waiting(world, monkeypatch)
    now = NOON // 1000
    for mark in (Mark("other", 5, now - 70), Mark()):
        answer = await ask(sightings.read_sightings, query={"after": mark_text(mark)})
        assert (answer.status, answer.code) == (409, "mark_expired")
    moved(world, 1)
    answer = await ask(sightings.read_sightings, query={"after": mark_text(Mark("other", 5, now - 20))})
    assert len(answer.body["items"]) == 1, "another instance goes on where one ended"


@pytest.mark.parametrize("mark", ["", "x", "W10", "WzEsMl0", mark_text(Mark("a", 1, 2, {"v": 3}))[:-4]])
async def test_a_mark_that_is_none_is_refused(world: MemoryWorld, mark: str) -> None:
    answer = await ask(sightings.read_sightings, query={"after": mark})
    assert (answer.status, answer.code) == (400, "invalid_cursor")


def test_a_mark_comes_back_as_it_went() -> None:
    mark = Mark("a-1", 7, 1_795_348_800, {"veh-1": 3})
    assert mark_of(mark_text(mark)) == mark


async def test_vehicles_and_partners_follow_nothing(world: MemoryWorld) -> None:
    for query in ({}, {"after": mark_text(Mark())}):
        assert (await ask(sightings.read_sightings, "car", query=query)).code == "forbidden"


async def test_a_person_follows_the_own_vehicles_from_when_the_access_began(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.people.shelf.commit(str(ADA), _person(VEHICLE), None)
    other = VehicleState("veh-2", STATE.policy)
    world.states.shelf.commit("veh-2", other, None)
    moved(world, 1)
    moved(world, 1, "veh-2")
    first = (await ask(sightings.read_sightings, "ada")).body
    assert [i["vehicleId"] for i in first["items"]] == [VEHICLE]
    Waiting(world, monkeypatch, lambda second: moved(world, 2) if second == 3 else None)
    second = (await ask(sightings.read_sightings, "ada", query={"after": first["mark"]})).body
    assert [i["place"]["longitude"] for i in second["items"]] == [11.02]

    held = world.profiles.shelf.load(VEHICLE)
    joined = replace(held.value, members={"user-ada": Member(Role.SECONDARY, NOON + 60_000)})
    world.profiles.shelf.commit(VEHICLE, joined, held.version)
    (hidden,) = (await ask(sightings.read_sightings, "ada")).body["items"]
    assert (hidden["place"], hidden["speed"], hidden["moving"]) == (None, None, None)

    held = world.profiles.shelf.load(VEHICLE)
    world.profiles.shelf.commit(VEHICLE, replace(held.value, members={}), held.version)
    last = (await ask(sightings.read_sightings, "ada", query={"after": second["mark"]})).body
    assert (last["items"], last["gone"]) == ([], [VEHICLE])


def _person(*vehicles: str) -> Person:
    owned = {v: Membership(v, "user-ada", Role.PRIMARY, 1, None) for v in vehicles}
    return replace(Person(ADA), memberships=owned)


async def test_a_brand_of_more_vehicles_than_a_look_reads_is_said_not_to_be_complete(
    world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert following.MOST == 10_000
    monkeypatch.setattr(following, "MOST", 3)
    Waiting(world, monkeypatch)
    mark = (await ask(sightings.read_sightings)).body["mark"]
    for number in range(5):
        world.states.shelf.commit(f"veh-{number}", VehicleState(f"veh-{number}", STATE.policy), None)
    world.clock.at += 5_000
    answer = (await ask(sightings.read_sightings, query={"after": mark})).body
    assert (len(answer["items"]), answer["complete"]) == (2, False), "one of the three is known already"


async def test_a_page_holds_a_thousand_vehicles(world: MemoryWorld) -> None:
    assert sightings.PAGE == 1_000
    assert (await ask(sightings.read_sightings, query={"limit": "1001"})).code == "invalid_query"
    for number in range(3):
        world.states.shelf.commit(f"veh-{number}", VehicleState(f"veh-{number}", STATE.policy), None)
    first = (await ask(sightings.read_sightings, query={"limit": "2"})).body
    second = (await ask(sightings.read_sightings, query={"limit": "2", "cursor": first["cursor"]})).body
    assert len({i["vehicleId"] for i in first["items"] + second["items"]}) == 4
    assert second["cursor"] is None


async def test_half_a_place_is_none(world: MemoryWorld) -> None:
    held = world.states.shelf.load(VEHICLE)
    half: dict[str, Any] = {PLACE + "Latitude": 48.0}
    after, _ = fold(held.value, [event(1, **half)], BOOK)
    world.states.shelf.commit(VEHICLE, after, held.version)
    assert (await ask(sightings.read_sightings)).body["items"][0]["place"] is None


async def test_everybody_is_told_who_they_are(world: MemoryWorld) -> None:
    answer = (await ask(sightings.read_me, "ada")).body
    said = {"subject": "user-ada", "brand": BRAND, "kind": "user", "verified": True, "terms": True, "scopes": []}
    assert answer == said


async def test_the_books_say_when_what_the_hub_took_was_counted(world: MemoryWorld) -> None:
    await ingest(received(0, low(1, soc=50)))
    (book,) = (await ask(ledger.read_books)).body["partitions"]
    assert book["enqueuedAt"].startswith("2026-11-22T12:00")
    assert book["countedAt"] == "2026-11-22T12:00:00.000Z"


async def test_an_operator_sees_what_was_told_of_a_vehicle_the_newest_first(world: MemoryWorld) -> None:
    for number, user in ((1, "user-ada"), (2, "user-ada"), (2, "user-ben")):
        told = Notification(f"n-{number}", "silent", VEHICLE, BRAND, NOON + number, {})
        deliveries = {Channel.INBOX: Delivery(Outcome.SENT), Channel.EMAIL: Delivery(Outcome.FAILED)}
        item = Item(f"{number}-{user}", PersonId(BRAND, user), told, NOON, deliveries=deliveries)
        await world.inbox.put(item)
    answer = await ask(inbox.list_notifications, vehicle_id=VEHICLE)
    assert [(i["id"], i["recipients"], i["outcomes"]) for i in answer.body["items"]] == [
        ("n-2", 2, {"sent": 2, "failed": 2}),
        ("n-1", 1, {"sent": 1, "failed": 1}),
    ]
    few = await ask(inbox.list_notifications, vehicle_id=VEHICLE, query={"limit": "1"})
    assert [i["id"] for i in few.body["items"]] == ["n-2"]

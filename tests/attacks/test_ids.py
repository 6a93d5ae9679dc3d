"""No id of a caller reaches another document, a container or a blob besides the one that it names: attack 26."""

import base64
import hashlib
import inspect
import typing
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from functions.http import ROUTES
from local.cloud import Cloud
from shared import ports
from shared.bootstrap import World
from shared.domain.held import Held
from shared.domain.history import day_of
from shared.domain.inbox import Item, Turn
from shared.domain.kinds import Channel
from shared.domain.notification import Notification
from shared.domain.parked import Filter, Parked
from shared.domain.person import Person, PersonId
from shared.errors import Code as ErrorCode
from shared.errors import NotFound, Rejected
from shared.ports import Sought
from shared.settings import read
from tests.examples import CATALOG, NOON, PROFILE, STATE
from tests.functions.conftest import ask
from tests.functions.test_authorisation import BODIES, ROUTED, handler, populated
from tests.memory import MemoryClock

MARK = "WITNESS"
HOSTILE = [
    *("", " ", ".", "..", "../state", "./state", "state/../profile", "a/b", "a\\b", "a?b", "a#b", "a%2fb", "%2e%2e"),
    *("a\x00b", "\x00", "a\nb", "a\r\nx-ms-date: 1", "\ud800", "a\udfff", "\u202estate", "state ", "state.", " state"),
    *("state/", "/state", "//", "state;a", "x" * 1_025, "é" * 600, "'; DROP", '"', "{}", "[]", "$", "@operators", "*"),
    *("docs/state", "../../vins/docs/x", "2026-11-22_..", "2026-11-22_../../x", "2026-11-22_a/b", "2026-99-99_a"),
    *("2026-11-22_telemetry-" + "1" * 400, "http://169.254.169.254/", "state?comp=list", "a&b=c", "\U0010ffff"),
]
NAMES: tuple[str, ...] = (
    "profiles",
    "states",
    "sightings",
    "rules",
    "vocabularies",
    "brands",
    "histories",
    "people",
    "exports",
)
NAMES += ("audit", "catalogs", "ledgers", "parking", "inbox", "endpoints", "wordings")
"""The stores of the world: each is an attribute that bears its port's name."""


def calls() -> Iterator[tuple[str, str, list[Any]]]:
    """Every method of a store that is told texts or persons and numbers: it, and what each of them is."""
    for name in NAMES:
        port = getattr(ports, name.capitalize())
        for method, function in inspect.getmembers(port, inspect.isfunction):
            if method.startswith("_"):
                continue
            hints = typing.get_type_hints(function)
            kinds = [hints[p] for p in inspect.signature(function).parameters if p != "self"]
            known = all(kind in (str, int, PersonId, str | None) for kind in kinds)
            if known and any(kind in (str, PersonId) for kind in kinds):
                yield name, method, kinds


CALLS = list(calls())


def is_plain(id: str) -> bool:
    """Odd, perhaps, but one segment of a URL that stands for itself."""
    known = id.isascii() and id.isprintable() and quote(id, safe="$@*;&=") == id
    return known and bool(id.strip(".")) and len(id) <= 255


def arguments(kinds: list[Any], hostile: str) -> Iterator[list[Any]]:
    """The hostile text in the place of each, one after the other; of a person as the brand and as the user."""
    plain: dict[Any, Any] = {str: "aurora", int: 1, PersonId: PersonId("aurora", "user-ada"), str | None: None}
    for place, kind in enumerate(kinds):
        for one in [hostile] if kind is str else [PersonId("aurora", hostile), PersonId(hostile, "x")]:
            if kind in (str, PersonId):
                yield [one if at == place else plain[k] for at, k in enumerate(kinds)]


@pytest.fixture(scope="module")
def witnessed() -> list[str]:
    """Which worlds hold the witnesses already."""
    return []


@pytest.fixture
async def world(cloud: Cloud, witnessed: list[str]) -> AsyncIterator[World]:
    """The product's own adapters, and documents that a hostile id might reach, each with a mark."""
    clock = MemoryClock()
    real = World(read(cloud.env), clock, clock.monotonic)
    if not witnessed:
        witnessed.append("stored")
        profile = replace(PROFILE, vehicle_id="witness", model=MARK)
        await real.profiles.register(profile, replace(STATE, vehicle_id="witness"))
        ada = PersonId("aurora", "witness")
        await real.inbox.put(Item("state", ada, Notification("n", "silent", "v", "aurora", NOON, {}), NOON, MARK))
        await real.exports.put("exp-witness", Held(NOON, Person(PersonId("aurora", MARK)), (), (), ()))
        await real.parking.park(Parked("telemetry", "witness", NOON, "veh", "not_json", MARK, MARK.encode()))
    yield real
    await real.close()


@pytest.mark.parametrize(("store", "method", "kinds"), CALLS, ids=lambda x: x if isinstance(x, str) else "")
async def test_a_hostile_id_finds_nothing_and_breaks_nothing(
    world: World, store: str, method: str, kinds: list[Any]
) -> None:
    for hostile in HOSTILE:
        for given in arguments(kinds, hostile):
            try:
                found = await getattr(getattr(world, store), method)(*given)
            except Rejected as refused:
                assert 400 <= refused.status < 500, (hostile, refused)
                continue
            assert MARK not in repr(found), hostile


async def test_what_the_hostile_ids_aimed_at_is_still_there(world: World) -> None:
    assert (await world.profiles.load("witness")).value.model == MARK
    assert (await world.inbox.load(PersonId("aurora", "witness"), "state")).value.title == MARK
    assert MARK.encode() in await world.exports.read("exp-witness")
    assert (await world.parking.read(f"{day_of(NOON)}_telemetry-witness")).body == MARK.encode()


async def test_nothing_is_stored_under_a_hostile_id(world: World) -> None:
    for hostile in HOSTILE:
        if is_plain(hostile):
            continue
        with pytest.raises(Rejected):
            await world.profiles.claim_vin(hostile, "veh")
        told = Notification("n", "silent", "v", "aurora", NOON, {})
        with pytest.raises(Rejected):
            await world.inbox.put(Item(hostile, PersonId("aurora", "user-ada"), told, NOON))
        with pytest.raises(NotFound):
            await world.exports.put(hostile, Held(NOON, Person(PersonId("aurora", "x")), (), (), ()))


async def test_the_longest_ids_that_people_may_have_travel_on_every_queue(world: World) -> None:
    """A message id has 128 characters; a brand and a subject have more together."""
    brand, user = "b" * 64, "u" * 128
    await world.wakes.send([(f"{brand}:{user}", NOON)], people=True)
    await world.notifications.send(Notification("n" * 300, "silent", "v" * 64, brand, NOON, {}))
    await world.deliveries.send([Turn(PersonId(brand, user), "i" * 300, Channel.EMAIL, 10**200, 10**200)])


async def test_what_is_parked_of_a_nameless_device_is_parked_all_the_same(world: World) -> None:
    for number, device in enumerate(HOSTILE):
        await world.parking.park(Parked("wake", f"hostile-{number}", NOON, device, "not_json", device, b"x", device))
        assert (await world.parking.read(f"{day_of(NOON)}_wake-hostile-{number}")).body == b"x"
    listed = [name async for name in names_of_parked(world)]
    assert len([name for name in listed if "_wake-hostile-" in name]) == len(HOSTILE)


async def names_of_parked(world: World) -> AsyncIterator[str]:
    cursor: str | None = None
    while True:
        page = await world.parking.list(Filter(day=day_of(NOON)), 100, cursor)
        for name, _ in page.items:
            yield name
        cursor = page.cursor
        if cursor is None:
            return


async def test_a_catalogue_is_kept_under_its_brand_alone(world: World) -> None:
    for hostile in ("", "a\x00b", "\ud800", "x" * 1_025):
        with pytest.raises(Rejected):
            await world.catalogs.commit(replace(CATALOG, brand=hostile), None)


TOKENS = [
    *HOSTILE,
    "9" * 5_000,
    "\r\nx-ms-date: 1",
    "é",
    '{"a":1}',
    "x" * 20_000,
    "2!84!MDAwMDAwIWFiYyEwMDAwMjgh",
    "-1",
]


LISTS: dict[str, Callable[[World, str], Awaitable[Any]]] = {
    "inbox": lambda world, cursor: world.inbox.list(PersonId("aurora", "nobody"), 10, cursor),
    "dead letters": lambda world, cursor: world.inbox.failed("nobodys-brand", 10, cursor),
    "vehicles": lambda world, cursor: world.profiles.list(Sought("nobodys-brand"), 10, cursor),
    "sightings": lambda world, cursor: world.sightings.list("nobodys-brand", 10, cursor),
    "parked": lambda world, cursor: world.parking.list(Filter(None, "1999-01-01", None), 10, cursor),
    "due": lambda world, cursor: world.states.due(0, cursor),
    "people": lambda world, cursor: world.people.due(0, cursor),
}


@pytest.mark.parametrize("name", LISTS)
async def test_a_cursor_that_somebody_made_up_is_refused_or_finds_what_is_theirs(world: World, name: str) -> None:
    """Its check is right: anybody can reckon it. No page is another's, and the store is never taken for broken."""
    for token in TOKENS:
        raw = token.encode(errors="surrogatepass")
        cursor = f"{base64.urlsafe_b64encode(raw).decode()}.{hashlib.sha256(raw).hexdigest()[:12]}"
        try:
            page = await LISTS[name](world, cursor)
        except Rejected as refused:
            assert refused.code is ErrorCode.INVALID_CURSOR, token
            continue
        assert MARK not in repr(page)


# ---- over HTTP


async def test_a_hostile_id_in_a_path_or_query_is_absent_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    world = populated(monkeypatch)
    for route in ROUTES:
        names = [part[1:-1] for part in route.template.split("/") if part.startswith("{")]
        for name in names:
            others = {"vehicle_id": "veh-own", **ROUTED, "letter_id": "x"}
            for hostile in HOSTILE:
                if is_plain(hostile):
                    continue
                routed = others | {name: hostile}
                answer = await ask(handler(route), "operator", BODIES.get(route.name), route=routed)
                assert answer.status in (400, 403, 404, 409), (route.name, name, hostile, answer)
    assert world.states.shelf.held.keys() == {"veh-own", "veh-others", "veh-foreign"}

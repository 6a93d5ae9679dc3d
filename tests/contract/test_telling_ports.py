"""What is kept of telling people and partners: held against the adapters in memory and against the real ones."""

from dataclasses import replace
from uuid import uuid4

import pytest

from shared.domain.inbox import Attempt, Delivery, Item, Outcome, endpoint_recipient
from shared.domain.kinds import Channel, Urgency
from shared.domain.notification import Audience, Notification
from shared.domain.person import PersonId
from shared.domain.preferences import Preferences, Quiet
from shared.domain.profile import Request
from shared.domain.webhooks import Endpoint
from shared.errors import Code, Conflict, Malformed, NotFound
from tests.contract.test_ports import AnyWorld, world
from tests.examples import BRAND, NOON

__all__ = ["world"]


def somebody() -> PersonId:
    return PersonId(BRAND, f"user-{uuid4().hex}")


def item(recipient: PersonId, number: int = 0, **changes: object) -> Item:
    told = Notification(f"n-{number}", "battery_low", "veh-1", BRAND, NOON + number, {"x": 1.5})
    return replace(Item(f"i-{number}", recipient, told, NOON + number), **changes)  # type: ignore[arg-type]


async def test_an_item_is_stored_once_and_comes_back_as_it_went(world: AnyWorld) -> None:
    ada, audience = somebody(), frozenset({Audience.NAMED})
    told = Notification("n", "digest", "", BRAND, NOON, {"items": ["a", "b"]}, "trace", audience, (), Urgency.SAFETY)
    told = replace(told, expires_at=NOON + 1, collapse="veh-1/x")
    mail = Delivery(Outcome.RETRYING, NOON, 2, 1, (Attempt(NOON), Attempt(NOON, NOON + 1, "retrying", "x")), "x")
    whole = Item("i", ada, told, NOON, "title", "body", True, NOON, NOON, NOON + 9, {Channel.EMAIL: mail})
    assert await world.inbox.put(whole) is True
    assert await world.inbox.put(item(ada)) is True
    assert await world.inbox.put(replace(whole, title="another")) is False
    assert (await world.inbox.load(ada, "i")).value == whole


async def test_of_two_writers_of_an_item_the_second_conflicts(world: AnyWorld) -> None:
    ada = somebody()
    await world.inbox.put(item(ada))
    found = await world.inbox.load(ada, "i-0")
    await world.inbox.commit(replace(found.value, read_at=NOON), found.version)
    with pytest.raises(Conflict):
        await world.inbox.commit(replace(found.value, read_at=NOON + 1), found.version)
    assert (await world.inbox.load(ada, "i-0")).value.read_at == NOON


async def test_an_inbox_is_paged_newest_first_and_complete_without_what_is_not_shown(world: AnyWorld) -> None:
    ada = somebody()
    for number in (3, 1, 4, 0, 2, 6, 5):
        await world.inbox.put(item(ada, number))
    await world.inbox.put(item(ada, 7, shown=False))
    seen, cursor, pages = list[int](), None, 0
    while pages == 0 or cursor:
        page = await world.inbox.list(ada, 3, cursor)
        seen += [i.notification.at - NOON for i in page.items]
        cursor, pages = page.cursor, pages + 1
    assert (seen, pages) == ([6, 5, 4, 3, 2, 1, 0], 3)
    assert len(await world.inbox.all_of(ada)) == 8


@pytest.mark.parametrize("cursor", ["garbage", "%%%", "bm90IG9uZQ=="])
async def test_a_cursor_that_is_none_is_malformed(world: AnyWorld, cursor: str) -> None:
    for ask in (world.inbox.list(somebody(), 3, cursor), world.inbox.failed(BRAND, 3, cursor)):
        with pytest.raises(Malformed) as caught:
            await ask
        assert caught.value.code is Code.INVALID_CURSOR


async def test_what_is_unread_and_what_came_since_is_found(world: AnyWorld) -> None:
    ada = somebody()
    for number in range(4):
        read = NOON if number == 1 else None
        await world.inbox.put(item(ada, number, shown=number != 2, read_at=read))
    assert sorted(await world.inbox.unread(ada, 9)) == ["i-0", "i-3"]
    assert len(await world.inbox.unread(ada, 1)) == 1
    assert [i.id for i in (await world.inbox.since(ada, NOON)).items] == ["i-1", "i-3"]


async def test_what_came_since_is_paged_the_first_first_and_complete(world: AnyWorld) -> None:
    ada, seen, cursor = somebody(), list[str](), None
    for number in range(130):
        await world.inbox.put(item(ada, (number * 37) % 130))
    while len(seen) == 0 or cursor:
        page = await world.inbox.since(ada, NOON + 4, cursor)
        seen, cursor = [*seen, *(i.id for i in page.items)], page.cursor
        assert len(page.items) <= 100
    assert seen == [f"i-{number}" for number in range(5, 130)]
    assert len(await world.inbox.unread(ada, 120)) == 120


async def test_what_waits_for_a_digest_is_found_once_its_moment_has_come(world: AnyWorld) -> None:
    ada = somebody()
    for number, digest in enumerate((NOON, NOON + 10, None, NOON - 1)):
        await world.inbox.put(item(ada, number, digest=digest))
    assert [i.id for i in await world.inbox.gathered(ada, NOON)] == ["i-0", "i-3"]
    assert [i.id for i in await world.inbox.gathered(ada, 2**53)] == ["i-0", "i-1", "i-3"]


async def test_an_item_is_superseded_by_a_later_one_of_its_key_and_recipient(world: AnyWorld) -> None:
    ada, ben = somebody(), somebody()
    low = [item(whose, n) for whose, n in ((ada, 0), (ada, 1), (ben, 2), (ada, 3))]
    keys = ("veh/low", "veh/low", "veh/low", "veh/other")
    low = [replace(i, notification=replace(i.notification, collapse=k)) for i, k in zip(low, keys, strict=True)]
    for one in low:
        await world.inbox.put(one)
    assert [await world.inbox.superseded(one) for one in low] == [True, False, False, False]
    assert not await world.inbox.superseded(item(ada, -5))


async def test_a_notification_and_a_vehicle_are_found_in_every_inbox(world: AnyWorld) -> None:
    ids, vehicle = [somebody(), somebody(), endpoint_recipient(BRAND, "whe-1", NOON)], f"veh-{uuid4().hex}"
    told = Notification(uuid4().hex, "battery_low", vehicle, BRAND, NOON, {})
    for id in ids:
        await world.inbox.put(replace(item(id), id=uuid4().hex, notification=told))
        await world.inbox.put(replace(item(id), id=uuid4().hex))
    assert [i.recipient for i in await world.inbox.of_notification(told.id)] == sorted(ids)
    assert {i.recipient for i in await world.inbox.of_vehicle(vehicle)} == set(ids)


async def test_what_failed_is_found_by_brand_until_it_failed_no_more(world: AnyWorld) -> None:
    ada, brand = somebody(), f"brand-{uuid4().hex}"
    told = Notification("n", "battery_low", "veh-1", brand, NOON, {})
    failed = replace(item(PersonId(brand, ada.user)), notification=told)
    failed = failed.with_delivery(Channel.EMAIL, Delivery(Outcome.FAILED, reason="smtp 550"))
    await world.inbox.put(failed)
    assert (await world.inbox.failed(brand, 5)).items == [failed]
    found = await world.inbox.load(failed.recipient, failed.id)
    await world.inbox.commit(failed.with_delivery(Channel.EMAIL, Delivery(Outcome.SENT)), found.version)
    assert (await world.inbox.failed(brand, 5)).items == []


async def test_an_inbox_is_forgotten_as_a_whole_and_nobody_elses(world: AnyWorld) -> None:
    ada, ben = somebody(), somebody()
    for whose in (ada, ben):
        for number in range(3):
            await world.inbox.put(item(whose, number, shown=number > 0))
    await world.inbox.drop(ben, "i-0")
    await world.inbox.drop(ben, "i-0")
    await world.inbox.forget(ada)
    assert (len(await world.inbox.all_of(ada)), len(await world.inbox.all_of(ben))) == (0, 2)
    with pytest.raises(NotFound):
        await world.inbox.load(ada, "i-1")


async def test_an_endpoint_comes_back_as_it_went_and_changes_only_over_what_was_read(world: AnyWorld) -> None:
    brand, kinds = f"brand-{uuid4().hex}", frozenset({"battery_low", "silent"})
    whole = Endpoint("whe-1", brand, "partner-1", "https://a.example/x", kinds, NOON, False, "gone", 2, NOON, NOON)
    whole = replace(whole, requests=(Request("k", "d", "m"),))
    plain = Endpoint("whe-0", brand, "partner-1", "https://a.example/x", frozenset(), NOON + 1)
    for one in (plain, whole):
        await world.endpoints.commit(one, None)
    with pytest.raises(Conflict):
        await world.endpoints.commit(whole, None)
    assert await world.endpoints.all(brand) == await world.endpoints.of(brand) == [whole, plain]
    found = await world.endpoints.load(brand, "whe-1")
    await world.endpoints.commit(replace(whole, enabled=True), found.version)
    with pytest.raises(Conflict):
        await world.endpoints.commit(whole, found.version)
    for _ in range(2):
        await world.endpoints.drop(brand, "whe-1")
    assert await world.endpoints.of(brand) == [plain]
    with pytest.raises(NotFound):
        await world.endpoints.load(brand, "whe-1")


async def test_a_brands_templates_and_defaults_come_back_as_they_went(world: AnyWorld) -> None:
    brand = f"brand-{uuid4().hex}"
    assert (await world.wordings.read(brand)).value == await world.wordings.all(brand) == {}
    own = {("battery_low", Channel.INBOX, "de"): {"title": "a", "body": "b"}}
    await world.wordings.commit(brand, own, None)
    with pytest.raises(Conflict):
        await world.wordings.commit(brand, {}, None)
    found = await world.wordings.read(brand)
    assert found.value == await world.wordings.all(brand) == own
    await world.wordings.commit(brand, {}, found.version)
    assert await world.wordings.all(brand) == {}
    assert await world.brands.telling(brand) == Preferences()
    wants = Preferences("de", "Europe/Berlin", Quiet(0, 0), 0, {"*": {Channel.EMAIL: True}}, 3)
    await world.brands.put_telling(brand, wants)
    assert await world.brands.telling(brand) == wants

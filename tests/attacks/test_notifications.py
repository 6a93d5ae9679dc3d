"""How much mail somebody can cause to who never asked for it."""

import asyncio
from typing import Any

import pytest

from functions import people, telling, wake
from shared.codec import messages
from shared.domain.inbox import item_id
from shared.domain.person import PersonId
from shared.domain.principal import Kind, Principal
from shared.domain.quota import (
    CHALLENGES,
    CODES_OF_PERSON,
    CODES_TO_ADDRESS,
    DAY,
    HOUR,
    MINUTE,
    TESTS_OF_PERSON,
    mailbox,
    taken,
)
from tests.examples import BRAND, NOON
from tests.functions.conftest import ask
from tests.functions.test_events import message
from tests.functions.test_telling import ADA, deliver, mailed
from tests.memory import MemoryWorld

STRANGER = "stranger@elsewhere.example"


async def wants(email: str | None, who: str = "ada") -> Any:
    return await ask(telling.put_contact, who, {"email": email})


def somebody(world: MemoryWorld, number: int, brand: str = BRAND) -> str:
    name = f"user-{brand}-{number}"
    world.tokens.held[name] = Principal(name, brand, Kind.USER, verified=True, terms=True)
    return name


def codes_mailed(world: MemoryWorld) -> int:
    return sum(item.notification.kind == "contact_verification" for item in world.inbox.items)


async def test_taking_the_address_away_resets_nothing(world: MemoryWorld) -> None:
    for _ in range(30):
        await wants(STRANGER)
        await wants(None)
    assert codes_mailed(world) == 1
    refused = await wants(STRANGER)
    assert (refused.status, refused.code, refused.headers["Retry-After"]) == (429, "too_many_mails", "60")


@pytest.mark.parametrize("take_away", [True, False])
async def test_a_person_asks_for_so_many_codes_a_minute_an_hour_and_a_day(world: MemoryWorld, take_away: bool) -> None:
    assert CODES_OF_PERSON == ((MINUTE, 1), (HOUR, 5), (DAY, 10))
    after = dict[int, int]()
    for number in range(24 * 6 + 1):
        world.clock.at = NOON + number * 10 * MINUTE
        await wants(f"somebody-{number}@elsewhere.example")
        if take_away:
            await wants(None)
        after[number * 10] = codes_mailed(world)
    assert (after[50], after[60 * 23], after[60 * 24]) == (5, 10, 11)


async def test_an_address_is_mailed_so_often_whoever_asks_and_however_it_is_spelt(world: MemoryWorld) -> None:
    assert CODES_TO_ADDRESS == ((MINUTE, 1), (HOUR, 3), (DAY, 5))
    spelt = (STRANGER, STRANGER.upper(), STRANGER.replace("@", "+tag@"), "Stranger+@elsewhere.EXAMPLE")
    after = dict[int, int]()
    for number in range(24 * 6 + 1):
        world.clock.at = NOON + number * 10 * MINUTE
        await wants(spelt[number % len(spelt)], somebody(world, number))
        after[number * 10] = codes_mailed(world)
    assert (after[50], after[60 * 23], after[60 * 24]) == (3, 5, 6)


async def test_another_brands_people_are_another_count(world: MemoryWorld) -> None:
    await wants(STRANGER)
    assert (await wants(STRANGER, somebody(world, 1))).code == "too_many_mails"
    assert (await wants(STRANGER, somebody(world, 1, "borealis"))).status == 200


async def test_many_at_once_are_one(world: MemoryWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    load = world.quota_store.load

    async def slowly(key: str) -> Any:
        found = await load(key)
        await asyncio.sleep(0)
        return found

    monkeypatch.setattr(world.quota_store, "load", slowly)
    answers = await asyncio.gather(*(wants(STRANGER, somebody(world, number)) for number in range(20)))
    assert sorted(a.status for a in answers) == [200] + [429] * 19
    assert codes_mailed(world) == 1


async def test_being_forgotten_resets_nothing_and_what_is_counted_names_nobody(world: MemoryWorld) -> None:
    for number in range(5):
        world.clock.at = NOON + number * MINUTE
        await wants(f"{number}{STRANGER}")
    await ask(people.erase_person, "ada")
    for _ in range(2):
        await wake.wake_due(message(messages.encode_wake(str(ADA), 0, person=True)))
        world.clock.at += MINUTE
    assert str(ADA) not in world.people.shelf.held, "forgotten"
    assert (await wants("another@elsewhere.example")).code == "too_many_mails"
    counted = repr(world.quota_store.shelf.held).lower()
    assert world.quota_store.shelf.held
    assert not any(text in counted for text in ("ada", "stranger", "elsewhere", BRAND))


async def test_a_wrong_or_missing_code_sends_no_mail(world: MemoryWorld) -> None:
    await wants(STRANGER)
    for _ in range(10):
        await ask(telling.put_contact, "ada", {"email": STRANGER, "code": "WRONG"})
    assert codes_mailed(world) == 1


async def test_nothing_but_a_code_is_mailed_to_an_address_that_is_not_verified(world: MemoryWorld) -> None:
    await wants(STRANGER)
    await ask(telling.put_preferences, "ada", {"channels": {"*": {"email": True}}})
    await ask(telling.send_test, "ada")
    await deliver(world)
    assert [mail.to for mail in world.mailer.sent] == [STRANGER]
    assert "code" in world.mailer.sent[0].subject.lower()


async def test_a_person_asks_for_so_many_tests(world: MemoryWorld) -> None:
    assert TESTS_OF_PERSON == ((MINUTE, 3), (HOUR, 10), (DAY, 30))
    mailed(world)
    answers = [await ask(telling.send_test, "ada") for _ in range(10)]
    assert [a.status for a in answers] == [202] * 3 + [429] * 7
    assert answers[-1].code == "too_many_mails"
    assert len(world.inbox.items) == 3


def test_a_count_forgets_what_no_limit_looks_back_at_and_says_when_to_come_again() -> None:
    limits = ((MINUTE, 1), (HOUR, 2))
    assert taken((), NOON, limits) == (NOON,)
    assert taken((NOON,), NOON + 1, limits) == MINUTE - 1
    assert taken((NOON,), NOON + MINUTE, limits) == (NOON, NOON + MINUTE)
    assert taken((NOON, NOON + MINUTE), NOON + 2 * MINUTE, limits) == HOUR - 2 * MINUTE
    assert taken((NOON, NOON + MINUTE), NOON + HOUR, limits) == (NOON + MINUTE, NOON + HOUR)
    assert taken((NOON,), NOON - 5, limits) == MINUTE + 5, "another instance's clock is ahead"


@pytest.mark.parametrize(
    ("spelt", "box"),
    [
        ("A@B.example", "a@b.example"),
        ("a+b+c@b.example", "a@b.example"),
        ("+x@b.example", "+x@b.example"),
        ("a.b@b.example", "a.b@b.example"),
        ("J.o.e+x@GoogleMail.com", "joe@gmail.com"),
        ("jo.e@gmail.com", "joe@gmail.com"),
    ],
)
def test_spellings_of_one_mailbox_are_one(spelt: str, box: str) -> None:
    assert mailbox(spelt) == box


def test_an_item_of_a_code_is_in_nobodys_name_twice() -> None:
    assert item_id("n", ADA) != item_id("n", PersonId(BRAND, "user-ben"))
    assert CHALLENGES == ((MINUTE, 60), (HOUR, 120), (DAY, 300))

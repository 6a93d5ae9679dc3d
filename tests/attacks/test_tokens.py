"""An issuer that hangs, made-up key ids, and what may come instead of keys."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from shared.adapters import tokens
from shared.adapters.tokens import FETCH_TIMEOUT, FIRST_PAUSE, FRESH, PAUSE, STALE, UNKNOWN_FOR, JwksTokens
from shared.errors import Unauthenticated, Unavailable
from tests.contract.test_tokens import ISSUER, Issuer, fetched, make_verifier
from tests.examples import NOON
from tests.memory import MemoryClock

IN_TIME = 20.0
"""Seconds after which a test takes what it waits for as hanging."""


@dataclass
class Hanging(Issuer):
    """An issuer that can be made to answer nothing at all, or something that is no set of keys."""

    goes_on: asyncio.Event = field(default_factory=asyncio.Event)
    text: str | None = None

    def __post_init__(self) -> None:
        Issuer.__init__(self)
        self.goes_on.set()

    async def jwks(self, request: web.Request) -> web.Response:
        answer = await super().jwks(request)
        await self.goes_on.wait()
        return answer if self.text is None else web.Response(text=self.text)


@pytest.fixture
async def issuer() -> AsyncIterator[Hanging]:
    issuer, app = Hanging(), web.Application()
    app.router.add_get("/jwks", issuer.jwks)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    issuer.url = f"http://127.0.0.1:{runner.addresses[0][1]}/jwks"
    issuer.rotate("one")
    yield issuer
    issuer.goes_on.set()
    await runner.cleanup()


async def knowing(issuer: Issuer, clock: MemoryClock) -> JwksTokens:
    verifier = make_verifier(issuer, clock)
    await verifier.verify(lasting(issuer))
    return verifier


def lasting(issuer: Issuer, **claims: object) -> str:
    """A token that holds for days."""
    return issuer.token("one", exp=NOON // 1000 + 3 * 86_400, **claims)


async def test_an_issuer_that_hangs_does_not_delay_tokens_whose_keys_are_known(issuer: Hanging) -> None:
    clock = MemoryClock()
    verifier = await knowing(issuer, clock)
    issuer.goes_on.clear()
    clock.at += round(FRESH * 1000) + 1
    many = [lasting(issuer, sub=f"user-{number}") for number in range(50)]
    async with asyncio.timeout(FETCH_TIMEOUT / 2):
        await asyncio.gather(*map(verifier.verify, many))
    assert issuer.fetches <= 2, "one is under way for all of them"


async def test_a_token_of_an_unknown_key_waits_for_the_fetch_and_delays_no_other(issuer: Hanging) -> None:
    clock = MemoryClock()
    verifier = await knowing(issuer, clock)
    issuer.goes_on.clear()
    clock.at += round(PAUSE * 1000) + 1
    issuer.keys["two"] = issuer.keys["one"]
    waits = [asyncio.create_task(verifier.verify(issuer.token("two", sub=f"user-{n}"))) for n in range(20)]
    async with asyncio.timeout(FETCH_TIMEOUT / 2):
        await verifier.verify(lasting(issuer, sub="user-ben"))
    assert not any(task.done() for task in waits)
    issuer.goes_on.set()
    async with asyncio.timeout(IN_TIME):
        found = await asyncio.gather(*waits)
    assert {who.subject for who in found} == {f"user-{n}" for n in range(20)}
    assert issuer.fetches == 2, "all wait for the same one"


async def test_a_fetch_that_hangs_ends_and_so_does_waiting_for_it(issuer: Hanging) -> None:
    verifier = make_verifier(issuer)
    issuer.goes_on.clear()
    async with asyncio.timeout(IN_TIME):
        failed = await asyncio.gather(
            *(verifier.verify(issuer.token("one")) for _ in range(10)), return_exceptions=True
        )
    assert {type(error) for error in failed} == {Unavailable}
    assert issuer.fetches == 1


async def test_who_stops_waiting_ends_nobody_elses_fetch(issuer: Hanging) -> None:
    verifier = make_verifier(issuer)
    issuer.goes_on.clear()
    one, other = (asyncio.create_task(verifier.verify(issuer.token("one"))) for _ in range(2))
    while not issuer.fetches:
        await asyncio.sleep(0)
    one.cancel()
    issuer.goes_on.set()
    async with asyncio.timeout(IN_TIME):
        assert (await other).subject == "user-ada"


async def test_known_keys_are_believed_for_a_day_without_the_issuer_and_no_longer(issuer: Hanging) -> None:
    clock = MemoryClock()
    verifier, token = await knowing(issuer, clock), lasting(issuer)
    issuer.away = True
    clock.at = NOON + round(STALE * 1000)
    await verifier.verify(token)
    await fetched(verifier)
    clock.at += 61_000
    with pytest.raises(Unavailable):
        await verifier.verify(token)
    issuer.away = False
    clock.at += round(PAUSE * 1000)
    assert (await verifier.verify(token)).subject == "user-ada"


async def test_made_up_key_ids_cause_a_fetch_a_pause_however_many_there_are(issuer: Hanging) -> None:
    clock = MemoryClock()
    verifier = await knowing(issuer, clock)
    for second in range(60):
        clock.at = NOON + second * 1000
        for number in range(20):
            with pytest.raises(Unauthenticated):
                await verifier.verify(made_up(issuer, f"{second}-{number}"))
    assert issuer.fetches <= 1 + 60 / PAUSE


async def test_a_key_id_that_was_looked_for_causes_no_fetch_again_for_a_minute(issuer: Hanging) -> None:
    clock = MemoryClock()
    verifier = await knowing(issuer, clock)
    for _ in range(5):
        clock.at += round(PAUSE * 1000)
        with pytest.raises(Unauthenticated):
            await verifier.verify(made_up(issuer, "other"))
    assert issuer.fetches == 2
    clock.at += round(UNKNOWN_FOR * 1000)
    issuer.keys["other"] = issuer.keys["one"]
    assert (await verifier.verify(issuer.token("other"))).subject == "user-ada"


async def test_so_many_unknown_key_ids_are_remembered_and_no_more(
    issuer: Hanging, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "UNKNOWN_KEYS", 3)
    clock = MemoryClock()
    verifier = await knowing(issuer, clock)
    for number in range(5):
        clock.at += round(PAUSE * 1000)
        with pytest.raises(Unauthenticated):
            await verifier.verify(made_up(issuer, str(number)))
    assert len(verifier._unknown) == 3


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "null",
        '"keys"',
        "{}",
        '{"keys": []}',
        '{"keys": null}',
        '{"keys": [1, null, {}]}',
        '{"keys": {"kid": "one"}}',
        '{"keys": [{"kty": "oct", "k": "AAAA", "kid": "one", "alg": "HS256"}]}',
        "[" * 5_000 + "]" * 5_000,
        " " * 300_000 + "{}",
        "not json",
    ],
)
async def test_what_is_no_set_of_keys_leaves_the_known_ones_in_use(issuer: Hanging, text: str) -> None:
    clock = MemoryClock()
    verifier = await knowing(issuer, clock)
    issuer.text = text
    clock.at += round(FRESH * 1000) + 1
    await verifier.verify(lasting(issuer))
    await fetched(verifier)
    clock.at += 61_000
    assert (await verifier.verify(lasting(issuer))).subject == "user-ada"
    with pytest.raises(Unavailable):
        await make_verifier(issuer, clock).verify(lasting(issuer))


async def test_an_outage_before_any_key_is_known_is_tried_again_after_a_second(issuer: Hanging) -> None:
    clock = MemoryClock()
    verifier = make_verifier(issuer, clock)
    issuer.away = True
    for _ in range(3):
        with pytest.raises(Unavailable):
            await verifier.verify(issuer.token("one"))
    assert issuer.fetches == 1
    issuer.away = False
    clock.at += round(FIRST_PAUSE * 1000)
    assert (await verifier.verify(issuer.token("one"))).subject == "user-ada"


def made_up(issuer: Issuer, kid: str) -> str:
    """A token that names a key which nobody publishes."""
    made = Issuer()
    made.keys = {kid: issuer.keys["one"]}
    return made.token(kid, iss=ISSUER)

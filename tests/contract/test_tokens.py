"""The issuer's keys: fetched when needed, kept when the issuer is away, fetched again when they were rotated."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec

from shared.adapters import tokens
from shared.adapters.tokens import JwksTokens
from shared.domain.principal import Kind, Principal
from shared.errors import Unauthenticated, Unavailable
from tests.examples import NOON, NOON_AT
from tests.memory import MemoryClock

ISSUER, AUDIENCE = "https://issuer.example", "automotive-cloud"


class Issuer:
    """Publishes what keys it holds; `fetches` counts how often it was asked."""

    def __init__(self) -> None:
        self.keys: dict[str, ec.EllipticCurvePrivateKey] = {}
        self.fetches, self.url, self.away = 0, "", False

    def rotate(self, kid: str) -> None:
        self.keys = {kid: ec.generate_private_key(ec.SECP256R1())}

    def token(self, kid: str, **claims: Any) -> str:
        every = {"iss": ISSUER, "aud": AUDIENCE, "iat": NOON_AT, "exp": NOON_AT + timedelta(hours=1), "sub": "user-ada"}
        said = {k: v for k, v in (every | {"brand": "aurora"} | claims).items() if v is not None}
        return jwt.encode(said, self.keys[kid], "ES256", {"kid": kid})

    async def jwks(self, _: web.Request) -> web.Response:
        self.fetches += 1
        if self.away:
            return web.Response(status=500)
        published = [
            (kid, json.loads(jwt.algorithms.ECAlgorithm.to_jwk(k.public_key()))) for kid, k in self.keys.items()
        ]
        return web.json_response({"keys": [jwk | {"kid": kid, "alg": "ES256"} for kid, jwk in published]})


def make_verifier(issuer: Issuer, clock: MemoryClock | None = None, brand: str | None = None) -> JwksTokens:
    """By a clock that stands at noon unless another is given."""
    clock = clock or MemoryClock()
    return JwksTokens(ISSUER, AUDIENCE, issuer.url, clock, clock.monotonic, brand=brand)


async def fetched(verifier: JwksTokens) -> None:
    """Once the fetch that is under way in the background is over."""
    if verifier._fetch is not None:
        await verifier._fetch


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    issuer, app = Issuer(), web.Application()
    app.router.add_get("/jwks", issuer.jwks)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    issuer.url = f"http://127.0.0.1:{runner.addresses[0][1]}/jwks"
    issuer.rotate("one")
    yield issuer
    await runner.cleanup()


async def test_keys_are_fetched_once_for_many_tokens(issuer: Issuer) -> None:
    verifier = make_verifier(issuer)
    for _ in range(3):
        found = await verifier.verify(issuer.token("one"))
        assert replace(found, at=0) == Principal("user-ada", "aurora", Kind.USER)
    assert issuer.fetches == 1


@pytest.mark.parametrize(
    ("roles", "kind"), [(["operator"], Kind.OPERATOR), (["vehicle"], Kind.VEHICLE), ([], Kind.USER)]
)
async def test_the_roles_say_what_kind_of_caller_it_is(issuer: Issuer, roles: list[str], kind: Kind) -> None:
    assert (await make_verifier(issuer).verify(issuer.token("one", roles=roles))).kind is kind


async def test_a_token_that_names_no_brand_holds_only_where_one_is_set_for_it(issuer: Issuer) -> None:
    token = issuer.token("one", brand=None, sub="_-pairwise")
    found = await make_verifier(issuer, brand="borealis").verify(token)
    assert (found.brand, found.subject) == ("borealis", "_-pairwise")
    named = await make_verifier(issuer, brand="borealis").verify(issuer.token("one"))
    assert named.brand == "aurora"
    with pytest.raises(Unauthenticated):
        await make_verifier(issuer).verify(token)


async def test_a_token_that_held_is_not_looked_at_again_for_a_minute_nor_beyond_its_end(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, looked, decode = MemoryClock(), list[str](), jwt.decode

    def counted(token: str, *rest: Any, **more: Any) -> Any:
        looked.append(token)
        return decode(token, *rest, **more)

    monkeypatch.setattr(jwt, "decode", counted)
    verifier = make_verifier(issuer, clock)
    lasting, brief = issuer.token("one"), issuer.token("one", exp=NOON // 1000 + 20)
    for token in (lasting, brief):
        assert (await verifier.verify(token)).at == NOON
    clock.at = NOON + 19_000
    for token in (lasting, brief):
        assert (await verifier.verify(token)).at == clock.at
    assert looked == [lasting, brief]
    clock.at = NOON + 21_000
    await verifier.verify(brief)
    assert looked == [lasting, brief, brief], "it is looked at again, and only the leeway lets it hold"
    clock.at = NOON + round(tokens.HELD_FOR * 1000)
    await verifier.verify(lasting)
    assert looked[-1] == lasting


async def test_so_many_tokens_are_remembered_and_no_more(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "HELD", 3)
    verifier = make_verifier(issuer)
    for number in range(5):
        await verifier.verify(issuer.token("one", sub=f"user-{number}"))
    assert len(verifier._held) == 3


async def test_a_rotated_key_is_fetched_but_not_at_every_unknown_one(issuer: Issuer) -> None:
    clock = MemoryClock()
    verifier = make_verifier(issuer, clock)
    await verifier.verify(issuer.token("one"))
    issuer.rotate("two")
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            await verifier.verify(issuer.token("two"))
    assert issuer.fetches == 1
    clock.at += round(tokens.PAUSE * 1000) + 1
    await verifier.verify(issuer.token("two"))
    assert issuer.fetches == 2


async def test_known_keys_are_used_on_while_the_issuer_is_away(issuer: Issuer) -> None:
    clock = MemoryClock()
    verifier = make_verifier(issuer, clock)
    await verifier.verify(issuer.token("one"))
    issuer.away = True
    clock.at += round(tokens.FRESH * 1000) + 1
    for _ in range(3):
        await verifier.verify(issuer.token("one"))
        await fetched(verifier)
    assert issuer.fetches == 2, "and it is not asked at every token"


async def test_without_any_key_an_issuer_that_is_away_is_an_outage(issuer: Issuer) -> None:
    issuer.away = True
    with pytest.raises(Unavailable):
        await make_verifier(issuer).verify(issuer.token("one"))


@pytest.mark.parametrize(
    ("claim", "holds", "fails"), [("iat", -30_000, -30_001), ("nbf", -30_000, -30_001), ("exp", 29_999, 30_000)]
)
async def test_a_token_holds_from_half_a_minute_before_its_time_until_half_a_minute_after_its_end(
    issuer: Issuer, claim: str, holds: int, fails: int
) -> None:
    token = issuer.token("one", **{claim: NOON // 1000})
    await make_verifier(issuer, MemoryClock(NOON + holds)).verify(token)
    with pytest.raises(Unauthenticated):
        await make_verifier(issuer, MemoryClock(NOON + fails)).verify(token)

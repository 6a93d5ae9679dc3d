"""The local sign-in page gives tokens to the console alone, and only for a code with its proof, once."""

import base64
import hashlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import jwt
import pytest

from local import signin
from local.cloud import Cloud

VERIFIER = "a-proof-of-forty-three-characters-or-more-1234"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def asked(cloud: Cloud, **changes: str) -> dict[str, str]:
    wanted = {"client_id": "console", "redirect_uri": cloud.console, "response_type": "code"}
    wanted |= {"state": "s", "nonce": "n"}
    return wanted | {"code_challenge": CHALLENGE, "code_challenge_method": "S256"} | changes


async def code(cloud: Cloud, http: aiohttp.ClientSession, **said: str) -> str:
    form = asked(cloud) | (said or {"user": "user-ada"})
    async with http.post(f"{cloud.issuer.url}/authorize", data=form, allow_redirects=False) as answer:
        assert answer.status == 303
        back = urlsplit(answer.headers["Location"])
    assert f"{back.scheme}://{back.netloc}{back.path}" == cloud.console
    found = parse_qs(back.query)
    assert (found["state"], found["iss"]) == (["s"], [cloud.issuer.url])
    return found["code"][0]


async def token(cloud: Cloud, http: aiohttp.ClientSession, code: str, proof: str = VERIFIER) -> tuple[int, Any]:
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": proof, "client_id": "console"}
    async with http.post(f"{cloud.issuer.url}/token", data=form) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == cloud.console.removesuffix("/console")
        return answer.status, await answer.json()


async def test_a_code_and_its_proof_are_worth_one_token(cloud: Cloud, http: aiohttp.ClientSession) -> None:
    given = await code(cloud, http)
    status, found = await token(cloud, http, given)
    claims = jwt.decode(found["access_token"], options={"verify_signature": False})
    assert (status, claims["sub"], claims["brand"], claims["roles"]) == (200, "user-ada", "aurora", [])
    about = jwt.decode(found["id_token"], options={"verify_signature": False})
    assert (about["aud"], about["nonce"]) == ("console", "n")
    assert await token(cloud, http, given) == (400, {"error": "invalid_grant"})


async def test_another_proof_is_worth_nothing(cloud: Cloud, http: aiohttp.ClientSession) -> None:
    given = await code(cloud, http)
    assert (await token(cloud, http, given, "another"))[0] == 400
    assert (await token(cloud, http, given))[0] == 400, "a code that was tried is used up"
    assert (await token(cloud, http, "made-up"))[0] == 400


async def test_a_code_is_worth_something_for_a_minute(
    cloud: Cloud, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert signin.LIVES == 60
    monkeypatch.setattr(signin, "LIVES", -1.0)
    assert (await token(cloud, http, await code(cloud, http)))[0] == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": "https://elsewhere.example/console"},
        {"client_id": "other"},
        {"response_type": "token"},
        {"code_challenge_method": "plain"},
    ],
)
async def test_no_other_page_is_signed_in_for(
    cloud: Cloud, http: aiohttp.ClientSession, changes: dict[str, str]
) -> None:
    async with http.get(f"{cloud.issuer.url}/authorize", params=asked(cloud, **changes)) as answer:
        assert answer.status == 400
    form = asked(cloud, redirect_uri="https://elsewhere.example/console", user="user-ada")
    async with http.post(f"{cloud.issuer.url}/authorize", data=form, allow_redirects=False) as answer:
        assert answer.status == 400


async def test_somebody_else_can_be_an_operator_of_another_brand(cloud: Cloud, http: aiohttp.ClientSession) -> None:
    given = await code(cloud, http, other="operator-9", brand="borealis", is_operator="on")
    claims = jwt.decode((await token(cloud, http, given))[1]["access_token"], options={"verify_signature": False})
    assert (claims["sub"], claims["brand"], claims["roles"]) == ("operator-9", "borealis", ["operator"])


async def test_what_was_asked_for_is_written_as_text(cloud: Cloud, http: aiohttp.ClientSession) -> None:
    params = asked(cloud, state='"><script>alert(1)</script>')
    async with http.get(f"{cloud.issuer.url}/authorize", params=params) as answer:
        assert "<script>" not in await answer.text()

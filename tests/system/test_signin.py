"""The local sign-in page: an OpenID provider by its standards, which gives tokens to the console alone."""

import asyncio
import base64
import hashlib
import html
import json
import re
import socket
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import aiohttp
import jwt
import pytest
from authlib.integrations.base_client import BaseApp, FrameworkIntegration, OAuth2Mixin, OpenIDMixin
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.discovery import OpenIDProviderMetadata

from local import signin
from local.issuer import Issuer
from local.part import HOST

VERIFIER = "a-proof-of-forty-three-characters-or-more-1234"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
CONSOLE = "http://127.0.0.1:7071/console"
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Provider:
    """A served issuer, and a browser and clients that talk to it."""

    issuer: Issuer
    http: aiohttp.ClientSession

    async def page(self, method: str = "GET", **changes: str | None) -> tuple[int, str, dict[str, str]]:
        """What is answered to an authorization request: status, text, and the query with which it leads back."""
        sent = {"params" if method == "GET" else "data": request(**changes)}
        url = f"{self.issuer.url}/authorize"
        async with self.http.request(method, url, allow_redirects=False, **sent) as answer:  # type: ignore[arg-type]
            return answer.status, await answer.text(), came_back(answer) if answer.status == 303 else {}

    async def choose(self, url: str, **chosen: str) -> str:
        """As a browser: open the page, choose somebody; the URL that it leads back to."""
        async with self.http.get(url) as answer:
            hidden = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', await answer.text())
        form = {name: html.unescape(value) for name, value in hidden} | (chosen or {"user": "user-ada"})
        async with self.http.post(urljoin(url, "choice"), data=form, allow_redirects=False) as answer:
            assert answer.status == 303
            return answer.headers["Location"]

    async def code(self, *, changes: Mapping[str, str | None] = {}, **chosen: str) -> str:
        url = f"{self.issuer.url}/authorize?{urlencode(request(**changes))}"
        found = dict(parse_qsl(urlsplit(await self.choose(url, **chosen)).query))
        assert (found["state"], found["iss"]) == ("s", self.issuer.url)
        return found["code"]

    async def token(self, code: str, /, **changes: str | None) -> tuple[int, Any]:
        form = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER, "client_id": "console"}
        form |= {"redirect_uri": CONSOLE}
        return await self.post({n: v for n, v in (form | changes).items() if v is not None})

    async def post(self, body: Any, **headers: str) -> tuple[int, Any]:
        """To the token endpoint, which always answers JSON that nobody keeps."""
        async with self.http.post(f"{self.issuer.url}/token", data=body, headers=headers) as answer:
            assert answer.headers["Access-Control-Allow-Origin"] == CONSOLE.removesuffix("/console")
            assert (answer.headers["Cache-Control"], answer.headers["Pragma"]) == ("no-store", "no-cache")
            return answer.status, await answer.json()


def request(**changes: str | None) -> dict[str, str]:
    """An authorization request; None leaves a parameter out."""
    asked: dict[str, str | None] = {"client_id": "console", "redirect_uri": CONSOLE, "response_type": "code"}
    asked |= {"scope": "openid", "state": "s", "nonce": "n"}
    asked |= {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    return {name: value for name, value in (asked | changes).items() if value is not None}


def came_back(answer: aiohttp.ClientResponse) -> dict[str, str]:
    url, _, query = answer.headers["Location"].partition("?")
    assert url == CONSOLE
    return dict(parse_qsl(query))


def claims(token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


@pytest.fixture
async def provider(tmp_path: Path) -> AsyncIterator[Provider]:
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    issuer = Issuer(tmp_path, f"http://{HOST}:{port}")
    serving = await issuer.serve(HOST, port, CONSOLE)
    async with aiohttp.ClientSession() as http:
        yield Provider(issuer, http)
    await serving.cleanup()


# ---- clients that hold it to the standards


async def test_openid_client_signs_in_and_verifies_the_id_token(provider: Provider) -> None:
    command = ["node", str(Path(__file__).with_name("openid_client.mjs")), provider.issuer.url, "console", CONSOLE]
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
    assert process.stdin
    assert process.stdout
    url = (await asyncio.wait_for(process.stdout.readline(), 60)).decode().strip()
    back = await provider.choose(url, user="user-ben")
    out, _ = await asyncio.wait_for(process.communicate(f"{back}\n".encode()), 60)
    assert process.returncode == 0
    found = json.loads(out)
    assert (found["iss"], found["aud"], found["sub"]) == (provider.issuer.url, "console", "user-ben")


async def test_authlib_discovers_signs_in_and_verifies_the_id_token(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")

    class Client(OAuth2Mixin, OpenIDMixin, BaseApp):  # type: ignore[misc]
        client_cls = OAuth2Session

    url = f"{provider.issuer.url}/.well-known/openid-configuration"
    kwargs = {"scope": "openid", "code_challenge_method": "S256", "token_endpoint_auth_method": "none"}
    client = Client(FrameworkIntegration("local"), client_id="console", server_metadata_url=url, client_kwargs=kwargs)
    asked = await asyncio.to_thread(client.create_authorization_url, CONSOLE, nonce="once")
    OpenIDProviderMetadata(client.server_metadata).validate()
    back = dict(parse_qsl(urlsplit(await provider.choose(asked["url"])).query))
    assert back["state"] == asked["state"]
    ways = {"code": back["code"], "code_verifier": asked["code_verifier"]}
    token = await asyncio.to_thread(client.fetch_access_token, CONSOLE, **ways)
    found = await asyncio.to_thread(client.parse_id_token, token, nonce="once")
    assert (found["iss"], found["sub"]) == (provider.issuer.url, "user-ada")
    with pytest.raises(Exception, match="nonce"):
        await asyncio.to_thread(client.parse_id_token, token, nonce="another")


async def test_what_it_signs_with_is_what_discovery_and_its_keys_say(provider: Provider) -> None:
    found = dict[str, Any]()
    for name in (".well-known/openid-configuration", "jwks"):
        async with provider.http.get(f"{provider.issuer.url}/{name}") as answer:
            found |= await answer.json()
    header = jwt.get_unverified_header(provider.issuer.token("user-ada", "aurora", []))
    assert found["id_token_signing_alg_values_supported"] == [header["alg"]] == ["RS256"]
    assert [(key["kid"], key["alg"]) for key in found["keys"]] == [(header["kid"], "RS256")]
    assert not {"d", "p", "q"} & found["keys"][0].keys()


# ---- the authorization endpoint


@pytest.mark.parametrize("changes", [{"redirect_uri": "https://elsewhere.example/console"}, {"client_id": "other"}])
async def test_another_client_is_sent_nowhere(provider: Provider, changes: dict[str, str]) -> None:
    assert (await provider.page(**changes))[0] == 400
    form = request(**changes) | {"user": "user-ada"}
    async with provider.http.post(f"{provider.issuer.url}/choice", data=form, allow_redirects=False) as answer:
        assert answer.status == 400


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "ä" * 43}, "invalid_request"),
        ({"request": "x"}, "request_not_supported"),
        ({"request_uri": "https://elsewhere.example/"}, "request_uri_not_supported"),
        ({"prompt": "none"}, "login_required"),
        ({"prompt": "none login"}, "invalid_request"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_what_cannot_be_granted_is_told_to_the_client(
    provider: Provider, changes: dict[str, str | None], error: str, method: str
) -> None:
    status, _, back = await provider.page(method, **changes)
    assert back.pop("error_description")
    assert (status, back) == (303, {"error": error, "state": "s", "iss": provider.issuer.url})


async def test_a_state_comes_back_only_where_one_was_sent(provider: Provider) -> None:
    _, _, back = await provider.page(prompt="none", state=None)
    assert back.keys() == {"error", "error_description", "iss"}


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_prompt_that_shows_a_page_is_shown_it(provider: Provider, method: str) -> None:
    status, text, _ = await provider.page(method, prompt="login")
    assert (status, "Who are you?" in text) == (200, True)


async def test_what_was_asked_for_is_written_as_text(provider: Provider) -> None:
    _, text, _ = await provider.page(state='"><script>alert(1)</script>')
    assert "<script>" not in text


# ---- the token endpoint


async def test_a_code_and_its_proof_are_worth_one_token(provider: Provider) -> None:
    given = await provider.code()
    status, found = await provider.token(given)
    access, about = claims(found["access_token"]), claims(found["id_token"])
    assert (status, access["sub"], access["brand"], access["roles"]) == (200, "user-ada", "aurora", [])
    assert (about["aud"], about["nonce"]) == ("console", "n")
    assert (found["token_type"], found["expires_in"]) == ("Bearer", access["exp"] - access["iat"])
    status, found = await provider.token(given)
    assert (status, found["error"]) == (400, "invalid_grant")


async def test_without_a_nonce_or_without_openid_there_is_none_in_the_answer(provider: Provider) -> None:
    _, found = await provider.token(await provider.code(changes={"nonce": None}))
    assert "nonce" not in claims(found["id_token"])
    _, found = await provider.token(await provider.code(changes={"scope": None}))
    assert found.keys() == {"access_token", "token_type", "expires_in"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"grant_type": None}, (400, "invalid_request")),
        ({"grant_type": "password"}, (400, "unsupported_grant_type")),
        ({"client_id": None}, (401, "invalid_client")),
        ({"client_id": "other"}, (401, "invalid_client")),
        ({"redirect_uri": None}, (400, "invalid_grant")),
        ({"redirect_uri": CONSOLE + "/"}, (400, "invalid_grant")),
        ({"code_verifier": None}, (400, "invalid_grant")),
        ({"code_verifier": "another"}, (400, "invalid_grant")),
        ({"code": None}, (400, "invalid_grant")),
        ({"code": "made-up"}, (400, "invalid_grant")),
    ],
)
async def test_a_code_is_worth_nothing_to_anybody_else(
    provider: Provider, changes: dict[str, str | None], expected: tuple[int, str]
) -> None:
    status, found = await provider.token(await provider.code(), **changes)
    assert (status, found["error"]) == expected
    assert found.keys() == {"error", "error_description"}


async def test_a_code_that_was_tried_is_used_up(provider: Provider) -> None:
    given = await provider.code()
    for proof in ("another", VERIFIER):
        assert (await provider.token(given, code_verifier=proof))[0] == 400


async def test_a_code_is_worth_something_for_a_minute(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    assert signin.LIVES == 60
    monkeypatch.setattr(signin, "LIVES", -1.0)
    assert (await provider.token(await provider.code()))[0] == 400


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{}", "application/json"),
        (b"", "multipart/form-data"),
        (b"code=x", f"{FORM}; charset=none-such"),
        (b"code=\xff", FORM),
        (b"grant_type=authorization_code&client_id=console&code=1&code=2", FORM),
        (b"code=" + b"x" * 2**21, FORM),
        (b"", FORM),
    ],
)
async def test_a_body_that_is_no_token_request_is_told_so_as_json(provider: Provider, body: bytes, kind: str) -> None:
    status, found = await provider.post(body, **{"Content-Type": kind})
    assert (status, found["error"]) == (400, "invalid_request")


async def test_somebody_else_can_be_an_operator_of_another_brand(provider: Provider) -> None:
    given = await provider.code(other="operator-9", brand="borealis", is_operator="on")
    found = claims((await provider.token(given))[1]["access_token"])
    assert (found["sub"], found["brand"], found["roles"]) == ("operator-9", "borealis", ["operator"])

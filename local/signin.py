"""The local sign-in page: OpenID Connect's code flow with PKCE (RFC 7636), where one picks who to be.

There is no session: everybody picks each time, so a request with `prompt=none` is answered `login_required`."""

import base64
import hashlib
import html
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from aiohttp import web

if TYPE_CHECKING:
    from local.issuer import Issuer

CLIENT = "console"
BRAND = "aurora"
PEOPLE = ("user-ada", "user-ben", "user-cleo", "user-dag", "user-eva")
LIVES = 60.0
"""Seconds in which a code can be used, once."""
KEPT = (
    *("client_id", "redirect_uri", "response_type", "scope", "state", "nonce"),
    *("code_challenge", "code_challenge_method"),
)
"""Parameters of an authorization request that the page hands on to the choice."""
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
PAGE = Template(Path(__file__).with_suffix(".html").read_text())


class OAuthError(Exception):
    """An error response: a code that OAuth or OpenID Connect registers, and what would be right."""

    def __init__(self, code: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.status, self.body = status, {"error": code, "error_description": description}


@dataclass(frozen=True, slots=True)
class Grant:
    """What a code is worth until `expires_at` (seconds of the monotonic clock)."""

    expires_at: float
    request: Mapping[str, str]
    user: str
    brand: str
    is_operator: bool


class SignIn:
    """Gives out codes for tokens to the page at `console`, and to nobody else."""

    def __init__(self, issuer: "Issuer", algorithm: str, console: str) -> None:
        self._issuer, self._algorithm, self._console = issuer, algorithm, console
        self._grants: dict[str, Grant] = {}

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/.well-known/openid-configuration", self._discover)
        app.router.add_get("/authorize", self._authorize)
        app.router.add_post("/authorize", self._authorize)
        app.router.add_post("/choice", self._choose)
        app.router.add_post("/token", self._token)
        app.router.add_get("/logout", self._log_out)

    async def _discover(self, _: web.Request) -> web.Response:
        url = self._issuer.url
        return self._json(
            {
                "issuer": url,
                "authorization_endpoint": f"{url}/authorize",
                "token_endpoint": f"{url}/token",
                "end_session_endpoint": f"{url}/logout",
                "jwks_uri": f"{url}/jwks",
                "scopes_supported": ["openid"],
                "response_types_supported": ["code"],
                "response_modes_supported": ["query"],
                "grant_types_supported": ["authorization_code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": [self._algorithm],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": ["none"],
                "authorization_response_iss_parameter_supported": True,
                "request_uri_parameter_supported": False,
            }
        )

    async def _authorize(self, request: web.Request) -> web.Response:
        """The page to pick from."""
        asked = request.query if request.method == "GET" else await request.post()
        parameters = {name: str(value) for name, value in asked.items()}
        self._require_valid(parameters)
        return web.Response(text=_page(parameters), content_type="text/html", headers={"Cache-Control": "no-store"})

    async def _choose(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self._require_valid(form)
        user = form.get("user") or form.get("other", "").strip()
        operator = user == "operator-1" or "is_operator" in form
        brand = form.get("brand", BRAND) if "user" not in form else BRAND
        if not user:
            raise web.HTTPBadRequest(text="pick somebody, or give an id")
        code = secrets.token_urlsafe(24)
        self._grants[code] = Grant(time.monotonic() + LIVES, form, user, brand, operator)
        raise self._back(form, {"code": code})

    def _require_valid(self, asked: Mapping[str, str]) -> None:
        """An error is told to the client only if that is the console (RFC 6749, section 4.1.2.1)."""
        if asked.get("redirect_uri") != self._console or asked.get("client_id") != CLIENT:
            raise web.HTTPBadRequest(text="client_id and redirect_uri have to be those of the console")
        try:
            require_code_flow(asked)
        except OAuthError as error:
            raise self._back(asked, error.body) from None

    def _back(self, asked: Mapping[str, str], answer: Mapping[str, str]) -> web.HTTPSeeOther:
        state = {"state": asked["state"]} if "state" in asked else {}
        return web.HTTPSeeOther(f"{self._console}?{urlencode({**answer, **state, 'iss': self._issuer.url})}")

    async def _token(self, request: web.Request) -> web.Response:
        try:
            return self._json(self._tokens(self._redeem(await _form(request))))
        except OAuthError as error:
            return self._json(error.body, error.status)

    def _redeem(self, form: Mapping[str, str]) -> Grant:
        """What the code is worth to whoever asked for it. A code that was tried is used up."""
        if "grant_type" not in form:
            raise OAuthError("invalid_request", "`grant_type` is required")
        if form["grant_type"] != "authorization_code":
            raise OAuthError("unsupported_grant_type", "`grant_type` has to be authorization_code")
        if form.get("client_id") != CLIENT:
            raise OAuthError("invalid_client", f"`client_id` has to be {CLIENT}", 401)
        grant = self._grants.pop(form.get("code", ""), None)
        if grant is None or time.monotonic() > grant.expires_at:
            raise OAuthError("invalid_grant", "`code` is unknown, expired or used")
        if form.get("redirect_uri") != grant.request["redirect_uri"]:
            raise OAuthError("invalid_grant", "`redirect_uri` has to be that of the authorization request")
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if not secrets.compare_digest(challenge, grant.request["code_challenge"]):
            raise OAuthError("invalid_grant", "`code_verifier` does not belong to the `code_challenge`")
        return grant

    def _tokens(self, grant: Grant) -> dict[str, object]:
        roles, asked = ["operator"] if grant.is_operator else [], grant.request
        made: dict[str, object] = {"token_type": "Bearer"}
        made["expires_in"] = int(self._issuer.token_lifetime.total_seconds())
        made["access_token"] = self._issuer.token(grant.user, grant.brand, roles)
        if "openid" in asked.get("scope", "").split():
            nonce = {"nonce": asked["nonce"]} if "nonce" in asked else {}
            about = {"aud": CLIENT, "auth_time": int(time.time()), **nonce}
            made["id_token"] = self._issuer.token(grant.user, grant.brand, roles, **about)
        return made

    async def _log_out(self, _: web.Request) -> web.Response:
        raise web.HTTPSeeOther(self._console)

    def _json(self, body: object, status: int = 200) -> web.Response:
        """Readable by the console's page, which has another origin, and stored nowhere."""
        origin = "/".join(self._console.split("/")[:3])
        headers = {"Access-Control-Allow-Origin": origin, "Cache-Control": "no-store", "Pragma": "no-cache"}
        return web.json_response(body, status=status, headers=headers)


def require_code_flow(asked: Mapping[str, str]) -> None:
    """Raises OAuthError for an authorization request other than the code flow with PKCE, or that may show no page."""
    if asked.get("response_type") != "code":
        raise OAuthError("unsupported_response_type", "`response_type` has to be code")
    if asked.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(asked.get("code_challenge", "")):
        raise OAuthError("invalid_request", "PKCE is required: `code_challenge` with `code_challenge_method` S256")
    for name in ("request", "request_uri"):
        if name in asked:
            raise OAuthError(f"{name}_not_supported", f"`{name}` is not supported: send the parameters themselves")
    prompts = asked.get("prompt", "").split()
    if "none" in prompts:
        if len(prompts) > 1:
            raise OAuthError("invalid_request", "`prompt` none stands alone")
        raise OAuthError("login_required", "nobody is signed in here: there is no session")


async def _form(request: web.Request) -> Mapping[str, str]:
    """The fields of a token request, each given once (RFC 6749, section 3.2). Raises OAuthError."""
    if request.content_type != "application/x-www-form-urlencoded":
        raise OAuthError("invalid_request", "the body has to be application/x-www-form-urlencoded")
    try:
        form = await request.post()
    except (ValueError, LookupError, web.HTTPRequestEntityTooLarge):
        raise OAuthError("invalid_request", "the body is no form of at most 1 MiB in a known charset") from None
    if len(form) > len(set(form)):
        raise OAuthError("invalid_request", "each parameter has to be given once")
    return {name: str(value) for name, value in form.items()}


def _page(asked: Mapping[str, str]) -> str:
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{html.escape(asked[name])}">' for name in KEPT if name in asked
    )
    people = "".join(f'<button name="user" value="{user}">{user}, a person</button>' for user in PEOPLE)
    return PAGE.substitute(hidden=hidden, people=people, brand=BRAND)

"""The local sign-in page: OpenID Connect's code flow with PKCE (RFC 7636), where one picks who to be."""

import base64
import hashlib
import html
import secrets
import time
from collections.abc import Mapping
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
ASKED = ("client_id", "redirect_uri", "state", "nonce", "code_challenge")
_STYLE = """body{font:1rem/1.5 system-ui,sans-serif;max-width:26rem;margin:3rem auto;padding:0 1rem;
color-scheme:light dark}button{display:block;width:100%;margin:.4rem 0;padding:.6rem;font:inherit;text-align:left}
fieldset{margin-top:1.5rem}label{display:block;margin:.4rem 0}"""


class SignIn:
    """Gives out codes for tokens to the page at `console`, and to nobody else."""

    def __init__(self, issuer: "Issuer", console: str) -> None:
        self._issuer, self._console = issuer, console
        self._codes: dict[str, tuple[float, Mapping[str, str], str, str, bool]] = {}

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/.well-known/openid-configuration", self._discovered)
        app.router.add_get("/authorize", self._page)
        app.router.add_post("/authorize", self._chosen)
        app.router.add_post("/token", self._token)
        app.router.add_get("/logout", self._left)

    async def _discovered(self, _: web.Request) -> web.Response:
        url = self._issuer.url
        return self._shared(
            {
                "issuer": url,
                "authorization_endpoint": f"{url}/authorize",
                "token_endpoint": f"{url}/token",
                "end_session_endpoint": f"{url}/logout",
                "jwks_uri": f"{url}/jwks",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256"],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": ["none"],
            }
        )

    async def _page(self, request: web.Request) -> web.Response:
        asked = request.query
        if asked.get("redirect_uri") != self._console or asked.get("client_id") != CLIENT:
            return web.Response(status=400, text="this client, or the page it wants to go back to, is not known here")
        if asked.get("response_type") != "code" or asked.get("code_challenge_method") != "S256":
            return web.Response(status=400, text="only the code flow with PKCE (S256) is supported")
        hidden = "".join(
            f'<input type="hidden" name="{name}" value="{html.escape(asked.get(name, ""))}">' for name in ASKED
        )
        people = "".join(f'<button name="user" value="{user}">{user}, a person</button>' for user in PEOPLE)
        other = (
            '<label>Id <input name="other"></label>'
            f'<label>Brand <input name="brand" value="{BRAND}"></label>'
            '<label><input type="checkbox" name="is_operator"> an operator</label><button>Sign in</button>'
        )
        text = f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Sign in</title>
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"><style>{_STYLE}</style>
<main><h1>Who are you?</h1><p>This page stands in for your identity provider, on this machine only.</p>
<form method="post">{hidden}<button name="user" value="operator-1">operator-1, an operator</button>{people}
<fieldset><legend>Somebody else</legend>{other}</fieldset></form></main></html>"""
        return web.Response(text=text, content_type="text/html")

    async def _chosen(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        if form.get("redirect_uri") != self._console:
            return web.Response(status=400, text="the page to go back to is not known here")
        user = form.get("user") or form.get("other", "").strip()
        operator = user == "operator-1" or "is_operator" in form
        brand = form.get("brand", BRAND) if "user" not in form else BRAND
        if not user:
            return web.Response(status=400, text="nobody was picked")
        code = secrets.token_urlsafe(24)
        self._codes[code] = time.monotonic() + LIVES, form, user, brand, operator
        answer = urlencode({"code": code, "state": form.get("state", ""), "iss": self._issuer.url})
        raise web.HTTPSeeOther(f"{self._console}?{answer}")

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        until, asked, user, brand, operator = self._codes.pop(str(form.get("code")), (0.0, {}, "", "", False))
        proof = hashlib.sha256(str(form.get("code_verifier", "")).encode()).digest()
        challenge = base64.urlsafe_b64encode(proof).decode().rstrip("=")
        if time.monotonic() > until or not secrets.compare_digest(challenge, asked.get("code_challenge", "")):
            return self._shared({"error": "invalid_grant"}, 400)
        roles = ["operator"] if operator else []
        found = {"access_token": self._issuer.token(user, brand, roles), "token_type": "Bearer", "expires_in": 43_200}
        found["id_token"] = self._issuer.token(user, brand, roles, aud=CLIENT, nonce=asked.get("nonce", ""))
        return self._shared(found)

    async def _left(self, request: web.Request) -> web.Response:
        raise web.HTTPSeeOther(self._console)

    def _shared(self, body: object, status: int = 200) -> web.Response:
        """Readable by the console's page, which has another origin."""
        origin = "/".join(self._console.split("/")[:3])
        return web.json_response(body, status=status, headers={"Access-Control-Allow-Origin": origin})

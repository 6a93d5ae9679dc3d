"""The local token issuer: tokens signed with a key of this machine, its public half, and a page to sign in."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from local.signin import SignIn

AUDIENCE = "automotive-cloud"
KEY_ID = "local"
LIVES = timedelta(hours=12)


class Issuer:
    """Keeps its key in `data`; `url` is what its tokens name as their issuer."""

    def __init__(self, data: Path, url: str) -> None:
        self.url, path = url, data / "issuer.pem"
        if not path.exists():
            form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            path.write_bytes(ec.generate_private_key(ec.SECP256R1()).private_bytes(*form))
            path.chmod(0o600)
        key = serialization.load_pem_private_key(path.read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self._key = key

    def token(self, subject: str, brand: str, roles: list[str], **facts: object) -> str:
        """Of somebody who is verified and has accepted the terms, unless the facts say otherwise."""
        now = datetime.now(UTC)
        claims = {"iss": self.url, "aud": AUDIENCE, "iat": now, "exp": now + LIVES, "sub": subject}
        claims |= {"brand": brand, "roles": roles, "verified": True, "terms": True} | facts
        return jwt.encode(claims, self._key, "ES256", {"kid": KEY_ID})

    async def serve(self, host: str, port: int, console: str = "") -> web.AppRunner:
        """Listen; only the page at `console` may have people sign in."""
        public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self._key.public_key()))
        keys = {"keys": [public | {"kid": KEY_ID, "alg": "ES256", "use": "sig"}]}

        async def jwks(_: web.Request) -> web.Response:
            return web.json_response(keys)

        app = web.Application()
        app.router.add_get("/jwks", jwks)
        if console:
            SignIn(self, console).add_to(app)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, host, port).start()
        return runner

"""The local token issuer: tokens signed with a key of this machine, its public half, and a page to sign in."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from local.signin import SignIn

AUDIENCE = "automotive-cloud"
KEY_ID = "local"
ALGORITHM = "RS256"
"""Every OpenID provider signs with it (OpenID Connect Core, section 15.1)."""


class Issuer:
    """Keeps its key in `data`; `url` is what its tokens name as their issuer."""

    token_lifetime = timedelta(hours=12)

    def __init__(self, data: Path, url: str) -> None:
        self.url, path = url, data / "issuer-rsa.pem"
        if not path.exists():
            form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            path.write_bytes(rsa.generate_private_key(65_537, 2048).private_bytes(*form))
            path.chmod(0o600)
        key = serialization.load_pem_private_key(path.read_bytes(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        self._key = key

    def token(self, subject: str, brand: str, roles: list[str], **facts: object) -> str:
        """Of somebody who is verified and has accepted the terms, unless the facts say otherwise."""
        now = datetime.now(UTC)
        claims = {"iss": self.url, "aud": AUDIENCE, "iat": now, "exp": now + self.token_lifetime, "sub": subject}
        claims |= {"brand": brand, "roles": roles, "verified": True, "terms": True} | facts
        return jwt.encode(claims, self._key, ALGORITHM, {"kid": KEY_ID})

    async def serve(self, host: str, port: int, console: str = "") -> web.AppRunner:
        """Listen; only the page at `console` may have people sign in."""
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        known = {name: public[name] for name in ("kty", "n", "e")}
        keys = {"keys": [known | {"kid": KEY_ID, "alg": ALGORITHM, "use": "sig"}]}

        async def jwks(_: web.Request) -> web.Response:
            return web.json_response(keys)

        app = web.Application()
        app.router.add_get("/jwks", jwks)
        if console:
            SignIn(self, ALGORITHM, console).add_to(app)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, host, port).start()
        return runner

"""Secrets that are ours: the keys that sign passports, and what codes for people are made of."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm
from jwt.utils import base64url_encode

from shared.errors import NotFound
from shared.passport import ALGORITHM, TYPE

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's: no I, L, O or U to be mistaken."""
CHARACTERS = 12


class Ed25519Signer:
    """The first key signs, all are published. To rotate: append the new one, put it first once every car has fetched
    the published keys, and take the old one away a passport's life later (docs/api.md)."""

    def __init__(self, pems: Sequence[str], issuer: str) -> None:
        """PKCS 8 in PEM, of Ed25519 keys, and whom passports name as their issuer; ValueError for other keys."""
        self._issuer = issuer
        keys = [serialization.load_pem_private_key(pem.encode(), None) for pem in pems]
        if not keys or not all(isinstance(key, Ed25519PrivateKey) for key in keys):
            raise ValueError("passports are signed with Ed25519 keys, and there has to be one")
        self._key, self._published = keys[0], [_jwk(key) for key in keys if isinstance(key, Ed25519PrivateKey)]

    def sign(self, claims: Mapping[str, object]) -> str:
        headers = {"kid": self._published[0]["kid"], "typ": TYPE}
        return jwt.encode({"iss": self._issuer, **claims}, self._key, ALGORITHM, headers)  # type: ignore[arg-type]

    def published(self) -> Sequence[Mapping[str, str]]:
        return self._published


def _jwk(key: Ed25519PrivateKey) -> dict[str, str]:
    """With its thumbprint (RFC 7638) as its id."""
    x = str(OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)["x"])
    canonical = f'{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}'
    kid = base64url_encode(hashlib.sha256(canonical.encode()).digest()).decode()
    return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid, "alg": ALGORITHM, "use": "sig"}


class SecretCodes:
    """Codes, keys and seals that are derived from one secret of ours: none of them is stored anywhere, and a repeated
    request is given the same."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def secret(self, name: str) -> bytes:
        return hmac.digest(self._secret, f"secret/{name}".encode(), "sha256")

    def seal(self, text: str) -> str:
        check = hmac.digest(self._secret, f"seal/{text}".encode(), "sha256")[:16]
        return base64.urlsafe_b64encode(check + text.encode()).decode().rstrip("=")

    def unseal(self, sealed: str) -> str:
        try:
            found = base64.b64decode(sealed + "=" * (-len(sealed) % 4), altchars=b"-_", validate=True)
            text = found[16:].decode()
        except ValueError:
            raise NotFound("no such link") from None
        if not hmac.compare_digest(self.seal(text).encode(), sealed.encode()):
            raise NotFound("no such link")
        return text

    def make(self, key: str | None) -> str:
        seed = key.encode() if key is not None else secrets.token_bytes(32)
        number = int.from_bytes(hmac.digest(self._secret, seed, "sha256")[:8])
        return "".join(ALPHABET[number >> 5 * n & 31] for n in range(CHARACTERS))

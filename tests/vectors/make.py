"""`python -m tests.vectors.make` writes passport.json anew: passports that must hold and such that must not.

The keys are made of known bytes, and sign nothing else."""

import hashlib
import hmac
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.utils import base64url_encode

from shared.adapters.passports import Ed25519Signer
from shared.passport import LIVES, TYPE

FILE = Path(__file__).parent / "passport.json"
ISSUER, VEHICLE, AT = "https://api.example/v1", "veh-0001", 1_795_348_800
KEY, NEXT, STRANGE = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2, 3))


def pem(key: Ed25519PrivateKey) -> str:
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(*form).decode()


SIGNER = Ed25519Signer([pem(KEY), pem(NEXT)], ISSUER)
KID, NEXT_KID = (key["kid"] for key in SIGNER.published())
FEATURES = {
    "remote-climate": {"until": AT + 3600},
    "wifi-hotspot": {"until": None, "config": {"gigabytes": 10}},
    "digital-key": {"until": None, "roles": ["primary", "secondary"]},
}
CLAIMS = {
    "iss": ISSUER,
    "sub": VEHICLE,
    "brand": "aurora",
    "iat": AT,
    "exp": AT + LIVES,
    "jti": "1",
    "features": FEATURES,
}


def token(
    header: dict[str, Any] | None = None,
    claims: dict[str, Any] | None = None,
    sign: Callable[[bytes], bytes] = KEY.sign,
) -> str:
    """One that is left out is None."""
    head = {"alg": "EdDSA", "kid": KID, "typ": TYPE} | (header or {})
    body = {name: value for name, value in (CLAIMS | (claims or {})).items() if value is not None}
    parts = [json.dumps(part, separators=(",", ":")).encode() for part in (head, body)]
    signed = b".".join(base64url_encode(part) for part in parts)
    return f"{signed.decode()}.{base64url_encode(sign(signed)).decode()}"


def _mac(signed: bytes) -> bytes:
    return hmac.new(KEY.public_key().public_bytes_raw(), signed, hashlib.sha256).digest()


GOOD = token()
HEAD, BODY, SIGNATURE = GOOD.split(".")
MUST_HOLD = {
    "as issued": (GOOD, AT),
    "in its last second": (GOOD, AT + LIVES - 1),
    "by a clock that is a minute behind": (GOOD, AT - 60),
    "by the next key": (token({"kid": NEXT_KID}, sign=NEXT.sign), AT),
    "without features": (token(claims={"features": {}}), AT),
}
MUST_NOT = {
    "after its end": (GOOD, AT + LIVES),
    "before its time": (GOOD, AT - 61),
    "longer than a week": (token(claims={"exp": AT + LIVES + 1}), AT),
    "of another vehicle": (token(claims={"sub": "veh-0002"}), AT),
    "of another issuer": (token(claims={"iss": "https://evil.example"}), AT),
    "alg none": (token({"alg": "none"}, sign=lambda signed: b""), AT),
    "alg HS256": (token({"alg": "HS256"}, sign=_mac), AT),
    "alg ES256": (token({"alg": "ES256"}), AT),
    "an access token": (token({"typ": "at+jwt"}), AT),
    "no typ": (token({"typ": None}), AT),
    "a strange key": (token(sign=STRANGE.sign), AT),
    "a key of its own": (token({"jwk": {"kty": "OKP"}}, sign=STRANGE.sign), AT),
    "an unknown kid": (token({"kid": "other"}), AT),
    "the other key's kid": (token({"kid": NEXT_KID}), AT),
    "no kid": (token({"kid": None}), AT),
    "crit": (token({"crit": ["x"], "x": 1}), AT),
    "no exp": (token(claims={"exp": None}), AT),
    "no iat": (token(claims={"iat": None}), AT),
    "no sub": (token(claims={"sub": None}), AT),
    "no brand": (token(claims={"brand": None}), AT),
    "no features": (token(claims={"features": None}), AT),
    "features a list": (token(claims={"features": ["remote-climate"]}), AT),
    "a feature true": (token(claims={"features": {"remote-climate": True}}), AT),
    "until a text": (token(claims={"features": {"remote-climate": {"until": "never"}}}), AT),
    "until true": (token(claims={"features": {"remote-climate": {"until": True}}}), AT),
    "exp a text": (token(claims={"exp": str(AT + 10)}), AT),
    "exp a fraction": (token(claims={"exp": AT + 10.5}), AT),
    "exp true": (token(claims={"exp": True}), AT),
    "another body": (f"{HEAD}.{token(claims={'brand': 'borealis'}).split('.')[1]}.{SIGNATURE}", AT),
    "no signature": (f"{HEAD}.{BODY}.", AT),
    "half a signature": (f"{HEAD}.{BODY}.{SIGNATURE[:40]}", AT),
    "two parts": (f"{HEAD}.{BODY}", AT),
    "empty": ("", AT),
    "no token": ("passport", AT),
}


SINCE = {
    "issued in the first second of the ownership": (GOOD, AT, True),
    "issued a second before the vehicle changed hands": (GOOD, AT + 1, False),
    "issued a day before the vehicle changed hands": (token(claims={"iat": AT - 86_400, "exp": AT + 9}), AT, False),
    "issued since, while the clock is behind": (token(claims={"iat": AT + 30, "exp": AT + 90}), AT + 30, True),
}
"""At the moment AT, where the least `iat` that still holds is known: `minIssuedAt`."""


def vectors() -> dict[str, Any]:
    cases = [(True, MUST_HOLD), (False, MUST_NOT)]
    found = [
        {"name": name, "token": made, "at": at, "holds": holds}
        for holds, group in cases
        for name, (made, at) in group.items()
    ]
    found += [
        {"name": name, "token": made, "at": AT, "minIssuedAt": since, "holds": holds}
        for name, (made, since, holds) in SINCE.items()
    ]
    return {"issuer": ISSUER, "vehicle": VEHICLE, "keys": list(SIGNER.published()), "cases": found}


if __name__ == "__main__":
    FILE.write_text(json.dumps(vectors(), indent=1) + "\n")

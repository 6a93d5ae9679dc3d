"""Tokens that must not be believed, each for one reason; beside the one that they were made from, which must."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from shared.adapters.tokens import JwksTokens
from shared.errors import Unauthenticated
from tests.examples import NOON
from tests.memory import MemoryClock

ISSUER, AUDIENCE = "https://issuer.example", "automotive-cloud"
NOW = NOON // 1000
EC, RSA = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)
STRANGE_EC, STRANGE_RSA = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)
EDWARDS = ed25519.Ed25519PrivateKey.generate()
PEM = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
DER = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def claims(**changes: Any) -> dict[str, Any]:
    """Right in every part but for the changes; one that is None is left out."""
    right = {"iss": ISSUER, "aud": AUDIENCE, "iat": NOW, "exp": NOW + 3600, "sub": "user-ada", "brand": "aurora"}
    return {name: value for name, value in (right | {"roles": []} | changes).items() if value is not None}


def es256(key: ec.EllipticCurvePrivateKey, signed: bytes, curve: int = 32) -> bytes:
    r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(curve) + s.to_bytes(curve)


def made(
    header: dict[str, Any] | bytes | None = None,
    payload: dict[str, Any] | bytes | None = None,
    sign: Callable[[bytes], bytes] = lambda signed: es256(EC, signed),
) -> str:
    head = header if isinstance(header, bytes) else json.dumps({"alg": "ES256", "kid": "ec"} | (header or {})).encode()
    body = payload if isinstance(payload, bytes) else json.dumps(claims() if payload is None else payload).encode()
    signed = f"{b64(head)}.{b64(body)}".encode()
    return f"{signed.decode()}.{b64(sign(signed))}"


def mac(secret: bytes, algorithm: str = "sha256") -> Callable[[bytes], bytes]:
    return lambda signed: hmac.new(secret, signed, getattr(hashlib, algorithm)).digest()


def jwk(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> dict[str, Any]:
    if isinstance(key, rsa.RSAPrivateKey):
        return dict(json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())))
    return dict(json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key())))


def _public(key: Any, form: tuple[Any, Any]) -> bytes:
    return bytes(key.public_key().public_bytes(*form))


GOOD = made()
HEAD, BODY, SIGNATURE = GOOD.split(".")
MUST_NOT: dict[str, str] = {
    # algorithms
    "alg none": made({"alg": "none"}, sign=lambda signed: b""),
    "alg None": made({"alg": "None"}, sign=lambda signed: b""),
    "alg NONE": made({"alg": "NONE"}, sign=lambda signed: b""),
    "alg none with a signature": made({"alg": "none"}),
    "no alg": made(json.dumps({"kid": "ec"}).encode()),
    "alg null": made({"alg": None}),
    "alg a list": made({"alg": ["ES256"]}),
    "alg empty": made({"alg": ""}),
    "alg in lower case": made({"alg": "es256"}),
    "HS256 with the EC key as PEM": made({"alg": "HS256"}, sign=mac(_public(EC, PEM))),
    "HS256 with the EC key as DER": made({"alg": "HS256"}, sign=mac(_public(EC, DER))),
    "HS256 with the RSA key as PEM": made({"alg": "HS256", "kid": "rsa"}, sign=mac(_public(RSA, PEM))),
    "HS256 with the RSA key as JWK": made({"alg": "HS256", "kid": "rsa"}, sign=mac(json.dumps(jwk(RSA)).encode())),
    "HS256 with nothing": made({"alg": "HS256"}, sign=mac(b"")),
    "HS256 with secret": made({"alg": "HS256"}, sign=mac(b"secret")),
    "HS512 with the RSA key": made({"alg": "HS512", "kid": "rsa"}, sign=mac(_public(RSA, PEM), "sha512")),
    "RS256 named for the EC key": made({"alg": "RS256"}),
    "ES256 named for the RSA key": made({"kid": "rsa"}),
    "ES384 named": made({"alg": "ES384"}),
    "ES256K named": made({"alg": "ES256K"}),
    "EdDSA": jwt.encode(claims(), EDWARDS, "EdDSA", {"kid": "ec"}),
    "PS256 with the RSA key": jwt.encode(claims(), RSA, "PS256", {"kid": "rsa"}),
    "RS512 with the RSA key": jwt.encode(claims(), RSA, "RS512", {"kid": "rsa"}),
    # keys
    "another EC key": made(sign=lambda signed: es256(STRANGE_EC, signed)),
    "another RSA key": jwt.encode(claims(), STRANGE_RSA, "RS256", {"kid": "rsa"}),
    "a key of its own in jwk": made({"jwk": jwk(STRANGE_EC)}, sign=lambda signed: es256(STRANGE_EC, signed)),
    "keys of its own at jku": made({"jku": "https://evil.example/jwks"}, sign=lambda s: es256(STRANGE_EC, s)),
    "keys of its own at x5u": made({"x5u": "https://evil.example/x5"}, sign=lambda s: es256(STRANGE_EC, s)),
    "a certificate of its own": made({"x5c": ["MIIB"]}, sign=lambda signed: es256(STRANGE_EC, signed)),
    "no kid": made(json.dumps({"alg": "ES256"}).encode()),
    "kid unknown": made({"kid": "other"}),
    "kid empty": made({"kid": ""}),
    "kid null": made({"kid": None}),
    "kid a number": made({"kid": 0}),
    "kid a list": made({"kid": ["ec"]}),
    "kid a path": made({"kid": "../../dev/null"}, sign=mac(b"")),
    "kid SQL": made({"kid": "ec' OR '1'='1"}),
    "kid with a zero": made({"kid": "ec\x00"}),
    "kid in upper case": made({"kid": "EC"}),
    # what is critical
    "crit unknown": made({"crit": ["exp2"], "exp2": 1}),
    "crit empty": made({"crit": []}),
    "crit no list": made({"crit": "exp"}),
    "not encoded": made({"b64": False, "crit": ["b64"]}),
    # times
    "no exp": made(payload=claims(exp=None)),
    "exp past": made(payload=claims(exp=NOW - 3600)),
    "exp long past": made(payload=claims(exp=0)),
    "exp negative": made(payload=claims(exp=-1)),
    "exp a text": made(payload=claims(exp="never")),
    "exp a number as text": made(payload=claims(exp=str(NOW + 3600))),
    "exp no number": made(payload=json.dumps(claims()).replace(f'"exp": {claims()["exp"]}', '"exp": NaN').encode()),
    "exp a list": made(payload=claims(exp=[NOW + 3600])),
    "exp true": made(payload=claims(exp=True)),
    "exp an object": made(payload=claims(exp={})),
    "exp infinite": made(payload=json.dumps(claims()).replace(f'"exp": {claims()["exp"]}', '"exp": Infinity').encode()),
    "no iat": made(payload=claims(iat=None)),
    "iat ahead": made(payload=claims(iat=NOW + 3600)),
    "iat a text": made(payload=claims(iat="now")),
    "nbf ahead": made(payload=claims(nbf=NOW + 3600)),
    "iat null": made(payload=json.dumps(claims() | {"iat": None}).encode()),
    "nbf null": made(payload=json.dumps(claims() | {"nbf": None}).encode()),
    "nbf a text": made(payload=claims(nbf="soon")),
    # who, and for whom
    "no iss": made(payload=claims(iss=None)),
    "another iss": made(payload=claims(iss="https://evil.example")),
    "iss with a slash more": made(payload=claims(iss=ISSUER + "/")),
    "iss a list": made(payload=claims(iss=[ISSUER])),
    "no aud": made(payload=claims(aud=None)),
    "another aud": made(payload=claims(aud="other")),
    "aud that begins alike": made(payload=claims(aud=AUDIENCE + "-admin")),
    "aud an empty list": made(payload=claims(aud=[])),
    "aud an object": made(payload=claims(aud={AUDIENCE: 1})),
    "no sub": made(payload=claims(sub=None)),
    "sub a number": made(payload=claims(sub=1)),
    "sub empty": made(payload=claims(sub="")),
    "sub a path": made(payload=claims(sub="../user-ada")),
    "sub with a line break": made(payload=claims(sub="user-ada\n")),
    "sub of other letters": made(payload=claims(sub="usér")),
    "sub endless": made(payload=claims(sub="u" * 129)),
    "no brand": made(payload=claims(brand=None)),
    "brand a list": made(payload=claims(brand=["aurora"])),
    "brand of two": made(payload=claims(brand="aurora:borealis")),
    "brand empty": made(payload=claims(brand="")),
    "roles a text": made(payload=claims(roles="operator")),
    "roles an object": made(payload=claims(roles={"operator": True})),
    "scope a list": made(payload=claims(scope=["state"])),
    # what is no token
    "empty": "",
    "one part": HEAD,
    "two parts": f"{HEAD}.{BODY}",
    "no signature": f"{HEAD}.{BODY}.",
    "half a signature": f"{HEAD}.{BODY}.{SIGNATURE[:40]}",
    "a signature and more": f"{HEAD}.{BODY}.{SIGNATURE}AAAA",
    "four parts": f"{GOOD}.{SIGNATURE}",
    "five parts": f"{GOOD}.{SIGNATURE}.{SIGNATURE}",
    "another body": f"{HEAD}.{made(payload=claims(sub='user-ben')).split('.')[1]}.{SIGNATURE}",
    "another head": f"{made({'typ': 'x'}).split('.')[0]}.{BODY}.{SIGNATURE}",
    "signature of zeros": made(sign=lambda signed: bytes(64)),
    "signature as DER": made(sign=lambda signed: EC.sign(signed, ec.ECDSA(hashes.SHA256()))),
    "body no JSON": made(payload=b"not json"),
    "body a list": made(payload=b"[]"),
    "body null": made(payload=b"null"),
    "body nested": made(payload=b"[" * 3000 + b"]" * 3000),
    "head no JSON": made(b"not json"),
    "head a list": made(b"[]"),
    "head twice the key": made(b'{"alg":"none","alg":"none","kid":"ec"}'),
    "not base64": "%%%.%%%.%%%",
    "with spaces": GOOD.replace(".", " . "),
    "too long": made(payload=claims(pad="x" * 9000)),
    "bytes beyond ASCII": GOOD + "é",
}


@pytest.fixture(scope="module")
def keys() -> dict[str, Any]:
    return {"keys": [jwk(EC) | {"kid": "ec", "alg": "ES256"}, jwk(RSA) | {"kid": "rsa", "alg": "RS256"}]}


@pytest.fixture
async def verifier(keys: dict[str, Any]) -> AsyncIterator[JwksTokens]:
    async def jwks(_: web.Request) -> web.Response:
        return web.json_response(keys)

    app = web.Application()
    app.router.add_get("/jwks", jwks)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url, clock = f"http://127.0.0.1:{runner.addresses[0][1]}/jwks", MemoryClock()
    yield JwksTokens(ISSUER, AUDIENCE, url, clock, clock.monotonic)
    await runner.cleanup()


def test_there_are_at_least_sixty_of_them_and_no_two_alike() -> None:
    assert len(set(MUST_NOT.values())) == len(MUST_NOT) >= 60


async def test_what_they_were_made_from_is_believed(verifier: JwksTokens) -> None:
    assert (await verifier.verify(GOOD)).subject == "user-ada"
    assert (await verifier.verify(jwt.encode(claims(), RSA, "RS256", {"kid": "rsa"}))).brand == "aurora"
    assert (await verifier.verify(made(payload=claims(aud=["other", AUDIENCE])))).kind == "user"


async def test_none_of_them_is_believed(verifier: JwksTokens) -> None:
    believed = []
    for name, token in MUST_NOT.items():
        try:
            await verifier.verify(token)
        except Unauthenticated:
            continue
        believed.append(name)
    assert believed == []


@pytest.mark.parametrize("claim", ["yes", 1, "true", None, ["true"]])
async def test_only_true_makes_a_person_verified(verifier: JwksTokens, claim: Any) -> None:
    found = await verifier.verify(made(payload=claims(verified=claim, terms=claim)))
    assert (found.verified, found.terms) == (False, False)

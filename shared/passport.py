"""Deciding in the car: which features a vehicle may use, from a signed passport, without a network.

This module stands alone: it needs PyJWT with cryptography and nothing else, and can be copied into what runs in a car.
`tests/vectors/passport.json` holds passports that must hold and such that must not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jwt

ALGORITHM = "EdDSA"
TYPE = "passport+jwt"
LIVES = 7 * 86_400
"""Seconds for which a passport is valid."""
LEEWAY = 60
"""Seconds by which the car's clock may be behind."""
LONGEST = 65_536
"""Characters."""
REQUIRED = ("iss", "sub", "brand", "iat", "exp", "features")


class InvalidPassport(Exception):
    """It is not to be believed, and says why."""


@dataclass(frozen=True, slots=True)
class Passport:
    """What a vehicle may use, as it was decided at `issued_at` and holds until `expires_at` (epoch seconds). `left_out`
    counts features that it may use too and that did not fit: they need the network."""

    vehicle_id: str
    brand: str
    issued_at: int
    expires_at: int
    features: Mapping[str, Mapping[str, Any]]
    left_out: int = 0

    def allows(self, feature: str, at: float, role: str | None = None) -> bool:
        """Whether the feature may be used at a moment (epoch seconds), by someone in a role if the feature asks for
        one."""
        found = self.features.get(feature)
        if found is None or not self.issued_at - LEEWAY <= at < self.expires_at:
            return False
        roles, until = found.get("roles") or [], found.get("until")
        return (until is None or at < until) and (not roles or role in roles)

    def config(self, feature: str) -> Mapping[str, Any] | None:
        """What a static feature is worth."""
        found: Mapping[str, Any] | None = self.features.get(feature, {}).get("config")
        return found


def verify(
    token: str, keys: Sequence[Mapping[str, Any]], issuer: str, vehicle_id: str, at: float, min_issued_at: int = 0
) -> Passport:
    """The passport in the token, or raise InvalidPassport.

    `keys` are the issuer's public ones (JWKs) as they were last fetched, `at` is now, and `min_issued_at` the greatest
    `minIssuedAt` that was ever heard of the vehicle (epoch seconds): what was issued before is an earlier owner's."""
    try:
        header = jwt.get_unverified_header(token) if len(token) <= LONGEST else {}
        known = {key["kid"]: key for key in keys if key.get("kty") == "OKP" and key.get("crv") == "Ed25519"}
        if header.get("alg") != ALGORITHM or header.get("typ") != TYPE or "crit" in header:
            raise InvalidPassport("not a passport")
        if header.get("kid") not in known:
            raise InvalidPassport("signed with a key that is not published")
        options: Any = {"require": list(REQUIRED), "verify_exp": False, "verify_iat": False, "verify_nbf": False}
        key = jwt.PyJWK(dict(known[header["kid"]]), ALGORITHM)
        claims = jwt.decode(token, key, algorithms=[ALGORITHM], issuer=issuer, subject=vehicle_id, options=options)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise InvalidPassport(f"it does not hold: {error}"[:200]) from None
    return _passport(claims, at, min_issued_at)


def _passport(claims: Mapping[str, Any], at: float, min_issued_at: int) -> Passport:
    issued, expires, left_out = claims["iat"], claims["exp"], claims.get("leftOut", 0)
    features = claims["features"]
    if any(type(number) is not int for number in (issued, expires, left_out)) or not isinstance(features, dict):
        raise InvalidPassport("its times are whole seconds, and its features an object")
    if not all(isinstance(f, dict) and type(f.get("until")) in (int, type(None)) for f in features.values()):
        raise InvalidPassport("each feature says until when it may be used")
    if not issued - LEEWAY <= at < expires or expires - issued > LIVES:
        raise InvalidPassport("it is not valid at this time")
    if issued < min_issued_at:
        raise InvalidPassport("it was issued before the vehicle changed hands")
    return Passport(claims["sub"], str(claims["brand"]), issued, expires, features, left_out)

"""Bearer tokens: signed JWTs of one issuer, checked against the keys it publishes."""

import asyncio
import json
import logging
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace

import aiohttp
import jwt

from shared.domain.principal import Kind, Principal
from shared.errors import Unauthenticated, Unavailable, brief
from shared.ports import Clock, MonotonicClock

ALGORITHMS = ["RS256", "ES256"]
REQUIRED = ["exp", "iat", "sub", "aud", "iss"]
OPTIONS: jwt.types.Options = {"require": REQUIRED, "verify_exp": False, "verify_nbf": False, "verify_iat": False}
"""PyJWT would compare the times with the real clock; `_check_times` compares them with the one that is handed in."""
LEEWAY = 30
"""Seconds by which our clock and the issuer's may differ."""
FRESH = 3600.0
"""Seconds for which published keys are not fetched again."""
STALE = 24 * 3600.0
"""Seconds for which keys are used while the issuer cannot be reached; then tokens are not believed any more."""
PAUSE = 10.0
"""Seconds between the beginnings of two fetches, whatever causes them."""
FIRST_PAUSE = 1.0
"""The same while no keys are known: nobody can be answered until then."""
FETCH_TIMEOUT = 3.0
"""Seconds that one fetch may take."""
LARGEST_KEY_SET = 256 * 1024
"""Bytes of what the issuer publishes."""
UNKNOWN_KEYS, UNKNOWN_FOR = 1_000, 60.0
"""Key ids that the issuer was found not to publish and that cause no fetch again, and for how many seconds."""
HELD, HELD_FOR = 10_000, 60.0
"""Tokens that held and are not looked at again, and for how many seconds."""
LATEST = 253_402_300_799
"""9999-12-31T23:59:59Z, the last time that a token may name."""
LONGEST = 8192
"""Characters of a token."""
NO_KEY_SET = (ValueError, TypeError, AttributeError, KeyError, RecursionError)
"""What comes of reading something that is no set of keys."""
_BRAND = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}", re.ASCII)
_SUBJECT = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._@|:-]{0,127}", re.ASCII)
log = logging.getLogger(__name__)


class JwksTokens:
    """Keys are fetched once an hour, one fetch at a time. While they are fetched again the known ones stay in use: only
    a token whose key is not known waits for a fetch."""

    def __init__(
        self,
        issuer: str,
        audience: str,
        jwks_url: str,
        clock: Clock,
        monotonic: MonotonicClock,
        *,
        brand: str | None = None,
    ) -> None:
        """`brand` is that of tokens that name none; without it they do not hold."""
        self._issuer, self._audience, self._url, self._brand = issuer, audience, jwks_url, brand
        self._clock = clock
        self._monotonic = monotonic
        self._keys: dict[str, jwt.PyJWK] = {}
        self._held: OrderedDict[str, tuple[Principal, float]] = OrderedDict()
        self._unknown: OrderedDict[str, float] = OrderedDict()
        self._fetched_at = self._begun_at = float("-inf")
        self._fetch: asyncio.Task[None] | None = None

    async def verify(self, token: str) -> Principal:
        if len(token) > LONGEST:
            raise Unauthenticated("the token is too long")
        at, (known, until) = self._clock(), self._held.get(token, (None, 0.0))
        now = at / 1000
        if known is not None and now < until:
            return replace(known, at=at)
        claims = await self._claims(token)
        expires = _check_times(claims, now)
        found = _principal(claims, self._brand, at)
        self._hold(token, found, min(now + HELD_FOR, expires))
        return found

    def _hold(self, token: str, who: Principal, until: float) -> None:
        self._held[token] = (who, until)
        if len(self._held) > HELD:
            self._held.popitem(last=False)

    async def _claims(self, token: str) -> dict[str, object]:
        try:
            key = await self._key(jwt.get_unverified_header(token).get("kid"))
            claims: dict[str, object] = jwt.decode(
                token, key, algorithms=ALGORITHMS, audience=self._audience, issuer=self._issuer, options=OPTIONS
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise Unauthenticated(f"the token does not hold: {error}"[:200]) from None
        return claims

    async def _key(self, kid: object) -> jwt.PyJWK:
        """Raises Unauthenticated for a key that is not published, Unavailable if that cannot be known."""
        if not isinstance(kid, str):
            raise Unauthenticated("the token names no key")
        age = self._monotonic() - self._fetched_at
        if age > FRESH:
            self._begin_fetch()
        if age > STALE or (kid not in self._keys and not self._is_unknown(kid)):
            await self._wait_for_fetch(kid)
            if self._monotonic() - self._fetched_at > STALE:
                raise Unavailable("the issuer's keys cannot be fetched")
        if kid not in self._keys:
            raise Unauthenticated("the token names a key that the issuer does not publish")
        return self._keys[kid]

    def _is_unknown(self, kid: str) -> bool:
        return self._monotonic() - self._unknown.get(kid, float("-inf")) < UNKNOWN_FOR

    async def _wait_for_fetch(self, kid: str) -> None:
        """Have the keys fetched, unless they were a moment ago; a key id that is not among them is remembered."""
        self._begin_fetch()
        if self._fetch is None:
            return
        await asyncio.shield(self._fetch)
        if kid not in self._keys and self._fetched_at >= self._begun_at:
            self._unknown[kid] = self._fetched_at
            self._unknown.move_to_end(kid)
            if len(self._unknown) > UNKNOWN_KEYS:
                self._unknown.popitem(last=False)

    def _begin_fetch(self) -> None:
        """One at a time, and each a pause after the one before began."""
        now, pause = self._monotonic(), PAUSE if self._keys else FIRST_PAUSE
        if self._fetch is None and now - self._begun_at >= pause:
            self._begun_at = now
            self._fetch = asyncio.create_task(self._refresh())

    async def _refresh(self) -> None:
        """The keys of before stay in use where the issuer cannot be reached, or publishes none that we can use."""
        try:
            published = await self._published()
        except Unavailable as error:
            log.warning("%s", error.detail)
        else:
            self._keys, self._fetched_at = published, self._monotonic()
        finally:
            self._fetch = None

    async def _published(self) -> dict[str, jwt.PyJWK]:
        try:
            timeout = aiohttp.ClientTimeout(total=FETCH_TIMEOUT)
            async with aiohttp.ClientSession(timeout=timeout) as http, http.get(self._url) as answer:
                answer.raise_for_status()
                text = await _read(answer)
            published = jwt.PyJWKSet.from_dict(json.loads(text)).keys
        except (aiohttp.ClientError, OSError, TimeoutError, jwt.PyJWTError, *NO_KEY_SET) as error:
            raise Unavailable(f"the issuer's keys cannot be fetched: {brief(error)}") from error
        found = {k.key_id: k for k in published if k.key_id and k.algorithm_name in ALGORITHMS}
        if not found:
            raise Unavailable("the issuer publishes no key that can be used")
        return found


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    """The whole body. Raises ValueError for one that is too large."""
    found = b""
    async for part in answer.content.iter_chunked(65_536):
        found += part
        if len(found) > LARGEST_KEY_SET:
            raise ValueError(f"more than {LARGEST_KEY_SET} bytes")
    return found


def _check_times(claims: Mapping[str, object], now: float) -> float:
    """When the token expires (epoch seconds). Raises Unauthenticated unless it holds now (RFC 7519, section 4.1)."""
    expires, issued = _numeric_date(claims, "exp"), _numeric_date(claims, "iat")
    if expires <= now - LEEWAY:
        raise Unauthenticated("the token has expired")
    if issued > now + LEEWAY:
        raise Unauthenticated("the token was issued in the future")
    if "nbf" in claims and _numeric_date(claims, "nbf") > now + LEEWAY:
        raise Unauthenticated("the token is not valid yet")
    return expires


def _numeric_date(claims: Mapping[str, object], name: str) -> float:
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LATEST:
        raise Unauthenticated(f"{name} is a number of seconds since 1970")
    return float(value)


def _principal(claims: dict[str, object], default: str | None, at: int) -> Principal:
    subject, brand, roles = claims["sub"], claims.get("brand", default), claims.get("roles", [])
    scopes = claims.get("scope", "")
    if not (_fits(_SUBJECT, subject) and _fits(_BRAND, brand) and isinstance(roles, list) and isinstance(scopes, str)):
        raise Unauthenticated("the token needs a subject and a brand that are ids, a list of roles, and scopes as text")
    kind = next((k for k in (Kind.OPERATOR, Kind.VEHICLE, Kind.PARTNER) if k.value in roles), Kind.USER)
    facts = claims.get("verified") is True, claims.get("terms") is True
    return Principal(str(subject), str(brand), kind, at, *facts, frozenset(scopes.split()))


def _fits(pattern: re.Pattern[str], claim: object) -> bool:
    return isinstance(claim, str) and pattern.fullmatch(claim) is not None

"""Calling partners' systems: signed as Standard Webhooks, and nothing but public addresses."""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from standardwebhooks import Webhook

from shared.domain.inbox import Outcome, Reply
from shared.domain.wording import Call
from shared.errors import Code, Malformed

TIMEOUT, CONNECTS_WITHIN = 10.0, 3.0
"""Seconds for a whole call, however slowly an answer drips; and for a connection."""
LONGEST_URL = 2_000

type Address = ipaddress.IPv4Address | ipaddress.IPv6Address
type Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_DENIED_4 = [
    ipaddress.IPv4Network(text)
    for text in (
        "168.63.129.16/32",  # Azure's own to its machines
        "192.88.99.0/24",  # 6to4 relays
        "192.0.0.0/24",
        "100.64.0.0/10",
        "198.18.0.0/15",
        "224.0.0.0/3",
    )
]
_GLOBAL_6 = ipaddress.IPv6Network("2000::/3")
_DENIED_6 = [
    ipaddress.IPv6Network(text)
    for text in (
        "2001::/23",  # Teredo, ORCHID and others
        "2001:db8::/32",
        "2002::/16",  # 6to4: an IPv4 address in disguise
        "3fff::/20",
    )
]


class ForbiddenAddressError(OSError):
    """A name that stands for what is not public."""


def is_public(address: Address) -> bool:
    """Whether it is somebody's on the Internet, and no other address in disguise."""
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not any(address in network for network in _DENIED_4)
    return address in _GLOBAL_6 and address.is_global and not any(address in network for network in _DENIED_6)


class PinnedResolver(AbstractResolver):
    """Resolves once, right before the connection, and gives only what may be called: the connection is made to just
    what was checked. One address that may not be called spoils the name."""

    def __init__(self, allowed: Sequence[Network] = ()) -> None:
        self._allowed = allowed

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        loop, flags = asyncio.get_running_loop(), socket.AI_ADDRCONFIG
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, family=socket.AF_UNSPEC, flags=flags)
        addresses = [str(info[4][0]) for info in found]
        for text in addresses:
            if not self.may_call(text):
                raise ForbiddenAddressError("not a public address")
        return [_resolved(host, port, text) for text in dict.fromkeys(addresses)]

    def may_call(self, text: str) -> bool:
        address = ipaddress.ip_address(text.partition("%")[0])
        return is_public(address) or any(address in network for network in self._allowed)

    async def close(self) -> None:
        """Nothing is held."""


def _resolved(host: str, port: int, text: str) -> ResolveResult:
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return {"hostname": host, "host": text, "port": port, "family": family, "proto": 0, "flags": flags}


class WebhookCaller:
    """POSTs over one pool of connections; follows no redirect, reads no answer beyond its status."""

    def __init__(self, allowed: Sequence[str] = ()) -> None:
        """`allowed` are networks of the operator's own that may be called too, also without TLS."""
        self._allowed = [ipaddress.ip_network(text) for text in allowed]
        self._resolver = PinnedResolver(self._allowed)
        self._http: aiohttp.ClientSession | None = None

    def check(self, url: str) -> None:
        """The form of it; what its name stands for is looked at each time that it is called."""
        _require(len(url) <= LONGEST_URL and url.isascii() and url.isprintable() and " " not in url, "at most 2,000")
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            raise Malformed("url: not a URL", Code.INVALID_URL) from None
        literal = _literal(host)
        own = literal is not None and any(literal in network for network in self._allowed)
        _require(parts.scheme == "https" or (own and parts.scheme == "http"), "https only")
        _require("@" not in parts.netloc and "\\" not in url, "no user, no password")
        _require(not parts.fragment, "no fragment")
        _require(bool(host) and port != 0, "a host")
        if literal is not None:
            _require(own or is_public(literal), "a public address")
        else:
            _require(_is_name(host), "a public host name")

    async def call(self, call: Call) -> Reply:
        try:
            self.check(call.url)
            headers = signed(call)
            send = self._session().post(call.url, data=call.body.encode(), headers=headers, allow_redirects=False)
            async with send as answer:
                return _reply(answer.status, answer.headers.get("Retry-After"))
        except Malformed as error:
            return Reply(Outcome.FAILED, error.code.value)
        except TimeoutError:
            return Reply(Outcome.RETRYING, "timeout")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Reply(Outcome.RETRYING, _named(error))

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            pool = aiohttp.TCPConnector(resolver=self._resolver, use_dns_cache=False, limit=0)
            timeout = aiohttp.ClientTimeout(total=TIMEOUT, sock_connect=CONNECTS_WITHIN)
            jar = aiohttp.DummyCookieJar()
            self._http = aiohttp.ClientSession(connector=pool, timeout=timeout, trust_env=False, cookie_jar=jar)
        return self._http

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def __aenter__(self) -> "WebhookCaller":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def signed(call: Call) -> dict[str, str]:
    """The headers of Standard Webhooks: a signature by each secret, the newest first."""
    at = datetime.fromtimestamp(call.at // 1000, UTC)
    signatures = [Webhook(secret).sign(call.key, at, call.body) for secret in call.secrets]
    headers = {"webhook-id": call.key, "webhook-timestamp": str(call.at // 1000)}
    headers |= {"content-type": "application/json", "user-agent": "automotive-cloud-webhooks/1"}
    return headers | {"webhook-signature": " ".join(signatures)}


def _reply(status: int, retry_after: str | None) -> Reply:
    if 200 <= status < 300:
        return Reply(Outcome.SENT, str(status))
    if status == 410:
        return Reply(Outcome.FAILED, "410", gone=True)
    return Reply(Outcome.RETRYING, str(status), _seconds(retry_after))


def _seconds(text: str | None) -> float | None:
    """Of Retry-After: a number, or a date (RFC 9110, section 10.2.3)."""
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def _named(error: BaseException) -> str:
    """What went wrong, in words of ours: an error's own may hold the URL."""
    if isinstance(error, ForbiddenAddressError) or isinstance(getattr(error, "os_error", None), ForbiddenAddressError):
        return "not a public address"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "no such host"
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
        return "tls"
    return "no connection" if isinstance(error, aiohttp.ClientConnectionError | OSError) else "no answer"


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise Malformed(f"url: {what}", Code.INVALID_URL)


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_name(host: str) -> bool:
    """A name with a dot, whose last label is no number: 127.1 and 0x7f.0.0.1 are addresses in disguise."""
    labels = host.rstrip(".").split(".")
    fits = all(0 < len(label) <= 63 and all(c.isalnum() or c in "-_" for c in label) for label in labels)
    last = labels[-1]
    return fits and len(labels) > 1 and len(host) <= 253 and not (last[0].isdigit() or last in ("local", "internal"))

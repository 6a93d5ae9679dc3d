"""Calling partners' systems: signed as Standard Webhooks, and nothing but public addresses."""

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import aiohttp
from opentelemetry.trace import SpanKind
from standardwebhooks import Webhook

from shared.adapters.addresses import ForbiddenAddressError, PinnedResolver, is_name, is_public, literal
from shared.codec.trails import challenge_body, is_echo, webhook_body
from shared.domain.inbox import Outcome, Reply
from shared.domain.wording import Call
from shared.errors import Code, Malformed
from shared.ports import Clock
from shared.tracing import describe, fail, span

TIMEOUT, CONNECTS_WITHIN = 10.0, 3.0
"""Seconds for a whole call, however slowly an answer drips; and for a connection."""
LONGEST_URL = 2_000
LONGEST_ECHO = 4_096
"""Bytes of an answer that are looked at for a challenge."""


class WebhookCaller:
    """POSTs over one pool of connections; follows no redirect, reads no answer beyond its status, but of a challenge
    4 KB."""

    def __init__(self, clock: Clock, allowed: Sequence[str] = ()) -> None:
        """`allowed` are networks of the operator's own that may be called too, also without TLS."""
        self._clock = clock
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
        address = literal(host)
        own = address is not None and any(address in network for network in self._allowed)
        _require(parts.scheme == "https" or (own and parts.scheme == "http"), "https only")
        _require("@" not in parts.netloc and "\\" not in url, "no user, no password")
        _require(not parts.fragment, "no fragment")
        _require(bool(host) and port != 0, "a host")
        if address is not None:
            _require(own or is_public(address), "a public address")
        else:
            _require(is_name(host), "a public host name")

    async def call(self, call: Call) -> Reply:
        """In a span that does not say where to: a partner's URL may hold what is secret or somebody's."""
        with span("POST", SpanKind.CLIENT, None, {"http.request.method": "POST"}):
            reply = await self._call(call)
            if reply.outcome is not Outcome.SENT:
                fail(reply.reason)
        return reply

    async def _call(self, call: Call) -> Reply:
        try:
            self.check(call.url)
            body = challenge_body(call.challenge, call.at) if call.challenge else webhook_body(call.told)
            send = self._session().post(call.url, data=body.encode(), headers=signed(call, body), allow_redirects=False)
            async with send as answer:
                describe({"http.response.status_code": answer.status})
                reply = _reply(answer.status, answer.headers.get("Retry-After"), self._clock())
                if call.challenge and reply.outcome is Outcome.SENT:
                    echoed = is_echo(await _beginning(answer), call.challenge)
                    return reply if echoed else Reply(Outcome.RETRYING, "challenge not echoed")
                return reply
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


async def _beginning(answer: aiohttp.ClientResponse) -> bytes:
    """As much of an answer as an echo can have."""
    found = b""
    while len(found) < LONGEST_ECHO and (some := await answer.content.read(LONGEST_ECHO - len(found))):
        found += some
    return found


def signed(call: Call, body: str) -> dict[str, str]:
    """The headers of Standard Webhooks: a signature by each secret, the newest first."""
    at = datetime.fromtimestamp(call.at // 1000, UTC)
    signatures = [Webhook(secret).sign(call.key, at, body) for secret in call.secrets]
    headers = {"webhook-id": call.key, "webhook-timestamp": str(call.at // 1000)}
    headers |= {"content-type": "application/json", "user-agent": "automotive-cloud-webhooks/1"}
    return headers | {"webhook-signature": " ".join(signatures)}


def _reply(status: int, retry_after: str | None, now: int) -> Reply:
    if 200 <= status < 300:
        return Reply(Outcome.SENT, str(status))
    if status == 410:
        return Reply(Outcome.FAILED, "410", gone=True)
    return Reply(Outcome.RETRYING, str(status), _seconds(retry_after, now))


def _seconds(text: str | None, now: int) -> float | None:
    """Of Retry-After: a number, or a date (RFC 9110, section 10.2.3)."""
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.fromtimestamp(now / 1000, UTC)).total_seconds())
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

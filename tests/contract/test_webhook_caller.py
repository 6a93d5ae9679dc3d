"""Calling partners' systems: signed, in time, and never anything that is not public."""

import asyncio
import contextlib
import json
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from standardwebhooks import Webhook

from shared.adapters import addresses, webhooks
from shared.adapters.clock import epoch_ms
from shared.adapters.webhooks import WebhookCaller
from shared.domain.inbox import Outcome
from shared.domain.notification import Notification
from shared.domain.wording import Call
from shared.errors import Code, Malformed
from tests.examples import BRAND, NOON, NOON_AT
from tests.memory import MemoryClock

SECRETS = [b"n" * 32, b"o" * 32]
LOOPBACK = ["127.0.0.1/32"]
TOLD = Notification("n-1", "test", "", BRAND, NOON, {})

RESOLVED = {
    "private.example": ["10.1.2.3"],
    "link-local.example": ["169.254.169.254"],
    "metadata.example": ["168.63.129.16"],
    "mapped.example": ["::ffff:169.254.169.254"],
    "nat64.example": ["64:ff9b::a9fe:a9fe"],
    "mixed.example": ["93.184.215.14", "127.0.0.1"],
    "sixtofour.example": ["2002:a9fe:a9fe::"],
}
LISTED = (Path(__file__).parent.parent / "vectors" / "hostile_urls.txt").read_text().splitlines()
HOSTILE = [
    *LISTED,
    "https://" + "a" * 64 + ".example/",
    "https://partner.example/" + "x" * 2_000,
    "https://partner.example/a b",
    "https://partner.example/\r\nHost: 127.0.0.1",
]


def call(url: str, **changes: Any) -> Call:
    return replace(Call("key-1", url, SECRETS, TOLD, 1_795_348_800_000), **changes)


_watched: list[Any] | None = None


def _watch(event: str, args: tuple[Any, ...]) -> None:
    if _watched is not None and event == "socket.connect":
        _watched.append(args[1])


sys.addaudithook(_watch)


@pytest.fixture
def connections() -> Iterator[list[Any]]:
    """Every address that anything in this process connects to, as the interpreter itself reports it."""
    global _watched
    _watched = []
    yield _watched
    _watched = None


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names stand for addresses as somebody hostile would have it; what was asked for."""
    asked = list[str]()

    async def getaddrinfo(self: object, host: Any, port: Any, **_: object) -> list[Any]:
        asked.append(host)
        try:
            found = RESOLVED.get(host) or [str(info[4][0]) for info in socket.getaddrinfo(host, port)]
        except UnicodeError:
            raise socket.gaierror("no such name") from None
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (address, port)) for address in found]

    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", getaddrinfo)
    return asked


async def test_no_hostile_url_is_ever_connected_to(connections: list[Any], names: list[str]) -> None:
    assert len(set(HOSTILE)) == len(HOSTILE) >= 80
    async with WebhookCaller(MemoryClock()) as caller:
        replies = {url: await caller.call(call(url)) for url in HOSTILE}
    assert connections == []
    assert {reply.outcome for reply in replies.values()} <= {Outcome.FAILED, Outcome.RETRYING}
    assert len(HOSTILE) - len([url for url in HOSTILE if _form_is_wrong(url)]) == len(RESOLVED) + 1


def _form_is_wrong(url: str) -> bool:
    try:
        WebhookCaller(MemoryClock()).check(url)
    except Malformed as error:
        assert error.code is Code.INVALID_URL
        return True
    return False


async def test_the_connections_would_have_been_seen(connections: list[Any]) -> None:
    """So that the test above can fail."""
    async with serving(lambda request: web.Response()) as url, WebhookCaller(MemoryClock(), LOOPBACK) as caller:
        await caller.call(call(url))
    assert [address[0] for address in connections] == ["127.0.0.1"]


async def test_a_name_that_stands_for_another_address_each_time_is_connected_to_where_it_was_looked_at(
    connections: list[Any], names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = list[str]()

    def may_call(self: object, text: str) -> bool:
        seen.append(text)
        RESOLVED["rebinding.example"] = ["169.254.169.254"]
        return text == "127.0.0.1"

    monkeypatch.setitem(RESOLVED, "rebinding.example", ["127.0.0.1"])
    monkeypatch.setattr(addresses.PinnedResolver, "may_call", may_call)
    async with WebhookCaller(MemoryClock()) as caller:
        first = await caller.call(call("https://rebinding.example:9/"))
        second = await caller.call(call("https://rebinding.example:9/"))
    assert [address[0] for address in connections] == ["127.0.0.1"]
    assert (seen, names) == (["127.0.0.1", "169.254.169.254"], ["rebinding.example"] * 2)
    assert (first.reason, second.reason) == ("no connection", "not a public address")


@pytest.mark.parametrize(
    "url",
    [
        "https://partner.example/hook?x=1",
        "https://a-b.partner.example:8443/",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]/",
    ],
)
def test_what_is_public_may_be_called(url: str) -> None:
    assert not _form_is_wrong(url)


def test_networks_of_the_operators_own_may_be_called_without_tls_and_no_others() -> None:
    caller = WebhookCaller(MemoryClock(), ["10.1.0.0/16"])
    caller.check("http://10.1.2.3/")
    caller.check("https://10.1.2.3/")
    for url in ("http://10.2.0.1/", "https://10.2.0.1/", "http://8.8.8.8/"):
        with pytest.raises(Malformed):
            caller.check(url)


# ---- what is answered


type Handler = Callable[[web.Request], web.StreamResponse | Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    async def handle(request: web.Request) -> web.StreamResponse:
        answer = handler(request)
        return answer if isinstance(answer, web.StreamResponse) else await answer

    app = web.Application()
    app.router.add_post("/{tail:.*}", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"http://127.0.0.1:{port}/hook"
    finally:
        await runner.cleanup()


@pytest.mark.real_clock(reason="the reference library refuses a signature of another time than the real one")
async def test_a_call_is_signed_by_every_secret_that_holds() -> None:
    seen = list[tuple[Any, str]]()

    async def keep(request: web.Request) -> web.Response:
        seen.append((dict(request.headers), await request.text()))
        return web.Response(status=204)

    async with serving(keep) as url, WebhookCaller(MemoryClock(), LOOPBACK) as caller:
        reply = await caller.call(call(url, at=epoch_ms()))
    assert reply.outcome is Outcome.SENT
    ((headers, body),) = seen
    assert headers["webhook-id"] == "key-1"
    assert headers["Content-Type"] == "application/json"
    for secret in SECRETS:
        assert Webhook(secret).verify(body, headers) == json.loads(body)
    with pytest.raises(Exception, match="No matching signature"):
        Webhook(b"x" * 32).verify(body, headers)


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (200, {}, (Outcome.SENT, "200", None, False)),
        (202, {}, (Outcome.SENT, "202", None, False)),
        (301, {"Location": "http://169.254.169.254/"}, (Outcome.RETRYING, "301", None, False)),
        (307, {"Location": "https://partner.example/"}, (Outcome.RETRYING, "307", None, False)),
        (404, {}, (Outcome.RETRYING, "404", None, False)),
        (410, {}, (Outcome.FAILED, "410", None, True)),
        (429, {"Retry-After": "120"}, (Outcome.RETRYING, "429", 120.0, False)),
        (500, {"Retry-After": "soon"}, (Outcome.RETRYING, "500", None, False)),
        (503, {"Retry-After": "9" * 40}, (Outcome.RETRYING, "503", 999_999_999.0, False)),
    ],
)
async def test_what_is_answered_says_what_comes_next_and_no_redirect_is_followed(
    connections: list[Any], status: int, headers: dict[str, str], expected: tuple[Any, ...]
) -> None:
    answer = web.Response(status=status, headers=headers)
    async with serving(lambda _: answer) as url, WebhookCaller(MemoryClock(), LOOPBACK) as caller:
        assert tuple(await caller.call(call(url))) == expected
    assert len(connections) == 1


async def test_a_date_to_come_again_after_is_understood() -> None:
    then = format_datetime(NOON_AT + timedelta(minutes=5), usegmt=True)
    answer = web.Response(status=503, headers={"Retry-After": then})
    async with serving(lambda _: answer) as url, WebhookCaller(MemoryClock(), LOOPBACK) as caller:
        reply = await caller.call(call(url))
    assert reply.retry_after == 300


async def hang(request: web.Request) -> web.Response:
    await asyncio.sleep(60)
    return web.Response()


async def drip(request: web.Request) -> web.StreamResponse:
    """Takes the connection for itself, and says one byte of its answer now and then."""
    assert request.transport
    for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 1_000:
        request.transport.write(bytes([byte]))
        await asyncio.sleep(0.02)
    return web.Response()


@pytest.mark.parametrize("slow", [hang, drip])
async def test_whoever_is_slow_has_as_long_as_the_limit_says(slow: Handler, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (webhooks.TIMEOUT, webhooks.CONNECTS_WITHIN) == (10.0, 3.0)
    monkeypatch.setattr(webhooks, "TIMEOUT", 0.3)
    async with serving(slow) as url, WebhookCaller(MemoryClock(), LOOPBACK) as caller:
        reply = await asyncio.wait_for(caller.call(call(url)), 2)
    assert (reply.outcome, reply.reason) == (Outcome.RETRYING, "timeout")


async def test_a_huge_answer_is_not_read() -> None:
    async def huge(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):  # nobody listens any more
            for _ in range(100_000):
                await answer.write(b"x" * 65_536)
        return answer

    async with serving(huge) as url, WebhookCaller(MemoryClock(), LOOPBACK) as caller:
        reply = await asyncio.wait_for(caller.call(call(url)), 5)
    assert reply.outcome is Outcome.SENT


async def test_nobody_there_and_no_certificate_are_told_in_our_words() -> None:
    async with WebhookCaller(MemoryClock(), LOOPBACK) as caller:
        assert (await caller.call(call("http://127.0.0.1:9/secret-path"))).reason == "no connection"
        async with serving(lambda _: web.Response()) as url:
            reason = (await caller.call(call(url.replace("http:", "https:")))).reason
    assert reason in ("tls", "no connection")


# ---- spans


async def test_a_call_that_is_not_taken_is_an_error_span_and_none_tells_where_to(spans: InMemorySpanExporter) -> None:
    statuses = iter([204, 404, 410, 500])
    async with WebhookCaller(MemoryClock(), LOOPBACK) as caller:
        async with serving(lambda _: web.Response(status=next(statuses))) as url:
            for _ in range(4):
                await caller.call(call(url + "?token=secret"))
        await caller.call(call("http://127.0.0.1:9/secret"))
        await caller.call(call("https://secret@partner.example/"))
    found = spans.get_finished_spans()
    told = [(dict(span.attributes or {}), span.status.status_code) for span in found]
    expected: list[dict[str, Any]] = [{"http.response.status_code": 204}]
    expected += [{"http.response.status_code": status, "error.type": str(status)} for status in (404, 410, 500)]
    expected += [{"error.type": reason} for reason in ("no connection", "invalid_url")]
    expected = [{"http.request.method": "POST"} | one for one in expected]
    assert told == [(one, StatusCode.ERROR if "error.type" in one else StatusCode.UNSET) for one in expected]
    assert {span.kind for span in found} == {SpanKind.CLIENT}
    assert not any("secret" in span.to_json() or "127.0.0.1" in span.to_json() for span in found)


# ---- challenges

CHALLENGE = "ab" * 32


@pytest.mark.real_clock(reason="the reference library refuses a signature of another time than the real one")
@pytest.mark.parametrize(
    ("says", "echoed"),
    [
        (json.dumps({"challenge": CHALLENGE}).encode(), True),
        (CHALLENGE.encode(), False),
        (json.dumps({"type": "webhook.verification", "data": {"challenge": CHALLENGE}}).encode(), False),
        (json.dumps({"challenge": CHALLENGE[:-1]}).encode(), False),
        (json.dumps({"challenge": [CHALLENGE]}).encode(), False),
        (b" " * 5_000 + json.dumps({"challenge": CHALLENGE}).encode(), False),
        (b"[" * 4_000, False),
        (b'{"challenge": "\\ud800"}', False),
        (b"\xff", False),
        (b"", False),
    ],
)
async def test_only_the_challenge_itself_is_an_echo(says: bytes, echoed: bool) -> None:
    asked = list[Any]()

    async def answer(request: web.Request) -> web.Response:
        asked.append(Webhook(SECRETS[0]).verify(await request.text(), dict(request.headers)))
        return web.Response(body=says)

    async with serving(answer) as url, WebhookCaller(epoch_ms, LOOPBACK) as caller:
        reply = await caller.call(call(url, at=epoch_ms(), challenge=CHALLENGE))
    assert (asked[0]["type"], asked[0]["data"]) == ("webhook.verification", {"challenge": CHALLENGE})
    expected = (Outcome.SENT, "200") if echoed else (Outcome.RETRYING, "challenge not echoed")
    assert (reply.outcome, reply.reason) == expected

"""Partners' systems on loopback, each with its own manners."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from aiohttp import web


class Taken(NamedTuple):
    """A call that was answered well, and when (monotonic seconds)."""

    headers: dict[str, str]
    body: str
    at: float


class Systems:
    """What each path of one that is well was sent; `/hang`, `/drip` and `/fail` are not."""

    def __init__(self) -> None:
        self.taken: dict[str, list[Taken]] = {}
        self.challenged: list[str] = []
        self.url, self._over = "", asyncio.Event()

    async def well(self, request: web.Request) -> web.Response:
        """Echoes a challenge, and takes all else."""
        asked = await request.json() if request.can_read_body else {}
        if isinstance(asked, dict) and asked.get("type") == "webhook.verification":
            self.challenged.append(request.path)
            return web.json_response({"challenge": asked["data"]["challenge"]})
        taken = Taken(dict(request.headers), await request.text(), time.monotonic())
        self.taken.setdefault(request.path, []).append(taken)
        return web.Response()

    async def hang(self, request: web.Request) -> web.Response:
        await self._over.wait()
        return web.Response()

    async def drip(self, request: web.Request) -> web.Response:
        """Takes the connection for itself, and says one byte of its answer now and then."""
        for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 10_000:
            if request.transport is None or request.transport.is_closing() or self._over.is_set():
                break
            request.transport.write(bytes([byte]))
            await asyncio.sleep(0.1)
        return web.Response()

    async def fail(self, request: web.Request) -> web.Response:
        return web.Response(status=500)

    def end(self) -> None:
        self._over.set()


@asynccontextmanager
async def systems() -> AsyncIterator[Systems]:
    found, app = Systems(), web.Application()
    for name in ("hang", "drip", "fail"):
        app.router.add_post(f"/{name}", getattr(found, name))
    app.router.add_post("/{tail:.*}", found.well)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield found
    finally:
        found.end()
        await runner.cleanup()

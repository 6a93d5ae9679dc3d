"""HTTP triggers: routes, authorization levels and keys, as the Functions host has them."""

import hmac
import re
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from uuid import uuid4

from aiohttp import web

from local.host.worker import Function, Message, invoke, text

LARGEST_BODY = 100 << 20
_CONSTRAINTS = {"": r"[^/]+", "int": r"-?\d+", "guid": r"[0-9a-fA-F-]{36}", "alpha": r"[A-Za-z]+"}
_SEGMENT = re.compile(r"\{(\*?)(\w+)(?::(\w+))?\}")


class Route:
    """One function's template: literal segments come first, a catch-all last."""

    def __init__(self, prefix: str, function: Function) -> None:
        trigger = function.trigger
        template = f"{prefix}/{trigger.get('route') or function.name}".strip("/")
        self.function, self.level = function, str(trigger.get("authLevel", "FUNCTION")).upper()
        self.methods = {str(m).upper() for m in trigger.get("methods") or []}
        self.weight: list[int] = []
        pattern = ""
        for segment in template.split("/"):
            found = _SEGMENT.fullmatch(segment)
            self.weight.append(0 if not found else 3 if found[1] else 1 if found[3] else 2)
            if not found:
                pattern += "/" + re.escape(segment)
            elif found[1]:
                pattern += f"(?:/(?P<{found[2]}>.*))?"
            else:
                pattern += f"/(?P<{found[2]}>{_CONSTRAINTS[found[3] or '']})"
        self._pattern = re.compile(pattern + "/?", re.IGNORECASE | re.DOTALL)

    def match(self, method: str, path: str) -> dict[str, str] | None:
        found = self._pattern.fullmatch(path)
        if not found or (self.methods and method not in self.methods):
            return None
        return {name: value for name, value in found.groupdict().items() if value is not None}


class Front:
    """All HTTP functions. `keys` holds `master`, `default` and one for each function that has its own."""

    def __init__(self, functions: Sequence[Function], prefix: str, keys: Mapping[str, str]) -> None:
        served = [f for f in functions if f.trigger["type"] == "httpTrigger"]
        self._routes = sorted((Route(prefix, f) for f in served), key=lambda route: route.weight)
        self._keys = keys
        self._runner: web.AppRunner | None = None

    async def start(self, host: str, port: int) -> int:
        app = web.Application(client_max_size=LARGEST_BODY)
        app.router.add_route("*", r"/{path:[\s\S]*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        if self._runner:
            await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.Response:
        for route in self._routes:
            parameters = route.match(request.method, request.path)
            if parameters is not None and self._authorized(request, route):
                return await self._invoke(request, route.function, parameters)
            if parameters is not None:
                return web.Response(status=401)
        return web.Response(status=404)

    def _authorized(self, request: web.Request, route: Route) -> bool:
        if route.level == "ANONYMOUS":
            return True
        given = request.headers.get("x-functions-key") or request.query.get("code") or ""
        names = ["master"] if route.level == "ADMIN" else ["master", "default", route.function.name]
        return any(hmac.compare_digest(given.encode(), self._keys[n].encode()) for n in names if n in self._keys)

    async def _invoke(self, request: web.Request, function: Function, parameters: dict[str, str]) -> web.Response:
        body = await request.read() if (request.content_length or 0) > 0 else b""
        query = {name: ",".join(request.query.getall(name)) for name in request.query}
        asked = SimpleNamespace(
            method=request.method,
            url=str(request.url),
            headers={name.lower(): ",".join(request.headers.getall(name)) for name in request.headers},
            params=parameters,
            query={name: value for name, value in query.items() if value},
            body=Message(bytes=body),
        )
        traceparent = request.headers.get("traceparent") or f"00-{uuid4().hex}-{uuid4().hex[:16]}-00"
        metadata = {name: text(value) for name, value in parameters.items()}
        result = await invoke(function, Message(http=asked), metadata, traceparent)
        if result.error or result.value is None:
            return web.Response(status=500, text=result.error or "the function returned nothing")
        answer = result.value.http
        return web.Response(status=int(answer.status_code), body=answer.body.bytes, headers=answer.headers)

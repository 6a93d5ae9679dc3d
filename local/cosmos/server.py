"""Cosmos DB for NoSQL over HTTP (gateway mode), for the unmodified azure-cosmos: the calls that the product makes."""

import asyncio
import base64
import hashlib
import hmac
import json
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from local.cosmos.sql import CosmosError, parse
from local.cosmos.store import Store, Stored
from shared.topology import Container, Topology


class CosmosServer:
    """The containers of a topology behind a master key. `throttle` answers that many requests with 429."""

    def __init__(self, topology: Topology, path: Path | str, key: str) -> None:
        self._store, self._key = Store(topology, path), base64.b64decode(key)
        self.throttle = 0
        self._runner: web.AppRunner | None = None
        self._purging: asyncio.Task[None] | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen, and return the port."""
        app = web.Application(client_max_size=8 << 20)
        app.router.add_post("/_local/throttle", self._set_throttle)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        self._purging = asyncio.create_task(self._purge())
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        if self._purging:
            self._purging.cancel()
        if self._runner:
            await self._runner.cleanup()
        self._store.close()

    async def _purge(self) -> None:
        while True:
            await asyncio.sleep(60)
            self._store.purge()

    async def _set_throttle(self, request: web.Request) -> web.Response:
        self.throttle = int((await request.json())["requests"])
        return web.json_response({})

    async def _handle(self, request: web.Request) -> web.Response:
        parts = [unquote(part) for part in request.raw_path.split("?")[0].split("/") if part]
        try:
            self._authorize(request, parts)
            if self.throttle > 0 and "docs" in parts:
                self.throttle -= 1
                raise CosmosError(429, "the request rate is large", 3200)
            return self._route(request, parts, await request.read())
        except CosmosError as error:
            return _failure(error)

    def _authorize(self, request: web.Request, parts: list[str]) -> None:
        """The master key's signature over method, resource and date."""
        odd = len(parts) % 2
        kind, resource = (parts[-1] if odd else parts[-2] if parts else ""), "/".join(parts[:-1] if odd else parts)
        date = request.headers.get("x-ms-date", "")
        signed = f"{request.method.lower()}\n{kind.lower()}\n{resource}\n{date.lower()}\n\n"
        digest = base64.b64encode(hmac.new(self._key, signed.encode(), hashlib.sha256).digest()).decode()
        given = unquote(request.headers.get("authorization", ""))
        if not hmac.compare_digest(f"type=master&ver=1.0&sig={digest}", given):
            raise CosmosError(401, "the request is not signed with this server's key")

    def _route(self, request: web.Request, parts: list[str], body: bytes) -> web.Response:
        match request.method, parts:
            case "GET", []:
                return _success(200, _account(request))
            case "GET", ["dbs", database] if database == self._store.database:
                return _success(200, {"id": database, "_rid": "local", "_self": f"dbs/{database}/"})
            case "GET", ["dbs", database, "colls", name] if database == self._store.database:
                paths = list(self._store.container(name).partition_key_paths)
                key = {"paths": paths, "kind": "MultiHash" if len(paths) > 1 else "Hash", "version": 2}
                return _success(200, {"id": name, "_rid": name, "_self": name, "partitionKey": key})
            case "GET", ["dbs", database, "colls", name, "pkranges"] if database == self._store.database:
                return _ranges(request, self._store.container(name))
            case _, ["dbs", database, "colls", name, "docs", *id] if database == self._store.database:
                return self._documents(request, self._store.container(name), id, body)
        if parts[:1] == ["dbs"] and parts[1:2] not in ([], [self._store.database]):
            raise CosmosError(404, f"database {parts[1]}: owner resource does not exist")
        raise CosmosError(501, f"{request.method} /{'/'.join(parts)} is not supported by the local Cosmos DB")

    def _documents(self, request: web.Request, container: Container, id: list[str], body: bytes) -> web.Response:
        headers = request.headers
        pk = headers.get("x-ms-documentdb-partitionkey", "[]")
        asks = _says(headers, "x-ms-documentdb-isquery") or "query+json" in request.content_type
        values = json.loads(pk)
        if not (asks and not values) and len(values) != len(container.partition_key_paths):
            raise CosmosError(400, "a whole partition key has to be given", 1001)
        pk = json.dumps(values)
        match request.method, id:
            case "POST", [] if asks:
                return self._query(request, container, pk, json.loads(body))
            case "POST", [] if _says(headers, "x-ms-cosmos-is-batch-request"):
                return _success(*self._store.batch(container, pk, json.loads(body)))
            case "POST", []:
                upsert = _says(headers, "x-ms-documentdb-is-upsert")
                return _document(request, self._store.create(container, pk, json.loads(body), upsert))
            case "GET", [name] if "a-im" not in headers:
                return _document(request, self._store.read(container, pk, name))
            case "DELETE", [name] if "if-match" not in headers:
                return _document(request, self._store.delete(container, pk, name))
            case "PUT", [name]:
                doc, if_match = json.loads(body), headers.get("if-match")
                return _document(request, self._store.replace(container, pk, name, doc, if_match))
        raise CosmosError(501, f"{request.method} on documents like this is not supported by the local Cosmos DB")

    def _query(self, request: web.Request, container: Container, pk: str, asked: Any) -> web.Response:
        values = {p["name"]: p["value"] for p in asked.get("parameters") or []}
        most = int(request.headers.get("x-ms-max-item-count", 100))
        token = request.headers.get("x-ms-continuation")
        query = parse(asked["query"], values)
        found, rest = self._store.query(container, None if pk == "[]" else pk, query, most if most > 0 else 100, token)
        answer = {"_rid": container.name, "Documents": found, "_count": len(found)}
        return _success(200, answer, {"x-ms-continuation": rest} if rest else {})


def _says(headers: Any, name: str) -> bool:
    return str(headers.get(name, "")).lower() == "true"


def _document(request: web.Request, stored: Stored) -> web.Response:
    minimal = "return=minimal" in request.headers.get("prefer", "")
    body = "" if minimal or stored.body is None else stored.body
    return _success(stored.status, body, {"etag": stored.etag} if stored.etag else {})


def _success(status: int, body: Any, headers: dict[str, str] | None = None) -> web.Response:
    """What a request costs in RU is not modelled: the charge is always 1."""
    text = body if isinstance(body, str) else json.dumps(body)
    every = {"x-ms-request-charge": "1", "x-ms-session-token": "0:-1#1", "x-ms-version": "2020-07-15"}
    return web.Response(status=status, text=text, headers=every | (headers or {}), content_type="application/json")


def _failure(error: CosmosError) -> web.Response:
    body = {"code": HTTPStatus(error.status).phrase.replace(" ", ""), "message": error.message}
    headers = {"x-ms-substatus": str(error.substatus)}
    if error.status == 429:
        headers["x-ms-retry-after-ms"] = "10"
    return _success(error.status, body, headers)


def _account(request: web.Request) -> dict[str, Any]:
    here = [{"name": "Local", "databaseAccountEndpoint": f"{request.scheme}://{request.host}/"}]
    account: dict[str, Any] = {"id": "local", "_rid": "local", "writableLocations": here, "readableLocations": here}
    account["userConsistencyPolicy"] = {"defaultConsistencyLevel": "Session"}
    return account | {"enableMultipleWriteLocations": False, "queryEngineConfiguration": "{}"}


def _ranges(request: web.Request, container: Container) -> web.Response:
    """One physical partition. The SDK asks again with the ETag, and goes round in circles without a 304."""
    if request.headers.get("if-none-match") == '"1"':
        return web.Response(status=304, headers={"etag": '"1"'})
    whole = {"id": "0", "minInclusive": "", "maxExclusive": "FF", "parents": [], "status": "online"}
    return _success(200, {"_rid": container.name, "PartitionKeyRanges": [whole], "_count": 1}, {"etag": '"1"'})

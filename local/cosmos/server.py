"""Cosmos DB for NoSQL over HTTP (gateway mode), for the unmodified azure-cosmos: the calls that the product makes."""

import base64
import hashlib
import hmac
import json
import logging
import math
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from local.cosmos.sql import CosmosError, parse, unsupported
from local.cosmos.store import LARGEST, Operation, Store, Stored
from shared.topology import Container, Topology

log = logging.getLogger(__name__)
_CHANGING: tuple[str, ...] = ("a-im", "x-ms-start-epk", "x-ms-indexing-directive", "x-ms-cosmos-is-query-plan-request")
_CHANGING += ("x-ms-documentdb-pre-trigger-include", "x-ms-documentdb-post-trigger-include")
_CHANGING += ("x-ms-cosmos-batch-continue-on-error",)
"""Headers that change what a request means: change feed, ranges of keys, query plans, triggers, bulk."""


class CosmosServer:
    """The containers of a topology behind a master key. `throttle` answers that many requests with 429."""

    def __init__(self, topology: Topology, path: Path | str, key: str) -> None:
        self._store, self._key = Store(topology, path), base64.b64decode(key)
        self.throttle = 0
        self._runner: web.AppRunner | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen, and return the port."""
        app = web.Application(client_max_size=0)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        if self._runner:
            await self._runner.cleanup()
        self._store.close()

    async def _handle(self, request: web.Request) -> web.Response:
        """Every error is JSON, as the SDKs expect it."""
        try:
            return self._answer(request, await request.read())
        except CosmosError as error:
            return _failure(error)
        except Exception as error:
            log.warning("a request failed", exc_info=True)
            malformed = isinstance(error, ValueError | TypeError | LookupError | AttributeError | RecursionError)
            return _failure(CosmosError(400 if malformed else 500, repr(error)))

    def _answer(self, request: web.Request, body: bytes) -> web.Response:
        parts = [unquote(part) for part in request.raw_path.split("?")[0].split("/") if part]
        if parts == ["_local", "throttle"]:
            self.throttle = int(_json(body)["requests"])
            return _success(200, {})
        self._authorize(request, parts)
        if self.throttle > 0 and "docs" in parts:
            self.throttle -= 1
            raise CosmosError(429, "the request rate is large", 3200)
        return self._route(request, parts, body)

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
        if parts[:1] == ["dbs"] and parts[1:2] not in ([], [self._store.database]):
            raise CosmosError(404, f"database {parts[1]}: owner resource does not exist")
        match request.method, parts:
            case "GET", []:
                return _success(200, _account(request))
            case "GET", ["dbs", _, "colls", name]:
                paths = list(self._store.container(name).partition_key_paths)
                key = {"paths": paths, "kind": "MultiHash" if len(paths) > 1 else "Hash", "version": 2}
                return _success(200, {"id": name, "_rid": name, "_self": name, "partitionKey": key})
            case "GET", ["dbs", _, "colls", name, "pkranges"]:
                return _ranges(request, self._store.container(name))
            case _, ["dbs", _, "colls", name, "docs", *id]:
                return self._documents(request, self._store.container(name), id, body)
        raise unsupported(f"{request.method} /{'/'.join(parts)}")

    def _documents(self, request: web.Request, container: Container, id: list[str], body: bytes) -> web.Response:
        headers, queries = request.headers, _says(request, "x-ms-documentdb-isquery")
        if asked := [name for name in _CHANGING if headers.get(name, "false").lower() != "false"]:
            raise unsupported(f"the header {asked[0]}")
        values = _json(headers.get("x-ms-documentdb-partitionkey", "[]"))
        if not all(isinstance(value, str) for value in values):
            raise unsupported("a partition key that is no text")
        if len(values) != len(container.partition_key_paths) and not (queries and not values):
            raise CosmosError(400, "a whole partition key has to be given", 1001)
        pk, conditions = json.dumps(values), (headers.get("if-match"), headers.get("if-none-match"))
        match request.method, id:
            case "POST", [] if queries:
                return self._query(request, container, pk if values else None, _json(body))
            case "POST", [] if _says(request, "x-ms-cosmos-is-batch-request"):
                if len(body) > LARGEST:
                    raise CosmosError(413, f"a batch may have {LARGEST} bytes")
                return _success(*self._store.batch(container, pk, _json(body)))
            case "POST", []:
                kind = "Upsert" if _says(request, "x-ms-documentdb-is-upsert") else "Create"
                operation = Operation(kind, "", _json(body), *conditions)
            case "PUT", [name]:
                operation = Operation("Replace", name, _json(body), *conditions)
            case "GET" | "DELETE" as method, [name]:
                operation = Operation("Read" if method == "GET" else "Delete", name, None, *conditions)
            case method, _:
                raise unsupported(f"{method} on {'a document' if id else 'all documents'}")
        return _document(request, self._store.operate(container, pk, operation))

    def _query(self, request: web.Request, container: Container, pk: str | None, asked: Any) -> web.Response:
        values = {p["name"]: p["value"] for p in asked.get("parameters") or []}
        most = int(request.headers.get("x-ms-max-item-count", 100))
        token = request.headers.get("x-ms-continuation")
        query = parse(asked["query"], values)
        found, rest = self._store.query(container, pk, query, most if most > 0 else 100, token)
        answer = {"_rid": container.name, "Documents": found, "_count": len(found)}
        return _success(200, answer, {"x-ms-continuation": rest} if rest else {})


def _json(text: str | bytes) -> Any:
    """Strict JSON. A whole number beyond 64 bits becomes a double; NaN and what overflows a double are refused."""
    return json.loads(text, parse_int=_number, parse_float=_number, parse_constant=_number)


def _number(text: str) -> int | float:
    if not math.isfinite(value := float(text)):
        raise CosmosError(400, f"{text} is no JSON number that a double can hold")
    return int(text) if text.lstrip("-").isdigit() and -(2**63) <= int(text) < 2**63 else value


def _says(request: web.Request, name: str) -> bool:
    return str(request.headers.get(name, "")).lower() == "true"


def _document(request: web.Request, stored: Stored) -> web.Response:
    minimal = "return=minimal" in request.headers.get("prefer", "")
    return _success(stored.status, "" if minimal else stored.body, {"etag": stored.etag} if stored.etag else {})


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

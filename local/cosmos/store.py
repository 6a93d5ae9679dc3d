"""Documents with ETags in SQLite (WAL): batches, TTL, pages."""

import base64
import json
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import time
from typing import Any, NamedTuple
from uuid import uuid4

from local.cosmos.sql import CosmosError, Query, column
from shared.topology import Container, Topology

LARGEST = 2 * 1024 * 1024  # bytes of a document, and of a batch
_TABLES = """PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;
CREATE TABLE IF NOT EXISTS doc(n INTEGER PRIMARY KEY AUTOINCREMENT, container, pk, id, etag, expires, body);
CREATE UNIQUE INDEX IF NOT EXISTS by_id ON doc(container, pk, id);
CREATE INDEX IF NOT EXISTS by_expiry ON doc(expires) WHERE expires IS NOT NULL;"""
_SYSTEM = ("_rid", "_self", "_etag", "_ts", "_attachments")


class Stored(NamedTuple):
    status: int
    etag: str | None
    body: str | None


class Store:
    """The containers of a topology, kept at `path`."""

    def __init__(self, topology: Topology, path: Path | str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.executescript(_TABLES)
        self.database = topology.cosmos.database
        self.containers = {c.name: c for c in topology.cosmos.containers}
        for container in topology.cosmos.containers:
            for path_ in container.indexed_paths:
                dotted = path_.removesuffix("/?").replace("/", ".")
                name, where = f"{container.name}{dotted}".replace(".", "_"), f"container='{container.name}'"
                self._db.execute(f"CREATE INDEX IF NOT EXISTS {name} ON doc({column(dotted)}) WHERE {where}")

    def close(self) -> None:
        self._db.close()

    def container(self, name: str) -> Container:
        if name not in self.containers:
            raise CosmosError(404, f"container {name}: owner resource does not exist", 1003)
        return self.containers[name]

    def read(self, container: Container, pk: str, id: str) -> Stored:
        sql = "SELECT etag, body FROM doc WHERE container=? AND pk=? AND id=? AND (expires IS NULL OR expires>?)"
        found = self._db.execute(sql, (container.name, pk, id, time())).fetchone()
        if found is None:
            raise CosmosError(404, f"there is no document {id}")
        return Stored(200, *found)

    def create(self, container: Container, pk: str, doc: dict[str, Any], upsert: bool = False) -> Stored:
        id = _id(doc)
        try:
            self.read(container, pk, id)
        except CosmosError:
            etag, body, expires = _stamp(container, pk, doc)
            sql = "INSERT OR REPLACE INTO doc(container, pk, id, etag, expires, body) VALUES(?,?,?,?,?,?)"
            self._db.execute(sql, (container.name, pk, id, etag, expires, body))
            return Stored(201, etag, body)
        if upsert:
            return self.replace(container, pk, id, doc, None)
        raise CosmosError(409, f"a document {id} exists")

    def replace(self, container: Container, pk: str, id: str, doc: dict[str, Any], if_match: str | None) -> Stored:
        if if_match not in (None, "*", self.read(container, pk, id).etag):
            raise CosmosError(412, "the document was changed since it was read")
        if _id(doc) != id:
            raise CosmosError(400, "the id in the body is not the one in the path")
        etag, body, expires = _stamp(container, pk, doc)
        sql = "UPDATE doc SET etag=?, expires=?, body=? WHERE container=? AND pk=? AND id=?"
        self._db.execute(sql, (etag, expires, body, container.name, pk, id))
        return Stored(200, etag, body)

    def delete(self, container: Container, pk: str, id: str) -> Stored:
        self.read(container, pk, id)
        self._db.execute("DELETE FROM doc WHERE container=? AND pk=? AND id=?", (container.name, pk, id))
        return Stored(204, None, "")

    def batch(self, container: Container, pk: str, operations: Sequence[Mapping[str, Any]]) -> tuple[int, list[Any]]:
        """All or none: each one's answer, or the failed one's with 424 for the others."""
        if len(operations) > 100:
            raise CosmosError(400, "a batch may have 100 operations")
        answers: list[dict[str, Any]] = []
        self._db.execute("BEGIN IMMEDIATE")
        try:
            for operation in operations:
                done = self._operate(container, pk, operation)
                answers.append({"statusCode": done.status, "eTag": done.etag, "requestCharge": 1})
        except CosmosError as error:
            self._db.execute("ROLLBACK")
            others = [{"statusCode": 424, "requestCharge": 0} for _ in operations]
            others[len(answers)] = {"statusCode": error.status, "subStatusCode": error.substatus, "requestCharge": 0}
            return 207, others
        self._db.execute("COMMIT")
        return 200, answers

    def _operate(self, container: Container, pk: str, operation: Mapping[str, Any]) -> Stored:
        kind, doc = operation["operationType"], operation.get("resourceBody", {})
        if kind == "Create":
            return self.create(container, pk, doc)
        if kind == "Upsert":
            return self.create(container, pk, doc, upsert=True)
        if kind == "Replace":
            return self.replace(container, pk, operation["id"], doc, operation.get("ifMatch"))
        raise CosmosError(501, f"{kind} in a batch is not supported")

    def query(
        self, container: Container, pk: str | None, query: Query, most: int, token: str | None
    ) -> tuple[list[Any], str | None]:
        """A page of documents, and where the next begins: after the last one's order value and number."""
        where, arguments = ["container=?", "(expires IS NULL OR expires>?)", query.condition], [container.name, time()]
        arguments += query.arguments
        if pk is not None:
            where.append("pk=?")
            arguments.append(pk)
        order, way, sign = query.order or "n", "DESC" if query.descending else "ASC", "<" if query.descending else ">"
        if token:
            where.append(f"({order}, n) {sign} (?, ?)")
            arguments += _untoken(token)
        sql = f"SELECT n, {order}, body FROM doc WHERE {' AND '.join(where)} ORDER BY {order} {way}, n {way} LIMIT ?"
        rows = self._db.execute(sql, (*arguments, most + 1)).fetchall()
        page = [query.project(json.loads(body)) for _, _, body in rows[:most]]
        if len(rows) <= most:
            return page, None
        return page, base64.b64encode(json.dumps([rows[most - 1][1], rows[most - 1][0]]).encode()).decode()

    def purge(self) -> None:
        """Forget what has expired; it is not found any more since."""
        self._db.execute("DELETE FROM doc WHERE expires<=?", (time(),))


def _stamp(container: Container, pk: str, doc: dict[str, Any]) -> tuple[str, str, float | None]:
    """The ETag of the document, its text with its system properties, and when it expires."""
    if [doc.get(path.strip("/")) for path in container.partition_key_paths] != json.loads(pk):
        raise CosmosError(400, "the partition key in the document is not the one in the header", 1001)
    ttl = doc.get("ttl", container.default_ttl)
    if not isinstance(ttl, int) or ttl == 0 or ttl < -1:
        raise CosmosError(400, "ttl is -1 or a positive number of seconds")
    etag, at = f'"{uuid4()}"', time()
    own = {k: v for k, v in doc.items() if k not in _SYSTEM}
    body = json.dumps(own | {"_rid": "local", "_self": "local", "_etag": etag, "_ts": int(at)})
    if len(body) > LARGEST:
        raise CosmosError(413, f"a document may have {LARGEST} bytes")
    return etag, body, at + ttl if ttl > 0 else None


def _id(doc: dict[str, Any]) -> str:
    id = doc.get("id")
    if not isinstance(id, str) or not 0 < len(id) <= 255 or any(c in id for c in "/\\?#"):
        raise CosmosError(400, "id is a text of 1 to 255 characters without / \\ ? #")
    return id


def _untoken(token: str) -> tuple[Any, int]:
    try:
        value, number = json.loads(base64.b64decode(token))
        return value, int(number)
    except (ValueError, TypeError):
        raise CosmosError(400, "the continuation token is not one of ours") from None

"""Documents with ETags in SQLite (WAL): batches, TTL, pages."""

import base64
import hashlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import time
from typing import Any, NamedTuple
from uuid import uuid4

from local.cosmos.sql import CosmosError, Query, column, unsupported
from shared.topology import Container, Topology

LARGEST = 2 * 1024 * 1024  # bytes of a document, and of a batch
LONGEST_TTL = 2**31 - 1
_TABLES = """PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;
CREATE TABLE IF NOT EXISTS doc(n INTEGER PRIMARY KEY AUTOINCREMENT, container, pk, id, etag, expires, body);
CREATE UNIQUE INDEX IF NOT EXISTS by_id ON doc(container, pk, id);
CREATE INDEX IF NOT EXISTS by_expiry ON doc(expires) WHERE expires IS NOT NULL;"""
_UPSERT = """INSERT INTO doc(container, pk, id, etag, expires, body) VALUES(?,?,?,?,?,?)
ON CONFLICT(container, pk, id) DO UPDATE SET etag=excluded.etag, expires=excluded.expires, body=excluded.body"""
_SYSTEM = ("_rid", "_self", "_etag", "_ts", "_attachments")
_FIELDS = {"operationType": "kind", "id": "id", "resourceBody": "doc", "ifMatch": "if_match"}  # as a batch names them
# SQLite ends a text at U+0000: it is kept as U+0001 U+0001, and U+0001 as U+0001 U+0002, which keeps the order.
_KEPT = ((r"\u0001", r"\u0001\u0002"), (r"\u0000", r"\u0001\u0001"))
_GIVEN = ((r"\u0001\u0001", r"\u0000"), (r"\u0001\u0002", r"\u0001"))


class Operation(NamedTuple):  # alone or in a batch
    kind: str
    id: str = ""
    doc: Any = None
    if_match: str | None = None
    if_none_match: str | None = None


class Stored(NamedTuple):
    status: int
    etag: str | None
    body: str


class Store:
    """The containers of a topology, kept at `path`."""

    def __init__(self, topology: Topology, path: Path | str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.executescript(_TABLES)
        self._db.execute("DELETE FROM doc WHERE expires<=?", (time(),))  # what is not found any more since
        self.database = topology.cosmos.database
        self.containers = {c.name: c for c in topology.cosmos.containers}
        for container in topology.cosmos.containers:
            for path_ in container.indexed_paths:
                steps = _steps(path_)
                name, where = "_".join((container.name, *steps)), f"container='{container.name}'"
                self._db.execute(f"CREATE INDEX IF NOT EXISTS {name} ON doc({column(steps)}) WHERE {where}")

    def close(self) -> None:
        self._db.close()

    def container(self, name: str) -> Container:
        if name not in self.containers:
            raise CosmosError(404, f"container {name}: owner resource does not exist", 1003)
        return self.containers[name]

    def operate(self, container: Container, pk: str, operation: Operation) -> Stored:
        kind, id, doc, if_match, if_none_match = operation
        if (if_none_match and kind != "Read") or (if_match and kind in ("Create", "Read")):
            raise unsupported(f"the condition {if_match or if_none_match} on {kind}")
        id = _id(doc) if kind in ("Create", "Upsert") else id
        found = self._find(container, pk, id)
        if found is None and kind in ("Read", "Replace", "Delete"):
            raise CosmosError(404, f"there is no document {id}")
        if found and kind == "Create":
            raise CosmosError(409, f"a document {id} exists")
        if found and if_match not in (None, "*", found.etag):
            raise CosmosError(412, "the document was changed since it was read")
        if found and kind == "Read":
            return Stored(304, found.etag, "") if if_none_match in ("*", found.etag) else found
        if kind == "Delete":
            self._db.execute("DELETE FROM doc WHERE container=? AND pk=? AND id=?", (container.name, pk, id))
            return Stored(204, None, "")
        if kind not in ("Create", "Upsert", "Replace"):
            raise unsupported(kind)
        if _id(doc) != id:
            raise CosmosError(400, "the id in the body is not the one in the path")
        return self._write(container, pk, doc, 200 if found else 201)

    def _find(self, container: Container, pk: str, id: str) -> Stored | None:
        sql = "SELECT etag, body FROM doc WHERE container=? AND pk=? AND id=? AND (expires IS NULL OR expires>?)"
        found = self._db.execute(sql, (container.name, pk, id, time())).fetchone()
        return Stored(200, found[0], _recoded(found[1], _GIVEN)) if found else None

    def _write(self, container: Container, pk: str, doc: dict[str, Any], status: int) -> Stored:
        etag, body, expires = _stamp(container, pk, doc)
        self._db.execute(_UPSERT, (container.name, pk, doc["id"], etag, expires, _recoded(body, _KEPT)))
        return Stored(status, etag, body)

    def batch(self, container: Container, pk: str, operations: Sequence[Mapping[str, Any]]) -> tuple[int, list[Any]]:
        """All or none: each one's answer, or the failed one's with 424 for the others."""
        if not 0 < len(operations) <= 100:
            raise CosmosError(400, "a batch has 1 to 100 operations")
        answers: list[dict[str, Any]] = []
        self._db.execute("BEGIN IMMEDIATE")
        try:
            for operation in operations:
                if unknown := operation.keys() - _FIELDS.keys():
                    raise unsupported(f"{', '.join(sorted(unknown))} of an operation in a batch")
                done = self.operate(container, pk, Operation(**{_FIELDS[k]: v for k, v in operation.items()}))
                answers.append({"statusCode": done.status, "eTag": done.etag, "requestCharge": 1})
                answers[-1] |= {"resourceBody": json.loads(done.body)} if done.body else {}
        except BaseException as error:
            self._db.execute("ROLLBACK")
            if not isinstance(error, CosmosError) or error.status == 501:
                raise
            others = [{"statusCode": 424, "requestCharge": 0} for _ in operations]
            others[len(answers)] = {"statusCode": error.status, "subStatusCode": error.substatus, "requestCharge": 0}
            return 207, others
        self._db.execute("COMMIT")
        return 200, answers

    def query(
        self, container: Container, pk: str | None, query: Query, most: int, token: str | None
    ) -> tuple[list[Any], str | None]:
        """A page of documents, and where the next begins: after the last one's order value and number."""
        where, arguments = ["container=?", "(expires IS NULL OR expires>?)", query.condition], [container.name, time()]
        arguments += query.arguments
        if pk is not None:
            where.append("pk=?")
            arguments.append(pk)
        if query.order:
            self._check_order(container, query.order, " AND ".join(where), arguments)
        order = column(query.order) if query.order else "n"
        way, sign = ("DESC", "<") if query.descending else ("ASC", ">")
        asked = hashlib.sha256(
            repr((container.name, pk, query.condition, query.order, query.descending)).encode()
        ).hexdigest()
        if token:
            where.append(f"({order}, n) {sign} (?, ?)")
            arguments += _position(token, asked)
        sql = f"SELECT n, {order}, body FROM doc WHERE {' AND '.join(where)} ORDER BY {order} {way}, n {way} LIMIT ?"
        rows = self._db.execute(sql, (*arguments, most + 1)).fetchall()
        page = [query.project(json.loads(_recoded(body, _GIVEN))) for _, _, body in rows[:most]]
        if len(rows) <= most:
            return page, None
        number, value, _ = rows[most - 1]
        return page, base64.b64encode(json.dumps([asked, value, number]).encode()).decode()

    def _check_order(self, container: Container, order: tuple[str, ...], where: str, arguments: list[Any]) -> None:
        """Azure orders over indexed paths alone; an order over values of several types is not supported here."""
        if order not in {("_ts",), ("id",), *map(_steps, container.indexed_paths)}:
            raise CosmosError(400, f"ORDER BY {order}: the path is not indexed in {container.name}")
        found = self._db.execute(f"SELECT DISTINCT {column(order, 'json_type')} FROM doc WHERE {where}", arguments)
        kinds = {kind for (kind,) in found}
        if kinds and kinds != {"text"} and not kinds <= {"integer", "real"}:
            raise unsupported(f"ORDER BY {order} over documents without it, or of several types,")


def _steps(path: str) -> tuple[str, ...]:
    """Of a path as the indexing policy writes it: `/a/b/?`."""
    return tuple(path.strip("/?").split("/"))


def _stamp(container: Container, pk: str, doc: dict[str, Any]) -> tuple[str, str, float | None]:
    """The ETag of the document, its text with its system properties, and when it expires."""
    if [doc.get(path.strip("/")) for path in container.partition_key_paths] != json.loads(pk):
        raise CosmosError(400, "the partition key in the document is not the one in the header", 1001)
    ttl = doc.get("ttl", container.default_ttl)
    if type(ttl) is not int or not (0 < ttl <= LONGEST_TTL or ttl == -1):
        raise CosmosError(400, f"ttl is -1 or a whole number of seconds from 1 to {LONGEST_TTL}")
    etag, at = f'"{uuid4()}"', time()
    own = {k: v for k, v in doc.items() if k not in _SYSTEM}
    body = json.dumps(own | {"_rid": "local", "_self": "local", "_etag": etag, "_ts": int(at)}, ensure_ascii=False)
    if len(body.encode()) > LARGEST:
        raise CosmosError(413, f"a document may have {LARGEST} bytes")
    return etag, body, at + ttl if ttl > 0 else None


def _recoded(json: str, changes: tuple[tuple[str, str], ...]) -> str:
    for old, new in ((r"\\", "\0"), *changes, ("\0", r"\\")):  # a backslash that is escaped escapes nothing
        json = json.replace(old, new)
    return json


def _id(doc: Any) -> str:
    """Refuses also what no URL can carry: `.` and `..` are taken out of a path on the way."""
    id = doc.get("id") if isinstance(doc, dict) else None
    if not isinstance(id, str) or not 0 < len(id.encode()) <= 1023 or any(c in id for c in "/\\?#"):
        raise CosmosError(400, "id is a text of 1 to 1,023 bytes without / \\ ? #")
    if id in (".", "..") or id.endswith(" "):
        raise unsupported("an id that is . or .. or ends with a space")
    return id


def _position(token: str, asked: str) -> tuple[Any, int]:
    """What a continuation token of this very query says."""
    try:
        of, value, number = json.loads(base64.b64decode(token, validate=True))
    except (ValueError, TypeError):
        of = None
    if of != asked:
        raise CosmosError(400, "the continuation token is not one of this query")
    return value, int(number)

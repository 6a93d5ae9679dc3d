"""The broker: one AMQP 1.0 server for the unmodified azure-servicebus and azure-eventhub."""

import asyncio
import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from pathlib import Path
from time import time
from typing import Any
from urllib.parse import unquote

from local.broker import codec
from local.broker.codec import AmqpError
from local.broker.engine import Connection, Link, Node
from local.broker.hubs import Hub
from local.broker.message import APPLICATION, PROPERTIES, VALUE, take_apart
from local.broker.queues import DEAD_LETTERS, Queue
from local.broker.store import Store
from shared.topology import Topology

KEY_NAME = "local"
TICK = 0.02  # seconds between looks at what time alone has to do


class Broker:
    """The queues and hubs of a topology, kept at `path`. `lock` overrides the queues' lock duration (milliseconds)."""

    def __init__(self, topology: Topology, path: Path | str, key: str, lock: int | None = None) -> None:
        self._store, self._key = Store(path), key
        self.queues: dict[str, Queue] = {}
        for q in topology.queues:
            held = lock or int(q.lock_duration.total_seconds() * 1000)
            dead = self.queues[q.name + DEAD_LETTERS] = Queue(self._store, q.name + DEAD_LETTERS, held, None, None)
            self.queues[q.name] = Queue(self._store, q.name, held, q, dead)
        self.hubs = {h.name: Hub(self._store, h) for h in topology.event_hubs}
        self._server: asyncio.Server | None = None
        self._ticking: asyncio.Task[None] | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen, and return the port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self), host, port)
        self._ticking = asyncio.create_task(self._tick())
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        if self._ticking:
            self._ticking.cancel()
        if self._server:
            self._server.close()
            self._server.close_clients()
        await asyncio.sleep(0)
        self._store.close()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            self._store.run_timers()

    def dirty(self, connection: Connection) -> None:
        self._store.after_commit(connection.flush, connection.refuse)

    def attach(self, link: Link) -> None:
        address = link.address(link.source if link.sending else link.target)
        path = re.sub(r"^\w+://[^/]+/?", "", address).strip("/").lower()
        entity = path.removesuffix("/$management") if path.endswith("/$management") else None
        try:
            if path in ("$cbs", "$management") or entity is not None:
                self._attach_rpc(link, path, entity)
            elif not link.session.connection.authorized:
                link.refuse("amqp:unauthorized-access", "a token has to be put first")
            else:
                self._attach_entity(link, path)
        except AmqpError as error:
            link.refuse(error.condition, error.text)

    def _attach_rpc(self, link: Link, path: str, entity: str | None) -> None:
        queue = self.queues.get(entity) if entity else None
        if entity and queue is None and entity not in self.hubs:
            raise _not_found(entity)
        link.node = Rpc(self, path, queue)
        link.accept(0 if link.sending else 500)

    def _attach_entity(self, link: Link, path: str) -> None:
        named = re.fullmatch(r"(.+?)(?:/consumergroups/([^/]+))?(?:/partitions/([^/]*))?", path)
        if named and named[1] in self.hubs:
            self.hubs[named[1]].attach(link, named[2], named[3])
        elif path in self.queues:
            self.queues[path].attach(link)
        else:
            raise _not_found(path)

    def settle(self, link: Link, context: tuple[Queue, Any], state: bytes) -> bytes:
        return context[0].settle(context[1], state)

    def put_token(self, connection: Connection, token: str) -> None:
        """A shared access signature under our key."""
        try:
            fields = dict(pair.split("=", 1) for pair in token.split(" ", 1)[1].split("&"))
            signed = f"{fields['sr']}\n{fields['se']}".encode()
            digest = hmac.new(self._key.encode(), signed, hashlib.sha256).digest()
            same = hmac.compare_digest(base64.b64encode(digest).decode(), unquote(fields["sig"]))
            holds = same and fields["skn"] == KEY_NAME
            fresh = int(fields["se"]) > time()
        except (KeyError, ValueError, IndexError):
            holds = fresh = False
        if not (holds and fresh):
            raise AmqpError("amqp:unauthorized-access", "the token has another key or name of a key, or is too old")
        connection.authorized = True


class Rpc(Node):
    """`$cbs` or `$management`: requests in, replies on the receiving link of the same session."""

    def __init__(self, broker: Broker, path: str, queue: Queue | None) -> None:
        self._broker, self._path, self._queue = broker, path, queue

    def on_message(self, link: Link, format: int, raw: bytes) -> bytes:
        request = take_apart(raw)
        status, value, condition, text = self._answer(link, request.application, request.value)
        correlation, reply_to = (request.properties or [codec.NULL])[0], request.property(4)
        names = {"statusCode": codec.int32(status), "status-code": codec.int32(status)}
        names |= {"statusDescription": codec.string(text), "status-description": codec.string(text)}
        if condition:
            names |= {"errorCondition": codec.symbol(condition), "error-condition": codec.symbol(condition)}
        reply = codec.described(PROPERTIES, codec.list_([codec.NULL] * 5 + [correlation]))
        reply += codec.described(APPLICATION, codec.map_((codec.string(k), v) for k, v in names.items()))
        reply += codec.described(VALUE, value)
        links = [(other, other.node) for other in link.session.links.values() if other.sending]
        replies = [other for other, node in links if isinstance(node, Rpc) and node._path == self._path]
        asked = [other for other in replies if other.address(other.target) == reply_to]
        for other in (asked or replies)[:1]:
            other.send(reply, b"r", settled=True)
        return codec.ACCEPTED

    def _answer(self, link: Link, asked: Mapping[str, Any], body: Any) -> tuple[int, bytes, str | None, str]:
        operation = str(asked.get("operation"))
        try:
            if self._path == "$cbs":
                self._broker.put_token(link.session.connection, str(body))
                return 202, codec.NULL, None, "Accepted"
            if not link.session.connection.authorized:
                raise AmqpError("amqp:unauthorized-access", "a token has to be put first")
            return 200, self._manage(operation, asked, body), None, "OK"
        except AmqpError as error:
            return _STATUS.get(error.condition, 400), codec.NULL, error.condition, error.text
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            return 400, codec.NULL, "amqp:invalid-field", f"{operation} is malformed: {error!r}"

    def _manage(self, operation: str, asked: Mapping[str, Any], body: Any) -> bytes:
        if self._queue:
            return self._queue.manage(operation, body)
        hub = self._broker.hubs.get(str(asked.get("name", "")).lower())
        if hub is None:
            raise _not_found(asked.get("name"))
        if operation != "READ":
            raise AmqpError("amqp:not-implemented", f"{operation} is not supported")
        return hub.manage(str(asked.get("type")), asked)


def _not_found(name: Any) -> AmqpError:
    """In the words by which the SDKs know that it is the entity which is missing."""
    return AmqpError("amqp:not-found", f"The messaging entity {name!r} could not be found.")


_STATUS = {"amqp:unauthorized-access": 401, "amqp:not-found": 404, "com.microsoft:message-lock-lost": 410}
_STATUS["amqp:not-implemented"] = 501

"""AMQP 1.0 connections, sessions and links (OASIS AMQP 1.0, part 2), as a server sees them."""

import asyncio
import logging
import socket
import struct
from collections import deque
from typing import Any, Protocol

from local.broker import codec
from local.broker.codec import NULL, AmqpError, Described

SASL, AMQP = b"AMQP\x03\x01\x00\x00", b"AMQP\x00\x01\x00\x00"
LARGEST_FRAME = 65536
LARGEST_MESSAGE = 1 << 20  # bytes, unless a node says otherwise
WINDOW = 0x7FFFFFFF
CREDIT = 500  # messages a peer may send before it has to wait for more credit
OPEN, BEGIN, ATTACH, FLOW, TRANSFER, DISPOSITION, DETACH, END, CLOSE = range(0x10, 0x19)

log = logging.getLogger(__name__)


class Node:
    """What a link is attached to."""

    def on_message(self, link: "Link", format: int, raw: bytes) -> bytes:
        """Take a message from the peer; the outcome comes back."""
        raise AmqpError("amqp:not-allowed", "this link receives")

    def on_credit(self, link: "Link") -> None:
        """The peer is ready for more."""

    def on_detach(self, link: "Link") -> None:
        """The link is gone."""


class Broker(Protocol):
    """What the engine needs of the broker. `dirty`: write the frames once all that was done is committed."""

    def attach(self, link: "Link") -> None: ...
    def settle(self, link: "Link", context: Any, state: bytes) -> bytes: ...
    def dirty(self, connection: "Connection") -> None: ...


class Link:
    """One link; `sending` as the server sees it: True where the peer receives."""

    def __init__(self, session: "Session", fields: list[Any]) -> None:
        self.session, self.fields = session, fields
        self.name, self.handle, self.sending = fields[0], fields[1], bool(fields[2])
        self.source, self.target = fields[5], fields[6]
        self.pre_settled = fields[3] == 1
        self.properties: dict[str, Any] = fields[13] or {}
        self.delivery_count = 0 if self.sending else (fields[9] or 0)
        self.credit, self.largest = 0, LARGEST_MESSAGE
        self.drain = self.closed = False
        self.partial: tuple[list[Any], bytearray] | None = None
        self.node: Node | None = None

    def address(self, terminus: Described | None) -> str:
        return str(terminus.value[0] or "") if terminus and terminus.value else ""

    def accept(self, credit: int = 0) -> None:
        self._attach(self._terminus(0x28, self.source), self._terminus(0x29, self.target))
        if credit:
            self.credit = credit
            self.session.send_flow(self)

    def refuse(self, condition: str, text: str) -> None:
        """Attach without a terminus and detach with the reason: section 2.6.3."""
        self._attach(NULL if self.sending else codec.described(0x28, b"\x45"), NULL)
        self.detach(condition, text)

    def _terminus(self, code: int, terminus: Described | None) -> bytes:
        return codec.described(code, codec.list_([codec.string(self.address(terminus))])) if terminus else NULL

    def _attach(self, source: bytes, target: bytes) -> None:
        settling = 1 if self.pre_settled else 2 if self.fields[3] is None else self.fields[3]
        fields = [codec.string(self.name), codec.uint(self.handle), codec.boolean(not self.sending)]
        fields += [codec.ubyte(settling), codec.ubyte(self.fields[4] or 0), source, target, NULL, NULL]
        fields += [codec.uint(0) if self.sending else NULL, codec.ulong(self.largest)]
        self.session.connection.frame(self.session.channel, codec.performative(ATTACH, fields))

    def detach(self, condition: str | None = None, text: str = "") -> None:
        if self.closed:
            return
        self.closed = True
        reason = codec.error(condition, text) if condition else NULL
        fields = [codec.uint(self.handle), codec.TRUE, reason]
        self.session.connection.frame(self.session.channel, codec.performative(DETACH, fields))
        if self.node:
            self.node.on_detach(self)

    def send(self, payload: bytes, tag: bytes, settled: bool, context: Any = None) -> None:
        self.delivery_count = (self.delivery_count + 1) & 0xFFFFFFFF
        self.credit -= 1
        self.session.transfer(self, payload, tag, settled, context)

    def drained(self) -> None:
        """Give back the credit that a draining peer asked to be used or returned."""
        if self.drain and self.credit > 0:
            self.delivery_count, self.credit = (self.delivery_count + self.credit) & 0xFFFFFFFF, 0
            self.session.send_flow(self)


class Session:
    def __init__(self, connection: "Connection", channel: int, fields: list[Any]) -> None:
        self.connection, self.channel = connection, channel
        self.next_in, self.next_out = fields[1], 1
        self.remote_window = fields[2]
        self.links: dict[int, Link] = {}
        self.unsettled: dict[int, tuple[Link, Any]] = {}
        self.pending: deque[bytes] = deque()
        self.deliveries = 0

    def send_flow(self, link: Link | None = None) -> None:
        fields = [codec.uint(n) for n in (self.next_in, WINDOW, self.next_out, WINDOW)]
        if link:
            fields += [codec.uint(n) for n in (link.handle, link.delivery_count, link.credit, 0)]
            fields += [codec.boolean(link.drain), codec.FALSE]
        self.connection.frame(self.channel, codec.performative(FLOW, fields))

    def transfer(self, link: Link, payload: bytes, tag: bytes, settled: bool, context: Any) -> None:
        """One delivery in as many frames as it needs."""
        number = self.deliveries
        self.deliveries = (number + 1) & 0xFFFFFFFF
        if not settled:
            self.unsettled[number] = (link, context)
        room = self.connection.max_frame - 96
        head = codec.uint(link.handle) + codec.uint(number) + codec.binary(tag) + b"\x43" + codec.boolean(settled)
        for start in range(0, len(payload), room):
            more = codec.boolean(start + room < len(payload))
            fields = (head if start == 0 else codec.uint(link.handle) + NULL * 4) + more + b"\x40\x40\x42\x42\x42"
            frame = b"\x00\x53\x14\xc0" + bytes((len(fields) + 1, 11)) + fields
            self.pending.append(frame + payload[start : start + room])
        self.pump()

    def pump(self) -> None:
        while self.pending and self.remote_window > 0:
            self.remote_window -= 1
            self.next_out = (self.next_out + 1) & 0xFFFFFFFF
            self.connection.frame(self.channel, self.pending.popleft())

    def dispose(self, as_receiver: bool, number: int, state: bytes) -> None:
        fields = [codec.boolean(as_receiver), codec.uint(number), codec.uint(number), codec.TRUE, state, codec.FALSE]
        self.connection.frame(self.channel, codec.performative(DISPOSITION, fields))

    def drop(self) -> None:
        for link in self.links.values():
            if link.node and not link.closed:
                link.closed = True
                link.node.on_detach(link)


class Connection(asyncio.Protocol):
    """One peer. What it is told is written only after the broker committed."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.authorized = self._closing = False
        self.max_frame = LARGEST_FRAME
        self.sessions: dict[int, Session] = {}
        self.transport: asyncio.Transport | None = None
        self._in, self._out = bytearray(), list[bytes]()
        self._beat: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        if self._beat:
            self._beat.cancel()
        for session in self.sessions.values():
            session.drop()

    def frame(self, channel: int, body: bytes, kind: int = 0) -> None:
        self._out.append(struct.pack(">IBBH", len(body) + 8, 2, kind, channel) + body)
        self.broker.dirty(self)

    def flush(self) -> None:
        if self._out and self.transport:
            self.transport.write(b"".join(self._out))
        self._out.clear()
        if self._closing and self.transport:
            self.transport.close()
            self.transport = None

    def refuse(self) -> None:
        """End the connection: what it was to be told did not happen."""
        self._out.clear()
        self._close(codec.error("amqp:resource-limit-exceeded", "the broker cannot write"))
        self.flush()

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        self._in += data
        try:
            self._parse()
        except AmqpError as error:
            self._close(codec.error(error.condition, error.text))
        except Exception as error:
            log.exception("a defect in the broker")
            self._close(codec.error("amqp:internal-error", repr(error)))

    def _close(self, reason: bytes = NULL) -> None:
        """Once what was done before is committed, and said."""
        self._closing = True
        self.frame(0, codec.performative(CLOSE, [reason]))

    def _parse(self) -> None:
        data, at, end = bytes(self._in), 0, len(self._in)
        while end - at >= 8:
            if data[at : at + 4] == b"AMQP":
                self._header(data[at : at + 8])
                at += 8
                continue
            size = struct.unpack_from(">I", data, at)[0]
            if not 8 <= size <= LARGEST_FRAME:
                raise AmqpError("amqp:connection:framing-error", f"a frame of {size} bytes")
            if end - at < size:
                break
            if size > 8:
                performative, start = codec.decode(data, at + data[at + 4] * 4)
                if data[at + 5] == 1:
                    self.frame(0, codec.described(0x44, codec.list_([codec.ubyte(0)])), kind=1)
                else:
                    channel = struct.unpack_from(">H", data, at + 6)[0]
                    fields = performative.value + [None] * (15 - len(performative.value))
                    rest = data[start : at + size]
                    if performative.code == DISPOSITION:  # the outcome as it is encoded
                        rest = (codec.raw_fields(data, at + data[at + 4] * 4) + [NULL] * 5)[4]
                    self._dispatch(channel, performative.code, fields, rest)
            at += size
        del self._in[:at]

    def _header(self, header: bytes) -> None:
        self._out.append(header if header in (SASL, AMQP) else SASL)
        self.broker.dirty(self)
        if header == SASL:
            names = [bytes((len(n),)) + n for n in (b"ANONYMOUS", b"PLAIN", b"EXTERNAL", b"MSSBCBS")]
            self.frame(0, codec.described(0x40, codec.list_([codec.array(0xA3, names)])), kind=1)

    def _dispatch(self, channel: int, code: int, fields: list[Any], payload: bytes) -> None:
        if code == OPEN:
            self._open(fields)
        elif code == BEGIN:
            session = self.sessions[channel] = Session(self, channel, fields)
            numbers = [codec.uint(n) for n in (session.next_out, WINDOW, WINDOW, 1023)]
            self.frame(channel, codec.performative(BEGIN, [codec.ushort(channel), *numbers]))
        elif code == CLOSE:
            self._close()
        elif code == END:
            if channel in self.sessions:
                self.sessions.pop(channel).drop()
            self.frame(channel, codec.performative(END, []))
        elif found := self.sessions.get(channel):
            if code == TRANSFER:
                self._transfer(found, fields, payload)
            elif code == ATTACH:
                found.links[fields[1]] = link = Link(found, fields)
                self.broker.attach(link)
            elif code == DETACH and fields[0] in found.links:
                found.links.pop(fields[0]).detach()
            elif code == FLOW:
                self._flow(found, fields)
            elif code == DISPOSITION:
                self._disposition(found, fields, payload)

    def _open(self, fields: list[Any]) -> None:
        self.max_frame = min(fields[2] or LARGEST_FRAME, LARGEST_FRAME)
        answer = [codec.string("local-broker"), NULL, codec.uint(LARGEST_FRAME), codec.ushort(4999)]
        self.frame(0, codec.performative(OPEN, answer))
        if fields[4]:
            self._heartbeat(fields[4] / 2000)

    def _heartbeat(self, seconds: float) -> None:
        """Empty frames within the idle time that the peer asked for: section 2.4.5."""
        if self.transport:
            self.transport.write(struct.pack(">IBBH", 8, 2, 0, 0))
            self._beat = asyncio.get_running_loop().call_later(seconds, self._heartbeat, seconds)

    def _flow(self, session: Session, fields: list[Any]) -> None:
        session.remote_window = (fields[0] if fields[0] is not None else 1) + fields[1] - session.next_out
        link = session.links.get(fields[4]) if fields[4] is not None else None
        if link and not link.closed and link.sending:
            link.credit = max(0, (fields[5] or 0) + (fields[6] or 0) - link.delivery_count)
            link.drain = bool(fields[8])
            if link.node:
                link.node.on_credit(link)
            link.drained()
        elif fields[9]:
            session.send_flow(link)
        session.pump()

    def _transfer(self, session: Session, fields: list[Any], payload: bytes) -> None:
        session.next_in = (session.next_in + 1) & 0xFFFFFFFF
        link = session.links.get(fields[0])
        if link is None or link.closed:
            return
        first, raw = link.partial or (fields, bytearray())
        raw += payload
        if fields[5]:
            link.partial = (first, raw)
            return
        link.partial = None
        link.delivery_count = (link.delivery_count + 1) & 0xFFFFFFFF
        link.credit -= 1
        try:
            if len(raw) > link.largest:
                raise AmqpError("amqp:link:message-size-exceeded", f"more than {link.largest} bytes")
            assert link.node
            state = link.node.on_message(link, first[3] or 0, bytes(raw))
        except AmqpError as error:
            state = codec.rejected(error.condition, error.text)
        except (LookupError, ValueError, TypeError, struct.error) as error:
            state = codec.rejected("amqp:decode-error", f"this is no message: {error!r}")
        if not first[4]:
            session.dispose(True, first[1], state)
        if link.credit < CREDIT // 2:
            link.credit = CREDIT
            session.send_flow(link)

    def _disposition(self, session: Session, fields: list[Any], state: bytes) -> None:
        if not fields[0]:
            return
        for number in range(fields[1], (fields[1] if fields[2] is None else fields[2]) + 1):
            link, context = session.unsettled.pop(number, (None, None))
            if link:
                session.dispose(False, number, self.broker.settle(link, context, state))

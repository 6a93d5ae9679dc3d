"""Service Bus queues: peek-lock, delivery counts, dead letters, scheduled messages, duplicate detection."""

from collections.abc import Mapping
from datetime import timedelta
from heapq import heapify, heappop, heappush
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from local.broker import codec
from local.broker.codec import AmqpError
from local.broker.engine import Link, Node
from local.broker.message import BATCH_FORMAT, HEADER, Sections, annotated, item, take_apart, with_id, with_properties
from local.broker.store import Store, now
from shared.topology import Queue as Spec

DEAD_LETTERS = "/$deadletterqueue"
LARGEST = 256 * 1024  # bytes of a message: the limit of the tier Standard
SWEEP = 500  # milliseconds between looks for what has expired
ACCEPTED, REJECTED, RELEASED, MODIFIED = range(0x24, 0x28)  # outcomes


class Message(NamedTuple):  # in the order of the table's columns
    seq: int
    enqueued: int
    visible: int
    expires: int | None
    tries: int
    id: str | None
    annotations: bytes
    bare: bytes
    header: bytes


def _why(reason: str, text: str) -> dict[str, bytes]:
    return {"DeadLetterReason": codec.string(reason), "DeadLetterErrorDescription": codec.string(text)}


class Queue(Node):
    """Messages stay on disk; memory holds the sequence numbers that are ready, and the locks."""

    def __init__(self, store: Store, name: str, lock: int, spec: Spec | None, dead: "Queue | None") -> None:
        """`lock` in milliseconds. A dead-letter queue has neither a specification nor one of its own."""
        self._store, self._name, self._lock, self._dead = store, name, lock, dead
        times = (spec.duplicate_window, spec.ttl) if spec else (timedelta(), timedelta())
        self._window, self._ttl = (int(time.total_seconds() * 1000) for time in times)
        self._most_tries = spec.max_delivery_count if spec else 0
        self._ready: list[int] = []
        self._locks: dict[UUID, tuple[int, int]] = {}  # sequence number, and until when
        self._links: list[Link] = []
        self._turn = 0
        self._seq = 0
        self._due: dict[int, int] = {}  # until when a sequence number is awaited
        self._find()
        store.on_failure(self._find)
        self._sweep()

    def _find(self) -> None:
        """What is stored and not locked is there to be had, or will be when its time comes."""
        self._seq = next((seq for (seq,) in self._store.read("SELECT seq FROM counter WHERE entity=?", self._name)), 0)
        stored = dict(self._store.read("SELECT seq, visible FROM message WHERE queue=?", self._name))
        self._locks = {token: lock for token, lock in self._locks.items() if lock[0] in stored}
        self._ready, locked = [], {seq for seq, _ in self._locks.values()}
        self._due = {seq: due for seq, due in self._due.items() if stored.get(seq) == due}
        for seq, visible in stored.items():
            if seq not in locked:
                self._await(seq, visible)

    def put(self, parts: Sections) -> None:
        """Store a message, unless one with its id came within the duplicate window."""
        annotations, at, id = parts.annotations, now(), str(parts.property(0) or uuid4().hex)
        if self._is_repeat(id, at):
            return
        bare = parts.bare if parts.property(0) else with_id(parts, id)
        scheduled = annotations.get("x-opt-scheduled-enqueue-time", codec.NULL)
        visible = max(at, codec.decode(scheduled)[0] or 0)
        ttl = min(item(parts.header, 2) or self._ttl, self._ttl)
        priority = item(parts.header, 1)
        fields = [codec.TRUE, codec.NULL if priority is None else codec.ubyte(priority), codec.uint(ttl)]
        encoded = codec.map_((codec.symbol(k), v) for k, v in annotations.items())
        self._admit(Message(0, at, visible, visible + ttl, 0, id, encoded, bare, codec.list_(fields)))

    def _is_repeat(self, id: str, at: int) -> bool:
        if self._store.read("SELECT 1 FROM recent WHERE queue=? AND id=? AND until>?", self._name, id, at):
            return True
        self._store.write("INSERT OR REPLACE INTO recent VALUES(?,?,?)", self._name, id, at + self._window)
        return False

    def _admit(self, message: Message) -> None:
        self._seq += 1
        self._store.write("INSERT OR REPLACE INTO counter VALUES(?,?)", self._name, self._seq)
        row = message._replace(seq=self._seq)
        self._store.write("INSERT INTO message VALUES(?,?,?,?,?,?,?,?,?,?)", self._name, *row)
        self._await(row.seq, row.visible)

    def _await(self, seq: int, visible: int) -> None:
        if visible <= now():
            self._due.pop(seq, None)
            self._offer(seq)
        elif self._due.get(seq) != visible:
            self._due[seq] = visible
            self._store.at(visible, lambda: self._come(seq, visible))

    def _come(self, seq: int, visible: int) -> None:
        if self._due.get(seq) == visible:
            del self._due[seq]
            self._offer(seq)

    def _offer(self, seq: int) -> None:
        heappush(self._ready, seq)
        self._store.before_commit(self.pump)

    def pump(self) -> None:
        """Hand what is ready to whoever has credit, in turn."""
        while self._ready and (willing := [link for link in self._links if link.credit > 0]):
            self._turn += 1
            message = self._load(heappop(self._ready))
            if message:
                self._deliver(willing[self._turn % len(willing)], message)

    def _load(self, seq: int) -> Message | None:
        found = self._store.read("SELECT * FROM message WHERE queue=? AND seq=?", self._name, seq)
        return Message(*found[0][1:]) if found else None

    def _deliver(self, link: Link, message: Message) -> None:
        token, until = uuid4(), now() + self._lock
        if link.pre_settled:
            self._delete(message.seq)
        else:
            self._locks[token] = (message.seq, until)
            self._store.at(until, lambda: self._lapse(token))
        raw = self._encode(message, None if link.pre_settled else until)
        link.send(raw, token.bytes_le, link.pre_settled, (self, token))

    def _encode(self, message: Message, locked_until: int | None) -> bytes:
        annotations = codec.raw_map(message.annotations, 0)
        seq = codec.long(message.seq)
        annotations |= {"x-opt-sequence-number": seq, "x-opt-enqueue-sequence-number": seq}
        annotations["x-opt-enqueued-time"] = codec.timestamp(message.visible)
        if locked_until is not None:
            annotations["x-opt-locked-until"] = codec.timestamp(locked_until)
        kept = (codec.raw_items(message.header) + [codec.NULL] * 4)[:4]
        fields = [*kept, codec.uint(message.tries)]
        return codec.described(HEADER, codec.list_(fields)) + annotated(annotations, message.bare)

    def settle(self, token: UUID, state: bytes) -> bytes:
        """Carry out what the receiver decided; the answer repeats it, or says that the lock is lost."""
        code = ACCEPTED if state == codec.NULL else codec.decode(state, 1)[0]
        fields = ([] if state == codec.NULL else codec.raw_fields(state)) + [codec.NULL] * 3
        if code == MODIFIED and codec.decode(fields[1])[0]:
            return codec.rejected("amqp:not-implemented", "deferring is not supported")
        seq, until = self._locks.get(token, (0, 0))
        if until <= now():  # it stays until it lapses, or nobody would give the message out again
            return codec.rejected("com.microsoft:message-lock-lost", "the lock has expired, or the message is settled")
        del self._locks[token]
        if code == ACCEPTED:
            self._delete(seq)
            return codec.ACCEPTED
        if code == REJECTED:
            error = ([] if fields[0] == codec.NULL else codec.raw_fields(fields[0])) + [codec.NULL] * 3
            why = {"DeadLetterErrorDescription": error[1]} | codec.raw_map(error[2])
            self._bury(seq, {name: value for name, value in why.items() if value != codec.NULL})
            return codec.described(REJECTED, b"\x45")
        self._retry(seq, code == MODIFIED, codec.raw_map(fields[2]))
        return codec.RELEASED if code == RELEASED else codec.described(MODIFIED, codec.list_(fields[:2]))

    def _lapse(self, token: UUID) -> None:
        seq, until = self._locks.get(token, (0, 0))
        if until > now():
            self._store.at(until, lambda: self._lapse(token))
        elif self._locks.pop(token, None):
            self._retry(seq, True, {})

    def _retry(self, seq: int, counted: bool, changes: Mapping[str, bytes]) -> None:
        """Back in the queue, with application properties changed; or dead."""
        message = self._load(seq)
        if message is None:
            return
        tries, bare = message.tries + counted, with_properties(message.bare, changes)
        sql = "UPDATE message SET tries=?, bare=? WHERE queue=? AND seq=?"
        self._store.write(sql, tries, bare, self._name, seq)
        if self._dead and tries >= self._most_tries:
            self._bury(seq, _why("MaxDeliveryCountExceeded", f"the message was given out {tries} times"))
        else:
            self._offer(seq)

    def _sweep(self) -> None:
        """Bury what has expired and is not locked; forget message ids whose window is over."""
        at, locked = now(), {seq for seq, _ in self._locks.values()}
        self._store.at(at + SWEEP, self._sweep)
        for (seq,) in self._store.read("SELECT seq FROM message WHERE queue=? AND expires<=?", self._name, at):
            if seq not in locked:
                self._bury(seq, _why("TTLExpiredException", "the message expired"))
        self._store.write("DELETE FROM recent WHERE queue=? AND until<=?", self._name, at)

    def _bury(self, seq: int, why: Mapping[str, bytes]) -> None:
        message = self._load(seq)
        self._delete(seq)
        if message and self._dead:
            at, bare = now(), with_properties(message.bare, why)
            self._dead._admit(message._replace(enqueued=at, visible=at, expires=None, bare=bare))

    def _delete(self, seq: int) -> None:
        self._store.write("DELETE FROM message WHERE queue=? AND seq=?", self._name, seq)
        if seq in self._ready:
            self._ready.remove(seq)
            heapify(self._ready)

    def attach(self, link: Link) -> None:
        if link.sending and "com.microsoft:session-filter" in (item(link.source.value, 7) or {}):
            raise AmqpError("amqp:not-implemented", "sessions are not supported")
        if not link.sending and self._dead is None:
            raise AmqpError("amqp:not-allowed", "nothing can be sent to a dead-letter queue")
        link.node, link.largest = self, LARGEST
        if link.sending:
            self._links.append(link)
        link.accept(0 if link.sending else 500)

    def on_message(self, link: Link, format: int, raw: bytes) -> bytes:
        """All messages of a batch, or none."""
        self._store.require_room()
        messages = [take_apart(single) for single in (take_apart(raw).bodies if format == BATCH_FORMAT else [raw])]
        if any(parts.property(10) is not None for parts in messages):
            raise AmqpError("amqp:not-implemented", "sessions are not supported")
        for parts in messages:
            self.put(parts)
        return codec.ACCEPTED

    def on_credit(self, link: Link) -> None:
        self.pump()

    def on_detach(self, link: Link) -> None:
        """Locks stay until they lapse, as they do at Service Bus."""
        self._links = [other for other in self._links if other is not link]

    def manage(self, operation: str, body: dict[str, Any]) -> bytes:
        """Renew locks; everything else is refused by name."""
        if operation != "com.microsoft:renew-lock":
            raise AmqpError("amqp:not-implemented", f"{operation} is not supported")
        tokens, until = body["lock-tokens"], now() + self._lock
        for token in tokens:
            seq, before = self._locks.get(token, (0, 0))
            if before <= now():
                raise AmqpError("com.microsoft:message-lock-lost", "the lock has expired, or the message is settled")
            self._locks[token] = (seq, until)
        expirations = codec.array(0x83, [codec.timestamp(until)[1:] for _ in tokens])
        return codec.map_([(codec.string("expirations"), expirations)])

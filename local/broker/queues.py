"""Service Bus queues: peek-lock, delivery counts, dead letters, scheduled messages, duplicate detection."""

from dataclasses import dataclass
from datetime import timedelta
from heapq import heapify, heappop, heappush
from typing import Any
from uuid import UUID, uuid4

from local.broker import codec
from local.broker.codec import AmqpError, Described
from local.broker.engine import Link, Node
from local.broker.message import BATCH_FORMAT, HEADER, annotated, item, take_apart, with_application
from local.broker.store import Store, now
from shared.topology import Queue as Spec

DEAD_LETTERS = "/$deadletterqueue"
SWEEP = 500  # milliseconds between looks for what has expired
_COLUMNS = "seq, enqueued, visible, expires, tries, id, annotations, bare"


@dataclass(slots=True)
class Lock:
    seq: int
    until: int


@dataclass(slots=True)
class Message:
    seq: int
    enqueued: int
    visible: int
    expires: int | None
    tries: int
    id: str | None
    annotations: bytes
    bare: bytes


class Queue(Node):
    """Messages stay on disk; memory holds the sequence numbers that are ready, and the locks."""

    def __init__(self, store: Store, name: str, lock: int, spec: Spec | None, dead: "Queue | None") -> None:
        """`lock` in milliseconds. A dead-letter queue has neither a specification nor one of its own."""
        self._store, self._name, self._lock, self._dead = store, name, lock, dead
        times = (spec.duplicate_window, spec.ttl) if spec else (timedelta(), timedelta())
        self._window, self._ttl = (int(time.total_seconds() * 1000) for time in times)
        self._most_tries = spec.max_delivery_count if spec else 0
        self._ready: list[int] = []
        self._locks: dict[UUID, Lock] = {}
        self._links: list[Link] = []
        self._turn = 0
        self._seq = next((seq for (seq,) in store.read("SELECT seq FROM counter WHERE entity=?", name)), 0)
        for seq, visible in store.read("SELECT seq, visible FROM message WHERE queue=?", name):
            self._await(seq, visible)
        self._sweep()

    def put(self, raw: bytes) -> None:
        """Store a message, unless one with its id came within the duplicate window."""
        parts = take_apart(raw)
        annotations, at = parts.annotations, now()
        id_ = parts.property(0)
        if parts.property(10) is not None:
            raise AmqpError("amqp:not-implemented", "sessions are not supported")
        if self._is_repeat(id_, at):
            return
        scheduled = annotations.pop("x-opt-scheduled-enqueue-time", None)
        visible = max(at, codec.decode(scheduled)[0]) if scheduled else at
        lives = [ttl for ttl in (item(parts.header, 2), self._ttl) if ttl]
        encoded = codec.map_((codec.symbol(k), v) for k, v in annotations.items())
        text = None if id_ is None else str(id_)
        self._admit(Message(0, at, visible, visible + min(lives) if lives else None, 0, text, encoded, parts.bare))

    def _is_repeat(self, id_: Any, at: int) -> bool:
        if not self._window or id_ is None:
            return False
        if self._store.read("SELECT 1 FROM recent WHERE queue=? AND id=? AND until>?", self._name, str(id_), at):
            return True
        self._store.write("INSERT OR REPLACE INTO recent VALUES(?,?,?)", self._name, str(id_), at + self._window)
        return False

    def _admit(self, message: Message) -> None:
        self._seq = message.seq = self._seq + 1
        self._store.write("INSERT OR REPLACE INTO counter VALUES(?,?)", self._name, self._seq)
        row = (getattr(message, column) for column in _COLUMNS.split(", "))
        self._store.write("INSERT INTO message VALUES(?,?,?,?,?,?,?,?,?)", self._name, *row)
        self._await(message.seq, message.visible)

    def _await(self, seq: int, visible: int) -> None:
        if visible > now():
            self._store.at(visible, lambda: self._offer(seq))
        else:
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
        found = self._store.read(f"SELECT {_COLUMNS} FROM message WHERE queue=? AND seq=?", self._name, seq)
        return Message(*found[0]) if found else None

    def _deliver(self, link: Link, message: Message) -> None:
        token, until = uuid4(), now() + self._lock
        if link.pre_settled:
            self._delete(message.seq)
        else:
            self._locks[token] = Lock(message.seq, until)
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
        if message.visible > now():
            annotations["x-opt-scheduled-enqueue-time"] = codec.timestamp(message.visible)
            annotations["x-opt-message-state"] = codec.int32(2)
        fields = [codec.TRUE, codec.NULL, codec.NULL, codec.NULL, codec.uint(message.tries)]
        return codec.described(HEADER, codec.list_(fields)) + annotated(annotations, message.bare)

    def settle(self, token: UUID, state: Described | None) -> bytes:
        """Carry out what the receiver decided; the answer repeats it, or says that the lock is lost."""
        code = state.code if state else 0x24
        fields = (state.value or []) if state else []
        if code == 0x27 and item(fields, 1):
            return codec.rejected("amqp:not-implemented", "deferring is not supported")
        lock = self._locks.pop(token, None)
        if lock is None or lock.until <= now():
            return codec.rejected("com.microsoft:message-lock-lost", "the lock has expired, or the message is settled")
        if code == 0x24:
            self._delete(lock.seq)
            return codec.ACCEPTED
        if code == 0x25:
            reason = item(fields, 0)
            info = (item(reason.value, 2) if reason else None) or {}
            text = info.get("DeadLetterErrorDescription") or (item(reason.value, 1) if reason else "") or ""
            self._bury(lock.seq, str(info.get("DeadLetterReason", "")), str(text))
            return codec.described(0x25, b"\x45")
        self._retry(lock.seq, counted=code == 0x27)
        if code == 0x26:
            return codec.RELEASED
        return codec.described(0x27, codec.list_([codec.boolean(bool(item(fields, 0))), codec.FALSE]))

    def _lapse(self, token: UUID) -> None:
        lock = self._locks.get(token)
        if lock is None:
            return
        if lock.until > now():
            self._store.at(lock.until, lambda: self._lapse(token))
        else:
            del self._locks[token]
            self._retry(lock.seq, counted=True)

    def _retry(self, seq: int, counted: bool) -> None:
        message = self._load(seq)
        if message is None:
            return
        tries = message.tries + counted
        if self._dead and tries >= self._most_tries:
            self._bury(seq, "MaxDeliveryCountExceeded", f"the message was given out {tries} times")
            return
        self._store.write("UPDATE message SET tries=? WHERE queue=? AND seq=?", tries, self._name, seq)
        self._offer(seq)

    def _sweep(self) -> None:
        """Bury what has expired and is not locked; forget message ids whose window is over."""
        at, locked = now(), {lock.seq for lock in self._locks.values()}
        for (seq,) in self._store.read("SELECT seq FROM message WHERE queue=? AND expires<=?", self._name, at):
            if seq not in locked:
                self._bury(seq, "TTLExpiredException", "the message expired")
        self._store.write("DELETE FROM recent WHERE queue=? AND until<=?", self._name, at)
        self._store.at(at + SWEEP, self._sweep)

    def _bury(self, seq: int, reason: str, text: str) -> None:
        message = self._load(seq)
        self._delete(seq)
        if message and self._dead:
            why = {"DeadLetterReason": reason, "DeadLetterErrorDescription": text}
            bare = with_application(message.bare, why)
            at = now()
            self._dead._admit(Message(0, at, at, None, message.tries, message.id, message.annotations, bare))

    def _delete(self, seq: int) -> None:
        self._store.write("DELETE FROM message WHERE queue=? AND seq=?", self._name, seq)
        if seq in self._ready:
            self._ready.remove(seq)
            heapify(self._ready)

    def attach(self, link: Link) -> None:
        if link.sending and "com.microsoft:session-filter" in (item(link.source.value, 7) or {}):
            raise AmqpError("amqp:not-implemented", "sessions are not supported")
        link.node = self
        if link.sending:
            self._links.append(link)
        link.accept(0 if link.sending else 500)

    def on_message(self, link: Link, format: int, raw: bytes) -> bytes:
        for single in take_apart(raw).bodies if format == BATCH_FORMAT else [raw]:
            self.put(single)
        return codec.ACCEPTED

    def on_credit(self, link: Link) -> None:
        self.pump()

    def on_detach(self, link: Link) -> None:
        """Locks stay until they lapse, as they do at Service Bus."""
        self._links = [other for other in self._links if other is not link]

    def manage(self, operation: str, body: dict[str, Any]) -> bytes:
        """Renew locks; everything else is refused by name."""
        if operation == "com.microsoft:renew-lock":
            return self._renew(body["lock-tokens"])
        raise AmqpError("amqp:not-implemented", f"{operation} is not supported")

    def _renew(self, tokens: list[UUID]) -> bytes:
        until = now() + self._lock
        for token in tokens:
            lock = self._locks.get(token)
            if lock is None or lock.until <= now():
                raise AmqpError("com.microsoft:message-lock-lost", "the lock has expired, or the message is settled")
            lock.until = until
        expirations = codec.array(0x83, [codec.timestamp(until)[1:] for _ in tokens])
        return codec.map_([(codec.string("expirations"), expirations)])

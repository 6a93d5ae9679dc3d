"""Event hubs: a log for each partition, read from anywhere, by one owner at a time for each consumer group."""

import re
from collections.abc import Mapping
from typing import Any

from azure.eventhub._buffered_producer._partition_resolver import generate_hash_code

from local.broker import codec
from local.broker.codec import AmqpError, Described
from local.broker.engine import Link, Node
from local.broker.message import BATCH_FORMAT, Sections, annotated, item, take_apart
from local.broker.store import Store, now
from shared.topology import EventHub

_SELECTOR = re.compile(r"amqp.annotation.x-opt-(offset|sequence-number|enqueued-time) *(>=?) *'?(-?\d{1,18}|@latest)'?")
_REFUSED = {"com.microsoft:enable-receiver-runtime-metric", "com.microsoft:idempotent-producer"}  # wishes of a link
READ_AHEAD = 200  # events read from disk at once


def partition_of(key: str, partitions: int) -> int:
    """As Azure and the SDKs for .NET, Java and JavaScript compute it: the hash of the key's UTF-8, without its sign."""
    return abs(int(generate_hash_code(key.encode().decode("latin-1")))) % partitions


class Reader(Node):
    """One receiving link: where it stands in its partition."""

    def __init__(self, hub: "Hub", link: Link, partition: int, group: str, position: int) -> None:
        self.hub, self.link, self.partition, self.group, self.position = hub, link, partition, group, position
        self.epoch: int | None = link.properties.get("com.microsoft:epoch")

    def pump(self) -> None:
        while self.link.credit > 0:
            events = self.hub.read(self.partition, self.position, min(self.link.credit, READ_AHEAD))
            for seq, raw in events:
                self.position = seq + 1
                self.link.send(raw, seq.to_bytes(8, "big"), settled=True)
            if not events:
                return

    def on_credit(self, link: Link) -> None:
        self.pump()

    def on_detach(self, link: Link) -> None:
        self.hub.readers.discard(self)


class Hub(Node):
    """The log lives on disk alone; memory holds where each partition ends. An event's offset is its sequence number."""

    def __init__(self, store: Store, hub: EventHub) -> None:
        self._store, self.name, self.partitions = store, hub.name, hub.partitions
        self._retention = hub.retention_hours * 3_600_000
        self._groups = {"$default", *(group.lower() for group in hub.consumer_groups)}
        self.readers: set[Reader] = set()
        self._turn, self._created = 0, now()
        self._next = [0] * self.partitions
        self._find_ends()
        store.on_failure(self._find_ends)
        self._trim()

    def _find_ends(self) -> None:
        self._next = [0] * self.partitions
        sql = "SELECT partition, MAX(seq) FROM event WHERE hub=? GROUP BY partition"
        for partition, seq in self._store.read(sql, self.name):
            self._next[partition] = seq + 1

    def _trim(self) -> None:
        """Forget what is older than the retention; the newest event stays, for its number."""
        self._store.at(now() + 60_000, self._trim)
        oldest, sql = now() - self._retention, "DELETE FROM event WHERE hub=? AND partition=? AND enqueued<? AND seq<?"
        for partition, end in enumerate(self._next):
            self._store.write(sql, self.name, partition, oldest, end - 1)

    def append(self, partition: int, parts: Sections, key: str | None) -> None:
        seq, at = self._next[partition], now()
        self._next[partition] = seq + 1
        if key is not None:
            parts.annotations["x-opt-partition-key"] = codec.string(key)
        parts.annotations["x-opt-sequence-number"] = codec.long(seq)
        parts.annotations["x-opt-offset"] = codec.string(str(seq))
        parts.annotations["x-opt-enqueued-time"] = codec.timestamp(at)
        encoded = annotated(parts.annotations, parts.bare)
        self._store.write("INSERT INTO event VALUES(?,?,?,?,?)", self.name, partition, seq, at, encoded)

    def read(self, partition: int, start: int, most: int) -> list[tuple[int, bytes]]:
        if start >= self._next[partition]:
            return []
        sql = "SELECT seq, raw FROM event WHERE hub=? AND partition=? AND seq>=? ORDER BY seq LIMIT ?"
        return self._store.read(sql, self.name, partition, start, most)

    def on_message(self, link: Link, format: int, raw: bytes) -> bytes:
        """All events of a batch, or none."""
        self._store.require_room()
        whole = take_apart(raw)
        events = [take_apart(single) for single in whole.bodies] if format == BATCH_FORMAT else [whole]
        key = _key(whole)
        partition = self._partition_of(link.address(link.target), key)
        for own in filter(None, map(_key, events)):  # the buffered producer for Python wraps negative hashes around
            if partition_of(own, self.partitions) != partition:
                raise AmqpError("amqp:not-allowed", f"the key {own!r} is hashed to another partition than {partition}")
        for parts in events:
            self.append(partition, parts, key)
        self._store.before_commit(self._pump)
        return codec.ACCEPTED

    def _partition_of(self, address: str, key: str | None) -> int:
        if named := re.search(r"/partitions/(\d+)$", address, re.IGNORECASE):
            return int(named[1])
        if key is not None:
            return partition_of(key, self.partitions)
        self._turn += 1
        return self._turn % self.partitions

    def _pump(self) -> None:
        for reader in list(self.readers):
            reader.pump()

    def attach(self, link: Link, group: str | None, partition: str | None) -> None:
        wishes = link.fields[12] if isinstance(link.fields[12], list) else [link.fields[12]]
        if refused := _REFUSED.intersection(wishes):
            raise AmqpError("amqp:not-implemented", f"{refused.pop()} is not supported")
        number = None if partition is None else self._number(partition)
        if not link.sending:
            link.node = self
            link.accept(500)
        elif group not in self._groups or number is None:
            raise AmqpError("amqp:not-found", f"The messaging entity {self.name}/{group} could not be found.")
        else:
            self._attach_reader(link, group, number)

    def _number(self, partition: Any) -> int:
        if str(partition) not in map(str, range(self.partitions)):
            raise AmqpError("com.microsoft:argument-out-of-range", f"{self.name} has no partition {partition!r}")
        return int(partition)

    def _attach_reader(self, link: Link, group: str, partition: int) -> None:
        """A reader with an epoch takes the partition from others whose epoch is not higher."""
        reader = Reader(self, link, partition, group, self._start(link, partition))
        others = [r for r in self.readers if r.partition == partition and r.group == group]
        strongest = max((r.epoch for r in others if r.epoch is not None), default=None)
        if strongest is not None and (reader.epoch is None or reader.epoch < strongest):
            raise AmqpError("amqp:link:stolen", "a receiver with a higher epoch is connected")
        if reader.epoch is not None:
            for other in others:
                other.link.detach("amqp:link:stolen", "a receiver with a higher epoch has connected")
        link.node = reader
        self.readers.add(reader)
        link.accept()

    def _start(self, link: Link, partition: int) -> int:
        """The sequence number that the link's filter asks to begin with."""
        filters = (item(link.source.value, 7) or {}).items()
        selector = next((value for name, value in filters if "selector-filter" in str(name)), None)
        if selector is None:
            return 0
        text = selector.value if isinstance(selector, Described) else selector
        found = _SELECTOR.fullmatch(text.decode() if isinstance(text, bytes) else str(text))
        if not found:
            raise AmqpError("com.microsoft:argument-error", f"the position {text!r} is invalid or not supported")
        kind, operator, value = found.groups()
        if value == "@latest":
            return self._next[partition]
        position = int(value) + (operator == ">")
        if kind == "enqueued-time":
            sql = "SELECT MIN(seq) FROM event WHERE hub=? AND partition=? AND enqueued>=?"
            ((first,),) = self._store.read(sql, self.name, partition, position)
            return self._next[partition] if first is None else int(first)
        if position > self._next[partition]:
            raise AmqpError("com.microsoft:argument-error", f"the position {value} is invalid: the log is shorter")
        return position

    def manage(self, kind: str, properties: Mapping[str, Any]) -> bytes:
        """What the hub, or one of its partitions, is."""
        fields = {"name": codec.string(self.name), "type": codec.string(kind)}
        if kind == "com.microsoft:eventhub":
            fields["created_at"] = codec.timestamp(self._created)
            fields["partition_count"] = codec.int32(self.partitions)
            fields["partition_ids"] = codec.array(0xA1, [codec.string(str(p))[1:] for p in range(self.partitions)])
        else:
            partition = self._number(properties.get("partition"))
            sql = "SELECT MIN(seq), MAX(enqueued) FROM event WHERE hub=? AND partition=?"
            first, newest = self._store.read(sql, self.name, partition)[0]
            last = self._next[partition] - 1
            fields["partition"] = codec.string(str(partition))
            fields["begin_sequence_number"] = codec.long(-1 if first is None else first)
            fields["last_enqueued_sequence_number"] = codec.long(last)
            fields["last_enqueued_offset"] = codec.string(str(last))
            fields["last_enqueued_time_utc"] = codec.timestamp(newest or 0)
            fields["is_partition_empty"] = codec.boolean(first is None)
        return codec.map_((codec.string(name), value) for name, value in fields.items())


def _key(parts: Sections) -> str | None:
    """The partition key; Azure ignores one that is no text."""
    key = codec.decode(parts.annotations.get("x-opt-partition-key", codec.NULL))[0]
    if isinstance(key, str) and len(key) > 128:
        raise AmqpError("amqp:not-allowed", "a partition key has at most 128 characters")
    return key if isinstance(key, str) else None

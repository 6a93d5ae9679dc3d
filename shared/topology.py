"""What is deployed, by name: infra/topology.json, which Bicep and the local cloud read too."""

from datetime import timedelta
from functools import cache
from pathlib import Path

import msgspec

FILE = Path(__file__).parent.parent / "infra" / "topology.json"


class _Part(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Made faster than any other kind of class: every cold start reads this file."""


class EventHub(_Part, frozen=True):
    name: str
    partitions: int
    retention_hours: int
    consumer_groups: tuple[str, ...]


class Queue(_Part, frozen=True):
    name: str
    duplicate_window: timedelta
    max_delivery_count: int
    lock_duration: timedelta
    ttl: timedelta


class BlobContainer(_Part, frozen=True):
    name: str
    delete_after_days: int


class Container(_Part, frozen=True):
    """`default_ttl` is seconds, or -1 for none unless a document says otherwise."""

    name: str
    partition_key_paths: tuple[str, ...]
    default_ttl: int
    indexed_paths: tuple[str, ...]


class Cosmos(_Part, frozen=True):
    database: str
    containers: tuple[Container, ...]


class Route(_Part, frozen=True):
    """Which hub IoT Hub hands a kind of message on to."""

    name: str
    source: str
    condition: str
    event_hub: str


class Query(_Part, frozen=True):
    container: str
    cross_partition: bool
    why: str


class Topology(_Part, frozen=True):
    event_hubs: tuple[EventHub, ...]
    routes: tuple[Route, ...]
    queues: tuple[Queue, ...]
    blob_containers: tuple[BlobContainer, ...]
    cosmos: Cosmos
    queries: tuple[Query, ...]


@cache
def topology() -> Topology:
    """Read once; a file that does not fit fails here."""
    return msgspec.json.decode(FILE.read_bytes(), type=Topology)

"""What is deployed, by name: infra/topology.json, which Bicep and the local cloud read too."""

from datetime import timedelta
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

FILE = Path(__file__).parent.parent / "infra" / "topology.json"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)


class EventHub(_Part):
    name: str
    partitions: int
    retention_hours: int
    consumer_groups: tuple[str, ...]


class Queue(_Part):
    name: str
    duplicate_window: timedelta
    max_delivery_count: int
    lock_duration: timedelta
    ttl: timedelta


class BlobContainer(_Part):
    name: str
    delete_after_days: int


class Container(_Part):
    """`default_ttl` is seconds, or -1 for none unless a document says otherwise."""

    name: str
    partition_key_paths: tuple[str, ...]
    default_ttl: int
    indexed_paths: tuple[str, ...]


class Cosmos(_Part):
    database: str
    containers: tuple[Container, ...]


class Query(_Part):
    container: str
    cross_partition: bool
    why: str


class Topology(_Part):
    event_hubs: tuple[EventHub, ...]
    queues: tuple[Queue, ...]
    blob_containers: tuple[BlobContainer, ...]
    cosmos: Cosmos
    queries: tuple[Query, ...]


@cache
def topology() -> Topology:
    """Read once; a file that does not fit fails here."""
    return Topology.model_validate_json(FILE.read_bytes())

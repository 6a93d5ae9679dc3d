"""Endpoints to hold against: the local parts, or whatever the environment names (real Azure, Microsoft's emulators).

CONFORMANCE_SERVICEBUS, CONFORMANCE_EVENTHUBS: connection strings. CONFORMANCE_COSMOS_ENDPOINT, _KEY.
CONFORMANCE_LOCK_SECONDS: the lock duration of the queues there."""

import base64
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from azure.cosmos.aio import ContainerProxy, CosmosClient

from local.broker.server import Broker
from local.cosmos.server import CosmosServer
from shared.topology import topology

LOCK = float(os.environ.get("CONFORMANCE_LOCK_SECONDS", "3"))
KEY = base64.b64encode(b"conformance").decode()


def bus_at(port: int, key: str = KEY) -> str:
    return (
        f"Endpoint=sb://127.0.0.1:{port};SharedAccessKeyName=local;SharedAccessKey={key};UseDevelopmentEmulator=true;"
    )


@pytest.fixture
async def service_bus(tmp_path: Path) -> AsyncIterator[str]:
    """A connection string."""
    if given := os.environ.get("CONFORMANCE_SERVICEBUS"):
        yield given
        return
    broker = Broker(topology(), tmp_path / "broker.db", KEY, lock=int(LOCK * 1000))
    yield bus_at(await broker.start("127.0.0.1", 0))
    await broker.stop()


@pytest.fixture
async def event_hubs(tmp_path: Path) -> AsyncIterator[str]:
    """A connection string."""
    if given := os.environ.get("CONFORMANCE_EVENTHUBS"):
        yield given
        return
    broker = Broker(topology(), tmp_path / "broker.db", KEY)
    yield bus_at(await broker.start("127.0.0.1", 0))
    await broker.stop()


@dataclass(frozen=True, slots=True)
class Endpoint:
    url: str
    key: str


@pytest.fixture
async def cosmos(tmp_path: Path) -> AsyncIterator[Endpoint]:
    if given := os.environ.get("CONFORMANCE_COSMOS_ENDPOINT"):
        yield Endpoint(given, os.environ["CONFORMANCE_COSMOS_KEY"])
        return
    server = CosmosServer(topology(), tmp_path / "cosmos.db", KEY)
    port = await server.start("127.0.0.1", 0)
    yield Endpoint(f"http://127.0.0.1:{port}/", KEY)
    await server.stop()


@pytest.fixture
async def inbox(cosmos: Endpoint) -> AsyncIterator[ContainerProxy]:
    """The `inbox` container: partitioned by /userId, with a TTL."""
    async with CosmosClient(cosmos.url, cosmos.key) as client:
        yield client.get_database_client(topology().cosmos.database).get_container_client("inbox")

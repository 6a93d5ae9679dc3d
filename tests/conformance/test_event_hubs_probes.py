"""Where stand-ins for Event Hubs are known to differ: each probe answers as Azure does, or is refused by name.

`js/event_hubs.mjs` asks the same through @azure/event-hubs. What a reader is refused for is asked there alone, because
azure-eventhub does not tell its caller why a reader could not be opened."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubProducerClient
from azure.eventhub.aio._buffered_producer._partition_resolver_async import PartitionResolver
from azure.eventhub.exceptions import AuthenticationError, EventDataSendError, EventHubError

from local.broker.hubs import partition_of
from tests.conformance.conftest import KEY
from tests.conformance.test_event_hubs import HUB, read
from tests.conformance.test_event_hubs import send as send_plain

PARTITIONS = 8
SAME, OTHER = "veh-5", "veh-3"
"""Keys that azure-eventhub hashes as Azure does, and otherwise."""


def producer(connection: str, hub: str = HUB, **options: Any) -> EventHubProducerClient:
    return EventHubProducerClient.from_connection_string(connection, eventhub_name=hub, retry_total=0, **options)


async def send_buffered(connection: str, key: str, *bodies: bytes) -> list[Exception]:
    """What the producer could not send."""
    errors: list[Exception] = []

    async def on_error(events: object, partition: str | None, error: Exception) -> None:
        errors.append(error)

    async def on_success(events: object, partition: str | None) -> None:
        return

    async with producer(connection, buffered_mode=True, on_success=on_success, on_error=on_error) as client:
        for body in bodies:
            await client.send_event(EventData(body), partition_key=key)
    return errors


async def test_plain_and_buffered_producers_of_one_key_write_to_one_partition_in_order(event_hubs: str) -> None:
    await send_plain(event_hubs, SAME, b"0")
    assert await send_buffered(event_hubs, SAME, b"1", b"2") == []
    await send_plain(event_hubs, SAME, b"3")
    found = await read(event_hubs, 4)
    assert len({partition for partition, _ in found}) == 1
    assert [event.body_as_str() for _, event in found] == ["0", "1", "2", "3"]


async def test_an_event_that_the_sdk_hashes_otherwise_than_azure_is_refused_by_name(event_hubs: str) -> None:
    """Out of order in Azure: two partitions for one key. The SDK for Python wraps negative hashes around."""
    (error,) = await send_buffered(event_hubs, OTHER, b"1")
    assert f"the key '{OTHER}' is hashed to another partition" in str(error)


async def test_most_keys_have_the_partition_that_the_sdk_computes() -> None:
    resolver = PartitionResolver([str(n) for n in range(PARTITIONS)])
    keys = [f"veh-{n}" for n in range(300)] + ["x" * n for n in range(1, 40)]
    same = [
        key
        for key in keys
        if int(await resolver.get_partition_id_by_partition_key(key)) == partition_of(key, PARTITIONS)
    ]
    assert len(keys) / 2 < len(same) < len(keys)
    assert SAME in same
    assert OTHER not in same


# What @azure/event-hubs 6.0.4 computes for eight partitions (mapPartitionKeyToId).
COMPUTED = {"veh-3": 2, "veh-5": 4, "veh-6": 5, "veh-9": 7, "x": 5, "Zürich": 1, "a key of more than twelve bytes": 4}


@pytest.mark.parametrize("key", COMPUTED)
def test_a_key_has_the_partition_that_azure_computes(key: str) -> None:
    assert partition_of(key, PARTITIONS) == COMPUTED[key]


async def test_reading_begins_at_a_moment(event_hubs: str) -> None:
    await send_plain(event_hubs, SAME, b"0")
    ((_, first),) = await read(event_hubs, 1)
    since = first.enqueued_time
    assert since is not None
    while datetime.now(UTC) <= since + timedelta(milliseconds=1):
        await asyncio.sleep(0)
    await send_plain(event_hubs, SAME, b"1")
    assert [event.body_as_str() for _, event in await read(event_hubs, 1, (since, False))] == ["1"]
    assert [event.body_as_str() for _, event in await read(event_hubs, 2, (since, True))] == ["0", "1"]


UNKNOWN: dict[str, Callable[[str], Awaitable[object]]] = {
    "send": lambda connection: _send_to(connection, "8"),
    "send to a name": lambda connection: _send_to(connection, "x"),
    "ask": lambda connection: _ask(connection, "8"),
    "ask for a name": lambda connection: _ask(connection, "x"),
}


async def _send_to(connection: str, partition: str) -> None:
    async with producer(connection) as client:
        batch = await client.create_batch(partition_id=partition)
        batch.add(EventData(b"x"))
        await client.send_batch(batch)


async def _ask(connection: str, partition: str) -> None:
    async with producer(connection) as client:
        await client.get_partition_properties(partition)


@pytest.mark.parametrize("step", UNKNOWN)
async def test_a_partition_that_is_not_there_is_out_of_range(event_hubs: str, step: str) -> None:
    with pytest.raises(EventHubError, match=r"has no partition|Invalid partition"):
        await UNKNOWN[step](event_hubs)


BOTH: list[Callable[[EventHubProducerClient], Awaitable[object]]] = [
    lambda client: client.send_batch([EventData(b"x")]),
    lambda client: client.get_partition_ids(),
]


async def test_a_hub_that_is_not_there_is_not_found_by_name(event_hubs: str) -> None:
    for step in BOTH:
        async with producer(event_hubs, "no-such-hub") as client:
            with pytest.raises(EventHubError, match="could not be found"):
                await step(client)


@pytest.mark.parametrize("change", [(KEY, "d3Jvbmc="), ("SharedAccessKeyName=local", "SharedAccessKeyName=other")])
async def test_another_key_or_name_of_a_key_is_not_let_in(event_hubs: str, change: tuple[str, str]) -> None:
    for step in BOTH:
        async with producer(event_hubs.replace(*change)) as client:
            with pytest.raises(AuthenticationError):
                await step(client)


async def test_an_event_is_at_most_a_megabyte_and_a_key_128_characters(event_hubs: str) -> None:
    async with producer(event_hubs) as client:
        assert (await client.create_batch()).max_size_in_bytes == 1024 * 1024
        with pytest.raises((EventDataSendError, ValueError)):
            await client.send_batch([EventData(b"x" * 1_100_000)])
        with pytest.raises(EventHubError, match="128 characters"):
            await client.send_batch([EventData(b"x")], partition_key="x" * 129)
        await client.send_batch([EventData(b"x")], partition_key="x" * 128)

"""What our code relies on of Event Hubs, through the unmodified azure-eventhub."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

import psutil
import pytest
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubConsumerClient, EventHubProducerClient, PartitionContext
from azure.eventhub.exceptions import EventHubError

from local.broker.server import Broker
from local.fleet.sender import from_hub
from shared.topology import topology
from tests.conformance.conftest import KEY, bus_at

HUB, GROUP = "telemetry", "ingest"


async def send(connection: str, key: str, *bodies: bytes) -> None:
    async with EventHubProducerClient.from_connection_string(connection, eventhub_name=HUB) as producer:
        batch = await producer.create_batch(partition_key=key)
        for body in bodies:
            batch.add(from_hub(key, body))
        await producer.send_batch(batch)


def consumer(connection: str) -> EventHubConsumerClient:
    return EventHubConsumerClient.from_connection_string(connection, GROUP, eventhub_name=HUB)


async def read(connection: str, count: int, start: Sequence[object] = ("-1", False)) -> list[tuple[str, EventData]]:
    """That many events with their partitions, from a position on."""
    found: list[tuple[str, EventData]] = []
    done = asyncio.Event()

    async def on_batch(context: PartitionContext, events: list[EventData]) -> None:
        found.extend((context.partition_id, event) for event in events)
        if len(found) >= count:
            done.set()

    client = consumer(connection)
    position, inclusive = start
    options = {"starting_position": position, "starting_position_inclusive": inclusive}
    reading = asyncio.create_task(client.receive_batch(on_batch, max_wait_time=1, **options))  # type: ignore[arg-type]
    try:
        await asyncio.wait_for(done.wait(), 20)
    finally:
        await client.close()
        reading.cancel()
        await asyncio.wait([reading], timeout=5)
    return found


async def test_events_of_one_key_come_from_one_partition_in_order(event_hubs: str) -> None:
    key = uuid4().hex
    await send(event_hubs, key, *(str(n).encode() for n in range(50)))
    found = await read(event_hubs, 50)
    assert len({partition for partition, _ in found}) == 1
    assert [event.body_as_str() for _, event in found] == [str(n) for n in range(50)]
    numbers = [event.sequence_number for _, event in found]
    assert numbers == list(range(numbers[0] or 0, (numbers[0] or 0) + 50))


async def test_what_the_hub_stamps_arrives_as_system_properties(event_hubs: str) -> None:
    await send(event_hubs, "veh-1", b"x")
    ((_, event),) = await read(event_hubs, 1)
    assert event.system_properties[b"iothub-connection-device-id"] == b"veh-1"
    assert event.partition_key == b"veh-1"
    assert event.enqueued_time is not None


async def test_reading_goes_on_after_an_offset(event_hubs: str) -> None:
    await send(event_hubs, "veh-1", b"0", b"1", b"2")
    offset = (await read(event_hubs, 3))[0][1].offset
    assert [e.body_as_str() for _, e in await read(event_hubs, 2, (offset, False))] == ["1", "2"]
    assert [e.body_as_str() for _, e in await read(event_hubs, 3, (offset, True))] == ["0", "1", "2"]


async def test_a_hub_tells_its_partitions_and_where_they_end(event_hubs: str) -> None:
    async with consumer(event_hubs) as client:
        ids = await client.get_partition_ids()
        assert ids == [str(n) for n in range(next(h.partitions for h in topology().event_hubs if h.name == HUB))]
        before = [(await client.get_partition_properties(p))["last_enqueued_sequence_number"] for p in ids]
        await send(event_hubs, "veh-1", b"0", b"1")
        after = [(await client.get_partition_properties(p))["last_enqueued_sequence_number"] for p in ids]
    assert sum(after) - sum(before) == 2


async def test_a_new_owner_takes_the_partition_from_the_old(event_hubs: str) -> None:
    lost = asyncio.Event()

    async def on_error(context: PartitionContext | None, error: Exception) -> None:
        lost.set()

    async def on_event(context: PartitionContext, event: EventData | None) -> None:
        return

    first, second = consumer(event_hubs), consumer(event_hubs)
    options = {"partition_id": "0", "owner_level": 0, "starting_position": "-1"}
    tasks = [asyncio.create_task(first.receive(on_event, on_error=on_error, **options))]  # type: ignore[arg-type]
    await send(event_hubs, "veh-1", b"0")
    await asyncio.sleep(0.5)
    stronger = options | {"owner_level": 1}
    tasks.append(asyncio.create_task(second.receive(on_event, **stronger)))  # type: ignore[arg-type]
    await asyncio.wait_for(lost.wait(), 20)
    for client in (first, second):
        await client.close()
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=5)
    assert lost.is_set()


async def test_a_hub_that_is_not_there_is_not_found(event_hubs: str) -> None:
    async with EventHubProducerClient.from_connection_string(
        event_hubs, eventhub_name="no-such-hub", retry_total=0
    ) as producer:
        with pytest.raises(EventHubError):
            await producer.send_batch([EventData(b"x")])


# ---- of the local broker alone


async def test_the_log_is_there_after_a_restart_and_its_numbers_go_on(tmp_path: Path) -> None:
    for expected in (1, 2):
        broker = Broker(topology(), tmp_path / "broker.db", KEY)
        connection = bus_at(await broker.start("127.0.0.1", 0))
        await send(connection, "veh-1", b"x")
        found = await read(connection, expected)
        assert [event.sequence_number for _, event in found] == list(range(expected))
        await broker.stop()


async def test_memory_does_not_grow_with_the_log(tmp_path: Path) -> None:
    """Forty megabytes of events later the process is not forty megabytes larger."""
    broker = Broker(topology(), tmp_path / "broker.db", KEY)
    connection = bus_at(await broker.start("127.0.0.1", 0))
    body = b"x" * 20_000
    await send(connection, "veh-1", *([body] * 20))
    before = psutil.Process().memory_info().rss
    for _ in range(50):
        await send(connection, "veh-1", *([body] * 40))
    grown = psutil.Process().memory_info().rss - before
    await broker.stop()
    assert grown < 20_000_000

"""Vehicles as they appear behind IoT Hub: CloudEvents in its event hub, with the device that it stamps on them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from secrets import token_hex
from time import time
from typing import Any

import msgspec
from azure.eventhub import EventData, EventDataBatch
from azure.eventhub.aio import EventHubProducerClient
from azure.eventhub.exceptions import EventHubError

from local.fleet.drives import Sample
from shared.topology import topology

_HUBS = {route.source: route.event_hub for route in topology().routes}
MESSAGES, CONNECTIONS = _HUBS["DeviceMessages"], _HUBS["DeviceConnectionStateEvents"]
"""The hubs that IoT Hub hands them on to."""


def cloud_event(vehicle_id: str, sequence: int, samples: Sequence[Sample]) -> bytes:
    """One message of the vehicle."""
    return msgspec.json.encode(
        {
            "specversion": "1.0",
            "id": f"{vehicle_id[-6:]}-{sequence}",
            "source": f"/vehicles/{vehicle_id}",
            "type": "automotive.telemetry.v1",
            "sequence": str(sequence),
            "traceparent": f"00-{token_hex(16)}-{token_hex(8)}-01",
            "data": {"samples": [{"time": s.time, "signals": s.signals} for s in samples]},
        }
    )


def from_hub(device: str, body: bytes) -> EventData:
    """The message as IoT Hub routes it on."""
    event = EventData(body)
    stamp = {"connection-device-id": device, "connection-auth-generation-id": "1", "message-source": "Telemetry"}
    stamp["enqueuedtime"] = datetime.now(UTC).isoformat()
    event.raw_amqp_message.annotations = {f"iothub-{name}": value for name, value in stamp.items()}
    return event


def connection_event(device: str, connected: bool) -> EventData:
    """What IoT Hub itself says when a device connects or goes, as it routes it on."""
    now = datetime.now(UTC)
    event = EventData(msgspec.json.encode({"sequenceNumber": f"{int(now.timestamp() * 1e6):064X}"}))
    kind: dict[str | bytes, Any] = {
        "opType": "deviceConnected" if connected else "deviceDisconnected",
        "deviceId": device,
    }
    event.properties = {**kind, "hubName": "local", "operationTimestamp": now.isoformat()}
    stamp: dict[str | bytes, Any] = {"iothub-connection-device-id": device}
    stamp["iothub-message-source"] = "deviceConnectionStateEvents"
    event.raw_amqp_message.annotations = {**stamp}
    return event


async def announce(connection: str, devices: Sequence[str], connected: bool) -> None:
    """IoT Hub tells of each device that it is connected, or not any more."""
    async with EventHubProducerClient.from_connection_string(connection, eventhub_name=CONNECTIONS) as producer:
        for device in devices:
            await producer.send_batch([connection_event(device, connected)], partition_key=device)


class Fleet:
    """Sends what vehicles say until the hub has acknowledged it; `sent` counts the messages that it did."""

    def __init__(self, producer: EventHubProducerClient) -> None:
        self._producer = producer
        self._sequences: dict[str, int] = {}
        self.sent = 0

    def message(self, vehicle_id: str, samples: Sequence[Sample]) -> EventData:
        """The vehicle's next one. A counter that is not known goes on at the Unix time in milliseconds."""
        sequence = self._sequences.get(vehicle_id, int(time() * 1000)) + 1
        self._sequences[vehicle_id] = sequence
        return from_hub(vehicle_id, cloud_event(vehicle_id, sequence, samples))

    async def send(self, device: str, events: Sequence[EventData]) -> None:
        """In order; again after a failure, so that one may be in the hub twice."""
        batch = await self._insist(lambda: self._producer.create_batch(partition_key=device))
        for number, event in enumerate(events):
            try:
                batch.add(event)
            except ValueError:
                await self._acknowledged(batch)
                await self.send(device, events[number:])
                return
        await self._acknowledged(batch)

    async def _acknowledged(self, batch: EventDataBatch) -> None:
        await self._insist(lambda: self._producer.send_batch(batch))
        self.sent += len(batch)

    async def _insist[T](self, step: Callable[[], Awaitable[T]]) -> T:
        while True:
            try:
                return await step()
            except (EventHubError, OSError):
                await asyncio.sleep(0.2)


@asynccontextmanager
async def fleet(connection: str, hub: str = MESSAGES) -> AsyncIterator[Fleet]:
    """Vehicles connected to the hub."""
    ways: dict[str, Any] = {"eventhub_name": hub, "retry_total": 1, "retry_backoff_max": 1}
    async with EventHubProducerClient.from_connection_string(connection, **ways) as producer:
        yield Fleet(producer)

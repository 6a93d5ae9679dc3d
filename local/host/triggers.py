"""Event Hub, Service Bus and timer triggers over the official SDKs, failing as the real host fails."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from azure.core.exceptions import AzureError
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubConsumerClient, PartitionContext
from azure.eventhub.exceptions import EventHubError
from azure.eventhub.extensions.checkpointstoreblobaio import BlobCheckpointStore
from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import AutoLockRenewer, ServiceBusClient, ServiceBusReceiver
from croniter import croniter

from local.host.worker import Function, Message, Result, as_json, invoke, text

CHECKPOINTS = "azure-webjobs-eventhub"
BALANCE_EVERY, OWNED_FOR = 1.0, 4.0
"""Seconds; much shorter than in Azure, so that a killed host's partitions are soon taken over."""
AT_ONCE = 16  # messages of a queue that are worked on at once: each on a receiver of its own

log = logging.getLogger(__name__)


def resolve(value: str) -> str:
    """`%NAME%` stands for an app setting."""
    return os.environ[value[1:-1]] if value.startswith("%") and value.endswith("%") else value


async def with_retries(function: Function, run: Callable[[int, int], Awaitable[Result]]) -> Result:
    """Run under the function's retry policy; -1 retries for ever, and no policy not at all."""
    policy = function.retry
    most = int(policy["max_retry_count"]) if policy else 0
    attempt = 0
    while True:
        result = await run(attempt, most)
        if result.error is None or not policy or (most != -1 and attempt >= most):
            return result
        attempt += 1
        log.warning("%s failed, retry %d: %s", function.name, attempt, result.error.split("\n")[0])
        await asyncio.sleep(_delay(policy, attempt))


def _delay(policy: Mapping[str, Any], attempt: int) -> float:
    if policy["retry_strategy"] == "fixed_delay":
        return float(policy["delay_interval"].total_seconds())
    least, most = policy["minimum_interval"], policy["maximum_interval"]
    return float(min(most.total_seconds(), least.total_seconds() * 2.0 ** (attempt - 1)))


def _seconds(text: str) -> float:
    """`hh:mm:ss`."""
    return sum(float(part) * unit for part, unit in zip(text.split(":"), (3600, 60, 1), strict=True))


async def run_event_hub(function: Function, options: Mapping[str, Any]) -> None:
    trigger = function.trigger
    store = BlobCheckpointStore.from_connection_string(os.environ["AzureWebJobsStorage"], CHECKPOINTS)
    connection, group = os.environ[trigger["connection"]], trigger.get("consumerGroup", "$Default")
    ways: dict[str, Any] = {"eventhub_name": resolve(trigger["eventHubName"]), "checkpoint_store": store}
    ways |= {"load_balancing_interval": BALANCE_EVERY, "partition_ownership_expiration_interval": OWNED_FOR}
    client = EventHubConsumerClient.from_connection_string(connection, group, retry_backoff_max=2, **ways)

    async def on_batch(context: PartitionContext, events: list[EventData]) -> None:
        if not events:
            return
        data, metadata = event_batch(events, context)
        result = await with_retries(function, lambda n, most: invoke(function, data, metadata, retry=(n, most)))
        if result.error:
            log.error("%s lost a batch of %d: %s", function.name, len(events), result.error)
        await context.update_checkpoint(events[-1])

    async with client:
        most, ahead = options.get("maxEventBatchSize", 100), options.get("prefetchCount", 300)
        await client.receive_batch(on_batch, max_batch_size=most, prefetch=ahead, starting_position="-1")


def event_batch(events: Sequence[EventData], context: PartitionContext) -> tuple[Message, dict[str, Message]]:
    """What the host hands over for cardinality `many`: the bodies, and an array of each property."""
    system, properties = [], []
    for event in events:
        stamped = {_text(k): _text(v) for k, v in event.system_properties.items()}
        named = {"SequenceNumber": event.sequence_number, "Offset": event.offset}
        named |= {"PartitionKey": _text(event.partition_key), "EnqueuedTimeUtc": _naive(event.enqueued_time)}
        system.append(stamped | named)
        properties.append({_text(k): _text(v) for k, v in (event.properties or {}).items()})
    where = {"FullyQualifiedNamespace": context.fully_qualified_namespace, "EventHubName": context.eventhub_name}
    where |= {"ConsumerGroup": context.consumer_group, "PartitionId": context.partition_id}
    keys, offsets = ([s[name] for s in system if s[name]] for name in ("PartitionKey", "Offset"))
    numbers = [s["SequenceNumber"] for s in system]
    bodies = [b"".join(event.body) for event in events]  # type: ignore[arg-type]
    return Message(collection_bytes=SimpleNamespace(bytes=bodies)), {
        "PartitionContext": as_json(where),
        "PartitionKeyArray": Message(collection_string=SimpleNamespace(string=keys)),
        "OffsetArray": Message(collection_string=SimpleNamespace(string=offsets)),
        "SequenceNumberArray": Message(collection_sint64=SimpleNamespace(sint64=numbers)),
        "EnqueuedTimeUtcArray": as_json([s["EnqueuedTimeUtc"] for s in system]),
        "PropertiesArray": as_json(properties),
        "SystemPropertiesArray": as_json(system),
    }


def _text(value: Any) -> Any:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _naive(moment: datetime | None) -> str | None:
    """As .NET writes a DateTime of no kind: UTC, without saying so."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") if moment else None


async def run_service_bus(function: Function, options: Mapping[str, Any]) -> None:
    renew_for = _seconds(options.get("maxAutoLockRenewalDuration", "00:05:00"))
    at_once = min(int(options.get("maxConcurrentCalls", 16)), AT_ONCE)
    await asyncio.gather(*(_receive(function, renew_for) for _ in range(at_once)))


async def _receive(function: Function, renew_for: float) -> None:
    """One message at a time; a lost connection is made again."""
    trigger = function.trigger
    connection, queue = os.environ[trigger["connection"]], resolve(trigger["queueName"])
    while True:
        try:
            async with (
                ServiceBusClient.from_connection_string(connection, retry_total=0) as client,
                client.get_queue_receiver(queue) as receiver,
                AutoLockRenewer(max_lock_renewal_duration=renew_for) as renewer,
            ):
                while True:
                    for message in await receiver.receive_messages(1, max_wait_time=60):
                        renewer.register(receiver, message)
                        await _work_on(function, receiver, message)
        except (AzureError, OSError, EventHubError, ValueError) as error:
            log.warning("%s: %r", queue, error)
            await asyncio.sleep(0.5)


async def _work_on(function: Function, receiver: ServiceBusReceiver, message: ServiceBusReceivedMessage) -> None:
    """Completed if it returned; abandoned if it raised, and so back at once with its delivery count up."""
    result = await invoke(function, text(b"".join(message.body).decode(errors="replace")), message_metadata(message))
    if result.error is None:
        await receiver.complete_message(message)
    else:
        log.error("%s failed: %s", function.name, result.error)
        await receiver.abandon_message(message)


def message_metadata(message: ServiceBusReceivedMessage) -> dict[str, Message]:
    properties = {_text(k): _text(v) for k, v in (message.application_properties or {}).items()}
    texts = {"MessageId": message.message_id, "ContentType": message.content_type, "Subject": message.subject}
    texts |= {"CorrelationId": message.correlation_id, "LockToken": str(message.lock_token)}
    values: dict[str, Any] = {"EnqueuedTimeUtc": _naive(message.enqueued_time_utc), "UserProperties": properties}
    values |= {"DeliveryCount": (message.delivery_count or 0) + 1, "SequenceNumber": message.sequence_number}
    known = {name: text(value) for name, value in texts.items() if value is not None}
    return known | {name: as_json(value) for name, value in values.items() if value is not None}


async def run_timer(function: Function) -> None:
    """One run a tick; what it raises is logged and gone. Every instance runs it: there is no lease for it here."""
    schedule = resolve(function.trigger["schedule"])
    while True:
        due = croniter(schedule, datetime.now(UTC), second_at_beginning=True).get_next(datetime)
        await asyncio.sleep((due - datetime.now(UTC)) / timedelta(seconds=1))
        status = {"Last": due.isoformat(), "Next": due.isoformat(), "LastUpdated": due.isoformat()}
        tick = as_json({"Schedule": {"AdjustForDST": True}, "ScheduleStatus": status, "IsPastDue": False})
        result = await invoke(function, tick, {})
        if result.error:
            log.error("%s failed: %s", function.name, result.error)

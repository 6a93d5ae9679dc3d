"""Our own queues on Service Bus. A message id names one attempt, so that a retry is never taken for a repeat."""

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from azure.core.exceptions import AzureError
from azure.servicebus import ServiceBusMessage, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient, ServiceBusSender

from shared.codec import messages
from shared.domain.inbox import Turn
from shared.domain.notification import Notification
from shared.domain.parked import Parked
from shared.errors import Code, Refused, Unavailable, brief
from shared.ports import Clock, Parking
from shared.tracing import handing_over

WAITS = 2.0
"""Seconds after which a queue of dead letters that hands out none is taken to be empty."""
LONGEST_ID = 128
"""Characters of a message id that Service Bus takes."""


def _fitting(id: str) -> str:
    """The id, or a digest of one that a message can't bear."""
    if len(id) <= LONGEST_ID and id.isprintable():
        return id
    return hashlib.sha256(id.encode(errors="surrogatepass")).hexdigest()


class _Queue:
    """One sender, which is not safe for two tasks at once."""

    def __init__(self, sender: ServiceBusSender, clock: Clock) -> None:
        self._sender = sender
        self._clock = clock
        self._turn = asyncio.Lock()

    async def send(self, outgoing: Sequence[ServiceBusMessage], delay: float = 0) -> None:
        """Raises Unavailable unless the broker acknowledged them all, Refused for one that is too large."""
        if delay:
            due = datetime.fromtimestamp(self._clock() / 1000, UTC) + timedelta(seconds=delay)
            for message in outgoing:
                message.scheduled_enqueue_time_utc = due
        async with self._turn:
            try:
                batch = await self._sender.create_message_batch()
                for message in outgoing:
                    try:
                        batch.add_message(message)
                    except ValueError:
                        await self._sender.send_messages(batch)
                        batch = await self._sender.create_message_batch()
                        batch.add_message(message)
                await self._sender.send_messages(batch)
            except ValueError as error:
                raise Refused(f"service bus: {brief(error)}") from error
            except (AzureError, OSError, TimeoutError) as error:
                raise Unavailable(f"service bus: {brief(error)}") from error


class ServiceBusNotifications:
    """The `notifications` queue."""

    def __init__(self, sender: ServiceBusSender, clock: Clock) -> None:
        self._queue = _Queue(sender, clock)

    async def send(self, notification: Notification, attempt: int = 0, delay: float = 0, replay: int = 0) -> None:
        with handing_over("notifications send", "notifications", notification) as outgoing:
            body = messages.encode_notification(outgoing, attempt)
            id = _fitting(messages.notification_message_id(notification, attempt, replay))
            message = ServiceBusMessage(body, message_id=id)
            await self._queue.send([message], delay)


class ServiceBusDeliveries:
    """The `deliveries` queue."""

    def __init__(self, sender: ServiceBusSender, clock: Clock) -> None:
        self._queue = _Queue(sender, clock)

    async def send(self, turns: Sequence[Turn], attempt: int = 0, delay: float = 0) -> None:
        ids = [_fitting(messages.turn_message_id(turn, attempt)) for turn in turns]
        bodies = [messages.encode_turn(turn, attempt) for turn in turns]
        pairs = zip(bodies, ids, strict=True)
        await self._queue.send([ServiceBusMessage(body, message_id=id) for body, id in pairs], delay)


class ServiceBusDeadLetters:
    """What the broker gave up of our own queues, as each was delivered too often or could not be read."""

    def __init__(self, client: ServiceBusClient, clock: Clock) -> None:
        self._client, self._clock = client, clock

    async def set_aside(self, queue: str, parking: Parking) -> None:
        """Parked first and then taken off: what is parked twice is parked once."""
        try:
            async with self._client.get_queue_receiver(queue, sub_queue=ServiceBusSubQueue.DEAD_LETTER) as receiver:
                while found := await receiver.receive_messages(max_message_count=50, max_wait_time=WAITS):
                    for message in found:
                        await parking.park(self._parked(queue, b"".join(message.body)))
                        await receiver.complete_message(message)
        except (AzureError, OSError, TimeoutError) as error:
            raise Unavailable(f"service bus: {brief(error)}") from error

    def _parked(self, queue: str, body: bytes) -> Parked:
        key = hashlib.sha256(body).hexdigest()[:32]
        return Parked(queue, key, self._clock(), messages.belongs_to(body) or queue, Code.DEAD_LETTERED.value, "", body)


class ServiceBusWakes:
    """The `wake` queue."""

    def __init__(self, sender: ServiceBusSender, clock: Clock) -> None:
        self._queue = _Queue(sender, clock)

    async def send(self, wakes: Sequence[tuple[str, int]], people: bool = False) -> None:
        await self._queue.send(
            [
                ServiceBusMessage(messages.encode_wake(id, due, people), message_id=_fitting(f"{id}:{due}"))
                for id, due in wakes
            ]
        )

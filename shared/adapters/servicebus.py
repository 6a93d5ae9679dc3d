"""Our own queues on Service Bus. A message id names one attempt, so that a retry is never taken for a repeat."""

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from azure.core.exceptions import AzureError
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusSender

from shared.codec import messages
from shared.domain.inbox import Turn
from shared.domain.notification import Notification
from shared.errors import Refused, Unavailable, brief
from shared.ports import Clock
from shared.tracing import handing_over

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

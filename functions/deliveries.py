"""Service Bus: one person, one channel."""

import azure.functions as func
from opentelemetry.trace import SpanKind

from functions.http import now_ms
from functions.queues import consume
from shared.bootstrap import world
from shared.codec.messages import decode_delivery
from shared.domain.notification import Delivery
from shared.tracing import span
from shared.use_cases.notifications import deliver

bp = func.Blueprint()


@bp.service_bus_queue_trigger(arg_name="message", queue_name="deliveries", connection="SERVICEBUS")
async def deliver_notification(message: func.ServiceBusMessage) -> None:
    """Into the inbox, once."""

    async def act(delivery: Delivery) -> None:
        with span("deliver notification", SpanKind.CONSUMER, delivery.notification.traceparent):
            w = world()
            await deliver(delivery, now_ms(), w.profiles, w.people, w.inbox)

    async def again(delivery: Delivery, attempt: int, delay: float) -> None:
        await world().deliveries.send([delivery], attempt, delay)

    await consume("deliveries", message, decode_delivery, act, again)

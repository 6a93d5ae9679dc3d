"""Service Bus: what happened becomes a delivery for each person."""

import azure.functions as func
from opentelemetry.trace import SpanKind

from functions.http import now_ms
from functions.queues import consume
from shared.bootstrap import world
from shared.codec.messages import decode_notification
from shared.domain.notification import Notification
from shared.tracing import carried, span
from shared.use_cases.notifications import plan_deliveries

bp = func.Blueprint()


@bp.service_bus_queue_trigger(arg_name="message", queue_name="notifications", connection="SERVICEBUS")
async def plan_notification(message: func.ServiceBusMessage) -> None:
    """Everyone with a role on the vehicle gets a delivery."""

    async def act(notification: Notification) -> None:
        with span("plan notification", SpanKind.CONSUMER, notification.traceparent) as traceparent:
            w = world()
            await plan_deliveries(carried(notification, traceparent), now_ms(), w.profiles, w.brands, w.deliveries)

    await consume("notifications", message, decode_notification, act, world().notifications.send)

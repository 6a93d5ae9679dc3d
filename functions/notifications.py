"""Service Bus: what happened becomes what each person, operator and partner is told."""

import azure.functions as func
from opentelemetry.trace import SpanKind

from functions.queues import consume
from shared.bootstrap import world
from shared.codec.messages import decode_notification
from shared.domain.notification import Notification
from shared.tracing import carried, messaging, span
from shared.use_cases.planning import plan

bp = func.Blueprint()


@bp.service_bus_queue_trigger(arg_name="message", queue_name="notifications", connection="SERVICEBUS")
async def plan_notification(message: func.ServiceBusMessage) -> None:
    """Into the inbox of everyone who is to be told, and onto the queue for what leaves the house."""

    async def act(notification: Notification) -> None:
        about = messaging("servicebus", "notifications", "process")
        with span("plan notification", SpanKind.CONSUMER, notification.traceparent, about) as traceparent:
            await plan(carried(notification, traceparent), world().clock(), world().planning)

    await consume("notifications", message, decode_notification, act, world().notifications.send)

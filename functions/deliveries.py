"""Service Bus: one recipient, one channel, one attempt."""

import azure.functions as func
from opentelemetry.trace import SpanKind

from functions.queues import consume
from shared.bootstrap import world
from shared.codec.messages import decode_turn
from shared.domain.inbox import Turn
from shared.metering import delivered
from shared.tracing import describe, messaging, span
from shared.use_cases.delivering import deliver

bp = func.Blueprint()


@bp.service_bus_queue_trigger(arg_name="message", queue_name="deliveries", connection="SERVICEBUS")
async def deliver_notification(message: func.ServiceBusMessage) -> None:
    """To a mail server or a partner's system, if it still is to be."""

    async def act(turn: Turn) -> None:
        about = messaging("servicebus", "deliveries", "process") | {"automotive_cloud.channel": turn.channel.value}
        with span("deliver notification", SpanKind.CONSUMER, turn.traceparent, about):
            outcome = await deliver(turn, world().clock, world().delivering)
            describe({"automotive_cloud.outcome": outcome.value if outcome else "gone"})
        delivered(turn.channel.value, outcome)

    async def again(turn: Turn, attempt: int, delay: float) -> None:
        await world().deliveries.send([turn], attempt, delay)

    await consume("deliveries", message, decode_turn, act, again)
